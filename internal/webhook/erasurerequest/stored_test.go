package erasurerequest_test

import (
	"maps"
	"os"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/internal/law/data"
)

// schemaRules are the rules of the schema about spec: they answer with what they refuse, or an empty text.
func schemaRules(t *testing.T) func(object, old map[string]any) string {
	t.Helper()
	return rulesOf(t, func(whole apiextensionsv1.JSONSchemaProps) apiextensionsv1.JSONSchemaProps {
		return whole.Properties["spec"]
	})
}

// rulesOf are those of a part of the schema.
func rulesOf(t *testing.T, part func(apiextensionsv1.JSONSchemaProps) apiextensionsv1.JSONSchemaProps) func(object, old map[string]any) string {
	t.Helper()
	text, err := os.ReadFile("../../../config/crd/bases/gdpr.rempart.dev_erasurerequests.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(text, &crd); err != nil {
		t.Fatal(err)
	}
	props := part(*crd.Spec.Versions[0].Schema.OpenAPIV3Schema)
	var internal apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(&props, &internal, nil); err != nil {
		t.Fatal(err)
	}
	structural, err := schema.NewStructural(&internal)
	if err != nil {
		t.Fatal(err)
	}
	rules := cel.NewValidator(structural, true, celconfig.PerCallLimit)
	return func(object, old map[string]any) string {
		var before any
		if old != nil {
			before = old
		}
		errs, _ := rules.Validate(t.Context(), field.NewPath("spec"), structural, object, before, celconfig.RuntimeCELCostBudget)
		if len(errs) == 0 {
			return ""
		}
		return errs.ToAggregate().Error()
	}
}

// specOf is a request with more fields.
func specOf(more map[string]any) map[string]any {
	all := map[string]any{"requestID": "r1", "receivedTime": "2026-03-05T08:00:00Z", "subject": map[string]any{"secretRef": map[string]any{"name": "person"}},
		"ground": "Article17_1_a", "registers": map[string]any{"mode": "All"}, "execution": "AfterApproval"}
	maps.Copy(all, more)
	return all
}

// TestAnOldRequestCanBeDecided: a request whose question was stored before its receipt, when no rule forbade it, is decided on; a
// new one, and a question that is added, are refused.
func TestAnOldRequestCanBeDecided(t *testing.T) {
	rules, spec := schemaRules(t), specOf
	early := map[string]any{"askedTime": "2026-03-04T08:00:00Z"}
	refused := map[string]any{"verdict": "Refused", "reason": "Unfounded", "demonstration": "as told"}
	for name, c := range map[string]struct {
		object, old map[string]any
		broken      bool
	}{
		"a new one":           {spec(map[string]any{"identityCheck": early}), nil, true},
		"a question is added": {spec(map[string]any{"identityCheck": early}), spec(nil), true},
		"a decision is added": {spec(map[string]any{"identityCheck": early, "decision": refused}), spec(map[string]any{"identityCheck": early}), false},
		"an answer is added": {spec(map[string]any{"identityCheck": map[string]any{"askedTime": early["askedTime"], "answeredTime": "2026-03-06T08:00:00Z"}}),
			spec(map[string]any{"identityCheck": early}), false},
	} {
		said := rules(c.object, c.old)
		if broken := strings.Contains(said, "is before receivedTime"); broken != c.broken || strings.Contains(said, "compil") {
			t.Errorf("%s: %s", name, said)
		}
	}
}

// csvRows reads a table of the law, a map per row.
func csvRows(t *testing.T, name string) []map[string]string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := data.Rows(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestAnAnsweredRequestIsMadeAgain: who keeps requests in git applies the manifest of one that was answered to a new cluster, where it has
// no status yet. In a request that is there an answer to nothing is refused, as ever.
func TestAnAnsweredRequestIsMadeAgain(t *testing.T) {
	rules := rulesOf(t, func(whole apiextensionsv1.JSONSchemaProps) apiextensionsv1.JSONSchemaProps { return whole })
	object := func(end string, answered bool) map[string]any {
		spec := specOf(nil)
		if answered {
			spec = specOf(map[string]any{"answerNotice": map[string]any{"sentTime": "2026-03-20T08:00:00Z"}})
		}
		o := map[string]any{"apiVersion": "gdpr.rempart.dev/v1alpha1", "kind": "ErasureRequest", "metadata": map[string]any{"name": "r1"}, "spec": spec}
		if end != "" {
			o["status"] = map[string]any{"end": end}
		}
		return o
	}
	for what, c := range map[string]struct {
		is, was map[string]any
		refused bool
	}{
		"made again":              {object("", true), nil, false},
		"made again, and changed": {object("", true), object("", true), false},
		"answered too early":      {object("", true), object("", false), true},
		"answered though refused": {object("Refused", true), object("Refused", false), true},
		"answered":                {object("Erased", true), object("Erased", false), false},
	} {
		if said := rules(c.is, c.was); strings.Contains(said, "nothing was done yet") != c.refused || !c.refused && said != "" {
			t.Errorf("%s: %q", what, said)
		}
	}
}
