package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/operator-framework/api/pkg/validation/errors"
	admissionv1 "k8s.io/api/admissionregistration/v1"
)

const base = `
apiVersion: operators.coreos.com/v1alpha1
kind: ClusterServiceVersion
metadata: {name: rempart.v0.0.0}
spec: {displayName: Rempart, install: {strategy: deployment, spec: {deployments: []}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: rempart-operator, namespace: rempart-system}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec:
      serviceAccountName: rempart-operator
      containers:
      - name: operator
        image: docker.io/rempart/operator:dev
        args: [--eraser-image=docker.io/rempart/eraser:dev]
        ports: [{name: webhook, containerPort: 9443}]
---
apiVersion: v1
kind: Service
metadata: {name: webhook-service, namespace: rempart-system}
spec: {ports: [{port: 443, targetPort: webhook}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: rempart-operator}
rules: [{apiGroups: [""], resources: [nodes], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: rempart-operator}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: rempart-operator}
subjects: [{kind: ServiceAccount, name: rempart-operator, namespace: rempart-system}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: rempart-dataregister-viewer}
rules: [{apiGroups: [gdpr.rempart.dev], resources: [dataregisters], verbs: [get]}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: rempart-validating}
webhooks:
- name: claims.gdpr.rempart.dev
  clientConfig: {service: {name: webhook-service, namespace: rempart-system, path: /claims}}
  failurePolicy: Fail
  sideEffects: None
  admissionReviewVersions: [v1]
  namespaceSelector: {matchLabels: {guarded: "yes"}}
  rules: [{apiGroups: [""], apiVersions: [v1], resources: [persistentvolumeclaims], operations: [CREATE]}]
- name: requests.gdpr.rempart.dev
  clientConfig: {service: {name: webhook-service, namespace: rempart-system, path: /requests}}
  failurePolicy: Fail
  sideEffects: None
  admissionReviewVersions: [v1]
  namespaceSelector: {matchLabels: {any: "one"}}
  rules: [{apiGroups: [gdpr.rempart.dev], apiVersions: [v1alpha1], resources: [erasurerequests], operations: [CREATE]}]
`

func made(t *testing.T, text string) *input {
	t.Helper()
	in, err := read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestTheCSVCarriesTheRightsOfTheOperatorAlone(t *testing.T) {
	csv, err := made(t, base).fill("1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	granted := csv.Spec.InstallStrategy.StrategySpec.ClusterPermissions
	if len(granted) != 1 || len(granted[0].Rules) != 1 || granted[0].Rules[0].Resources[0] != "nodes" {
		t.Errorf("cluster permissions = %+v", granted)
	}
	if csv.Name != "rempart.v1.2.3" || len(csv.Spec.RelatedImages) != 2 {
		t.Errorf("name %q, images %+v", csv.Name, csv.Spec.RelatedImages)
	}
}

func TestRightsOfPeopleAreBesideTheCSV(t *testing.T) {
	files, err := render(made(t, base+`---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: rempart-system}
rules: [{apiGroups: [""], resources: [configmaps], resourceNames: [key], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader, namespace: rempart-system}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:authenticated"}]
`), "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"manifests/reader_role.yaml", "manifests/reader_rolebinding.yaml"} {
		if text := string(files[name]); text == "" || strings.Contains(text, "namespace:") {
			t.Errorf("%s: %q", name, text)
		}
	}
}

func TestAWebhookOnForeignKindsFailsOpenWhenOLMWouldWidenIt(t *testing.T) {
	definitions, err := made(t, base).webhookDefinitions()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]admissionv1.FailurePolicyType{"claims.gdpr.rempart.dev": admissionv1.Ignore, "requests.gdpr.rempart.dev": admissionv1.Fail}
	for _, d := range definitions {
		if *d.FailurePolicy != want[d.GenerateName] {
			t.Errorf("%s: failurePolicy %s, want %s", d.GenerateName, *d.FailurePolicy, want[d.GenerateName])
		}
		if d.DeploymentName != "rempart-operator" || d.TargetPort.IntValue() != 9443 {
			t.Errorf("%s: leads to %s port %v", d.GenerateName, d.DeploymentName, d.TargetPort)
		}
	}
}

func TestAKindWithoutAPlaceIsAnError(t *testing.T) {
	_, err := read(strings.NewReader(base + "---\n{apiVersion: v1, kind: LimitRange, metadata: {name: x}}\n"))
	if err == nil || !strings.Contains(err.Error(), `LimitRange "x"`) {
		t.Errorf("err = %v", err)
	}
}

func TestTheSameManifestsInAnotherOrderGiveTheSameFiles(t *testing.T) {
	documents := strings.Split(base, "---\n")
	var backwards []string
	for i := range documents {
		backwards = append(backwards, documents[len(documents)-1-i])
	}
	first, err := render(made(t, base), "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	second, err := render(made(t, strings.Join(backwards, "\n---\n")), "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(first, second) {
		t.Error("the files depend on the order of the documents")
	}
	if _, there := first["manifests/webhook-service_service.yaml"]; there {
		t.Error("the webhooks' Service is OLM's to make")
	}
}

func TestAFolderWithSomethingElseInItIsNotReplaced(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := write(folder, map[string]string{"a": "b"}); err == nil {
		t.Error("the folder was replaced")
	}
}

func TestAWarningThatNobodyExplainedFails(t *testing.T) {
	var out bytes.Buffer
	result := errors.ManifestResult{Warnings: []errors.Error{errors.WarnFailedValidation("odd", "x")}}
	if judge([]errors.ManifestResult{result}, &out) != 1 || !strings.Contains(out.String(), "unexplained warning") {
		t.Errorf("said %q", out.String())
	}
}
