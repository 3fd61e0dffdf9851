package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const roles = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: operator}
rules:
- {apiGroups: [""], resources: [nodes], verbs: [get, list]}
- {apiGroups: [gdpr.rempart.dev], resources: [dataregisters/status], verbs: [patch]}
- {apiGroups: [""], resources: [secrets], resourceNames: [certs], verbs: [update]}
---
apiVersion: v1
kind: Namespace
metadata: {name: ignored}
`

const log = `{"stage":"ResponseComplete","verb":"list","user":{"username":"op"},"objectRef":{"resource":"nodes"}}
{"stage":"ResponseComplete","verb":"get","user":{"username":"somebody else"},"objectRef":{"resource":"nodes","name":"a"}}
{"stage":"ResponseComplete","verb":"patch","user":{"username":"op"},"objectRef":{"apiGroup":"gdpr.rempart.dev","resource":"dataregisters","subresource":"status","name":"x"}}
{"stage":"ResponseComplete","verb":"update","user":{"username":"op"},"objectRef":{"resource":"secrets","name":"other"}}
`

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAVerbThatNobodyUsedIsNamed(t *testing.T) {
	var out bytes.Buffer
	err := run([]string{"unused", "-log", file(t, log), "-user", "op", file(t, roles)}, &out)
	want := "operator: get /nodes\noperator: update /secrets (certs)\n"
	if err == nil || out.String() != want {
		t.Errorf("err %v, said:\n%s\nwant:\n%s", err, out.String(), want)
	}
}

func TestAnExceptionNeedsAReasonAndARight(t *testing.T) {
	if _, err := readExceptions(file(t, "/nodes get\n")); err == nil {
		t.Error("an exception without a reason passed")
	}
	var out bytes.Buffer
	_ = run([]string{"unused", "-log", file(t, log), "-user", "op",
		"-except", file(t, "/nodes get only when a node is deleted\n/pods get for no reason at all\n"), file(t, roles)}, &out)
	if strings.Contains(out.String(), "get /nodes") || !strings.Contains(out.String(), "/pods get: excused, but not granted") {
		t.Errorf("said:\n%s", out.String())
	}
}

func TestRightsThatReachTooFarAreRefused(t *testing.T) {
	for _, rule := range []string{
		`{apiGroups: ["*"], resources: [nodes], verbs: [get]}`,
		`{apiGroups: [""], resources: [nodes], verbs: ["*"]}`,
		`{apiGroups: [""], resources: [users], verbs: [impersonate]}`,
		`{apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [escalate]}`,
		`{apiGroups: [rbac.authorization.k8s.io], resources: [rolebindings], verbs: [create]}`,
		`{apiGroups: [""], resources: [secrets], verbs: [watch]}`,
		`{apiGroups: [""], resources: [pods/exec], verbs: [create]}`,
		`{apiGroups: [""], resources: [serviceaccounts/token], resourceNames: [other], verbs: [create]}`,
	} {
		var out bytes.Buffer
		manifest := "kind: ClusterRole\nmetadata: {name: r}\nrules: [" + rule + "]\n"
		if err := run([]string{"check", file(t, manifest)}, &out); err == nil {
			t.Errorf("passed: %s", rule)
		}
	}
	token := func(names string) string {
		return "kind: Role\nmetadata: {name: r}\nrules: [{apiGroups: [''], resources: [serviceaccounts/token], resourceNames: [" + names + "], verbs: [create]}]\n"
	}
	for names, refused := range map[string]bool{"": true, "r": true, "other, r": true, "other": false} {
		if err := run([]string{"check", file(t, token(names))}, &bytes.Buffer{}); (err != nil) != refused {
			t.Errorf("tokens of [%s]: %v", names, err)
		}
	}
	if err := run([]string{"check", file(t, roles)}, &bytes.Buffer{}); err != nil {
		t.Errorf("a modest role was refused: %v", err)
	}
}

func TestFilesThatGrantNothingAreAMistake(t *testing.T) {
	if err := run([]string{"check", file(t, "kind: Namespace\n")}, &bytes.Buffer{}); err == nil {
		t.Error("an empty answer passed for a clean one")
	}
}
