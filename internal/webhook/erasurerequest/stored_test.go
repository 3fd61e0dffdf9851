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
)

// TestAnOldRequestCanBeDecided: a request whose question was stored before its receipt, when no rule forbade it, is decided on; a
// new one, and a question that is added, are refused.
func TestAnOldRequestCanBeDecided(t *testing.T) {
	text, err := os.ReadFile("../../../config/crd/bases/gdpr.rempart.dev_erasurerequests.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(text, &crd); err != nil {
		t.Fatal(err)
	}
	props := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	var internal apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(&props, &internal, nil); err != nil {
		t.Fatal(err)
	}
	structural, err := schema.NewStructural(&internal)
	if err != nil {
		t.Fatal(err)
	}
	rules := cel.NewValidator(structural, true, celconfig.PerCallLimit)
	spec := func(more map[string]any) map[string]any {
		all := map[string]any{"requestID": "r1", "receivedTime": "2026-03-05T08:00:00Z", "subject": map[string]any{"secretRef": map[string]any{"name": "person"}},
			"ground": "Article17_1_a", "registers": map[string]any{"mode": "All"}, "execution": "AfterApproval"}
		maps.Copy(all, more)
		return all
	}
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
		var old any
		if c.old != nil {
			old = c.old
		}
		errs, _ := rules.Validate(t.Context(), field.NewPath("spec"), structural, c.object, old, celconfig.RuntimeCELCostBudget)
		said := ""
		if len(errs) > 0 {
			said = errs.ToAggregate().Error()
		}
		if broken := strings.Contains(said, "is before receivedTime"); broken != c.broken || strings.Contains(said, "compil") {
			t.Errorf("%s: %s", name, said)
		}
	}
}
