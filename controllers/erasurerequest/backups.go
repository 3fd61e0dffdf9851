package erasurerequest

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/internal/erasure/backup"
)

// +kubebuilder:rbac:groups=velero.io,resources=backups,verbs=list
// +kubebuilder:rbac:groups=postgresql.cnpg.io,resources=backups;clusters,verbs=list
// +kubebuilder:rbac:groups=snapshot.storage.k8s.io,resources=volumesnapshots,verbs=list

// page is how many objects one list call asks for.
const page = 500

// backups reads the objects of backup tools that may hold what a namespace held, as far as their kinds are installed.
func (r *Reconciler) backups(ctx context.Context, namespace string) ([]unstructured.Unstructured, error) {
	var objects []unstructured.Unstructured
	for _, kind := range backup.Kinds {
		switch _, err := r.Client.RESTMapper().RESTMapping(kind.GroupKind(), kind.Version); {
		case meta.IsNoMatchError(err):
			continue
		case err != nil:
			return nil, fmt.Errorf("looking for an API of backups: %w", err)
		}
		where := []client.ListOption{client.Limit(page)}
		if kind != backup.Velero { // whose objects are in its own namespace
			where = append(where, client.InNamespace(namespace))
		}
		for next := ""; ; {
			list := &unstructured.UnstructuredList{}
			list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
			if err := r.Reader.List(ctx, list, append(where, client.Continue(next))...); err != nil {
				return nil, fmt.Errorf("listing %s objects of backups: %w", kind.Kind, err)
			}
			objects = append(objects, list.Items...)
			if next = list.GetContinue(); next == "" {
				break
			}
		}
	}
	return objects, nil
}
