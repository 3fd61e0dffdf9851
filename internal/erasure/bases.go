package erasure

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
	"github.com/rempart-dev/rempart/internal/erasure/hold"
)

// maxFindings is how many findings a status holds, maxSubject how long the subject of one is.
const maxFindings, maxSubject = 64, 253

// directMarketing ends the term of the W3C Data Privacy Vocabulary for a purpose to which people object absolutely (Article 21(2)).
const directMarketing = "DirectMarketing"

// A concern is a purpose whose data a request would erase.
type concern struct {
	register, activity string
	purpose            *v1alpha1.Purpose
	// named tells that the request is about this purpose; kept that a table of a store or a hold keeps something.
	named, kept bool
}

func (c concern) subject() string {
	name := c.register + "/activity/" + c.activity
	return name[:min(len(name), maxSubject)]
}

// judgeBases writes down what the legal bases of the purposes concerned say of this request: rights are per purpose (Article 17(1)
// and (3)), so they are told to who decides, and decide nothing themselves.
func (j *judgement) judgeBases() {
	concerns := j.concerns()
	findings := j.marketingFindings()
	consented := slices.ContainsFunc(concerns, func(c concern) bool { return c.purpose.LegalBasis == v1alpha1.BasisConsent })
	objection := j.Request.Spec.Objection
	if MarketingObjection(j.Request, j.Registers) {
		objection = v1alpha1.ObjectionDirectMarketing
	}
	for _, c := range concerns {
		if f, found := basisFinding(j.Request.Spec.Ground, objection, c, consented); found {
			findings = append(findings, f)
		}
	}
	j.findings = condition.Ranked(append(findings, j.publicFindings()...))
	j.status.Findings = j.findings[:min(len(j.findings), maxFindings)]
}

// concerns are the purposes of the activities of which a target holds data, in the order of the registers.
func (j *judgement) concerns() []concern {
	live := hold.Live(j.Holds, j.Now)
	wanted := j.Request.Spec.Purposes
	var list []concern
	for i := range j.Registers {
		r := &j.Registers[i]
		held := slices.ContainsFunc(live, func(h *v1alpha1.LegalHold) bool { return hold.Concerns(h, r.Name) })
		for k := range r.Spec.Activities {
			a := &r.Spec.Activities[k]
			stores := j.stores(r, a)
			if len(stores) == 0 {
				continue
			}
			kept := held || slices.ContainsFunc(stores, keepsByLaw)
			for p := range a.Purposes {
				named := slices.Contains(wanted, a.Purposes[p].Name)
				if named || len(wanted) == 0 {
					list = append(list, concern{register: r.Name, activity: string(a.Name), purpose: &a.Purposes[p], named: named, kept: kept})
				}
			}
		}
	}
	return list
}

// stores of an activity that are targets.
func (j *judgement) stores(r *v1alpha1.DataRegister, a *v1alpha1.ProcessingActivity) []*v1alpha1.DataStore {
	var list []*v1alpha1.DataStore
	for i := range r.Spec.Stores {
		s := &r.Spec.Stores[i]
		at := place{v1alpha1.ObjectName(r.Name), v1alpha1.TargetStore, s.Name}
		if slices.Contains(a.Stores, s.Name) && slices.ContainsFunc(j.status.Targets, func(t v1alpha1.ErasureTarget) bool { return placeOf(&t) == at }) {
			list = append(list, s)
		}
	}
	return list
}

// keepsByLaw tells whether a dataset keeps rows of some table with its article.
func keepsByLaw(s *v1alpha1.DataStore) bool {
	return s.Dataset != nil && slices.ContainsFunc(s.Dataset.Tables, func(t v1alpha1.DatasetTable) bool { return t.Keep != nil })
}

// MarketingObjection tells whether a request objects to direct marketing, to which there is no exception (Article 21(3)): it says so,
// or it objects to purposes each of which the registers call direct marketing.
func MarketingObjection(request *v1alpha1.ErasureRequest, registers []v1alpha1.DataRegister) bool {
	spec := &request.Spec
	if spec.Objection != "" || spec.Ground != v1alpha1.GroundPointC || len(spec.Purposes) == 0 {
		return spec.Objection == v1alpha1.ObjectionDirectMarketing
	}
	for _, wanted := range spec.Purposes {
		if !marketing(registers, wanted) {
			return false
		}
	}
	return true
}

// marketing tells whether registers have a purpose of that name, and each such is direct marketing.
func marketing(registers []v1alpha1.DataRegister, name v1alpha1.PartName) bool {
	found := false
	for i := range registers {
		for _, a := range registers[i].Spec.Activities {
			for _, p := range a.Purposes {
				if p.Name != name {
					continue
				}
				if !strings.HasSuffix(p.DPV, directMarketing) {
					return false
				}
				found = true
			}
		}
	}
	return found
}

// marketingFindings ask for what comes before any plan: marketing to who objected stops at once.
func (j *judgement) marketingFindings() []v1alpha1.Finding {
	if !MarketingObjection(j.Request, j.Registers) {
		return nil
	}
	return []v1alpha1.Finding{{Rule: "A21-02", Article: "21(3)", Severity: v1alpha1.SeverityWarning, Subject: "request",
		Message: "The person objects to direct marketing: stop it at once, before any plan, and keep them on a list of those who are not written to; the objection cannot be refused"}}
}

// basisFinding says what the legal basis of a purpose makes of a request, by rights_by_legal_basis.csv; false where the ground fits.
// Consented tells that some purpose concerned rests on consent: then one that does not is no more than the other part of the split.
func basisFinding(ground v1alpha1.ErasureGround, objection v1alpha1.ErasureObjection, c concern, consented bool) (v1alpha1.Finding, bool) {
	basis, name := c.purpose.LegalBasis, c.purpose.Name
	f := v1alpha1.Finding{Rule: "A17-01", Article: "17(1)", Severity: v1alpha1.SeverityWarning, Subject: c.subject()}
	tell := func(format string, more ...any) (v1alpha1.Finding, bool) {
		f.Message = fmt.Sprintf("Purpose %q rests on %s: ", name, basis) + fmt.Sprintf(format, more...)
		return f, true
	}
	objects := ground == v1alpha1.GroundPointC && objection != v1alpha1.ObjectionDirectMarketing
	opposable := basis == v1alpha1.BasisLegitimateInterests || basis == v1alpha1.BasisPublicTask
	switch {
	case objects && opposable:
		f.Rule, f.Article, f.Severity = "A21-01", "21(1)", v1alpha1.SeverityInfo
		return tell("stop it while the objection is weighed (Article 18(1)(d)); its data are erased unless compelling legitimate grounds are shown")
	case ground != v1alpha1.GroundPointE && (basis == v1alpha1.BasisLegalObligation || basis == v1alpha1.BasisPublicTask):
		f.Rule, f.Article = "A17-03", "17(3)(b)"
		if c.kept {
			f.Severity = v1alpha1.SeverityInfo
			return tell("what %s asks for is not erased; see that the tables that are kept, or the hold, are just that, restricted to this purpose and with an end", legalText(c.purpose))
		}
		return tell("what %s asks for is not erased, and nothing keeps it here; declare it with keep in the dataset, or place a LegalHold, before you approve", legalText(c.purpose))
	case ground == v1alpha1.GroundPointB && basis != v1alpha1.BasisConsent:
		f.Article = "17(1)(b)"
		if consented && !c.named {
			f.Severity = v1alpha1.SeverityInfo
		}
		return tell("a withdrawal of consent takes no ground from it; its data are erased only where they are no longer necessary (Article 17(1)(a)) or on another ground")
	case objects:
		f.Article = "17(1)(c)"
		return tell("there is no right to object to it (Article 21(1)); %s", instead(basis))
	case ground == v1alpha1.GroundPointC && !strings.HasSuffix(c.purpose.DPV, directMarketing):
		f.Article, f.Severity = "17(1)(c)", v1alpha1.SeverityInfo
		return tell("an objection to direct marketing does not reach it, unless it is direct marketing too; its data are erased on another ground")
	case ground == v1alpha1.GroundPointF && basis != v1alpha1.BasisConsent:
		f.Article = "17(1)(f)"
		return tell("that point is about services offered to a child on consent (Article 8(1)); its data are erased on another ground")
	case ground == v1alpha1.GroundPointA && basis != v1alpha1.BasisConsent:
		f.Article, f.Severity = "17(1)(a)", v1alpha1.SeverityInfo
		return tell("its data are erased where they are no longer necessary for it; whoever approves says so")
	default:
		return v1alpha1.Finding{}, false
	}
}

// legalText is the law that a purpose rests on, in the register's words.
func legalText(p *v1alpha1.Purpose) string {
	if p.LegalReference == "" {
		return "the law"
	}
	return p.LegalReference
}

// instead is the way to erasure that a legal basis has in place of an objection.
func instead(basis v1alpha1.LegalBasis) string {
	if basis == v1alpha1.BasisConsent {
		return "consent is withdrawn (Article 17(1)(b))"
	}
	return "its data are erased only where they are no longer necessary (Article 17(1)(a))"
}

// lawWords name the activities that rest on a law, for who decides on the plan; empty when none does.
func lawWords(findings []v1alpha1.Finding) string {
	var names []string
	for _, f := range findings {
		if f.Rule == "A17-03" && !slices.Contains(names, f.Subject) {
			names = append(names, f.Subject)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "; these rest on a legal obligation or a public task (Article 17(3)(b)), see status.findings: " + condition.Names(names, mostNamed)
}

// findingWords count what was found, for the message of Accepted, and what status.findings has no room for.
func findingWords(findings []v1alpha1.Finding) string {
	warnings, text := 0, ""
	for _, f := range findings {
		if f.Severity == v1alpha1.SeverityWarning {
			warnings++
		}
	}
	if warnings > 0 {
		text = fmt.Sprintf("; to read before a decision, in status.findings: %d", warnings)
	}
	if more := len(findings) - maxFindings; more > 0 {
		text += fmt.Sprintf("; status.findings has the gravest %d and leaves out %d", maxFindings, more)
	}
	return text
}
