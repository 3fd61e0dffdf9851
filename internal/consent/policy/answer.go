package policy

import (
	"regexp"
	"slices"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Forms of what the service says; the same as the schema of the status that takes it over.
var (
	digestForm    = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	integrityForm = regexp.MustCompile(`^sha(256|384|512)-[A-Za-z0-9+/]{43,88}={0,2}$`)
	nameForm      = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	keyForm       = regexp.MustCompile(`^[0-9a-f]{8}$`)
	urlForm       = regexp.MustCompile(`^https?://[^\s]{1,490}$`)
)

const (
	maxVersion = 1000000
	maxSites   = 16
	maxKeys    = 32
)

// Of tells whether an answer is one of this policy's service, in the form that is known: nothing else goes into status.
func (a *Answer) Of(p *v1alpha1.ConsentPolicy) bool {
	if a.TenantID != TenantID(p.Namespace, p.Name) || a.Notice.Version < 1 || a.Notice.Version > maxVersion ||
		!digestForm.MatchString(a.Notice.MaterialDigest) || len(a.Sites) > maxSites {
		return false
	}
	var ids []string
	for _, s := range a.Sites {
		if !s.wellFormed() || slices.Contains(ids, s.ID) {
			return false
		}
		ids = append(ids, s.ID)
	}
	return a.keysWellFormed()
}

func (a *Answer) keysWellFormed() bool {
	var seen []string
	for _, k := range a.Keys {
		name := k.Kind + "/" + k.ID
		if len(a.Keys) > maxKeys || (k.Kind != KeyKEK && k.Kind != KeyPepper) || !keyForm.MatchString(k.ID) || slices.Contains(seen, name) || (k.Rows != nil && *k.Rows < 0) {
			return false
		}
		if k.Entry != "" && k.Entry != k.Kind && !slices.Contains(besides(k.Kind), k.Entry) {
			return false
		}
		seen = append(seen, name)
	}
	return true
}

// pepper is the id of the pepper that the service writes under; empty where it does not tell.
func (a *Answer) pepper() string {
	for _, k := range a.Keys {
		if k.Kind == KeyPepper && k.Current {
			return k.ID
		}
	}
	return ""
}

func (s SiteAnswer) wellFormed() bool {
	return nameForm.MatchString(s.ID) && urlForm.MatchString(s.URL) && integrityForm.MatchString(s.Integrity) && digestForm.MatchString(s.Digest) && s.Bytes > 0
}
