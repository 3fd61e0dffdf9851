package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/test/apiserver"
)

// patience is for what the API server reads with a delay: it learns of new kinds every 30 seconds. A busy machine needs longer
// for the first look at some hundred namespaces.
const patience = 5 * time.Minute

// site is where a row is asked in a layer: a namespace, and the policy that judges it.
type site struct {
	row       *row
	layer     layer
	namespace string
	policy    string
}

func siteOf(r *row, l layer) *site {
	s := &site{row: r, layer: l, namespace: "r" + r.title() + "-" + string(l), policy: "eu-only"}
	if l == audit {
		s.policy = "watch"
	}
	return s
}

// labels are those by which a policy selects the namespace.
func (s *site) labels() map[string]string {
	switch {
	case s.row.Namespace != nil:
		return s.row.Namespace
	case s.layer == audit:
		return map[string]string{"data": "maybe"}
	case s.layer == quota:
		return nil
	default:
		return map[string]string{"data": "personal"}
	}
}

// sites are all that will be asked.
func (b *bench) sites() []*site {
	var all []*site
	for _, r := range b.rows {
		for _, l := range layers {
			if r.asked(l) {
				all = append(all, siteOf(r, l))
			}
		}
	}
	return all
}

// older makes what is there before Rempart: kinds of others, rights, shared objects, and the world of each row.
func (b *bench) older(ctx context.Context) error {
	if _, err := envtest.InstallCRDs(b.server.Config, envtest.CRDInstallOptions{CRDs: kindsOfOthers()}); err != nil {
		return err
	}
	shared, err := shared()
	if err != nil {
		return err
	}
	nowhere := &site{namespace: "default"}
	for _, o := range shared {
		if err := b.make(ctx, nowhere.in(o)); err != nil {
			return err
		}
	}
	for _, s := range b.sites() {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace, Labels: s.labels()}}
		if err := b.server.Client.Create(ctx, namespace); err != nil {
			return err
		}
		world := s.row.World
		if s.layer != quota {
			world = append(slices.Clone(world), register)
		}
		for _, o := range world {
			if err := b.make(ctx, whole(s.in(o))); err != nil {
				return fmt.Errorf("the world of %s: %w", s.row.file, err)
			}
		}
	}
	return nil
}

// register governs what carries its label, under the policy of the layer. It is in each namespace, unless the row has its own.
var register = object{"kind": "DataRegister", "metadata": object{"name": "crm"}, "spec": object{"residencyPolicyRef": object{"name": "$POLICY"},
	"stores": []any{object{"name": "main", "engine": "PostgreSQL", "managed": object{"image": "postgres:15", "storage": object{"size": "1Gi", "storageClassName": "eu-fast"}}}}}}

// make creates an object, with its status.
func (b *bench) make(ctx context.Context, o object) error {
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	made := b.do(ctx, "", post, o, "", body)
	if made.err == nil && text(o, "kind") == "Node" { // as a kubelet does, whose node has no drivers yet
		made.err = b.make(ctx, (&site{}).in(object{"kind": "CSINode", "metadata": object{"name": text(o, "metadata", "name")}, "spec": object{"drivers": []any{}}}))
	}
	if apierrors.IsAlreadyExists(made.err) {
		return nil // another layer has made what is of the cluster
	}
	if made.err != nil || o["status"] == nil {
		return made.err
	}
	body, err = json.Marshal(under(made.object, object{"status": o["status"]}))
	if err != nil {
		return err
	}
	return b.do(ctx, "", put, o, statusOf(o), body).err
}

var statuses = map[string]string{"PersistentVolumeClaim": "persistentvolumeclaims/status", "PersistentVolume": "persistentvolumes/status", "Pod": "pods/status",
	"Node": "nodes/status", "VolumeSnapshot": "volumesnapshots/status"}

func statusOf(o object) string { return statuses[text(o, "kind")] }

// shared are the objects that every row may rest on.
func shared() ([]object, error) {
	content, err := os.ReadFile(filepath.Join(apiserver.Root(), "test", "residency", "matrix", "shared", "world.yaml"))
	if err != nil {
		return nil, err
	}
	var list struct{ Objects []object }
	return list.Objects, yaml.UnmarshalStrict(content, &list)
}

// kindsOfOthers are as much of the kinds of others as is read of them.
func kindsOfOthers() []*apiextensionsv1.CustomResourceDefinition {
	var kinds []*apiextensionsv1.CustomResourceDefinition
	for _, kind := range []struct {
		group, kind, plural string
		scope               apiextensionsv1.ResourceScope
		versions            []string
	}{
		{"snapshot.storage.k8s.io", "VolumeSnapshot", "volumesnapshots", apiextensionsv1.NamespaceScoped, []string{"v1", "v1beta2"}},
		{"snapshot.storage.k8s.io", "VolumeSnapshotContent", "volumesnapshotcontents", apiextensionsv1.ClusterScoped, []string{"v1"}},
		{"snapshot.storage.k8s.io", "VolumeSnapshotClass", "volumesnapshotclasses", apiextensionsv1.ClusterScoped, []string{"v1"}},
		{"groupsnapshot.storage.k8s.io", "VolumeGroupSnapshot", "volumegroupsnapshots", apiextensionsv1.NamespaceScoped, []string{"v1beta1", "v1beta2"}},
		{"groupsnapshot.storage.k8s.io", "VolumeGroupSnapshotClass", "volumegroupsnapshotclasses", apiextensionsv1.ClusterScoped, []string{"v1beta1", "v1beta2"}},
		{"velero.io", "BackupStorageLocation", "backupstoragelocations", apiextensionsv1.NamespaceScoped, []string{"v1"}},
		{"velero.io", "VolumeSnapshotLocation", "volumesnapshotlocations", apiextensionsv1.NamespaceScoped, []string{"v1"}},
		{"barmancloud.cnpg.io", "ObjectStore", "objectstores", apiextensionsv1.NamespaceScoped, []string{"v1"}},
		{"longhorn.io", "BackupTarget", "backuptargets", apiextensionsv1.NamespaceScoped, []string{"v1beta2"}},
		{"postgresql.cnpg.io", "Cluster", "clusters", apiextensionsv1.NamespaceScoped, []string{"v1"}},
		{"gateway.networking.k8s.io", "ReferenceGrant", "referencegrants", apiextensionsv1.NamespaceScoped, []string{"v1beta1"}},
	} {
		made := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: kind.plural + "." + kind.group, Annotations: map[string]string{"api-approved.kubernetes.io": "unapproved, for a test"}},
			Spec: apiextensionsv1.CustomResourceDefinitionSpec{Group: kind.group, Scope: kind.scope, Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: kind.plural, Kind: kind.kind, ListKind: kind.kind + "List"}}}
		for i, version := range kind.versions {
			made.Spec.Versions = append(made.Spec.Versions, apiextensionsv1.CustomResourceDefinitionVersion{Name: version, Served: true, Storage: i == 0,
				Subresources: &apiextensionsv1.CustomResourceSubresources{Status: &apiextensionsv1.CustomResourceSubresourceStatus{}},
				Schema:       &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: ptr.To(true)}}})
		}
		kinds = append(kinds, made)
	}
	return kinds
}

// until asks again until there is no complaint, and says how long that took.
func until(ctx context.Context, longest time.Duration, what func(context.Context) error) (time.Duration, error) {
	since := time.Now()
	var last error
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, longest, true, func(ctx context.Context) (bool, error) {
		last = what(ctx)
		return last == nil, nil
	})
	if err != nil && last != nil {
		err = last
	}
	return time.Since(since), err
}

// settled waits until Rempart has judged what it found: namespaces are labelled, and policies speak of every class.
func (b *bench) settled(ctx context.Context) error {
	var judged error
	for _, name := range []string{"eu-only", "watch"} {
		_, err := until(ctx, patience, func(ctx context.Context) error { return b.isJudged(ctx, name) })
		judged = errors.Join(judged, err)
	}
	_, guarded := until(ctx, patience, b.areGuarded)
	_, asked := until(ctx, patience, func(ctx context.Context) error { return b.judges(ctx, "probe") })
	return errors.Join(judged, guarded, asked)
}

func (b *bench) isJudged(ctx context.Context, name string) error {
	policy := &v1alpha1.ResidencyPolicy{}
	if err := b.server.Client.Get(ctx, client.ObjectKey{Name: name}, policy); err != nil {
		return err
	}
	if ready := meta.FindStatusCondition(policy.Status.Conditions, v1alpha1.ConditionReady); ready == nil || ready.Status != metav1.ConditionTrue || ready.ObservedGeneration != policy.Generation {
		return fmt.Errorf("policy %s is not judged: %+v", name, policy.Status.Conditions)
	}
	return nil
}

func (b *bench) areGuarded(ctx context.Context) error {
	list := &corev1.NamespaceList{}
	if err := b.server.Client.List(ctx, list); err != nil {
		return err
	}
	for i := range list.Items {
		if want := map[string]string{"personal": residency.GuardedEnforce, "maybe": residency.GuardedAudit}[list.Items[i].Labels["data"]]; want != list.Items[i].Labels[residency.LabelGuarded] && want != "" {
			return fmt.Errorf("namespace %s is labelled %v", list.Items[i].Name, list.Items[i].Labels)
		}
	}
	return nil
}

// judges tells whether claims in a namespace are judged by a class's place.
func (b *bench) judges(ctx context.Context, namespace string) error {
	s := &site{namespace: namespace}
	claim := func(class string) error {
		o := whole(s.in(object{"kind": "PersistentVolumeClaim", "metadata": object{"name": "probe"}, "spec": object{"storageClassName": class}}))
		return b.send(ctx, "", post.rehearsed(), o, "").err
	}
	if err := claim("eu-fast"); err != nil {
		return err
	}
	if claim("us-fast") == nil {
		return fmt.Errorf("a claim abroad is accepted in %s", namespace)
	}
	return nil
}
