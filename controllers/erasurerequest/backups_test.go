package erasurerequest

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/rempart-dev/rempart/internal/erasure/backup"
)

// TestBackupsAreReadAsFarAsTheirKindsAreInstalled: of Velero all, of the others those of the namespace; a kind that is not
// installed is no fault.
func TestBackupsAreReadAsFarAsTheirKindsAreInstalled(t *testing.T) {
	scheme, mapper := runtime.NewScheme(), meta.NewDefaultRESTMapper(nil)
	var objects []client.Object
	for i, kind := range backup.Kinds {
		if kind == backup.Snapshot {
			continue // not installed
		}
		mapper.Add(kind, meta.RESTScopeNamespace)
		scheme.AddKnownTypeWithName(kind, &unstructured.Unstructured{})
		scheme.AddKnownTypeWithName(kind.GroupVersion().WithKind(kind.Kind+"List"), &unstructured.UnstructuredList{})
		for _, namespace := range []string{"shop", "elsewhere"} {
			o := &unstructured.Unstructured{}
			o.SetGroupVersionKind(kind)
			o.SetNamespace(namespace)
			o.SetName(string(rune('a' + i)))
			objects = append(objects, o)
		}
	}
	c := fake.NewClientBuilder().WithScheme(scheme).WithRESTMapper(mapper).WithObjects(objects...).Build()
	found, err := (&Reconciler{Client: c, Reader: c}).backups(t.Context(), "shop")
	if err != nil || len(found) != 4 {
		t.Fatalf("%d objects, %v; want two of Velero and one of each other kind", len(found), err)
	}
	for i := range found {
		if found[i].GetNamespace() != "shop" && found[i].GroupVersionKind() != backup.Velero {
			t.Errorf("%s of namespace %s", found[i].GetKind(), found[i].GetNamespace())
		}
	}
}
