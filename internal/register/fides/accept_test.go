package fides_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/register/fides"
)

// accepts judges a dataset as the API server does, by the schema, the lists and the rules of the kind.
func accepts(tb testing.TB) func(context.Context, v1alpha1.Dataset) error {
	tb.Helper()
	text, err := os.ReadFile("../../../config/crd/bases/gdpr.rempart.dev_dataregisters.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(text, &crd); err != nil {
		tb.Fatal(err)
	}
	props := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties["stores"].Items.Schema.Properties["dataset"]
	var internal apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(&props, &internal, nil); err != nil {
		tb.Fatal(err)
	}
	structural, err := schema.NewStructural(&internal)
	if err != nil {
		tb.Fatal(err)
	}
	shape, _, err := validation.NewSchemaValidator(&internal)
	if err != nil {
		tb.Fatal(err)
	}
	rules := cel.NewValidator(structural, true, celconfig.PerCallLimit)
	return func(ctx context.Context, dataset v1alpha1.Dataset) error {
		text, err := json.Marshal(dataset)
		if err != nil {
			return err
		}
		var object map[string]any
		if err := json.Unmarshal(text, &object); err != nil {
			return err
		}
		defaulting.Default(object, structural)
		all := validation.ValidateCustomResource(field.NewPath("dataset"), object, shape)
		all = append(all, listtype.ValidateListSetsAndMaps(field.NewPath("dataset"), structural, object)...)
		broken, _ := rules.Validate(ctx, field.NewPath("dataset"), structural, object, nil, celconfig.RuntimeCELCostBudget)
		return append(all, broken...).ToAggregate()
	}
}

// FuzzAManifest holds that no manifest stops the reader, and that what it makes of one is accepted.
func FuzzAManifest(f *testing.F) {
	for _, name := range []string{"shop.yaml", "exported.yaml", "market.yaml"} {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, text := range []string{
		"", "[", "dataset", "dataset: {}", "dataset: [null, 1, {}]", "dataset: [{collections: [null, {fields: [null, {fields: {}}]}]}]", one(people), one("null"),
		one(strings.ReplaceAll(people, "fides_meta: {", "fides_meta: {references: [null, {field: 1}, {}], data_type: 7, masking_strategy_override: [], ")),
		one(`{name: "", fields: [{name: ""}]}`), one(`{name: ".", fields: [{name: ".", fides_meta: {identity: email}}]}`),
		one(`{name: t, fields: [{name: a, fides_meta: {identity: email, masking_strategy_override: {strategy: string_rewrite, configuration: {rewrite_value: "` + strings.Repeat("é", 101) + `"}}}}]}`),
		one(`{name: t, data_categories: [""], fields: [{name: a, data_categories: ["user", "user.", "` + "user." + strings.Repeat("x", 200) + `"], fides_meta: {identity: "\u0000"}}]}`),
	} {
		f.Add([]byte(text))
	}
	accepted := accepts(f)
	f.Fuzz(func(t *testing.T, manifest []byte) {
		got, err := fides.Read(manifest, "")
		if err != nil {
			return
		}
		if err := accepted(t.Context(), got.Dataset); err != nil {
			t.Errorf("%v\n%s", err, manifest)
		}
	})
}
