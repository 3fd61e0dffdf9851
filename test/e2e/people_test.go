package e2e

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// customer is one of the demo's customers.
type customer struct {
	email, phone string
	ids          []int
}

// Customers of the demo that only one story touches each. Their addresses follow config/samples/demo/generate.sql.
func demoCustomer(id int) customer {
	first := []string{"ada", "bruno", "chloe", "dario", "elif", "femke", "goran", "hana", "ines", "jonas"}
	last := []string{"martin", "novak", "rossi", "jansen", "silva", "kovac", "muller", "dubois", "nagy", "popescu", "virtanen"}
	return customer{
		email: fmt.Sprintf("%s.%s.%d@example.org", first[id%10], last[id%11], id),
		phone: fmt.Sprintf("+3361%07d", id),
		ids:   []int{id},
	}
}

// subject puts a customer into a Secret, as the support agent does.
func subject(t *testing.T, name string, who customer) *corev1.Secret {
	t.Helper()
	return create(t, as(t, "support-agent"), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: demoNamespace},
		StringData: map[string]string{"email": who.email, "phone": who.phone},
	})
}

// request returns a request of the demo's namespace about the Secret of its own name.
func request(name string) *v1alpha1.ErasureRequest {
	received := metav1.NewTime(time.Now().UTC().Add(-time.Hour).Truncate(time.Second))
	return &v1alpha1.ErasureRequest{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: demoNamespace},
		Spec: v1alpha1.ErasureRequestSpec{
			RequestID:    name,
			ReceivedTime: &received,
			Subject:      v1alpha1.ErasureSubject{SecretRef: v1alpha1.SecretRef{Name: v1alpha1.ObjectName(name)}},
		},
	}
}

func approve(t *testing.T, c client.Client, r *v1alpha1.ErasureRequest) error {
	t.Helper()
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"decision":{"verdict":"Approved"}}}`))
	return c.Patch(t.Context(), r.DeepCopy(), patch)
}
