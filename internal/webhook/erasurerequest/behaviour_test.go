package erasurerequest_test

import (
	"strings"
	"testing"
)

// The rows of deadline_behaviour_tests.csv that are rules of the schema, by their id; see internal/erasure for the others.

func TestX04ASecondExtensionIsRefused(t *testing.T) {
	rules := schemaRules(t)
	first := map[string]any{"extension": map[string]any{"reason": "many stores", "noticeSentTime": "2026-03-20T08:00:00Z"}}
	second := map[string]any{"extension": map[string]any{"reason": "more stores", "noticeSentTime": "2026-04-20T08:00:00Z"}}
	if said := rules(specOf(first), specOf(nil)); said != "" {
		t.Errorf("the first: %s", said)
	}
	for name, then := range map[string]map[string]any{"another": second, "none any more": nil} {
		if said := rules(specOf(then), specOf(first)); !strings.Contains(said, "the extension was given; there is one only (Article 12(3))") {
			t.Errorf("%s: %s", name, said)
		}
	}
}

// TestX05ARefusalWithoutReasonIsRefused. That the person learns of complaint and court too is not a text in the request: the letter has
// both (internal/erasure/letter), and the refusal is not over until it was sent.
func TestX05ARefusalWithoutReasonIsRefused(t *testing.T) {
	rules := schemaRules(t)
	for want, decision := range map[string]map[string]any{
		"reason is set exactly when verdict is Refused (Article 12(4))": {"verdict": "Refused"},
		"needs a note that demonstrates it":                             {"verdict": "Refused", "reason": "Excessive"},
		"needs legalReference":                                          {"verdict": "Refused", "reason": "PublicTask"},
		"needs untilOn":                                                 {"verdict": "Refused", "reason": "LegalClaims", "note": "a claim is likely"},
	} {
		if said := rules(specOf(map[string]any{"decision": decision}), specOf(nil)); !strings.Contains(said, want) {
			t.Errorf("%v: %q, want %q", decision, said, want)
		}
	}
	whole := map[string]any{"decision": map[string]any{"verdict": "Refused", "reason": "IdentityNotProven"}}
	if said := rules(specOf(whole), specOf(nil)); said != "" {
		t.Error(said)
	}
}

// exceptions are the rows of erasure_exceptions.csv: the reason of a refusal that each is, and a decision with its evidence.
var exceptions = map[string]map[string]any{
	"FREEDOM_OF_EXPRESSION":         {"reason": "FreedomOfExpression", "note": "the balancing"},
	"LEGAL_OBLIGATION":              {"reason": "LegalObligation", "legalReference": "Code de commerce, L123-22", "untilOn": "2034-12-31"},
	"PUBLIC_TASK":                   {"reason": "PublicTask", "legalReference": "a law"},
	"PUBLIC_HEALTH":                 {"reason": "PublicHealth", "legalReference": "a law"},
	"ARCHIVING_RESEARCH_STATISTICS": {"reason": "Archiving", "note": "safeguards, and what erasure would impair"},
	"LEGAL_CLAIMS":                  {"reason": "LegalClaims", "legalReference": "Claim 2026/17", "untilOn": "2031-06-30"},
}

// TestEveryExceptionNeedsItsEvidence (A17-03) reads every row of the table: with its evidence an exception is taken, and without any
// one part of it, or with nothing but its name, it is refused.
func TestEveryExceptionNeedsItsEvidence(t *testing.T) {
	rules := schemaRules(t)
	rows := csvRows(t, "../../erasure/testdata/erasure_exceptions.csv")
	if len(rows) != len(exceptions) {
		t.Fatalf("%d rows, %d exceptions", len(rows), len(exceptions))
	}
	for _, row := range rows {
		whole, known := exceptions[row["code"]]
		if !known || row["required_evidence"] == "" {
			t.Errorf("%s is not known", row["code"])
			continue
		}
		decide := func(without string) string {
			decision := map[string]any{"verdict": "Refused"}
			for name, value := range whole {
				if name != without {
					decision[name] = value
				}
			}
			return rules(specOf(map[string]any{"decision": decision}), specOf(nil))
		}
		if said := decide(""); said != "" {
			t.Errorf("%s with %s: %s", row["code"], row["required_evidence"], said)
		}
		for part := range whole {
			if said := decide(part); said == "" {
				t.Errorf("%s without %s is taken", row["code"], part)
			}
		}
	}
}
