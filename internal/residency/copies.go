package residency

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Kinds of others that tell where copies of data are kept.
var (
	kindContent  = schema.GroupVersionKind{Group: "snapshot.storage.k8s.io", Version: "v1", Kind: "VolumeSnapshotContent"}
	kindLocation = schema.GroupVersionKind{Group: "velero.io", Version: "v1", Kind: "BackupStorageLocation"}
	kindPostgres = schema.GroupVersionKind{Group: "postgresql.cnpg.io", Version: "v1", Kind: "Cluster"}
	// kindSnapshots is where Velero keeps snapshots of volumes; kindStore is of the backup plug-in of CloudNativePG; kindTarget is
	// where Longhorn keeps backups.
	kindSnapshots = schema.GroupVersionKind{Group: "velero.io", Version: "v1", Kind: "VolumeSnapshotLocation"}
	kindStore     = schema.GroupVersionKind{Group: "barmancloud.cnpg.io", Version: "v1", Kind: "ObjectStore"}
	kindTarget    = schema.GroupVersionKind{Group: "longhorn.io", Version: "v1beta2", Kind: "BackupTarget"}
	// kindSnapshotClass says where the contents of its snapshots are.
	kindSnapshotClass = schema.GroupVersionKind{Group: "snapshot.storage.k8s.io", Version: "v1", Kind: "VolumeSnapshotClass"}
)

// CopyKinds are the kinds of which CopyOf reads something. A cluster may lack any.
var CopyKinds = []schema.GroupVersionKind{kindContent, kindLocation, kindPostgres, kindSnapshots, kindStore, kindTarget, kindSnapshotClass}

// Copy is what is read of an object that tells where copies of data are kept.
type Copy struct {
	Kind schema.GroupVersionKind
	// Namespace of the object; of its snapshot, for the content of one.
	Namespace, Name, UID string
	// Provider and Region of the copies, where the object proves both; else the Host where they are kept, as far as it says so.
	Provider, Region, Host string
	// Class of the content of a snapshot that a driver takes; Driver and Parameters, as JSON, of a class of snapshots.
	Class, Driver, Parameters string
}

// CopyOf reads an object of one of CopyKinds; nil when it keeps no copy, or one that stays where its volume is, which is judged
// itself.
func CopyOf(object *unstructured.Unstructured) *Copy {
	c := &Copy{Kind: object.GroupVersionKind(), Namespace: object.GetNamespace(), Name: object.GetName(), UID: string(object.GetUID())}
	read := func(fields ...string) string {
		value, _, _ := unstructured.NestedString(object.Object, fields...) // another type is another kind's field: not read
		return value
	}
	switch c.Kind {
	case kindContent:
		c.Namespace = read("spec", "volumeSnapshotRef", "namespace")
		if c.Class = read("spec", "volumeSnapshotClassName"); read("spec", "source", "volumeHandle") == "" {
			c.Class = ""
		} else if c.Class == "" {
			return nil
		}
	case kindSnapshotClass:
		parameters, _, _ := unstructured.NestedStringMap(object.Object, "parameters") // not text: no driver reads it
		content, _ := json.Marshal(parameters)                                        // strings always marshal
		c.Driver, c.Parameters = read("driver"), string(content)
	case kindLocation:
		c.ofVelero(read)
	case kindSnapshots:
		c.Provider = strings.TrimPrefix(read("spec", "provider"), "velero.io/")
		if c.Region = cmp.Or(read("spec", "config", "region"), read("spec", "config", "snapshotLocation")); c.Region == "" {
			return nil
		}
	case kindPostgres:
		return c.ofBarman(read("spec", "backup", "barmanObjectStore", "destinationPath"), read("spec", "backup", "barmanObjectStore", "endpointURL"))
	case kindStore:
		return c.ofBarman(read("spec", "configuration", "destinationPath"), read("spec", "configuration", "endpointURL"))
	case kindTarget:
		return c.ofLonghorn(read("spec", "backupTargetURL"))
	}
	return c
}

// ofBarman reads where Barman keeps backups; nil for nowhere.
func (c *Copy) ofBarman(to, endpoint string) *Copy {
	if to == "" {
		return nil
	}
	c.at(bucketHost(to), endpoint)
	return c
}

// ofLonghorn reads a backup target; nil for none. The region beside a bucket proves nothing: the endpoint may stand in a Secret.
func (c *Copy) ofLonghorn(url string) *Copy {
	scheme, rest, found := strings.Cut(url, "://")
	if !found {
		return nil
	}
	rest, _, _ = strings.Cut(rest, "/")
	before, after, located := strings.Cut(rest, "@")
	switch {
	case scheme == "s3":
		c.Host = bucketHost("s3://" + before)
	case located:
		c.Host = hostOf(after)
	default:
		c.Host = hostOf(rest)
	}
	return c
}

// ofVelero reads where a BackupStorageLocation is. The region counts for the cloud of the name itself: with a URL, it is whatever
// the store behind it calls its region.
func (c *Copy) ofVelero(read func(...string) string) {
	bucket, endpoint := read("spec", "objectStorage", "bucket"), read("spec", "config", "s3Url")
	switch provider := strings.TrimPrefix(read("spec", "provider"), "velero.io/"); {
	case provider == "aws" && endpoint == "" && read("spec", "config", "region") != "":
		c.Provider, c.Region = "aws", read("spec", "config", "region")
	case provider == "aws":
		c.at(bucketHost("s3://"+bucket), endpoint)
	case provider == "gcp":
		c.at(bucketHost("gs://"+bucket), "")
	case provider == "azure" && read("spec", "config", "storageAccount") != "":
		c.at(read("spec", "config", "storageAccount")+".blob.core.windows.net", read("spec", "config", "storageAccountURI"))
	}
}

// regionalHost are the names of the regional endpoints of Amazon S3.
var regionalHost = regexp.MustCompile(`^(?:.+\.)?s3[.-](?:dualstack\.)?([a-z0-9-]+)\.amazonaws\.com$`)

// at says that copies are at an endpoint, or else at the host of a bucket.
func (c *Copy) at(host, endpoint string) {
	if endpoint != "" {
		host = urlHost(endpoint)
	}
	if regional := regionalHost.FindStringSubmatch(host); regional != nil {
		c.Provider, c.Region = "aws", regional[1]
		return
	}
	c.Host = host
}

// bucketHost is the host of a path to a bucket: the one that the cloud gives it, unless the path names it.
func bucketHost(path string) string {
	bucket, isS3 := strings.CutPrefix(path, "s3://")
	if !isS3 {
		var isGS bool
		if bucket, isGS = strings.CutPrefix(path, "gs://"); !isGS {
			return urlHost(path)
		}
	}
	bucket, _, _ = strings.Cut(bucket, "/")
	switch {
	case bucket == "":
		return ""
	case isS3:
		return lower(bucket) + ".s3.amazonaws.com"
	default:
		return lower(bucket) + ".storage.googleapis.com"
	}
}

func urlHost(url string) string {
	if _, rest, found := strings.Cut(url, "://"); found {
		url = rest
	}
	return hostOf(url)
}

// keeps judges where copies are kept that an object tells of. Velero and Longhorn copy any namespace, so their locations are
// judged by every policy that judges one.
func (s *scanner) keeps(c *Copy) {
	switch c.Kind {
	case kindSnapshotClass:
		return
	case kindContent:
		if c.Class != "" {
			s.taken(c)
			return
		}
	case kindLocation, kindSnapshots, kindTarget:
		for _, policy := range s.Snapshot.judging() {
			s.see(policy, policy.Rules.findCopy(c), Target{})
		}
		return
	}
	if guard := s.Snapshot.GuardOf(c.Namespace); guard != nil {
		for _, policy := range guard.Policies {
			s.see(policy, policy.Rules.findCopy(c), Target{})
		}
	}
}

// taken judges the content of a snapshot that a driver took by the class that it took it in, as that is now. Without the class
// nothing tells.
func (s *scanner) taken(c *Copy) {
	i := slices.IndexFunc(s.Copies, func(class Copy) bool { return class.Kind == kindSnapshotClass && class.Name == c.Class })
	guard := s.Snapshot.GuardOf(c.Namespace)
	if i < 0 || guard == nil {
		return
	}
	class := SnapshotClass{Name: c.Class, Driver: s.Copies[i].Driver}
	_ = json.Unmarshal([]byte(s.Copies[i].Parameters), &class.Parameters) // as CopyOf wrote it
	for _, policy := range guard.Policies {
		v := policy.Rules.JudgeSnapshotClass(class)
		s.see(policy, Finding{Rule: RuleSnapshot, Kind: kindContent.Kind, Namespace: c.Namespace, Name: c.Name, UID: c.UID, Class: c.Class, Verdict: v.Verdict, Reason: v.Reason, Place: v.Decisive,
			Message: unlessAllowed(v.Verdict, func() string { return snapshotSentence(v) })}, Target{})
	}
}

// findCopy judges the place of copies. What is not proven is Unknown, and says what would prove it.
func (r *Rules) findCopy(c *Copy) Finding {
	f := Finding{Rule: RuleDeclaredPlace, Kind: c.Kind.Kind, Namespace: c.Namespace, Name: c.Name, UID: c.UID}
	if c.Kind == kindContent {
		f.Rule, f.Verdict, f.Reason = RuleSnapshot, v1alpha1.VerdictUnknown, ReasonHandMade
		f.Message = fmt.Sprintf("snapshot content %s was made by hand, so nothing says where its data lie; restore from a snapshot that this cluster took, and remove it", quote(c.Name))
		return f
	}
	if f.Place = r.locateServer(c.Host); c.Region != "" {
		f.Place = r.Locate(c.Provider, c.Region, "")
	}
	f.Verdict, f.Reason = r.JudgePlace(f.Place)
	about := fmt.Sprintf("%s %s keeps backups", c.Kind.Kind, quote(c.Name))
	switch {
	case f.Verdict == v1alpha1.VerdictAllowed:
	case f.Place.Known():
		f.Message = fmt.Sprintf("%s in %s; allowed: %s (%s)", about, f.Place.Words(), r.Allows(), article)
	case c.Region != "":
		f.Message = fmt.Sprintf("%s in an unknown place: %s; declare it in spec.locations of a ResidencyPolicy", about, f.Place.Words())
	case c.Host != "":
		f.Message = fmt.Sprintf("%s at %s, and nothing says where that is; declare the host in spec.storage.servers of a ResidencyPolicy", about, quote(c.Host))
	default:
		f.Message = about + " where it does not say; name the region, or the URL of a host that spec.storage.servers of a ResidencyPolicy declares"
	}
	return f
}

// judging are the policies that judge some namespace, sorted by name.
func (s *Snapshot) judging() []*Judged {
	found := map[string]*Judged{}
	for _, guard := range s.guards {
		for _, policy := range guard.Policies {
			found[policy.Rules.Name] = policy
		}
	}
	policies := make([]*Judged, 0, len(found))
	for _, name := range slices.Sorted(maps.Keys(found)) {
		policies = append(policies, found[name])
	}
	return policies
}
