package erasure

import (
	"fmt"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// publicFindings say which data of the activities concerned were made public: who erases them takes reasonable steps too, by the
// technology at hand and the cost, to tell the controllers who have them that links to them and copies are to be erased (Article
// 17(2)). Steps are for a person to choose; the register says which, by a channel to who takes them or by an untoldReason.
func (j *judgement) publicFindings() []v1alpha1.Finding {
	var findings []v1alpha1.Finding
	for _, d := range likely(j.Request, j.status.Targets, j.Registers) {
		if d.Public {
			findings = append(findings, publicFinding(d))
		}
	}
	return findings
}

// publicFinding is a warning where the register does not say yet what is done: the request would not end.
func publicFinding(d Disclosure) v1alpha1.Finding {
	f := v1alpha1.Finding{Rule: "A17-02", Article: "17(2)", Severity: v1alpha1.SeverityInfo}
	f.Subject = string(d.Register) + "/recipient/" + string(d.Recipient)
	f.Subject = f.Subject[:min(len(f.Subject), maxSubject)]
	f.Message = "Data were made public: reasonable steps are taken, by the technology at hand and the cost, to tell the controllers who have them to erase links and copies; "
	switch {
	case d.Channel != "":
		f.Message += fmt.Sprintf("who takes them is told through %s after the erasure", d.Channel)
	case d.Untold != "":
		f.Message += "untoldReason says what is done, or why nothing is; see that it is true of this person"
	default:
		f.Severity = v1alpha1.SeverityWarning
		f.Message += "give the recipient a contactChannel to who takes them, or say in untoldReason what is done, or why nothing is"
	}
	return f
}
