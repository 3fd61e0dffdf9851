package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent/canonical"
)

// InEffect returns the notice that is shown: the newest one whose time has come. Nil when none has.
func InEffect(spec *v1alpha1.ConsentPolicySpec, now time.Time) *v1alpha1.ConsentNotice {
	var shown *v1alpha1.ConsentNotice
	for i := range spec.Notices {
		n := &spec.Notices[i]
		if (n.EffectiveTime == nil || !n.EffectiveTime.After(now)) && (shown == nil || n.Version > shown.Version) {
			shown = n
		}
	}
	return shown
}

// NextEffect returns when another notice is to be shown; zero when none waits.
func NextEffect(spec *v1alpha1.ConsentPolicySpec, now time.Time) time.Time {
	var next time.Time
	for i := range spec.Notices {
		if at := spec.Notices[i].EffectiveTime; at != nil && at.After(now) && (next.IsZero() || at.Time.Before(next)) {
			next = at.Time
		}
	}
	return next
}

// Served is the spec as the service gets it: without notices that are still to come, and the others without their times. So one
// clock decides what is shown, and notice and digest never part.
func Served(spec *v1alpha1.ConsentPolicySpec, now time.Time) v1alpha1.ConsentPolicySpec {
	served := *spec.DeepCopy()
	served.Notices = slices.DeleteFunc(served.Notices, func(n v1alpha1.ConsentNotice) bool {
		return n.EffectiveTime != nil && n.EffectiveTime.After(now)
	})
	for i := range served.Notices {
		served.Notices[i].EffectiveTime = nil
	}
	return served
}

// LastMaterial returns the version of the last Material notice up to the one that is shown; 0 when none is shown.
func LastMaterial(spec *v1alpha1.ConsentPolicySpec, now time.Time) int32 {
	shown, last := InEffect(spec, now), int32(0)
	for i := range spec.Notices {
		if n := &spec.Notices[i]; shown != nil && n.Version <= shown.Version && n.Change == v1alpha1.NoticeMaterial {
			last = max(last, n.Version)
		}
	}
	return last
}

// MaterialDigest is of what people accept: "sha256:" and the SHA-256, in hex, of the canonical JSON (RFC 8785) of
// controller, purposes, withdrawal path, and the version of the last Material notice. Another digest asks everybody again.
// It fails with canonical.ErrForm on text that is not UTF-8, which the API server lets nobody write.
func MaterialDigest(controller v1alpha1.Organisation, spec *v1alpha1.ConsentPolicySpec, now time.Time) (string, error) {
	content := parts(controller, spec)
	whole := make(map[string]any, len(content)+1)
	maps.Copy(whole, content)
	whole["notice"] = LastMaterial(spec, now)
	text, err := canonical.Marshal(whole)
	if err != nil {
		return "", fmt.Errorf("writing what is material: %w", err)
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// parts are what is material beside the words: controller, purposes, withdrawal. The order of lists means nothing.
func parts(controller v1alpha1.Organisation, spec *v1alpha1.ConsentPolicySpec) map[string]any {
	purposes := map[string]any{}
	for i := range spec.Purposes {
		purposes[string(spec.Purposes[i].Name)] = purpose(&spec.Purposes[i])
	}
	return map[string]any{
		"controller": map[string]any{"legalName": controller.LegalName, "registrationNumber": controller.RegistrationNumber, "country": string(controller.Country)},
		"purposes":   purposes,
		"withdrawal": withdrawal(spec),
	}
}

// purpose is what is material of a purpose: necessity, basis, kind, fields, retention, recipients.
func purpose(p *v1alpha1.ConsentPurpose) map[string]any {
	fields, recipients := map[string]any{}, map[string]any{}
	for _, f := range p.DataFields {
		fields[string(f.Name)] = string(f.Sensitivity)
	}
	for _, r := range p.Recipients {
		recipients[r.Name] = map[string]any{"kind": string(r.Kind), "country": string(r.Country)}
	}
	return map[string]any{
		"necessity": string(p.Necessity), "legalBasis": string(p.LegalBasis), "consentKind": string(p.ConsentKind),
		"dataFields": fields, "retention": string(p.Retention), "recipients": recipients,
	}
}

// compared is what may not change without a Material notice: the parts, and the special categories of purposes (Article 9(1)). These are
// not in the digest, which ledgers have of the notices of before: the version of the Material notice moves it.
func compared(controller v1alpha1.Organisation, spec *v1alpha1.ConsentPolicySpec) map[string]any {
	all := parts(controller, spec)
	for i := range spec.Purposes {
		special := map[string]any{}
		for _, category := range spec.Purposes[i].SpecialCategories {
			special[string(category)] = true
		}
		all["purposes"].(map[string]any)[string(spec.Purposes[i].Name)].(map[string]any)["specialCategories"] = special
	}
	return all
}

// withdrawal says by which ways people withdraw: the widget's permanent link, and a page of the service where it has a host.
func withdrawal(spec *v1alpha1.ConsentPolicySpec) []any {
	ways := []any{"widget"}
	if spec.Service.Host != "" {
		ways = append(ways, "https://"+spec.Service.Host+"/me/")
	}
	return ways
}

// differences names what is material and differs, in words for people.
func differences(before, after map[string]any) string {
	var names []string
	old, current := before["purposes"].(map[string]any), after["purposes"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(merged(old, current))) {
		if !same(old[name], current[name]) {
			names = append(names, fmt.Sprintf("purpose %q", name))
		}
	}
	if !same(before["controller"], after["controller"]) {
		names = append(names, "the controller")
	}
	if !same(before["withdrawal"], after["withdrawal"]) {
		names = append(names, "the way to withdraw (service.host)")
	}
	return strings.Join(names[:min(len(names), 5)], ", ")
}

func merged(a, b map[string]any) map[string]any {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// same compares what canonical JSON can hold.
func same(a, b any) bool {
	x, errX := canonical.Marshal(a)
	y, errY := canonical.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}
