package storage

import (
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/lookup"
)

var (
	volumeKind   = metav1.GroupVersionKind{Version: "v1", Kind: "PersistentVolume"}
	classKind    = metav1.GroupVersionKind{Group: "storage.k8s.io", Version: "v1", Kind: "StorageClass"}
	podKind      = metav1.GroupVersionKind{Version: "v1", Kind: "Pod"}
	snapshotKind = metav1.GroupVersionKind{Group: lookup.SnapshotGroup, Version: "v1", Kind: "VolumeSnapshot"}
)

// withSnapshots knows the kinds of snapshots and grants, which a cluster may lack.
func withSnapshots(t testing.TB) *runtime.Scheme {
	t.Helper()
	s := scheme(t)
	for _, kind := range []string{"VolumeSnapshot", "VolumeSnapshotContent", "VolumeSnapshotClass"} {
		gv := schema.GroupVersion{Group: lookup.SnapshotGroup, Version: "v1"}
		s.AddKnownTypeWithName(gv.WithKind(kind), &unstructured.Unstructured{})
		s.AddKnownTypeWithName(gv.WithKind(kind+"List"), &unstructured.UnstructuredList{})
	}
	groups := schema.GroupVersion{Group: "groupsnapshot.storage.k8s.io", Version: "v1beta1"}
	for _, kind := range []string{"VolumeGroupSnapshot", "VolumeGroupSnapshotClass"} {
		s.AddKnownTypeWithName(groups.WithKind(kind), &unstructured.Unstructured{})
		s.AddKnownTypeWithName(groups.WithKind(kind+"List"), &unstructured.UnstructuredList{})
	}
	grants := schema.GroupVersion{Group: "gateway.networking.k8s.io", Version: "v1beta1"}
	s.AddKnownTypeWithName(grants.WithKind("ReferenceGrant"), &unstructured.Unstructured{})
	s.AddKnownTypeWithName(grants.WithKind("ReferenceGrantList"), &unstructured.UnstructuredList{})
	return s
}

// volumesWorld has nodes in Paris and Virginia, a server in France, and policies that know the provider.
func volumesWorld() residency.Input {
	in := world()
	for i := range in.Policies {
		in.Policies[i].Spec.Provider = "aws"
		in.Policies[i].Spec.Storage.Servers = []v1alpha1.StorageServer{{Host: "nfs.example.com", Country: "FR", Evidence: "contract"}}
	}
	for name, region := range map[string]string{"paris": "eu-west-3", "virginia": "us-east-1"} {
		in.Nodes = append(in.Nodes, corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelTopologyRegion: region}}})
	}
	return in
}

func worldOf(t testing.TB, in residency.Input, live ...client.Object) (*runtime.Scheme, lookup.World) {
	t.Helper()
	holder := &residency.Holder{}
	holder.Store(residency.Build(in))
	s := withSnapshots(t)
	for i := range in.Namespaces {
		live = append(live, in.Namespaces[i].DeepCopy())
	}
	reader := fake.NewClientBuilder().WithScheme(s).WithObjects(live...).Build()
	return s, lookup.World{Snapshots: holder, Live: reader, Cached: reader, Clock: clocktesting.NewFakePassiveClock(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)), OperatorNamespace: "rempart-system"}
}

// disk makes a block volume that is reached in a zone of AWS, reserved for a claim unless the namespace is empty.
func disk(name, zone, namespace string) *corev1.PersistentVolume {
	volume := &corev1.PersistentVolume{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolume"}, ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PersistentVolumeSpec{
		PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: "ebs.csi.aws.com", VolumeHandle: "vol-1"}}, NodeAffinity: reachedFrom(zone)}}
	if namespace != "" {
		volume.Spec.ClaimRef = &corev1.ObjectReference{Namespace: namespace, Name: "data"}
	}
	return volume
}

func reachedFrom(zone string) *corev1.VolumeNodeAffinity {
	return &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
		{Key: corev1.LabelTopologyZone, Operator: corev1.NodeSelectorOpIn, Values: []string{zone}}}}}}}
}

func changed[T any, P interface {
	*T
	DeepCopy() P
}](object P, changes ...func(P)) P {
	out := object.DeepCopy()
	for _, change := range changes {
		change(out)
	}
	return out
}

// check asks a handler and compares: refused is a part of the message; empty for allowed.
func check(t *testing.T, got admission.Response, refused string, warned bool) {
	t.Helper()
	switch {
	case got.Allowed != (refused == ""):
		t.Errorf("allowed %t: %+v", got.Allowed, got.Result)
	case refused != "" && !strings.Contains(got.Result.Message, refused):
		t.Errorf("%s, want %q", got.Result.Message, refused)
	case refused != "" && len(got.Result.Message) >= 500:
		t.Errorf("%d characters: %s", len(got.Result.Message), got.Result.Message)
	}
	if (len(got.Warnings) > 0) != warned {
		t.Errorf("warnings %q", got.Warnings)
	}
}

func operationOf(old any) admissionv1.Operation {
	if old == nil {
		return create
	}
	return admissionv1.Update
}

func TestVolumesOfGuardedClaimsAreJudged(t *testing.T) {
	const here, abroad = "eu-west-3a", "us-east-1a"
	reserved := func(v *corev1.PersistentVolume) {
		v.Spec.ClaimRef = &corev1.ObjectReference{Namespace: "shop", Name: "data"}
	}
	for name, test := range map[string]struct {
		object, old *corev1.PersistentVolume
		refused     string
		warned      bool
	}{
		"made in Paris":                          {disk("v", here, "shop"), nil, "", false},
		"made in Virginia":                       {disk("v", abroad, "shop"), nil, `rule volume: volume "v" lies in aws us-east-1a (US, AdequatePartial); allowed: EU`, false},
		"made in Virginia, for nobody":           {disk("v", abroad, ""), nil, "", false},
		"made in Virginia, for a free namespace": {disk("v", abroad, "free"), nil, "", false},
		"made in Virginia, for no namespace":     {disk("v", abroad, "gone"), nil, "", false},
		"made in Virginia, in an audit":          {disk("v", abroad, "lab"), nil, "", true},
		"without evidence":                       {changed(disk("v", here, "shop"), func(v *corev1.PersistentVolume) { v.Spec.NodeAffinity = nil }), nil, "says where it lies", false},
		"reserved later":                         {disk("v", abroad, "shop"), disk("v", abroad, ""), "us-east-1a", false},
		"reserved later, here":                   {disk("v", here, "shop"), disk("v", here, ""), "", false},
		"from another claim":                     {disk("v", abroad, "shop"), disk("v", abroad, "free"), "us-east-1a", false},
		"the binder names the claim":             {changed(disk("v", abroad, "shop"), func(v *corev1.PersistentVolume) { v.Spec.ClaimRef.UID = "u" }), disk("v", abroad, "shop"), "us-east-1a", false},
		"its affinity moves":                     {changed(disk("v", abroad, ""), reserved), disk("v", here, "shop"), "us-east-1a", false},
		"its options move":                       {changed(disk("v", here, "shop"), func(v *corev1.PersistentVolume) { v.Spec.MountOptions = []string{"addr=10.1.1.1"} }), disk("v", here, "shop"), "10.1.1.1", false},
		"its options move by annotation": {changed(disk("v", here, "shop"), func(v *corev1.PersistentVolume) {
			v.Annotations = map[string]string{corev1.MountOptionAnnotation: "addr=10.1.1.1"}
		}), disk("v", here, "shop"), "10.1.1.1", false},
		"labels of one abroad": {changed(disk("v", abroad, "shop"), func(v *corev1.PersistentVolume) { v.Labels = map[string]string{"a": "b"} }), disk("v", abroad, "shop"), "", false},
		"its release":          {disk("v", abroad, ""), disk("v", abroad, "shop"), "", false},
		"the end of one abroad": {changed(disk("v", abroad, "shop"), func(v *corev1.PersistentVolume) {
			v.Finalizers, v.Spec.PersistentVolumeReclaimPolicy = nil, corev1.PersistentVolumeReclaimDelete
		}), changed(disk("v", abroad, "shop"), func(v *corev1.PersistentVolume) { v.Finalizers = []string{"x/y"} }), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			h := NewVolumes(worldOf(t, volumesWorld()))
			var old any
			if test.old != nil {
				old = test.old
			}
			check(t, h.Handle(t.Context(), request(t, operationOf(old), volumeKind, "", test.object, old)), test.refused, test.warned)
		})
	}
}

func TestTheBindOfAClaimIsJudgedByItsVolume(t *testing.T) {
	bound := func(volume string) *corev1.PersistentVolumeClaim {
		c := pvc("paris", "-", "1Gi")
		c.Spec.VolumeName = volume
		return c
	}
	annotated := func(c *corev1.PersistentVolumeClaim, key, value string) *corev1.PersistentVolumeClaim {
		c = c.DeepCopy()
		c.Annotations = map[string]string{key: value}
		return c
	}
	done := func(c *corev1.PersistentVolumeClaim) *corev1.PersistentVolumeClaim {
		c = c.DeepCopy()
		c.Status.Phase = corev1.ClaimBound
		return c
	}
	grown := bound("abroad")
	grown.Spec.Resources = pvc("", "", "2Gi").Spec.Resources
	free := pvc("paris", "-", "1Gi")
	for name, test := range map[string]struct {
		object, old *corev1.PersistentVolumeClaim
		refused     string
	}{
		"bound from the start":            {bound("here"), nil, ""},
		"bound abroad from the start":     {bound("abroad"), nil, `volume "abroad" lies in aws us-east-1a`},
		"bound to nothing":                {bound("gone"), nil, `volume "gone" does not exist`},
		"the binder binds":                {bound("here"), free, ""},
		"the binder binds abroad":         {bound("abroad"), free, "us-east-1a"},
		"the binder is done":              {annotated(bound("abroad"), annBound, "yes"), bound("abroad"), "us-east-1a"},
		"the status says so":              {done(bound("abroad")), bound("abroad"), "us-east-1a"},
		"it grows abroad":                 {grown, bound("abroad"), "us-east-1a"},
		"labels of one abroad":            {annotated(done(bound("abroad")), "a", "b"), done(bound("abroad")), ""},
		"a node in Paris":                 {annotated(free, annSelectedNode, "paris"), free, ""},
		"a node abroad":                   {annotated(free, annSelectedNode, "virginia"), free, `for node "virginia": aws us-east-1`},
		"a node abroad from the start":    {annotated(free, annSelectedNode, "virginia"), nil, "virginia"},
		"a node nobody knows":             {annotated(free, annSelectedNode, "gone"), free, `node "gone", which does not exist`},
		"the node is taken back":          {free, annotated(free, annSelectedNode, "virginia"), ""},
		"the node that it had":            {annotated(free, annSelectedNode, "virginia"), annotated(free, annSelectedNode, "virginia"), ""},
		"harmless attributes":             {changedAttributes(free, "fast"), free, ""},
		"attributes that may move it":     {changedAttributes(free, "moving"), free, `parameter "zone" may move data`},
		"attributes nobody knows":         {changedAttributes(free, "odd"), free, `parameter "teleport" may move data`},
		"attributes of an unknown driver": {changedAttributes(free, "strange"), nil, "x.example.com"},
		"attributes that do not exist":    {changedAttributes(free, "gone"), free, "does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			_, world := worldOf(t, volumesWorld(), disk("here", "eu-west-3a", ""), disk("abroad", "us-east-1a", ""),
				attributes("fast", "ebs.csi.aws.com", "iops"), attributes("moving", "ebs.csi.aws.com", "zone"), attributes("odd", "ebs.csi.aws.com", "teleport"), attributes("strange", "x.example.com", "type"))
			var old any
			if test.old != nil {
				old = test.old
			}
			check(t, New(world).Handle(t.Context(), request(t, operationOf(old), claimKind, "shop", test.object, old)), test.refused, false)
		})
	}
}

func changedAttributes(claim *corev1.PersistentVolumeClaim, name string) *corev1.PersistentVolumeClaim {
	claim = claim.DeepCopy()
	claim.Spec.VolumeAttributesClassName = &name
	return claim
}

func attributes(name, driver, parameter string) *storagev1.VolumeAttributesClass {
	return &storagev1.VolumeAttributesClass{ObjectMeta: metav1.ObjectMeta{Name: name}, DriverName: driver, Parameters: map[string]string{parameter: "1"}}
}

func TestVolumesThatPodsBringAreJudged(t *testing.T) {
	with := func(source corev1.VolumeSource) corev1.PodSpec {
		return corev1.PodSpec{Volumes: []corev1.Volume{{Name: "files", VolumeSource: source}}}
	}
	server := func(host string) corev1.PodSpec {
		return with(corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{Server: host, Path: "/"}})
	}
	deployment := func(spec corev1.PodSpec) *appsv1.Deployment {
		return &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{Spec: spec}}}
	}
	template := metav1.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}
	for name, test := range map[string]struct {
		kind      metav1.GroupVersionKind
		namespace string
		object    any
		old       any
		refused   string
		warned    bool
	}{
		"a declared server":              {podKind, "shop", corev1.Pod{Spec: server("nfs.example.com")}, nil, "", false},
		"a server nobody declared":       {podKind, "shop", corev1.Pod{Spec: server("10.0.0.1")}, nil, `rule inline-volume: volume "files" of the pod cannot be located: server "10.0.0.1" is not declared`, false},
		"the same in an audit":           {podKind, "lab", corev1.Pod{Spec: server("10.0.0.1")}, nil, "", true},
		"the same in a free namespace":   {podKind, "free", corev1.Pod{Spec: server("10.0.0.1")}, nil, "", false},
		"memory":                         {podKind, "shop", corev1.Pod{Spec: with(corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}})}, nil, "", false},
		"a driver nobody knows":          {podKind, "shop", corev1.Pod{Spec: with(corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{Driver: "x.example.com"}})}, nil, `driver "x.example.com" is not in the list`, false},
		"secrets by a driver":            {podKind, "shop", corev1.Pod{Spec: with(corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{Driver: "secrets-store.csi.k8s.io"}})}, nil, "", false},
		"a template":                     {template, "shop", deployment(server("10.0.0.1")), nil, "10.0.0.1", false},
		"a template that had it already": {template, "shop", deployment(server("10.0.0.1")), deployment(server("10.0.0.1")), "", false},
		"a template that moves":          {template, "shop", deployment(server("10.0.0.1")), deployment(server("nfs.example.com")), "10.0.0.1", false},
		"a template that is repaired":    {template, "shop", deployment(server("nfs.example.com")), deployment(server("10.0.0.1")), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, world := worldOf(t, volumesWorld())
			h := New(world)
			check(t, h.Handle(t.Context(), request(t, operationOf(test.old), test.kind, test.namespace, test.object, test.old)), test.refused, test.warned)
		})
	}
}

func TestClassesKeepTheirPlaceWhileClaimsNameThem(t *testing.T) {
	typed := func(name string, regions ...string) *storagev1.StorageClass {
		c := class(name, regions[0])
		c.AllowedTopologies[0].MatchLabelExpressions[0].Values = regions
		return &c
	}
	user := pvc("taken", "-", "1Gi")
	user.Namespace = "shop"
	byAnnotation := pvc("paris", "noted", "1Gi")
	byAnnotation.Namespace, byAnnotation.Name = "shop", "noted"
	elsewhere := pvc("loose", "-", "1Gi")
	elsewhere.Namespace = "free"
	audited := pvc("watched", "-", "1Gi")
	audited.Namespace = "lab"
	for name, test := range map[string]struct {
		object, old *storagev1.StorageClass
		refused     string
		warned      bool
	}{
		"anew, in Paris":               {typed("taken", "eu-west-3"), nil, "", false},
		"anew, abroad":                 {typed("taken", "us-east-1"), nil, `claim "shop/data" names it, and class "taken" provisions in aws us-east-1 (US, AdequatePartial)`, false},
		"anew, abroad, by annotation":  {typed("noted", "us-east-1"), nil, `"shop/noted"`, false},
		"anew, abroad, in an audit":    {typed("watched", "us-east-1"), nil, "", true},
		"a name that nobody has":       {typed("new", "us-east-1"), nil, "", false},
		"a name of a free namespace":   {typed("loose", "us-east-1"), nil, "", false},
		"moved abroad":                 {typed("taken", "us-east-1"), typed("taken", "eu-west-3"), "us-east-1", false},
		"extended abroad":              {typed("taken", "eu-west-3", "us-east-1"), typed("taken", "eu-west-3"), "us-east-1", false},
		"narrowed, and abroad as ever": {typed("taken", "us-east-1"), typed("taken", "us-east-1", "us-east-2"), "", false},
		"further abroad":               {typed("taken", "us-east-1", "us-east-2"), typed("taken", "us-east-1"), "us-east-1", false},
		"relabelled":                   {changed(typed("taken", "us-east-1"), func(c *storagev1.StorageClass) { c.Labels = map[string]string{"a": "b"} }), typed("taken", "us-east-1"), "", false},
		"repaired":                     {typed("taken", "eu-west-3"), typed("taken", "us-east-1"), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			h := NewClasses(worldOf(t, volumesWorld(), user.DeepCopy(), byAnnotation.DeepCopy(), elsewhere.DeepCopy(), audited.DeepCopy()))
			var old any
			if test.old != nil {
				old = test.old
			}
			check(t, h.Handle(t.Context(), request(t, operationOf(old), classKind, "", test.object, old)), test.refused, test.warned)
		})
	}
}

func FuzzVolumeHandlers(f *testing.F) {
	f.Add([]byte(`{"kind":"PersistentVolume","spec":{"claimRef":{"namespace":"shop"},"nfs":{"server":"["}}}`))
	f.Add([]byte(`{"kind":"PersistentVolume","spec":{"claimRef":{},"nodeAffinity":{"required":null}}}`))
	f.Add([]byte(`{"kind":"StorageClass","allowedTopologies":[{}],"provisioner":""}`))
	f.Add([]byte(`{"apiVersion":"snapshot.storage.k8s.io/v1","kind":"VolumeSnapshot","spec":{"volumeSnapshotClassName":1,"source":[]}}`))
	f.Add([]byte(`null`))
	s, world := worldOf(f, volumesWorld(), snapshots()...)
	handlers := map[string]admission.Handler{"volume": NewVolumes(s, world), "class": NewClasses(s, world), "snapshot": NewSnapshots(s, world)}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for name, h := range handlers {
			got := h.Handle(t.Context(), admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{Operation: create, Namespace: "shop", Object: runtime.RawExtension{Raw: raw}}})
			if !got.Allowed && got.Result == nil {
				t.Errorf("%s refused without a reason", name)
			}
		}
	})
}
