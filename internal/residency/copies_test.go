package residency

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

type fields = map[string]any

func foreign(kind schema.GroupVersionKind, namespace, name string, spec fields) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: fields{"spec": spec}}
	object.SetGroupVersionKind(kind)
	object.SetNamespace(namespace)
	object.SetName(name)
	return object
}

func velero(name, provider string, config fields) *unstructured.Unstructured {
	return foreign(kindLocation, "velero", name, fields{"provider": provider, "objectStorage": fields{"bucket": "Backups"}, "config": config})
}

func postgres(name, to, endpoint string) *unstructured.Unstructured {
	store := fields{"destinationPath": to}
	if endpoint != "" {
		store["endpointURL"] = endpoint
	}
	return foreign(kindPostgres, "shop", name, fields{"backup": fields{"barmanObjectStore": store}})
}

func TestWhereCopiesAreIsReadFromWhatProvesIt(t *testing.T) {
	type place struct{ Provider, Region, Host string }
	for name, test := range map[string]struct {
		object *unstructured.Unstructured
		want   place
	}{
		"Velero, a region":                  {velero("x", "aws", fields{"region": "us-east-1"}), place{"aws", "us-east-1", ""}},
		"Velero, the long name":             {velero("x", "velero.io/aws", fields{"region": "us-east-1"}), place{"aws", "us-east-1", ""}},
		"Velero, no region":                 {velero("x", "aws", fields{}), place{"", "", "backups.s3.amazonaws.com"}},
		"Velero, a URL beats the region":    {velero("x", "aws", fields{"region": "eu-west-3", "s3Url": "https://minio.example.com:9000"}), place{"", "", "minio.example.com"}},
		"Velero, a URL that says a region":  {velero("x", "aws", fields{"region": "eu-west-3", "s3Url": "https://s3.us-east-1.amazonaws.com"}), place{"aws", "us-east-1", ""}},
		"Velero, Google":                    {velero("x", "gcp", nil), place{"", "", "backups.storage.googleapis.com"}},
		"Velero, Azure":                     {velero("x", "velero.io/azure", fields{"storageAccount": "acme"}), place{"", "", "acme.blob.core.windows.net"}},
		"Velero, Azure, without an account": {velero("x", "azure", fields{}), place{}},
		"Velero, another provider":          {velero("x", "example.com/tape", fields{"region": "eu-west-3"}), place{}},
		"Velero, no config":                 {foreign(kindLocation, "velero", "x", fields{"provider": "aws", "config": "odd"}), place{}},
		"PostgreSQL, a bucket":              {postgres("x", "s3://backups/db", ""), place{"", "", "backups.s3.amazonaws.com"}},
		"PostgreSQL, an endpoint":           {postgres("x", "s3://backups/db", "https://s3.dualstack.eu-west-3.amazonaws.com/"), place{"aws", "eu-west-3", ""}},
		"PostgreSQL, an own endpoint":       {postgres("x", "s3://backups/db", "http://minio.example.com"), place{"", "", "minio.example.com"}},
		"PostgreSQL, Azure":                 {postgres("x", "https://acme.blob.core.windows.net/db", ""), place{"", "", "acme.blob.core.windows.net"}},
		"PostgreSQL, Google":                {postgres("x", "gs://backups", ""), place{"", "", "backups.storage.googleapis.com"}},
		"Velero, snapshots of a region":     {foreign(kindSnapshots, "velero", "x", fields{"provider": "velero.io/aws", "config": fields{"region": "us-east-1"}}), place{"aws", "us-east-1", ""}},
		"Velero, snapshots of Google":       {foreign(kindSnapshots, "velero", "x", fields{"provider": "gcp", "config": fields{"snapshotLocation": "us-central1"}}), place{"gcp", "us-central1", ""}},
		"an object store of the plug-in":    {foreign(kindStore, "shop", "x", fields{"configuration": fields{"destinationPath": "s3://b/db", "endpointURL": "https://s3.us-east-1.amazonaws.com"}}), place{"aws", "us-east-1", ""}},
		"Longhorn, a bucket and a region":   {foreign(kindTarget, "longhorn", "x", fields{"backupTargetURL": "s3://Backups@us-east-1/"}), place{"", "", "backups.s3.amazonaws.com"}},
		"Longhorn, files":                   {foreign(kindTarget, "longhorn", "x", fields{"backupTargetURL": "nfs://nfs.example.com:/exports"}), place{"", "", "nfs.example.com"}},
		"Longhorn, Azure":                   {foreign(kindTarget, "longhorn", "x", fields{"backupTargetURL": "azblob://backups@blob.core.windows.net/"}), place{"", "", "blob.core.windows.net"}},
		"a bucket that is named as a host":  {postgres("x", "s3://s3.eu-west-3/db", ""), place{"", "", "s3.eu-west-3.s3.amazonaws.com"}},
		"a host that only looks regional":   {postgres("x", "s3://b/db", "https://s3.eu-west-3.amazonaws.com.example.com"), place{"", "", "s3.eu-west-3.amazonaws.com.example.com"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := CopyOf(test.object)
			if c == nil {
				t.Fatal("it is passed over")
			}
			if diff := cmp.Diff(test.want, place{c.Provider, c.Region, c.Host}); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, nothing := range []*unstructured.Unstructured{foreign(kindPostgres, "shop", "x", fields{}), foreign(kindStore, "shop", "x", fields{}), foreign(kindTarget, "longhorn", "x", fields{"backupTargetURL": ""}),
		foreign(kindSnapshots, "velero", "x", fields{"provider": "csi"}), foreign(kindContent, "", "x", fields{"source": fields{"volumeHandle": "v"}})} {
		if CopyOf(nothing) != nil {
			t.Errorf("%s keeps copies, and names none", nothing.GetKind())
		}
	}
}

func TestCopiesAreFoundWhereTheyMayNotBe(t *testing.T) {
	s := scene(func(in *Input) {
		in.Policies[0].Spec.Storage.Servers = []v1alpha1.StorageServer{{Host: "minio.example.com", Country: "FR"}, {Host: "nas.example.com", Country: "US"}}
		other := policy("other", "Named", nil) // judges no namespace, so no location either
		in.Policies = append(in.Policies, other)
	})
	content := func(name, namespace string, source fields) *unstructured.Unstructured {
		return foreign(kindContent, "", name, fields{"source": source, "volumeSnapshotRef": fields{"namespace": namespace, "name": "s"}})
	}
	inClass := func(name, namespace, class string) *unstructured.Unstructured {
		return foreign(kindContent, "", name, fields{"source": fields{"volumeHandle": "v"}, "volumeSnapshotClassName": class, "volumeSnapshotRef": fields{"namespace": namespace, "name": "s"}})
	}
	classOf := func(name string, parameters fields) *unstructured.Unstructured {
		class := foreign(kindSnapshotClass, "", name, nil)
		class.Object["driver"], class.Object["parameters"] = "disk.csi.azure.com", parameters
		return class
	}
	for _, object := range []*unstructured.Unstructured{
		velero("home", "aws", fields{"region": "eu-west-3"}), velero("away", "aws", fields{"region": "us-east-1"}), velero("odd", "aws", fields{"region": "mars-1"}), velero("tape", "tape", nil),
		postgres("local", "s3://b", "https://minio.example.com"), postgres("nas", "s3://b", "https://nas.example.com"), postgres("bucket", "s3://b", ""),
		content("made", "shop", fields{"snapshotHandle": "snap-1"}), content("taken", "shop", fields{"volumeHandle": "vol-1"}), content("free", "free", fields{"snapshotHandle": "snap-1"}),
		inClass("far", "shop", "azure-us"), inClass("near", "shop", "azure-fr"), inClass("lost", "shop", "gone"), inClass("elsewhere", "free", "azure-us"),
		classOf("azure-us", fields{"location": "eastus"}), classOf("azure-fr", fields{"location": "francecentral"}),
	} {
		if c := CopyOf(object); c != nil {
			s.Copies = append(s.Copies, *c)
		}
	}
	scanned := Look(s).Of(&s.Policies[0])
	want := []string{
		"declared-place Cluster shop/nas US ZoneNotAllowed []",
		"declared-place BackupStorageLocation velero/away US ZoneNotAllowed []",
		"snapshot VolumeSnapshotContent shop/far US ZoneNotAllowed []",
		"declared-place Cluster shop/bucket  ServerUnknown []",
		"declared-place BackupStorageLocation velero/odd  RegionUnknown []",
		"declared-place BackupStorageLocation velero/tape  ServerUnknown []",
		"snapshot VolumeSnapshotContent shop/made  HandMadeSnapshot []",
	}
	if diff := cmp.Diff(want, lines(scanned)); diff != "" {
		t.Error(diff)
	}
	for i, want := range []string{"keeps backups in", "us-east-1 (US, AdequatePartial)", "keeps snapshots in azure eastus", "spec.storage.servers", "spec.locations", "name the region", "made by hand"} {
		if i < len(scanned.Findings) && !strings.Contains(scanned.Findings[i].Message, want) {
			t.Errorf("%q does not say %q", scanned.Findings[i].Message, want)
		}
	}
	if other := Look(s).Of(&s.Policies[1]); other.Total != 0 {
		t.Errorf("a policy that judges no namespace finds %+v", other.Findings)
	}
	for i, want := range map[int][3]string{0: {"postgresql.cnpg.io/v1", "shop", "nas"}, 6: {"snapshot.storage.k8s.io/v1", "", "made"}} {
		if o := scanned.Findings[i].Object(); [3]string{o.APIVersion, o.Namespace, o.Name} != want {
			t.Errorf("%+v", o)
		}
	}
}
