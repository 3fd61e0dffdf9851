package main

import (
	"slices"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

func crd(kind, singular string) apiextensionsv1.CustomResourceDefinition {
	return apiextensionsv1.CustomResourceDefinition{Spec: apiextensionsv1.CustomResourceDefinitionSpec{
		Group: "gdpr.rempart.dev",
		Names: apiextensionsv1.CustomResourceDefinitionNames{Kind: kind, Singular: singular, Plural: singular + "s"},
	}}
}

func TestAnInternalKindHasOnlyAViewer(t *testing.T) {
	roles := rolesOf(crd("ErasureRun", "erasurerun"))
	if len(roles) != 1 || roles[0].Name != "rempart-erasurerun-viewer" {
		t.Fatalf("got %d roles, want the viewer alone: %v", len(roles), roles)
	}
}

func TestADutyNeverFlowsIntoABuiltInRole(t *testing.T) {
	for kind, rule := range rules {
		for _, role := range rolesOf(crd(kind, "thing")) {
			for _, duty := range rule.duties {
				has := slices.ContainsFunc(duty.verbs, func(verb string) bool { return slices.Contains(role.Rules[0].Verbs, verb) })
				if has && len(role.Labels) > 1 {
					t.Errorf("%s of %s carries %v and is aggregated: %v", role.Name, kind, duty.verbs, role.Labels)
				}
			}
		}
	}
}

func TestAKindWithoutARuleStillHasItsThreeRoles(t *testing.T) {
	roles := rolesOf(crd("NotificationChannel", "notificationchannel"))
	if len(roles) != 3 {
		t.Fatalf("got %d roles, want viewer, editor and admin", len(roles))
	}
}

func TestARuleForAKindThatIsGoneIsAnError(t *testing.T) {
	if _, err := render([]apiextensionsv1.CustomResourceDefinition{crd("DataRegister", "dataregister")}); err == nil {
		t.Fatal("rules name kinds that have no CRD, and nobody objects")
	}
}
