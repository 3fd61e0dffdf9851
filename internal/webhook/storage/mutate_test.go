package storage

import (
	"net/http"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/lookup"
)

// naming is the world with a default class of its first policies.
func naming(class string) residency.Input {
	in := world()
	for i := range in.Policies {
		in.Policies[i].Spec.Storage.DefaultClassName = v1alpha1.ObjectName(class)
	}
	return in
}

func TestClaimsWithoutAClassGetThePolicys(t *testing.T) {
	for name, test := range map[string]struct {
		named     string
		namespace string
		object    *corev1.PersistentVolumeClaim
		want      string
	}{
		"no class":                        {"paris", "shop", pvc("-", "-", "1Gi"), "paris"},
		"a class":                         {"paris", "shop", pvc("london", "-", "1Gi"), ""},
		"the empty class":                 {"paris", "shop", pvc("", "-", "1Gi"), ""},
		"an annotation":                   {"paris", "shop", pvc("-", "london", "1Gi"), ""},
		"the policy's class is abroad":    {"london", "shop", pvc("-", "-", "1Gi"), ""},
		"no policy names one":             {"", "shop", pvc("-", "-", "1Gi"), ""},
		"an audited namespace":            {"paris", "lab", pvc("-", "-", "1Gi"), ""},
		"a namespace that nothing guards": {"paris", "free", pvc("-", "-", "1Gi"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			response := handler(t, naming(test.named)).Mutating().Handle(t.Context(), request(t, create, claimKind, test.namespace, test.object, nil))
			switch {
			case !response.Allowed:
				t.Fatalf("refused: %+v", response.Result)
			case test.want == "" && len(response.Patches) == 0:
			case len(response.Patches) != 1 || response.Patches[0].Path != "/spec/storageClassName" || response.Patches[0].Value != test.want:
				t.Errorf("%+v, want class %q", response.Patches, test.want)
			}
		})
	}
}

func TestCopiesAreGovernedAsWhatTheyAreCopiedFrom(t *testing.T) {
	in := naming("")
	in.Registers = append(in.Registers, residency.Register{Namespace: "shop", Name: "crm"})
	in.Stores = append(in.Stores, residency.Store{Namespace: "shop", Register: "crm", Claim: "data-crm-main-0"})
	labelled := pvc("paris", "-", "1Gi")
	labelled.Namespace, labelled.Name, labelled.Labels = "shop", "labelled", map[string]string{v1alpha1.LabelRegister: "crm"}
	snapshot := snapshotObject("VolumeSnapshot", "shop", "of-store", `{"spec":{"source":{"persistentVolumeClaimName":"data-crm-main-0"}}}`)
	byHand := snapshotObject("VolumeSnapshot", "shop", "by-hand", `{"spec":{"source":{"volumeSnapshotContentName":"made"}}}`)
	from := func(group, kind, name string) *corev1.PersistentVolumeClaim {
		claim := pvc("paris", "-", "1Gi")
		claim.Spec.DataSourceRef = &corev1.TypedObjectReference{APIGroup: &group, Kind: kind, Name: name}
		return claim
	}
	stated := from("", "PersistentVolumeClaim", "labelled")
	stated.Labels = map[string]string{v1alpha1.LabelRegister: "other"}
	for name, test := range map[string]struct {
		claim *corev1.PersistentVolumeClaim
		want  bool
	}{
		"the claim of a store":         {from("", "PersistentVolumeClaim", "data-crm-main-0"), true},
		"a claim with the label":       {from("", "PersistentVolumeClaim", "labelled"), true},
		"a snapshot of one":            {from(lookup.SnapshotGroup, "VolumeSnapshot", "of-store"), true},
		"a claim that nobody governs":  {from("", "PersistentVolumeClaim", "free"), false},
		"a snapshot made by hand":      {from(lookup.SnapshotGroup, "VolumeSnapshot", "by-hand"), false},
		"a snapshot that is not there": {from(lookup.SnapshotGroup, "VolumeSnapshot", "gone"), false},
		"a source of another kind":     {from("example.com", "Image", "labelled"), false},
		"one that names its register":  {stated, false},
		"no source":                    {pvc("paris", "-", "1Gi"), false},
	} {
		t.Run(name, func(t *testing.T) {
			response := handler(t, in, labelled, snapshot, byHand).Mutating().Handle(t.Context(), request(t, create, claimKind, "shop", test.claim, nil))
			if !response.Allowed || (len(response.Patches) == 1) != test.want {
				t.Errorf("%+v", response)
			}
		})
	}
}

func TestAClaimIsNotTakenFromItsRegister(t *testing.T) {
	in := naming("")
	in.Registers = append(in.Registers, residency.Register{Namespace: "shop", Name: "crm"})
	of := func(register string) *corev1.PersistentVolumeClaim {
		claim := pvc("paris", "-", "1Gi")
		if register != "-" {
			claim.Labels = map[string]string{v1alpha1.LabelRegister: register}
		}
		return claim
	}
	for name, test := range map[string]struct {
		before, after string
		let           bool
	}{
		"removed": {"crm", "-", false}, "emptied": {"crm", "", false}, "another that is not there": {"crm", "gone", false},
		"kept": {"crm", "crm", true}, "added": {"-", "crm", true}, "of a register that is gone": {"gone", "-", true},
	} {
		t.Run(name, func(t *testing.T) {
			if response := handler(t, in).Handle(t.Context(), request(t, admissionv1.Update, claimKind, "shop", of(test.after), of(test.before))); response.Allowed != test.let {
				t.Errorf("%+v", response)
			}
		})
	}
}

func TestAPolicyThatIsNotInTheSnapshotFillsInToo(t *testing.T) {
	in := naming("paris")
	policy, register := in.Policies[0].DeepCopy(), &v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: "free", Name: "crm"}}
	in.Policies, in.Registers = nil, nil
	paris := class("paris", "eu-west-3")
	response := handler(t, in, policy, register, &paris).Mutating().Handle(t.Context(), request(t, create, claimKind, "free", pvc("-", "-", "1Gi"), nil))
	if len(response.Patches) != 1 || response.Patches[0].Value != "paris" {
		t.Errorf("%+v", response)
	}
}

func TestTemplatesAreJudgedByTheClassThatIsFilledIn(t *testing.T) {
	set := &appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{VolumeClaimTemplates: []corev1.PersistentVolumeClaim{*pvc("-", "-", "1Gi")}}}
	kind := metav1.GroupVersionKind{Group: "apps", Version: "v1", Kind: "StatefulSet"}
	for class, want := range map[string]bool{"paris": true, "london": false, "": false} {
		h := handler(t, naming(class))
		if response := h.Handle(t.Context(), request(t, create, kind, "shop", set, nil)); response.Allowed != want {
			t.Errorf("class %q: a template is let in: %v: %+v", class, response.Allowed, response.Result)
		}
		if response := h.Handle(t.Context(), request(t, create, claimKind, "shop", pvc("-", "-", "1Gi"), nil)); response.Allowed {
			t.Errorf("class %q: a claim that nobody filled a class into is let in", class)
		}
	}
}

func TestNoClassIsFilledInByGuesswork(t *testing.T) {
	unread := New(reading(t, &residency.Holder{})).Mutating().Handle(t.Context(), request(t, create, claimKind, "shop", pvc("-", "-", "1Gi"), nil))
	if unread.Allowed || unread.Result.Code != http.StatusServiceUnavailable {
		t.Errorf("before the cluster was read: %+v", unread)
	}
	req := request(t, create, claimKind, "shop", pvc("-", "-", "1Gi"), nil)
	req.Object = runtime.RawExtension{Raw: []byte("null")}
	if odd := handler(t, naming("paris")).Mutating().Handle(t.Context(), req); odd.Allowed || odd.Result.Code != http.StatusBadRequest {
		t.Errorf("an object that is none: %+v", odd)
	}
}
