package placement

import (
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
)

const replicaSets = "system:serviceaccount:kube-system:replicaset-controller"

// made makes a pod as the ReplicaSet of Deployment app does.
func made(p *corev1.Pod) {
	p.Labels["pod-template-hash"] = "7"
	p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "app-7", UID: "u", Controller: ptr.To(true)}}
}

func TestAnExceptionPlacesUntilItEnds(t *testing.T) {
	end := metav1.NewTime(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	for name, test := range map[string]struct {
		rule   v1alpha1.ExceptionRule
		kind   v1alpha1.ExceptionKind
		of     v1alpha1.ObjectName
		pod    *corev1.Pod
		user   string
		passes bool // not pinned, and let in
	}{
		"a pod abroad":                            {"placement", "", "", pod(in("us-east-1")), "alice", true},
		"a pod that names a node abroad":          {"placement", "", "", pod(on("virginia")), "alice", true},
		"that node excepted":                      {"node", "", "", pod(on("virginia")), "alice", true},
		"the node does not lift placement":        {"node", "", "", pod(in("us-east-1")), "alice", false},
		"another rule":                            {"storage-class", "", "", pod(in("us-east-1")), "alice", false},
		"a pod of the Deployment":                 {"placement", "Deployment", "app", pod(in("us-east-1"), made), replicaSets, true},
		"a pod of another Deployment":             {"placement", "Deployment", "api", pod(in("us-east-1"), made), replicaSets, false},
		"a pod that says it is of the Deployment": {"placement", "Deployment", "app", pod(in("us-east-1"), made), "alice", false},
	} {
		t.Run(name, func(t *testing.T) {
			h := handler(t)
			clock := h.world.Clock.(*clocktesting.FakePassiveClock)
			excepted := policy("eu-only", v1alpha1.PolicyRoleDefault, v1alpha1.EnforcementEnforce, "personal")
			excepted.Spec.Exceptions = []v1alpha1.ResidencyException{{Name: "move", Rule: test.rule, Namespace: "shop", Kind: test.kind, ObjectName: test.of, ExpiresTime: &end}}
			holder := &residency.Holder{}
			holder.Store(residency.Build(residency.Input{Policies: []v1alpha1.ResidencyPolicy{excepted}, Nodes: []corev1.Node{*node("paris", "eu-west-3"), *node("virginia", "us-east-1")},
				Namespaces: []corev1.Namespace{{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}}, Registers: []residency.Register{{Namespace: "shop", Name: "crm"}}, On: "2026-11-24"}))
			h.world.Snapshots = holder
			for at, passes := range map[time.Time]bool{end.Add(-time.Second): test.passes, end.Time: false} {
				clock.SetTime(at)
				req := request(t, podKind, "shop", test.pod, nil)
				req.UserInfo = authenticationv1.UserInfo{Username: test.user}
				if pins := len(h.Mutating().Handle(t.Context(), req).Patches) > 0; pins == passes {
					t.Errorf("at %v: pinned %t", at, pins)
				}
				got := h.Handle(t.Context(), req)
				if got.Allowed != passes || (!passes && !strings.Contains(got.Result.Message, "us-east-1")) {
					t.Errorf("at %v: allowed %t: %+v", at, got.Allowed, got.Result)
				}
			}
		})
	}
}
