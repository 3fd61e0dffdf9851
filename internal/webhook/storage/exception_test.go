package storage

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func TestAnExceptionLetsInUntilItEnds(t *testing.T) {
	end := metav1.NewTime(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	excepted := world()
	excepted.Policies[0].Spec.Exceptions = []v1alpha1.ResidencyException{
		{Name: "one", Rule: v1alpha1.ExceptionStorageClass, Namespace: "shop", Kind: "PersistentVolumeClaim", ObjectName: "data", ExpiresTime: &end},
		{Name: "set", Rule: v1alpha1.ExceptionStorageClass, Namespace: "shop", Kind: "StatefulSet", ObjectName: "db", ExpiresTime: &end},
		{Name: "other", Rule: v1alpha1.ExceptionStorageClass, Namespace: "free", ExpiresTime: &end},
		{Name: "pods", Rule: v1alpha1.ExceptionPlacement, Namespace: "shop", ExpiresTime: &end},
	}
	handle := handler(t, excepted)
	clock := handle.world.Clock.(*clocktesting.FakePassiveClock)
	name := func(claim *corev1.PersistentVolumeClaim, name string) *corev1.PersistentVolumeClaim {
		claim.Name = name
		return claim
	}
	set := func(name string) any {
		return appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: appsv1.StatefulSetSpec{VolumeClaimTemplates: []corev1.PersistentVolumeClaim{*pvc("london", "-", "1Gi")}}}
	}
	owned := func(claim *corev1.PersistentVolumeClaim) *corev1.PersistentVolumeClaim {
		claim.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "db", UID: "u", Controller: ptr(true)}}
		return name(claim, "data-db-0")
	}
	sets := metav1.GroupVersionKind{Group: "apps", Version: "v1", Kind: "StatefulSet"}
	for what, test := range map[string]struct {
		kind   metav1.GroupVersionKind
		object any
		user   string
		at     time.Time
		passes bool
	}{
		"the object":                       {claimKind, name(pvc("london", "-", "1Gi"), "data"), "alice", end.Add(-time.Second), true},
		"another object":                   {claimKind, name(pvc("london", "-", "1Gi"), "cache"), "alice", end.Add(-time.Second), false},
		"the object once it has ended":     {claimKind, name(pvc("london", "-", "1Gi"), "data"), "alice", end.Time, false},
		"a set":                            {sets, set("db"), "alice", end.Add(-time.Second), true},
		"another set":                      {sets, set("db2"), "alice", end.Add(-time.Second), false},
		"a claim of the set":               {claimKind, owned(pvc("london", "-", "1Gi")), "system:serviceaccount:kube-system:statefulset-controller", end.Add(-time.Second), true},
		"a claim that says so":             {claimKind, owned(pvc("london", "-", "1Gi")), "alice", end.Add(-time.Second), false},
		"a claim of the set, once it ends": {claimKind, owned(pvc("london", "-", "1Gi")), "system:serviceaccount:kube-system:statefulset-controller", end.Time, false},
	} {
		t.Run(what, func(t *testing.T) {
			clock.SetTime(test.at)
			req := request(t, create, test.kind, "shop", test.object, nil)
			req.UserInfo = authenticationv1.UserInfo{Username: test.user}
			got := handle.Handle(t.Context(), req)
			if got.Allowed != test.passes {
				t.Fatalf("allowed %t: %+v", got.Allowed, got.Result)
			}
			if test.passes && (len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], "lifts rule storage-class here until 2026-12-01")) {
				t.Errorf("warnings %q", got.Warnings)
			}
		})
	}
}

func TestAnExceptionLetsAVolumeInUntilItEnds(t *testing.T) {
	end := metav1.NewTime(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	abroad := &corev1.PersistentVolume{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolume"}, ObjectMeta: metav1.ObjectMeta{Name: "pv"}, Spec: corev1.PersistentVolumeSpec{
		PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: "ebs.csi.aws.com", VolumeHandle: "aws://eu-west-2a/vol-1"}},
		ClaimRef:               &corev1.ObjectReference{Namespace: "shop", Name: "data", UID: "u"}}}
	mounting := corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Name: "app"}, Spec: corev1.PodSpec{Volumes: []corev1.Volume{
		{Name: "share", VolumeSource: corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{Server: "nfs.example.com", Path: "/"}}}}}}
	for name, test := range map[string]struct {
		exceptions []v1alpha1.ResidencyException
		volume     bool
		inline     bool
	}{
		"none":                     {nil, false, false},
		"the volume":               {[]v1alpha1.ResidencyException{{Rule: "volume", Kind: "PersistentVolume", ObjectName: "pv"}}, true, false},
		"the claim of the volume":  {[]v1alpha1.ResidencyException{{Rule: "volume", Kind: "PersistentVolumeClaim", ObjectName: "data"}}, true, false},
		"another claim":            {[]v1alpha1.ResidencyException{{Rule: "volume", Kind: "PersistentVolumeClaim", ObjectName: "cache"}}, false, false},
		"only the class":           {[]v1alpha1.ResidencyException{{Rule: "storage-class"}}, false, false},
		"what pods bring":          {[]v1alpha1.ResidencyException{{Rule: "inline-volume", Kind: "Pod"}}, false, true},
		"two rules for everything": {[]v1alpha1.ResidencyException{{Rule: "volume"}, {Rule: "inline-volume"}}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			in := world()
			for _, e := range test.exceptions {
				e.Name, e.Namespace, e.ExpiresTime = "move", "shop", &end
				in.Policies[0].Spec.Exceptions = append(in.Policies[0].Spec.Exceptions, e)
			}
			h := handler(t, in)
			clock := h.world.Clock.(*clocktesting.FakePassiveClock)
			for at, lifted := range map[time.Time]bool{end.Add(-time.Second): true, end.Time: false} {
				clock.SetTime(at)
				got := NewVolumes(scheme(t), h.world).Handle(t.Context(), request(t, create, metav1.GroupVersionKind{Version: "v1", Kind: "PersistentVolume"}, "", abroad, nil))
				if got.Allowed != (test.volume && lifted) {
					t.Errorf("at %v: the volume passes %t: %+v", at, got.Allowed, got.Result)
				}
				got = h.Handle(t.Context(), request(t, create, metav1.GroupVersionKind{Version: "v1", Kind: "Pod"}, "shop", mounting, nil))
				if got.Allowed != (test.inline && lifted) {
					t.Errorf("at %v: the pod passes %t: %+v", at, got.Allowed, got.Result)
				}
			}
		})
	}
}
