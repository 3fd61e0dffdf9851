package dataregister

import (
	"errors"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func TestAManagedStoreBecomesReadyAndStaysAsItIs(t *testing.T) {
	b := newBench(t, dreg("one", "crm", managed("")))
	if first := b.pass("crm"); len(first.Finalizers) != 1 || reason(first, "Ready") != "Unknown NotYetKnown" || b.count(&corev1.SecretList{}) != 0 {
		t.Fatalf("the first pass adds the finalizer and nothing else: %+v", first.Status)
	}
	if got := reason(b.pass("crm"), "Ready"); got != "False DatabaseStarting" {
		t.Error(got)
	}
	if b.count(&networkingv1.NetworkPolicyList{}) != 2 || b.count(&corev1.ServiceList{}) != 1 || b.count(&corev1.SecretList{}) != 3 {
		t.Error("children are missing")
	}
	b.run()
	if got := reason(b.pass("crm"), "Ready"); got != "False ScanPending" {
		t.Error(got)
	}
	b.answer(batchv1.JobComplete, good)
	end := b.pass("crm")
	if reason(end, "Ready") != "True StoresAnswer" || reason(end, "Accurate") != "True AsDeclared" || reason(end, "Reconciling") != "" {
		t.Errorf("%+v", end.Status.Conditions)
	}
	b.pass("crm")
	if b.count(&batchv1.JobList{}) != 0 || b.count(&corev1.SecretList{}) != 3 {
		t.Error("a scan that was recorded must be pruned with its task")
	}
	before := b.pass("crm")
	for range 3 {
		if after := b.pass("crm"); after.ResourceVersion != before.ResourceVersion || b.count(&batchv1.JobList{}) != 0 {
			t.Error("a pass over a converged register writes")
		}
	}
	b.clock.SetTime(noon.Add(11 * time.Minute))
	b.pass("crm")
	if b.count(&batchv1.JobList{}) != 1 {
		t.Error("the next scan is due")
	}
}

func TestTablesThatDoNotExistYetAreLookedForAgain(t *testing.T) {
	b := newBench(t, dreg("one", "crm", managed("")))
	b.pass("crm")
	b.pass("crm")
	b.run()
	b.pass("crm")
	b.answer(batchv1.JobFailed, map[string]string{"provision": good["provision"], "scan": `{"step":"scan","reason":"TableMissing","names":["public.customers"]}`})
	got := b.pass("crm")
	if reason(got, "Ready") != "True StoresAnswer" || reason(got, "Accurate") != "False TableMissing" {
		t.Errorf("%+v", got.Status.Conditions)
	}
	b.pass("crm")
	b.clock.SetTime(noon.Add(11 * time.Second))
	b.pass("crm")
	b.answer(batchv1.JobComplete, good)
	if got := reason(b.pass("crm"), "Accurate"); got != "True AsDeclared" {
		t.Error(got)
	}
}

func TestADeletedRegisterLeavesItsDataAndTheNextOneOfTheNameFindsThem(t *testing.T) {
	b := settled(t, v1alpha1.DeletionRetain)
	admin := &corev1.Secret{}
	b.get("crm-main-admin", admin)
	password := string(admin.Data["password"])
	object := &v1alpha1.DataRegister{}
	b.get("crm", object)
	b.must(b.Client.Delete(t.Context(), object))
	for range 4 {
		b.pass("crm")
	}
	if b.get("crm", object) || b.count(&appsv1.StatefulSetList{})+b.count(&corev1.ServiceList{})+b.count(&networkingv1.NetworkPolicyList{}) != 0 {
		t.Error("the register and its children must be gone")
	}
	if b.count(&corev1.PersistentVolumeClaimList{}) != 1 || b.count(&corev1.SecretList{}) != 1 {
		t.Error("the volume and the admin's Secret must be there, and nothing else")
	}
	b.must(b.Client.Create(t.Context(), dreg("", "crm", managed(""))))
	b.pass("crm")
	b.pass("crm")
	b.pass("crm")
	b.get("crm", object)
	b.get("crm-main-admin", admin)
	if string(admin.Data["password"]) != password || admin.Labels[v1alpha1.LabelOwnerUID] != string(object.UID) {
		t.Error("the admin's Secret must be the old one, of the new register")
	}
	b.run()
	if got := reason(b.pass("crm"), "Ready"); got != "False ScanPending" {
		t.Error(got)
	}
}

func TestADeletedRegisterTakesItsDataWithItWhenItsPolicySaysSo(t *testing.T) {
	b := settled(t, v1alpha1.DeletionDelete)
	object := &v1alpha1.DataRegister{}
	b.get("crm", object)
	b.must(b.Client.Delete(t.Context(), object))
	for range 4 {
		b.pass("crm")
	}
	if b.get("crm", object) || b.count(&corev1.PersistentVolumeClaimList{})+b.count(&corev1.SecretList{}) != 0 {
		t.Error("data are left")
	}
}

func TestAPolicyThatChangedToRetainJustBeforeTheEndHolds(t *testing.T) {
	b := settled(t, v1alpha1.DeletionDelete)
	claim, database, object := &corev1.PersistentVolumeClaim{}, &appsv1.StatefulSet{}, &v1alpha1.DataRegister{}
	b.get("data-crm-main-0", claim)
	b.get("crm-main", database)
	claim.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "crm-main", UID: database.UID}}
	b.must(b.Update(t.Context(), claim))
	b.get("crm", object)
	object.Spec.Stores[0].Managed.DeletionPolicy = v1alpha1.DeletionRetain
	b.must(b.Update(t.Context(), object))
	b.must(b.Client.Delete(t.Context(), object))
	b.pass("crm")
	if !b.get("crm-main", database) || policyOf(database) != v1alpha1.DeletionRetain {
		t.Error("the StatefulSet must first learn that it keeps its volume")
	}
	for range 4 {
		b.pass("crm")
	}
	kept := &corev1.PersistentVolumeClaim{}
	if b.get("crm", object) || !b.get("data-crm-main-0", kept) || len(kept.OwnerReferences) != 0 {
		t.Errorf("the volume must be kept, and belong to nobody: %+v", kept.OwnerReferences)
	}
}

func TestAStoreThatLeavesTheSpecLosesItsDatabaseAndKeepsItsData(t *testing.T) {
	b := settled(t, v1alpha1.DeletionRetain)
	object := &v1alpha1.DataRegister{}
	b.get("crm", object)
	object.Spec.Stores, object.Generation = nil, 2
	b.must(b.Update(t.Context(), object))
	b.pass("crm")
	got := b.pass("crm")
	if b.count(&appsv1.StatefulSetList{})+b.count(&corev1.ServiceList{})+b.count(&networkingv1.NetworkPolicyList{}) != 0 || len(got.Status.Stores) != 0 {
		t.Errorf("children are left: %+v", got.Status.Stores)
	}
	if b.count(&corev1.PersistentVolumeClaimList{}) != 1 || b.count(&corev1.SecretList{}) != 1 {
		t.Error("the volume and the admin's Secret must be kept")
	}
}

func TestAVolumeGrowsAndItsTemplateStays(t *testing.T) {
	b := settled(t, "")
	object := &v1alpha1.DataRegister{}
	b.get("crm", object)
	object.Spec.Stores[0].Managed.Storage.Size = resource.MustParse("3Gi")
	b.must(b.Update(t.Context(), object))
	b.pass("crm")
	claim, database := &corev1.PersistentVolumeClaim{}, &appsv1.StatefulSet{}
	b.get("data-crm-main-0", claim)
	b.get("crm-main", database)
	if got := claim.Spec.Resources.Requests[corev1.ResourceStorage]; got.String() != "3Gi" {
		t.Errorf("the claim asks for %s", got.String())
	}
	if got := database.Spec.VolumeClaimTemplates[0].Spec.Resources.Requests[corev1.ResourceStorage]; got.String() != "1Gi" {
		t.Errorf("the template asks for %s", got.String())
	}
	b.get("crm", object)
	object.Spec.Stores[0].Managed.Storage.Size = resource.MustParse("2Gi")
	b.must(b.Update(t.Context(), object))
	if got := reason(b.pass("crm"), "Stalled"); got != "True StorageShrunk" {
		t.Error(got)
	}
}

func TestAServiceThatWasDeletedComesBack(t *testing.T) {
	b := settled(t, "")
	service := &corev1.Service{}
	b.get("crm-main", service)
	b.must(b.Client.Delete(t.Context(), service))
	b.pass("crm")
	if !b.get("crm-main", service) {
		t.Error("the Service is not there")
	}
}

func TestTwoRegistersOfOneDatabase(t *testing.T) {
	older, younger := dreg("one", "older", external("db")), dreg("two", "younger", external("db.shop.svc"))
	younger.CreationTimestamp = metav1.NewTime(noon.Add(time.Minute))
	b := newBench(t, older, younger)
	for range 2 {
		b.pass("older")
		b.pass("younger")
		b.pass("younger")
	}
	object := &v1alpha1.DataRegister{}
	b.get("younger", object)
	if reason(object, "Stalled") != "True StoreClaimed" || reason(object, "Ready") != "False StoreClaimed" {
		t.Errorf("%+v", object.Status.Conditions)
	}
	if requests := b.reconciler.rivals(t.Context(), older); len(requests) != 1 || requests[0].Name != "younger" {
		t.Errorf("when the older goes, the younger must be looked at: %v", requests)
	}
	b.get("older", object)
	if reason(object, "Ready") != "False CredentialsMissing" {
		t.Errorf("%+v", object.Status.Conditions)
	}
}

func TestAnExternalStoreIsScannedWithItsCredentials(t *testing.T) {
	login := func(name string) *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop"}, Data: map[string][]byte{"username": []byte("u"), "password": []byte("p")}}
	}
	b := newBench(t, dreg("one", "crm", external("db")), login("e"), login("v"))
	b.pass("crm")
	b.pass("crm")
	b.answer(batchv1.JobFailed, map[string]string{"scan": `{"step":"scan","reason":"AuthenticationFailed"}`})
	got := b.pass("crm")
	if reason(got, "Ready") != "False AuthenticationFailed" || reason(got, "Accurate") != "False AuthenticationFailed" || got.Status.Stores[0].Placement != v1alpha1.PlacementDeclared {
		t.Errorf("%+v", got.Status)
	}
	secret := &corev1.Secret{}
	b.get("v", secret)
	secret.Data["password"] = []byte("right")
	b.must(b.Update(t.Context(), secret))
	b.pass("crm")
	b.answer(batchv1.JobComplete, good)
	if got := reason(b.pass("crm"), "Ready"); got != "True StoresAnswer" {
		t.Error(got)
	}
}

func TestWhatStrangersMadeIsLeftAlone(t *testing.T) {
	foreign := metav1.ObjectMeta{Namespace: "shop"}
	cases := map[string]client.Object{
		"crm-main-admin":  &corev1.Secret{ObjectMeta: foreign, Data: map[string][]byte{"password": []byte("theirs")}},
		"data-crm-main-0": &corev1.PersistentVolumeClaim{ObjectMeta: foreign},
		"crm-main":        &corev1.Service{ObjectMeta: foreign},
	}
	for name, object := range cases {
		t.Run(name, func(t *testing.T) {
			object.SetName(name)
			b := newBench(t, dreg("one", "crm", managed("")), object)
			b.pass("crm")
			for range 2 {
				if got := reason(b.pass("crm"), "Stalled"); got != "True NameTaken" {
					t.Error(got)
				}
			}
			if b.count(&appsv1.StatefulSetList{}) != 0 {
				t.Error("no database may run over a stranger's volume")
			}
		})
	}
}

func TestEachFailedEffectIsReportedAndTriedAgain(t *testing.T) {
	for failing := range 8 {
		b := newBench(t, dreg("one", "crm", managed("")))
		b.pass("crm")
		effects := 0
		b.fail = func(string, any) error {
			effects++
			if effects == failing+1 {
				return errors.New("lost: person@example.com")
			}
			return nil
		}
		got := b.pass("crm")
		if effects > failing && reason(got, "Reconciling") != "True StepFailed" {
			t.Errorf("effect %d: %+v", failing, got.Status.Conditions)
		}
		for _, c := range got.Status.Conditions {
			if strings.Contains(c.Message, "@") {
				t.Errorf("the error's text is in a condition: %s", c.Message)
			}
		}
		b.pass("crm")
		b.run()
		b.pass("crm")
		b.answer(batchv1.JobComplete, good)
		if got := reason(b.pass("crm"), "Ready"); got != "True StoresAnswer" {
			t.Errorf("effect %d: Ready=%s", failing, got)
		}
	}
}
