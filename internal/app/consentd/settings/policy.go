package settings

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/client"
	"github.com/rempart-dev/rempart/internal/consent/export"
	"github.com/rempart-dev/rempart/internal/consent/gate"
	"github.com/rempart-dev/rempart/internal/consent/judge"
)

// Policy is what is served: one content of the file, checked and made ready. It never changes; another content is another Policy.
type Policy struct {
	File
	// Digest is the SHA-256 of the file, in hex.
	Digest string
	Tenant uuid.UUID
	// Notice is the newest one whose time has come, and Material the digest of what it means.
	Notice   v1alpha1.ConsentNotice
	Material []byte
	// All are the words by version and language, as Tag writes it.
	All      map[int32]map[string]Words
	Purposes map[string]v1alpha1.ConsentPurpose
	Sites    map[string]*Site
	Issuers  client.Verifier
	Rights   Rights
	Gate     *gate.Gate
	// Rules are what the gate is made of, for programs that filter by themselves.
	Rules gate.Published
	// Fields are the names, by record, that the gate's metrics may show.
	Fields map[string]map[string]bool
}

// Site is a site whose pages load the widget.
type Site struct {
	v1alpha1.ConsentSite
	// Origins are those of its pages.
	Origins map[string]bool
	// Widget is the script that they load.
	Widget Asset
}

// Rights are what the ServiceAccounts of the policy's namespace may do.
type Rights struct {
	namespace string
	rights    map[string][]v1alpha1.ClientRight
}

// Has tells whether an account has a right. Accounts of other namespaces have none.
func (r Rights) Has(account client.Account, right v1alpha1.ClientRight) bool {
	return account.Namespace == r.namespace && slices.Contains(r.rights[account.Name], right)
}

// Read checks a file and makes it ready. It fails with ErrBroken. Admission has refused what a policy may not say; here is only
// what would make the service answer wrongly.
func Read(text []byte, digest string, now time.Time) (*Policy, error) {
	file, err := parse(text)
	if err != nil {
		return nil, err
	}
	p := &Policy{File: file, Digest: digest, Purposes: map[string]v1alpha1.ConsentPurpose{}, Sites: map[string]*Site{}}
	for _, step := range []func(time.Time) error{p.identity, p.notice, p.words, p.purposes, p.sites, p.clients, p.gate} {
		if err := step(now); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBroken, err)
		}
	}
	return p, nil
}

func (p *Policy) identity(time.Time) (err error) {
	if p.Tenant, err = uuid.Parse(p.TenantID); err != nil || p.Tenant == uuid.Nil {
		return fmt.Errorf("tenantID is not a UUID")
	}
	if p.Namespace == "" || p.Name == "" || p.Controller.LegalName == "" {
		return fmt.Errorf("namespace, name or controller is missing")
	}
	digest, found := strings.CutPrefix(p.MaterialDigest, "sha256:")
	if p.Material, err = hex.DecodeString(digest); err != nil || !found || len(p.Material) != 32 {
		return fmt.Errorf("materialDigest is not sha256: and 64 hex digits")
	}
	return nil
}

// notice finds the newest version whose time has come.
func (p *Policy) notice(now time.Time) error {
	for _, notice := range p.Spec.Notices {
		if (notice.EffectiveTime == nil || !notice.EffectiveTime.After(now)) && notice.Version > p.Notice.Version {
			p.Notice = notice
		}
	}
	if p.Notice.Version == 0 {
		return fmt.Errorf("no notice is in effect")
	}
	return nil
}

func (p *Policy) purposes(time.Time) error {
	for _, purpose := range p.Spec.Purposes {
		name := string(purpose.Name)
		if _, twice := p.Purposes[name]; twice || name == "" {
			return fmt.Errorf("purpose %q is there twice or has no name", name)
		}
		p.Purposes[name] = purpose
	}
	return nil
}

func (p *Policy) sites(time.Time) error {
	for _, site := range p.Spec.Sites {
		id := string(site.ID)
		if _, twice := p.Sites[id]; twice || id == "" {
			return fmt.Errorf("site %q is there twice or has no id", id)
		}
		origins := map[string]bool{}
		for _, origin := range site.Origins {
			origins[string(origin)] = true
		}
		for _, language := range site.Languages {
			if !slices.ContainsFunc(p.Notice.Texts, func(t v1alpha1.NoticeText) bool { return t.Language == language }) {
				return fmt.Errorf("site %q is in %q, and notice %d is not", id, language, p.Notice.Version)
			}
		}
		p.Sites[id] = &Site{ConsentSite: site, Origins: origins}
	}
	return nil
}

func (p *Policy) clients(time.Time) (err error) {
	p.Rights = Rights{namespace: p.Namespace, rights: map[string][]v1alpha1.ClientRight{}}
	for _, c := range p.Spec.Service.Clients {
		p.Rights.rights[string(c.ServiceAccount)] = c.Rights
	}
	if len(p.Spec.Service.Clients) == 0 && p.Operator == (Operator{}) {
		return nil
	}
	p.Issuers, err = client.NewVerifier(p.TokenIssuers)
	return err //nolint:wrapcheck // says what it was reading
}

// gate makes the filter of the policy's records.
func (p *Policy) gate(time.Time) (err error) {
	rules := gate.Policy{Material: p.Material}
	for _, purpose := range p.Spec.Purposes {
		if purpose.LegalBasis == "" {
			return fmt.Errorf("purpose %q has no legal basis", purpose.Name)
		}
		basis := gate.BasisOther
		if judge.RestsOnConsent(&purpose) {
			basis = gate.BasisConsent
		}
		rules.Purposes = append(rules.Purposes, gate.Purpose{
			Name: string(purpose.Name), Active: Active(purpose), Basis: basis, Necessity: gate.Necessity(purpose.Necessity),
		})
	}
	p.Fields = map[string]map[string]bool{}
	for _, record := range p.Spec.Gate.Records {
		fields, known := make([]gate.Field, 0, len(record.Fields)), map[string]bool{}
		for _, field := range record.Fields {
			purposes := make([]string, len(field.Purposes))
			for i, purpose := range field.Purposes {
				purposes[i] = string(purpose)
			}
			fields, known[string(field.Name)] = append(fields, gate.Field{Name: string(field.Name), Purposes: purposes}), true
		}
		rules.Records = append(rules.Records, gate.Record{Name: string(record.Name), Fields: fields})
		p.Fields[string(record.Name)] = known
	}
	p.Rules = gate.Published{Policy: rules, CacheSeconds: int32(p.CacheFor() / time.Second)}
	p.Gate, err = gate.New(rules)
	return err //nolint:wrapcheck // says what it was reading
}

// Exporter is the controller as exports name it. Where nobody said who the officer is, the organisation answers for itself.
func (p *Policy) Exporter() (export.Controller, []string) {
	c := export.Controller{ID: string(p.Spec.OfficerRef.Name), Organisation: p.Controller, Officer: p.Officer, Authority: p.Authority, Joint: p.JointControllers}
	if c.Officer.Name == "" {
		c.Officer.Name = p.Controller.LegalName
	}
	return c, p.Countries
}

// CacheFor is how long the gate may keep what it read of a person.
func (p *Policy) CacheFor() time.Duration {
	if p.Spec.Gate.CacheSeconds == nil {
		return time.Second
	}
	return time.Duration(min(max(*p.Spec.Gate.CacheSeconds, 0), 5)) * time.Second
}
