package admission

import (
	"context"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/test/perf/measure"
)

// crowd is the namespace of the registers that are there already. Nobody is asked about it.
const crowd = "crowd"

// registers measures what it takes to make one more register, whose store no other may claim, among 1, 250 and 1000.
func (c *cluster) registers(ctx context.Context, o options) error {
	if err := c.server.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: crowd}}); err != nil {
		return err
	}
	users, err := newClients(c.server.Config, o.clients, true)
	if err != nil {
		return err
	}
	defer users.close()
	var p50, p99 []measure.Series
	counts, has := []int{1, 250, 1000}, 0
	for _, count := range counts {
		for ; has < count; has++ {
			if err := c.server.Client.Create(ctx, newRegister(crowd, fmt.Sprintf("crm-%d", has))); err != nil {
				return fmt.Errorf("making a register: %w", err)
			}
		}
		var half, most measure.Series
		for round := 0; round <= o.rounds; round++ { // round 0 warms up
			times, err := users.create(ctx, "/apis/"+v1alpha1.GroupName+"/v1alpha1/namespaces/webhooks/dataregisters", newRegister("webhooks", "one-more"), o.requests)
			if err != nil {
				return err
			}
			if round > 0 {
				slices.Sort(times)
				half, most = append(half, measure.Milliseconds(times[len(times)/2])), append(most, measure.Milliseconds(times[len(times)*99/100]))
			}
		}
		p50, p99 = append(p50, half), append(p99, most)
	}
	fmt.Printf("\nOne more DataRegister, from %d clients; %d requests in each of %d rounds; load average %s\n", o.clients, o.requests, o.rounds, measure.Load())
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "registers\tp50\tmin\tmax\tp99\tagainst 1 register")
	for i, count := range counts {
		fmt.Fprintf(w, "%d\t%.1f ms\t%.1f ms\t%.1f ms\t%.1f ms\t%.2f\n", count, p50[i].Median(), p50[i].Min(), p50[i].Max(), p99[i].Median(), p50[i].Median()/p50[0].Median())
	}
	return w.Flush()
}

// newRegister has a store of its own outside of the cluster.
func newRegister(namespace, name string) *v1alpha1.DataRegister {
	return &v1alpha1.DataRegister{TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupName + "/v1alpha1", Kind: "DataRegister"}, ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: v1alpha1.DataRegisterSpec{
		Role: "Controller", OfficerRef: v1alpha1.ClusterRef{Name: "officer"},
		Activities: []v1alpha1.ProcessingActivity{{Name: "support", Purposes: []v1alpha1.Purpose{{Name: "support", LegalBasis: "Contract"}}, DataSubjects: []string{"customers"},
			DataCategories: []v1alpha1.DataCategory{{Name: "contact"}}}},
		Stores: []v1alpha1.DataStore{{Name: "main", Engine: "PostgreSQL", External: &v1alpha1.ExternalStore{Country: "FR", Evidence: "contract"}, Connection: &v1alpha1.StoreConnection{
			Host: name + ".example.com", Database: "app", TLS: v1alpha1.ConnectionTLS{Mode: "Require"}, EraserSecretRef: v1alpha1.SecretRef{Name: "e"}, VerifierSecretRef: v1alpha1.SecretRef{Name: "v"}}}}}}
}
