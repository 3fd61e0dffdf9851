package register

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/register/database"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// readRegister reads the register of an input file.
func readRegister(t *testing.T, name string) *v1alpha1.DataRegister {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".input.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dreg := &v1alpha1.DataRegister{}
	if err := yaml.UnmarshalStrict(text, dreg); err != nil {
		t.Fatal(err)
	}
	return dreg
}

// ready is a database that answers.
func ready() *appsv1.StatefulSet {
	return &appsv1.StatefulSet{Status: appsv1.StatefulSetStatus{ReadyReplicas: 1, UpdatedReplicas: 1}}
}

// zoneOf knows four countries.
func zoneOf(c v1alpha1.Country) v1alpha1.LegalZone {
	switch c {
	case "FR", "DE":
		return v1alpha1.ZoneEU
	case "NO":
		return v1alpha1.ZoneEEA
	case "US":
		return v1alpha1.ZoneAdequatePartial
	default:
		return v1alpha1.ZoneThird
	}
}

var allowed = Place{Region: "eu-west-3", Country: "FR", Zone: v1alpha1.ZoneEU, Verdict: v1alpha1.VerdictAllowed}

// input is a pass in which the store may run and nothing is missing.
func input(dreg *v1alpha1.DataRegister, facts Facts) Input {
	facts.Class = allowed
	return Input{Register: dreg, OfficerFound: true, Regions: []string{"eu-west-3", "eu-central-1", "eu-west-3"}, ZoneOf: zoneOf,
		Stores: map[string]Facts{string(dreg.Spec.Stores[0].Name): facts}, Image: "eraser:1", Now: noon}
}

func TestDesiredWritesTheChildrenOfTheGoldenFile(t *testing.T) {
	cases := []struct {
		name, input string
		facts       Facts
	}{
		{"managed", "managed", Facts{}},
		{"managed, database answers", "managed", Facts{StatefulSet: ready(), Credentials: []string{"u1", "u2", "u3"}}},
		{"external", "external", Facts{Credentials: []string{"u1/1"}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got bytes.Buffer
			for _, child := range Desired(input(readRegister(t, c.input), c.facts)) {
				text, err := yaml.Marshal(child)
				if err != nil {
					t.Fatal(err)
				}
				got.WriteString("---\n")
				got.Write(text)
			}
			file := filepath.Join("testdata", c.name+".golden.yaml")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("the children differ from %s (-want +got):\n%s", file, diff)
			}
		})
	}
}

// kinds returns the kinds of the children, in order.
func kinds(in Input) string {
	var names []string
	for _, child := range Desired(in) {
		names = append(names, *child.(interface{ GetKind() *string }).GetKind())
	}
	return strings.Join(names, " ")
}

func TestDesiredHoldsBackWhatMustNotBeYet(t *testing.T) {
	const guards, database, scan = "NetworkPolicy NetworkPolicy Service", " StatefulSet", " Secret Job"
	dreg := readRegister(t, "managed")
	digest := Digest(dreg, &dreg.Spec.Stores[0], nil)
	cases := []struct {
		name   string
		change func(*Input, *Facts)
		want   string
	}{
		{"no database where no region is allowed", func(in *Input, _ *Facts) { in.Regions = nil }, guards},
		{"no database in a class that is denied", func(_ *Input, f *Facts) { f.Class.Verdict = v1alpha1.VerdictDenied }, guards},
		{"no database in a class that nothing proves", func(_ *Input, f *Facts) { f.Class.Verdict = v1alpha1.VerdictUnknown }, guards},
		{"a database that exists stays when its class becomes denied", func(_ *Input, f *Facts) {
			f.Class.Verdict, f.StatefulSet = v1alpha1.VerdictDenied, &appsv1.StatefulSet{}
		}, guards + database},
		{"no scan before the database answers", func(*Input, *Facts) {}, guards + database},
		{"a scan as soon as it does", func(_ *Input, f *Facts) { f.StatefulSet = ready() }, guards + database + scan},
		{"no second scan beside the first", func(_ *Input, f *Facts) { f.StatefulSet, f.Job = ready(), &batchv1.Job{} }, guards + database},
		{"no scan of a paused store", func(in *Input, f *Facts) {
			f.StatefulSet, in.Register.Spec.Stores[0].Managed.Replicas = ready(), new(int32)
		}, guards + database},
		{"no scan before the next is due", func(in *Input, f *Facts) {
			at := metav1.NewTime(noon.Add(-time.Minute))
			f.StatefulSet = ready()
			in.Register.Status.Stores = []v1alpha1.StoreStatus{{Name: "main", LastScanTime: &at, ScanReason: "Accurate", DatasetDigest: digest}}
		}, guards + database},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := input(readRegister(t, "managed"), Facts{})
			facts := in.Stores["main"]
			c.change(&in, &facts)
			in.Stores["main"] = facts
			if got := kinds(in); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestTheTemplateOfAVolumeStaysAsItWasMade(t *testing.T) {
	dreg := readRegister(t, "managed")
	old := databaseOf(dreg, &dreg.Spec.Stores[0], nil, owned(dreg)).StatefulSet(nil).Spec.VolumeClaimTemplates[0]
	live := &appsv1.StatefulSet{}
	text, err := yaml.Marshal(old)
	if err != nil {
		t.Fatal(err)
	}
	live.Spec.VolumeClaimTemplates = make([]corev1.PersistentVolumeClaim, 1)
	if err := yaml.Unmarshal(text, &live.Spec.VolumeClaimTemplates[0]); err != nil {
		t.Fatal(err)
	}
	dreg.Spec.Stores[0].Managed.Storage.Size = resource.MustParse("5Gi")
	got, err := yaml.Marshal(databaseOf(dreg, &dreg.Spec.Stores[0], nil, owned(dreg)).StatefulSet(live).Spec.VolumeClaimTemplates[0])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(text), string(got)); diff != "" {
		t.Error(diff)
	}
}

func claimOf(size, class string) *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{}
	claim.Spec.StorageClassName = &class
	claim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}
	return claim
}

func TestAVolumeGrowsAndNeverShrinksOrMoves(t *testing.T) {
	cases := []struct {
		name, size, class string // of the claim; the spec asks for 1Gi of eu-fast
		grows             bool
		reason            string
	}{
		{"the same", "1Gi", "eu-fast", false, ""},
		{"the same in other words", "1024Mi", "eu-fast", false, ""},
		{"smaller than asked for", "500Mi", "eu-fast", true, ""},
		{"larger than asked for", "2Gi", "eu-fast", false, v1alpha1.ReasonStorageShrunk},
		{"of another class", "1Gi", "us-fast", false, v1alpha1.ReasonStorageClassChanged},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store, claim := &readRegister(t, "managed").Spec.Stores[0], claimOf(c.size, c.class)
			if _, grows := database.Growth(store.Managed, claim); grows != c.grows {
				t.Errorf("grows = %v", grows)
			}
			if got := storageTrouble(store, Facts{Claim: claim}); got.Reason != c.reason || got.Stalled != (c.reason != "") {
				t.Errorf("got %+v", got)
			}
		})
	}
}
