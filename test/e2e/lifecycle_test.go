package e2e

import (
	"testing"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// statement runs SQL in the managed store of register that the stories of this file make.
func statement(t *testing.T, ns, text string) string {
	t.Helper()
	pod := output(t, "kubectl", "-n", ns, "get", "pods", "-l", "gdpr.rempart.dev/component=database,gdpr.rempart.dev/store", "-o", "jsonpath={.items[0].metadata.name}")
	return output(t, "kubectl", "-n", ns, "exec", pod, "-c", "postgres", "--", "psql", "-q", "-At", "-U", "postgres", "-d", "app", "-c", text)
}

// remove deletes the object and waits until it is gone.
func remove(t *testing.T, object client.Object) {
	t.Helper()
	if err := admin.Delete(t.Context(), object); client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	eventually(t, func(g gomega.Gomega) {
		err := admin.Get(t.Context(), client.ObjectKeyFromObject(object), object)
		g.Expect(apierrors.IsNotFound(err)).To(gomega.BeTrue(), "%T %s is still there", object, object.GetName())
	}, patience*2)
}

func claims(t *testing.T, ns string) []corev1.PersistentVolumeClaim {
	t.Helper()
	list := &corev1.PersistentVolumeClaimList{}
	if err := admin.List(t.Context(), list, client.InNamespace(ns)); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func TestARegisterMadeAgainFindsTheDataOfTheOneBefore(t *testing.T) {
	ns := namespace(t, nil)
	r := register(ns, "again", managed("eu-fast"))
	create(t, admin, r)
	expectRegister(t, r, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonRegisterReady)
	statement(t, ns, "CREATE TABLE people (email text PRIMARY KEY, nickname text); INSERT INTO people VALUES ('a@story.example', 'a')")
	remove(t, r)

	second := register(ns, "again", managed("eu-fast"))
	create(t, admin, second)
	expectRegister(t, second, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonRegisterReady)
	expectRegister(t, second, v1alpha1.ConditionAccurate, metav1.ConditionTrue, v1alpha1.ReasonAccurate)
	if rows := statement(t, ns, "SELECT count(*) FROM people"); rows != "1\n" {
		t.Errorf("%q rows after the register came back, want 1", rows)
	}
}

func TestWithDeletionPolicyDeleteTheDataGoWithTheRegister(t *testing.T) {
	ns := namespace(t, nil)
	store := managed("eu-fast")
	store.Managed.DeletionPolicy = v1alpha1.DeletionDelete
	r := register(ns, "passing", store)
	create(t, admin, r)
	expectRegister(t, r, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonRegisterReady)
	remove(t, r)
	eventually(t, func(g gomega.Gomega) {
		left := &corev1.PersistentVolumeClaimList{}
		g.Expect(admin.List(t.Context(), left, client.InNamespace(ns))).To(gomega.Succeed())
		g.Expect(left.Items).To(gomega.BeEmpty())
		secrets := &corev1.SecretList{}
		g.Expect(admin.List(t.Context(), secrets, client.InNamespace(ns))).To(gomega.Succeed())
		g.Expect(secrets.Items).To(gomega.BeEmpty())
	})
}

func TestAStoreGrowsAndSaysThatItDoesNotShrink(t *testing.T) {
	ns := namespace(t, nil)
	r := register(ns, "sized", managed("eu-fast"))
	create(t, admin, r)
	expectRegister(t, r, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonRegisterReady)
	resize := func(size string) {
		t.Helper()
		patch := client.RawPatch("application/json-patch+json", []byte(`[{"op":"replace","path":"/spec/stores/0/managed/storage/size","value":"`+size+`"}]`))
		if err := admin.Patch(t.Context(), r, patch); err != nil {
			t.Fatal(err)
		}
	}
	resize("512Mi")
	eventually(t, func(g gomega.Gomega) {
		found := claims(t, ns)
		g.Expect(found).To(gomega.HaveLen(1))
		asked := found[0].Spec.Resources.Requests[corev1.ResourceStorage]
		g.Expect(asked.Cmp(resource.MustParse("512Mi"))).To(gomega.BeZero())
	})
	resize("128Mi")
	expectRegister(t, r, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonStorageShrunk)
}

func TestANamespaceGoesWithAllThatIsInItAndTheRecordOfABreachStays(t *testing.T) {
	ns := namespace(t, nil)
	r := register(ns, "leaving", managed("eu-fast"))
	if err := admin.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	expectRegister(t, r, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonRegisterReady)
	statement(t, ns, "CREATE TABLE people (email text PRIMARY KEY, nickname text)")

	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "leaving"}, StringData: map[string]string{"email": "b@story.example"}}
	asked := request("leaving")
	asked.Namespace = ns
	breached := incident("leaving", 5*time.Hour)
	breached.Namespace = ns
	for _, object := range []client.Object{secret, asked, breached} {
		if err := admin.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	awaitPlanned(t, asked)
	remove(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}})

	record := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "breach-record-" + string(breached.UID)}}
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(record), record); err != nil {
		t.Errorf("no copy of the incident's record outlived its namespace: %v", err)
	}
}
