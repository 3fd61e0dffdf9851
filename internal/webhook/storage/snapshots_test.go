package storage

import (
	"encoding/json"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/internal/webhook/lookup"
)

func snapshotObject(kind, namespace, name, fields string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	if err := json.Unmarshal([]byte(fields), &object.Object); err != nil {
		panic(err)
	}
	object.SetGroupVersionKind(schema.GroupVersionKind{Group: lookup.SnapshotGroup, Version: "v1", Kind: kind})
	object.SetNamespace(namespace)
	object.SetName(name)
	return object
}

// ofGroup makes an object one of the group of group snapshots.
func ofGroup(object *unstructured.Unstructured) *unstructured.Unstructured {
	object.SetAPIVersion("groupsnapshot.storage.k8s.io/v1beta1")
	return object
}

func snapshots() []client.Object {
	grant := snapshotObject("ReferenceGrant", "free", "g", `{"spec":{"from":[{"group":"","kind":"PersistentVolumeClaim","namespace":"shop"}],"to":[{"group":"","kind":"PersistentVolumeClaim","name":"granted"}]}}`)
	grant.SetGroupVersionKind(schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1beta1", Kind: "ReferenceGrant"})
	return []client.Object{grant,
		snapshotObject("VolumeSnapshotClass", "", "plain", `{"driver":"ebs.csi.aws.com"}`),
		snapshotObject("VolumeSnapshotClass", "", "tagged", `{"driver":"ebs.csi.aws.com","parameters":{"tagSpecification_1":"a=b"}}`),
		snapshotObject("VolumeSnapshotClass", "", "odd", `{"driver":"ebs.csi.aws.com","parameters":{"copyTo":"us-east-1"}}`),
		snapshotObject("VolumeSnapshotClass", "", "azure-us", `{"driver":"disk.csi.azure.com","parameters":{"location":"eastus"}}`),
		snapshotObject("VolumeSnapshotClass", "", "azure-fr", `{"driver":"disk.csi.azure.com","parameters":{"location":"francecentral"}}`),
		snapshotObject("VolumeSnapshotClass", "", "gcp", `{"driver":"pd.csi.storage.gke.io"}`),
		snapshotObject("VolumeSnapshotClass", "", "gcp-fr", `{"driver":"pd.csi.storage.gke.io","parameters":{"storage-locations":"europe-west9"}}`),
		snapshotObject("VolumeSnapshotClass", "", "gcp-eu", `{"driver":"pd.csi.storage.gke.io","parameters":{"storage-locations":"eu"}}`),
		snapshotObject("VolumeSnapshotClass", "", "strange", `{"driver":"x.example.com"}`),
		ofGroup(snapshotObject("VolumeGroupSnapshotClass", "", "far", `{"driver":"disk.csi.azure.com","parameters":{"location":"eastus"}}`)),
		ofGroup(snapshotObject("VolumeGroupSnapshotClass", "", "near", `{"driver":"disk.csi.azure.com"}`)),
		snapshotObject("VolumeSnapshot", "shop", "taken", `{"spec":{"source":{"persistentVolumeClaimName":"data"}},"status":{"boundVolumeSnapshotContentName":"content"}}`),
		snapshotObject("VolumeSnapshot", "shop", "soon", `{"spec":{"source":{"persistentVolumeClaimName":"data"}}}`),
		snapshotObject("VolumeSnapshot", "shop", "by-hand", `{"spec":{"source":{"volumeSnapshotContentName":"made"}}}`),
		snapshotObject("VolumeSnapshot", "shop", "forged", `{"spec":{"source":{"persistentVolumeClaimName":"data"}},"status":{"boundVolumeSnapshotContentName":"made"}}`),
		snapshotObject("VolumeSnapshot", "shop", "empty", `{"spec":{"source":{}}}`),
		snapshotObject("VolumeSnapshotContent", "", "content", `{"spec":{"source":{"volumeHandle":"vol-1"}}}`),
		snapshotObject("VolumeSnapshotContent", "", "made", `{"spec":{"source":{"snapshotHandle":"snap-1"}}}`),
	}
}

func TestSnapshotsAreJudgedByTheirClass(t *testing.T) {
	of := func(class string) *unstructured.Unstructured {
		return snapshotObject("VolumeSnapshot", "shop", "s", `{"spec":{"source":{"persistentVolumeClaimName":"data"},"volumeSnapshotClassName":"`+class+`"}}`)
	}
	unnamed := snapshotObject("VolumeSnapshot", "shop", "s", `{"spec":{"source":{"persistentVolumeClaimName":"data"}}}`)
	imported := snapshotObject("VolumeSnapshot", "shop", "s", `{"spec":{"source":{"volumeSnapshotContentName":"made"}}}`)
	content := func(source, class string) *unstructured.Unstructured {
		return snapshotObject("VolumeSnapshotContent", "", "c", `{"spec":{"driver":"disk.csi.azure.com","volumeSnapshotRef":{"namespace":"shop","name":"s"},"source":{`+source+`}`+class+`}}`)
	}
	group := func(class string) *unstructured.Unstructured {
		return ofGroup(snapshotObject("VolumeGroupSnapshot", "shop", "g", `{"spec":{"source":{"selector":{}},"volumeGroupSnapshotClassName":"`+class+`"}}`))
	}
	for name, test := range map[string]struct {
		object, old *unstructured.Unstructured
		byDefault   string
		refused     string
	}{
		"with the volume":              {of("plain"), nil, "", ""},
		"with tags":                    {of("tagged"), nil, "", ""},
		"a parameter nobody knows":     {of("odd"), nil, "", `parameter "copyTo" is not known`},
		"in a region abroad":           {of("azure-us"), nil, "", `rule snapshot: snapshot class "azure-us" keeps snapshots in azure eastus (US, AdequatePartial)`},
		"in a region here":             {of("azure-fr"), nil, "", ""},
		"wherever the driver likes":    {of("gcp"), nil, "", "keeps snapshots elsewhere than volumes"},
		"in a region that is named":    {of("gcp-fr"), nil, "", ""},
		"in no single place":           {of("gcp-eu"), nil, "", "no single place"},
		"of a driver nobody knows":     {of("strange"), nil, "", "x.example.com"},
		"of a class that is gone":      {of("gone"), nil, "", `VolumeSnapshotClass "gone" does not exist`},
		"of no class, without default": {unnamed, nil, "", "names no VolumeSnapshotClass"},
		"of a good default":            {unnamed, nil, "plain", ""},
		"of a default abroad":          {unnamed, nil, "azure-us", "eastus"},
		"a class filled in later":      {of("azure-us"), unnamed, "", "eastus"},
		"a class that it had":          {of("azure-us"), of("azure-us"), "", ""},
		"content that exists":          {imported, nil, "", ""},
		"content to be taken abroad":   {content(`"volumeHandle":"v"`, `,"volumeSnapshotClassName":"azure-us"`), nil, "", "eastus"},
		"content to be taken here":     {content(`"volumeHandle":"v"`, `,"volumeSnapshotClassName":"azure-fr"`), nil, "", ""},
		"content of no class":          {content(`"volumeHandle":"v"`, ``), nil, "", ""},
		"content that was taken":       {content(`"snapshotHandle":"s"`, `,"volumeSnapshotClassName":"azure-us"`), nil, "", ""},
		"of a group, abroad":           {group("far"), nil, "", "eastus"},
		"of a group, here":             {group("near"), nil, "", ""},
		"of a group, no such class":    {group("gone"), nil, "", `VolumeGroupSnapshotClass "gone" does not exist`},
	} {
		t.Run(name, func(t *testing.T) {
			objects := snapshots()
			for _, object := range objects {
				if object.GetName() == test.byDefault {
					object.SetAnnotations(map[string]string{annDefaults["VolumeSnapshotClass"]: "true"})
				}
			}
			h := NewSnapshots(worldOf(t, volumesWorld(), objects...))
			var old any
			if test.old != nil {
				old = test.old.Object
			}
			check(t, h.Handle(t.Context(), request(t, operationOf(old), snapshotKind, "shop", test.object.Object, old)), test.refused, false)
		})
	}
}

func TestTheSourceOfAClaimIsJudged(t *testing.T) {
	group := lookup.SnapshotGroup
	from := func(namespace, kind, name string) *corev1.PersistentVolumeClaim {
		c := pvc("paris", "-", "1Gi")
		c.Spec.DataSourceRef = &corev1.TypedObjectReference{Kind: kind, Name: name}
		if kind == "VolumeSnapshot" {
			c.Spec.DataSourceRef.APIGroup = &group
		}
		if namespace != "" {
			c.Spec.DataSourceRef.Namespace = &namespace
		}
		return c
	}
	older := pvc("paris", "-", "1Gi")
	older.Spec.DataSource = &corev1.TypedLocalObjectReference{APIGroup: &group, Kind: "VolumeSnapshot", Name: "by-hand"}
	for name, test := range map[string]struct {
		object  *corev1.PersistentVolumeClaim
		refused string
	}{
		"a clone":                         {from("", "PersistentVolumeClaim", "other"), ""},
		"a clone in its own namespace":    {from("shop", "PersistentVolumeClaim", "other"), ""},
		"of another namespace, granted":   {from("free", "PersistentVolumeClaim", "granted"), ""},
		"of another namespace":            {from("free", "PersistentVolumeClaim", "other"), `"other" of namespace "free" is not granted`},
		"a snapshot of another namespace": {from("free", "VolumeSnapshot", "granted"), "is not granted"},
		"a snapshot that was taken":       {from("", "VolumeSnapshot", "taken"), ""},
		"a snapshot that is being taken":  {from("", "VolumeSnapshot", "soon"), ""},
		"a snapshot made by hand":         {from("", "VolumeSnapshot", "by-hand"), `snapshot content "made" was made by hand`},
		"a snapshot bound by hand":        {from("", "VolumeSnapshot", "forged"), "made by hand"},
		"a snapshot of nothing":           {from("", "VolumeSnapshot", "empty"), "names no VolumeSnapshotContent"},
		"a snapshot that is gone":         {from("", "VolumeSnapshot", "gone"), `VolumeSnapshot "gone" does not exist`},
		"the older field":                 {older, "made by hand"},
	} {
		t.Run(name, func(t *testing.T) {
			_, world := worldOf(t, volumesWorld(), snapshots()...)
			h := New(world)
			check(t, h.Handle(t.Context(), request(t, create, claimKind, "shop", test.object, nil)), test.refused, false)
			check(t, h.Handle(t.Context(), request(t, admissionv1.Update, claimKind, "shop", test.object, test.object)), "", false)
		})
	}
}
