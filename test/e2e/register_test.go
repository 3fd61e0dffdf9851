package e2e

import (
	"fmt"
	"testing"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func register(ns, name string, store v1alpha1.DataStore) *v1alpha1.DataRegister {
	return &v1alpha1.DataRegister{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name},
		Spec: v1alpha1.DataRegisterSpec{
			Role: v1alpha1.RoleController, OfficerRef: v1alpha1.ClusterRef{Name: "parley"},
			Activities: []v1alpha1.ProcessingActivity{{
				Name:           "story",
				Purposes:       []v1alpha1.Purpose{{Name: "story", LegalBasis: v1alpha1.BasisContract}},
				DataSubjects:   []string{"people"},
				DataCategories: []v1alpha1.DataCategory{{Name: "contact details"}},
				Retention:      []v1alpha1.ActivityRetention{{Categories: []string{"contact details"}, Period: "P1Y", StartsFrom: "last contact"}},
				Stores:         []v1alpha1.PartName{store.Name},
			}},
			Stores: []v1alpha1.DataStore{store},
		},
	}
}

func people() *v1alpha1.Dataset {
	return &v1alpha1.Dataset{Tables: []v1alpha1.DatasetTable{{
		Schema: "public", Name: "people", OnErasure: v1alpha1.EraseDeleteRows,
		SubjectKeys: []v1alpha1.SubjectKey{{Column: "email", Identifier: v1alpha1.IdentifierEmail}},
		Columns:     []v1alpha1.DatasetColumn{{Name: "nickname"}},
	}}}
}

func managed(class string) v1alpha1.DataStore {
	return v1alpha1.DataStore{
		Name: "main", Engine: v1alpha1.EnginePostgreSQL, Dataset: people(),
		Managed: &v1alpha1.ManagedStore{
			Image:   "docker.io/rempart/postgres:15",
			Storage: v1alpha1.StorageRequest{Size: resource.MustParse("256Mi"), StorageClassName: v1alpha1.ObjectName(class)},
		},
	}
}

func expectRegister(t *testing.T, r *v1alpha1.DataRegister, condition string, status metav1.ConditionStatus, reason string) {
	t.Helper()
	eventually(t, func(g gomega.Gomega) {
		get(t.Context(), g, r)
		expectCondition(g, r.Status.Conditions, condition, status, reason)
	}, patience*2)
}

func TestARegisterIsReadyBeforeItsTablesAreAndAccurateOnlyWithThem(t *testing.T) {
	ns := namespace(t, nil)
	r := register(ns, "growing", managed("eu-fast"))
	create(t, admin, r)
	expectRegister(t, r, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonRegisterReady)
	expectRegister(t, r, v1alpha1.ConditionAccurate, metav1.ConditionFalse, "TableMissing")

	in := func(statement string) {
		t.Helper()
		pod := output(t, "kubectl", "-n", ns, "get", "pods", "-l", "gdpr.rempart.dev/component=database,gdpr.rempart.dev/store", "-o", "jsonpath={.items[0].metadata.name}")
		output(t, "kubectl", "-n", ns, "exec", pod, "-c", "postgres", "--", "psql", "-U", "postgres", "-d", "app", "-c", statement)
	}
	in("CREATE TABLE people (email text PRIMARY KEY)")
	expectRegister(t, r, v1alpha1.ConditionAccurate, metav1.ConditionFalse, "ColumnMissing")
	in("ALTER TABLE people ADD nickname text")
	expectRegister(t, r, v1alpha1.ConditionAccurate, metav1.ConditionTrue, v1alpha1.ReasonAccurate)

	if err := admin.Delete(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(g gomega.Gomega) {
		g.Expect(apierrors.IsNotFound(admin.Get(t.Context(), client.ObjectKeyFromObject(r), r))).To(gomega.BeTrue())
		pods := &corev1.PodList{}
		g.Expect(admin.List(t.Context(), pods, client.InNamespace(ns))).To(gomega.Succeed())
		g.Expect(pods.Items).To(gomega.BeEmpty())
	})
	claims := &corev1.PersistentVolumeClaimList{}
	if err := admin.List(t.Context(), claims, client.InNamespace(ns)); err != nil || len(claims.Items) != 1 {
		t.Errorf("the data did not outlive the register (deletionPolicy Retain): %d claims, %v", len(claims.Items), err)
	}
}

// server runs a PostgreSQL that Rempart does not manage.
func server(t *testing.T, ns string) {
	t.Helper()
	create(t, admin, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "own"}, StringData: map[string]string{"password": "right"}})
	create(t, admin, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "own"},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "own"}, Ports: []corev1.ServicePort{{Port: 5432, TargetPort: intstr.FromInt32(5432)}}},
	})
	create(t, admin, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "own", Labels: map[string]string{"app": "own"}},
		Spec: corev1.PodSpec{
			NodeSelector: map[string]string{corev1.LabelTopologyRegion: "eu-west-3"},
			Containers: []corev1.Container{{
				Name: "database", Image: "docker.io/rempart/postgres:15",
				Env:          []corev1.EnvVar{{Name: "POSTGRES_PASSWORD_FILE", Value: "/secret/password"}, {Name: "POSTGRES_DB", Value: "app"}},
				VolumeMounts: []corev1.VolumeMount{{Name: "secret", MountPath: "/secret"}},
			}},
			Volumes: []corev1.Volume{{Name: "secret", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "own"}}}},
		},
	})
}

func TestAStoreThatCannotBeReachedOrRefusesSaysWhichAndWhy(t *testing.T) {
	ns := namespace(t, nil)
	server(t, ns)
	for _, role := range []string{"eraser", "verifier"} {
		create(t, admin, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: role},
			StringData: map[string]string{"username": role, "password": "wrong"},
		})
	}
	cases := []struct{ name, host, database, reason string }{
		{"unreachable", "nowhere." + ns + ".svc", "app", "Unreachable"},
		{"refusing", "own." + ns + ".svc", "app", "AuthenticationFailed"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store := v1alpha1.DataStore{
				Name: "theirs", Engine: v1alpha1.EnginePostgreSQL, Dataset: people(),
				External: &v1alpha1.ExternalStore{Country: "FR", Evidence: "hosting contract"},
				Connection: &v1alpha1.StoreConnection{
					Host: c.host, Port: 5432, Database: v1alpha1.Identifier(c.database), TLS: v1alpha1.ConnectionTLS{Mode: v1alpha1.TLSDisable},
					EraserSecretRef: v1alpha1.SecretRef{Name: "eraser"}, VerifierSecretRef: v1alpha1.SecretRef{Name: "verifier"},
				},
			}
			r := register(ns, c.name, store)
			create(t, admin, r)
			expectRegister(t, r, v1alpha1.ConditionReady, metav1.ConditionFalse, c.reason)
		})
	}
}

func TestTwoRegistersMayNotClaimOneStore(t *testing.T) {
	ns := namespace(t, nil)
	for _, role := range []string{"eraser", "verifier"} {
		create(t, admin, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: role}, StringData: map[string]string{"username": role, "password": "x"}})
	}
	claiming := func(name string) *v1alpha1.DataRegister {
		return register(ns, name, v1alpha1.DataStore{
			Name: "shared", Engine: v1alpha1.EnginePostgreSQL,
			External: &v1alpha1.ExternalStore{Country: "FR", Evidence: "hosting contract"},
			Connection: &v1alpha1.StoreConnection{
				Host: "db.story.example", Database: "app", TLS: v1alpha1.ConnectionTLS{Mode: v1alpha1.TLSRequire},
				EraserSecretRef: v1alpha1.SecretRef{Name: "eraser"}, VerifierSecretRef: v1alpha1.SecretRef{Name: "verifier"},
			},
		})
	}
	create(t, admin, claiming("first"))
	eventually(t, func(g gomega.Gomega) {
		err := admin.Create(t.Context(), claiming("second"), client.DryRunAll)
		g.Expect(apierrors.IsForbidden(err)).To(gomega.BeTrue(), fmt.Sprint(err))
	})
}

func TestASecretOfAnotherIsNotLentToARegister(t *testing.T) {
	ns := namespace(t, nil)
	create(t, admin, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "eraser"}, StringData: map[string]string{"username": "a", "password": "b"}})
	create(t, admin, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "verifier"}, StringData: map[string]string{"username": "a", "password": "b"}})
	binding := bindEditor("register-author")
	binding.Namespace, binding.RoleRef.Name = ns, "rempart-dataregister-editor"
	create(t, admin, binding)
	r := register(ns, "borrowing", v1alpha1.DataStore{
		Name: "theirs", Engine: v1alpha1.EnginePostgreSQL,
		External: &v1alpha1.ExternalStore{Country: "FR", Evidence: "contract"},
		Connection: &v1alpha1.StoreConnection{
			Host: "db2.story.example", Database: "app", TLS: v1alpha1.ConnectionTLS{Mode: v1alpha1.TLSRequire},
			EraserSecretRef: v1alpha1.SecretRef{Name: "eraser"}, VerifierSecretRef: v1alpha1.SecretRef{Name: "verifier"},
		},
	})
	author := as(t, "register-author")
	eventually(t, func(g gomega.Gomega) { // rights count a moment after they were given
		err := author.Create(t.Context(), r.DeepCopy(), client.DryRunAll)
		g.Expect(apierrors.IsForbidden(err)).To(gomega.BeTrue(), "%v", err)
		g.Expect(err.Error()).To(gomega.ContainSubstring("Secret"))
	})
}
