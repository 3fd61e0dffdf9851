package register

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// maxFindings is how many findings the status shows.
const maxFindings = 64

// rank sorts findings, worst first, and cuts the list.
func rank(findings []v1alpha1.Finding) []v1alpha1.Finding {
	sorted := condition.Ranked(findings)
	return sorted[:min(len(sorted), maxFindings)]
}

// scanRule prefixes the rules of findings that come from a store, and not from the text of the record.
const scanRule = "store-"

// complete is the condition Complete: no Error about the content of the record.
func complete(findings []v1alpha1.Finding) metav1.Condition {
	var missing []v1alpha1.Finding
	for _, f := range condition.Ranked(findings) {
		if f.Severity == v1alpha1.SeverityError && !strings.HasPrefix(f.Rule, scanRule) {
			missing = append(missing, f)
		}
	}
	switch len(missing) {
	case 0:
		return condition.True(v1alpha1.ConditionComplete, v1alpha1.ReasonComplete, "The record has what Article 30 asks for")
	case 1:
		return condition.False(v1alpha1.ConditionComplete, v1alpha1.ReasonContentMissing, missing[0].Message)
	default:
		return condition.False(v1alpha1.ConditionComplete, v1alpha1.ReasonContentMissing,
			fmt.Sprintf("%s; and %d more in status.findings", missing[0].Message, len(missing)-1))
	}
}

// A check looks at one activity. The rule's id is that of the table of obligations.
type check struct {
	rule, article string
	severity      v1alpha1.FindingSeverity
	// objections, one for each thing that is wrong.
	find func(Input, *v1alpha1.ProcessingActivity) []string
}

// checks are the rules about an activity that the schema cannot express.
var checks = []check{
	{"A05-05", "5(1)(e)", v1alpha1.SeverityError, categoriesWithoutRetention},
	{"A44-01", "44", v1alpha1.SeverityError, recipientsWithoutTransfer},
	{"A46-01", "46", v1alpha1.SeverityError, transfersWithoutReference},
	{"A49-02", "49(6)", v1alpha1.SeverityError, derogationsWithoutReference},
	{"A30-01", "30(1)(g)", v1alpha1.SeverityWarning, noSecurity},
	{"A30-01", "30(1)(d)", v1alpha1.SeverityInfo, noRecipients},
	{"A05-01", "13", v1alpha1.SeverityWarning, noNotice},
	{"A35-01", "35(1)", v1alpha1.SeverityWarning, assessmentDue},
}

// contentFindings judges the text of the record.
func contentFindings(in Input) []v1alpha1.Finding {
	var findings []v1alpha1.Finding
	for i := range in.Register.Spec.Activities {
		a := &in.Register.Spec.Activities[i]
		for _, c := range checks {
			for _, message := range c.find(in, a) {
				findings = append(findings, finding(c.rule, c.article, c.severity, "activity/"+string(a.Name), message))
			}
		}
	}
	findings = append(findings, partyFindings(in)...)
	return append(findings, mapFindings(in)...)
}

func finding(rule, article string, severity v1alpha1.FindingSeverity, subject, message string) v1alpha1.Finding {
	return v1alpha1.Finding{Rule: rule, Article: article, Severity: severity, Subject: shorten(subject, 253), Message: shorten(message, 1024)}
}

// categoriesWithoutRetention holds for controllers: the record of a processor needs no time limits (Article 30(2)).
func categoriesWithoutRetention(in Input, a *v1alpha1.ProcessingActivity) []string {
	if in.Register.Spec.Role == v1alpha1.RoleProcessor {
		return nil
	}
	limited := map[string]bool{}
	for _, r := range a.Retention {
		for _, category := range r.Categories {
			limited[category] = true
		}
	}
	var messages []string
	for _, category := range a.DataCategories {
		if !limited[category.Name] {
			messages = append(messages, fmt.Sprintf("Activity %q keeps %q without a time limit; add it to retention", a.Name, category.Name))
		}
	}
	return messages
}

// outside tells whether sending data to a country is a transfer of Chapter V.
func outside(in Input, country v1alpha1.Country) bool {
	if country == "" {
		return false
	}
	zone := in.ZoneOf(country)
	return zone != v1alpha1.ZoneEU && zone != v1alpha1.ZoneEEA
}

func recipientsWithoutTransfer(in Input, a *v1alpha1.ProcessingActivity) []string {
	var messages []string
	for _, r := range a.Recipients {
		covered := slices.ContainsFunc(a.Transfers, func(t v1alpha1.Transfer) bool { return t.Country == r.Country })
		if outside(in, r.Country) && !covered {
			messages = append(messages, fmt.Sprintf("Activity %q discloses data to recipient %q in %s and has no transfer to that country; add it with its mechanism", a.Name, r.Name, r.Country))
		}
	}
	return messages
}

// needsReference are the mechanisms of Article 46: each rests on a document.
var needsReference = []v1alpha1.TransferMechanism{v1alpha1.MechanismSCC, v1alpha1.MechanismBCR, v1alpha1.MechanismCodeOfConduct,
	v1alpha1.MechanismCertification, v1alpha1.MechanismAdHocClauses}

func transfersWithoutReference(_ Input, a *v1alpha1.ProcessingActivity) []string {
	return transfers(a, "rests on %s and names no document; add reference", func(t v1alpha1.Transfer) bool {
		return slices.Contains(needsReference, t.Mechanism) && t.Reference == ""
	})
}

func derogationsWithoutReference(_ Input, a *v1alpha1.ProcessingActivity) []string {
	return transfers(a, "rests on %s and names no assessment; add reference", func(t v1alpha1.Transfer) bool {
		return t.Mechanism == v1alpha1.MechanismDerogation49 && t.Reference == ""
	})
}

func transfers(a *v1alpha1.ProcessingActivity, trouble string, wrong func(v1alpha1.Transfer) bool) []string {
	var messages []string
	for _, t := range a.Transfers {
		if wrong(t) {
			messages = append(messages, fmt.Sprintf("The transfer of activity %q to %s "+trouble, a.Name, t.Country, t.Mechanism))
		}
	}
	return messages
}

func noSecurity(_ Input, a *v1alpha1.ProcessingActivity) []string {
	return when(len(a.Security) == 0, "Activity %q describes no security measure; add security where possible", a.Name)
}

func noRecipients(_ Input, a *v1alpha1.ProcessingActivity) []string {
	return when(len(a.Recipients) == 0, "Activity %q names no recipient; add recipients if there are any", a.Name)
}

func noNotice(in Input, a *v1alpha1.ProcessingActivity) []string {
	return when(a.NoticeRef == "" && in.Register.Spec.Role == v1alpha1.RoleController, "Activity %q names no privacy notice; add noticeRef", a.Name)
}

// assessmentDue asks for an impact assessment where Article 35(3) names the kind of processing.
func assessmentDue(_ Input, a *v1alpha1.ProcessingActivity) []string {
	special := slices.ContainsFunc(a.DataCategories, func(c v1alpha1.DataCategory) bool { return c.Sensitivity == v1alpha1.SensitivitySpecial })
	decides := a.AutomatedDecision == v1alpha1.DecisionProfiling || a.AutomatedDecision == v1alpha1.DecisionArticle22
	switch {
	case a.DPIA != nil && a.DPIA.Status == v1alpha1.DPIADue:
		return []string{fmt.Sprintf("The impact assessment of activity %q is due", a.Name)}
	case a.DPIA == nil && (special || decides):
		return []string{fmt.Sprintf("Activity %q has special categories or automated decisions and says nothing of an impact assessment; add dpia", a.Name)}
	default:
		return nil
	}
}

func when(wrong bool, format string, name v1alpha1.PartName) []string {
	if !wrong {
		return nil
	}
	return []string{fmt.Sprintf(format, name)}
}

// partyFindings judges who the record names.
func partyFindings(in Input) []v1alpha1.Finding {
	var findings []v1alpha1.Finding
	spec := &in.Register.Spec
	if !in.OfficerFound {
		findings = append(findings, finding("A30-01", "30(1)(a)", v1alpha1.SeverityError, "officer/"+string(spec.OfficerRef.Name),
			fmt.Sprintf("DataProtectionOfficer %q does not exist; create it: the record names controller and officer through it", spec.OfficerRef.Name)))
	}
	for _, c := range spec.Controllers {
		if c.Contact == "" {
			findings = append(findings, finding("A30-02", "30(2)(a)", v1alpha1.SeverityError, "controller/"+c.Name,
				fmt.Sprintf("Controller %q has no contact; add it", c.Name)))
		}
	}
	for _, c := range spec.JointControllers {
		if c.Contact == "" {
			findings = append(findings, finding("A30-01", "30(1)(a)", v1alpha1.SeverityError, "jointController/"+c.Name,
				fmt.Sprintf("Joint controller %q has no contact; add it", c.Name)))
		}
	}
	return findings
}

// mapFindings judges whether text and map of the record fit together.
func mapFindings(in Input) []v1alpha1.Finding {
	var findings []v1alpha1.Finding
	declared, special, used := map[string]bool{}, false, map[v1alpha1.PartName]bool{}
	for _, a := range in.Register.Spec.Activities {
		for _, c := range a.DataCategories {
			declared[c.Name] = true
			special = special || c.Sensitivity == v1alpha1.SensitivitySpecial
		}
		for _, s := range a.Stores {
			used[s] = true
		}
	}
	for i := range in.Register.Spec.Stores {
		s := &in.Register.Spec.Stores[i]
		subject := "store/" + string(s.Name)
		if !used[s.Name] {
			findings = append(findings, finding("A30-01", "30(1)", v1alpha1.SeverityWarning, subject, fmt.Sprintf("No activity names store %q; say which activity keeps its data there", s.Name)))
		}
		if s.Dataset == nil {
			findings = append(findings, finding("A17-01", "17(1)", v1alpha1.SeverityWarning, subject, fmt.Sprintf("Store %q has no dataset; nobody can be erased from it", s.Name)))
			continue
		}
		findings = append(findings, columnFindings(s, declared, special)...)
	}
	return findings
}

func columnFindings(s *v1alpha1.DataStore, declared map[string]bool, special bool) []v1alpha1.Finding {
	var findings []v1alpha1.Finding
	for _, t := range s.Dataset.Tables {
		for _, c := range t.Columns {
			subject := fmt.Sprintf("store/%s/%s.%s.%s", s.Name, t.Schema, t.Name, c.Name)
			if c.Category != "" && !declared[c.Category] {
				findings = append(findings, finding("A05-03", "5(1)(c)", v1alpha1.SeverityWarning, subject,
					fmt.Sprintf("Column %s of table %s holds %q, which no activity declares; declare the category or stop keeping it", c.Name, t.Name, c.Category)))
			}
			if c.Sensitivity == v1alpha1.SensitivitySpecial && !special {
				findings = append(findings, finding("A09-01", "9(1)", v1alpha1.SeverityError, subject,
					fmt.Sprintf("Column %s of table %s holds a special category, and no activity declares one with its exception of Article 9(2)", c.Name, t.Name)))
			}
		}
	}
	return findings
}

// storeFindings judges what was seen of the stores.
func storeFindings(views []view) []v1alpha1.Finding {
	var findings []v1alpha1.Finding
	for _, v := range views {
		subject := "store/" + string(v.store.Name)
		for _, o := range []condition.Objection{regionsAllowed(v), classAllowed(v), placeAllowed(v)} {
			if o.Reason != "" && !o.Unjudged {
				findings = append(findings, finding(scanRule+"placement", "44", v1alpha1.SeverityError, subject, o.Message))
				break
			}
		}
		if o := asDeclared(v); o.Reason != "" && v.status.LastScanTime != nil {
			findings = append(findings, finding(scanRule+"scan", scanArticle(o.Reason), scanSeverity(o.Reason), subject, o.Message))
		}
		if Connection(v.in.Register, v.store).TLS.Mode == v1alpha1.TLSDisable {
			severity, message := v1alpha1.SeverityWarning, "The connection to store %q is not encrypted; set connection.tls to VerifyFull"
			if v.store.Managed != nil {
				severity, message = v1alpha1.SeverityInfo, "The connection to managed store %q is not encrypted; NetworkPolicies keep it between pods of the namespace"
			}
			findings = append(findings, finding("A32-01", "32(1)(a)", severity, subject, fmt.Sprintf(message, v.store.Name)))
		}
	}
	return findings
}

func scanArticle(reason string) string {
	if reason == string(task.Undeclared) {
		return "5(1)(c)"
	}
	return "17(1)"
}

func scanSeverity(reason string) v1alpha1.FindingSeverity {
	if reason == string(task.Undeclared) || reason == v1alpha1.ReasonScanFailed {
		return v1alpha1.SeverityWarning
	}
	return v1alpha1.SeverityError
}
