package residency

import (
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
)

// CopyKinds are the kinds of which CopyOf reads something. A cluster may lack any.
var CopyKinds = []schema.GroupVersionKind{kindContent, kindLocation, kindPostgres}

// Copy is what is read of an object that tells where copies of data are kept.
type Copy struct {
	Kind schema.GroupVersionKind
	// Namespace of the object; of its snapshot, for the content of one.
	Namespace, Name, UID string
	// Provider and Region of the copies, where the object proves both; else the Host where they are kept, as far as it says so.
	Provider, Region, Host string
}

// CopyOf reads an object of one of CopyKinds; nil when it keeps no copy, or one that this cluster took of a volume that is judged
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
		if read("spec", "source", "volumeHandle") != "" {
			return nil
		}
	case kindLocation:
		c.ofVelero(read)
	case kindPostgres:
		to, endpoint := read("spec", "backup", "barmanObjectStore", "destinationPath"), read("spec", "backup", "barmanObjectStore", "endpointURL")
		if to == "" {
			return nil
		}
		c.at(bucketHost(to), endpoint)
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

// keeps judges where copies are kept that an object tells of. Velero copies any namespace, so its locations are judged by every
// policy that judges one.
func (s *scanner) keeps(c *Copy) {
	if c.Kind == kindLocation {
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
