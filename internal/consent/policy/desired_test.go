package policy

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/register"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// readPolicy reads the policy of an input file.
func readPolicy(t *testing.T, name string) *v1alpha1.ConsentPolicy {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".input.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	cpol := &v1alpha1.ConsentPolicy{}
	if err := yaml.UnmarshalStrict(text, cpol); err != nil {
		t.Fatal(err)
	}
	return cpol
}

func officer() *v1alpha1.DataProtectionOfficer {
	return &v1alpha1.DataProtectionOfficer{ObjectMeta: metav1.ObjectMeta{Name: "acme"}, Spec: v1alpha1.DataProtectionOfficerSpec{
		Organisation: v1alpha1.Organisation{LegalName: "Acme SAS", Country: "FR", RegistrationNumber: "552 100 554"},
		Officer:      v1alpha1.Officer{Name: "DPO of Acme", Email: "dpo@acme.example"}}}
}

func recorded() *v1alpha1.DataRegister {
	return &v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Name: "crm", Namespace: "shop"}, Spec: v1alpha1.DataRegisterSpec{
		Activities: []v1alpha1.ProcessingActivity{{Name: "support", Purposes: []v1alpha1.Purpose{
			{Name: "conversation", LegalBasis: v1alpha1.BasisContract}, {Name: "newsletter", LegalBasis: v1alpha1.BasisConsent}}}}}}
}

var (
	allowed = register.Place{Region: "eu-west-3", Country: "FR", Zone: v1alpha1.ZoneEU, Verdict: v1alpha1.VerdictAllowed}
	abroad  = register.Place{Region: "us-east-1", Country: "US", Zone: v1alpha1.ZoneAdequatePartial, Verdict: v1alpha1.VerdictDenied, Reason: "NotAllowed"}
)

func readyDatabase() *appsv1.StatefulSet {
	return &appsv1.StatefulSet{Status: appsv1.StatefulSetStatus{ReadyReplicas: 1, UpdatedReplicas: 1}}
}

func readyService() *appsv1.Deployment {
	return &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: ptr.To(int32(3))}, Status: appsv1.DeploymentStatus{Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3}}
}

// input is a pass in which nothing is missing and nothing runs yet but the database.
func input(t *testing.T, name string) Input {
	t.Helper()
	in := Input{Policy: readPolicy(t, name), Officer: officer(), Register: recorded(), Regions: []string{"eu-west-3", "eu-central-1"},
		Class: allowed, Declared: allowed, Marks: []string{"u1/1", "u2/1"}, Image: "consentd:1", Now: noon,
		Issuers: []Issuer{{Issuer: "https://kubernetes.default.svc", JWKS: json.RawMessage(`{"keys":[]}`)}}, Operator: Operator{Namespace: "rempart-system", ServiceAccount: "rempart-consent"}}
	if in.managedLedger() {
		in.StatefulSet = readyDatabase()
	}
	return in
}

func TestDesiredWritesTheChildrenOfTheGoldenFile(t *testing.T) {
	for _, name := range []string{"managed", "connection"} {
		t.Run(name, func(t *testing.T) {
			children, err := Desired(input(t, name))
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			for _, child := range children {
				text, err := yaml.Marshal(child)
				if err != nil {
					t.Fatal(err)
				}
				got.WriteString("---\n")
				got.Write(text)
			}
			file := filepath.Join("testdata", name+".golden.yaml")
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
func kinds(t *testing.T, in Input) string {
	t.Helper()
	children, err := Desired(in)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, child := range children {
		names = append(names, *child.(interface{ GetKind() *string }).GetKind())
	}
	return strings.Join(names, " ")
}

func TestDesiredHoldsBackWhatMustNotBeYetAndTakesNothingAway(t *testing.T) {
	const (
		ledger  = "NetworkPolicy Service "
		guards  = "NetworkPolicy NetworkPolicy ServiceAccount Service PodDisruptionBudget Secret"
		outside = " HorizontalPodAutoscaler Ingress"
	)
	cases := []struct {
		name   string
		change func(*Input)
		want   string
	}{
		{"all is there", func(*Input) {}, ledger + "StatefulSet " + guards + " Secret Deployment" + outside},
		{"no register", func(in *Input) { in.Register = nil }, ""},
		{"no officer", func(in *Input) { in.Officer = nil }, ledger + "StatefulSet " + guards + outside},
		{"no officer any more", func(in *Input) { in.Officer, in.Deployment = nil, readyService() }, ledger + "StatefulSet " + guards + " Deployment" + outside},
		{"no allowed region", func(in *Input) { in.Regions, in.StatefulSet = nil, nil }, ledger + guards + " Secret" + outside},
		{"a class abroad", func(in *Input) { in.Class, in.StatefulSet = abroad, nil }, ledger + guards + " Secret" + outside},
		{"a class that is abroad since", func(in *Input) { in.Class, in.Deployment = abroad, readyService() }, ledger + "StatefulSet " + guards + " Secret Deployment" + outside},
		{"the database starts", func(in *Input) { in.StatefulSet = nil }, ledger + "StatefulSet " + guards + " Secret" + outside},
		{"keys are missing", func(in *Input) { in.Missing = "chat-consentd-keys" }, ledger + "StatefulSet " + guards + " Secret" + outside},
		{"nobody knows the issuer", func(in *Input) { in.Issuers = nil }, ledger + "StatefulSet " + guards + outside},
		{"a purpose that is not recorded", func(in *Input) { in.Register.Spec.Activities = nil }, ledger + "StatefulSet " + guards + outside},
		{"no notice yet", func(in *Input) { in.Policy.Spec.Notices[0].EffectiveTime = ptr.To(metav1.NewTime(noon.Add(time.Hour))) }, ledger + "StatefulSet " + guards + outside},
		{"as many pods as ever", func(in *Input) { in.Policy.Spec.Service.Replicas.Max = 2 }, ledger + "StatefulSet " + guards + " Secret Deployment Ingress"},
		{"no host", func(in *Input) { in.Policy.Spec.Service.Host = "" }, ledger + "StatefulSet " + guards + " Secret Deployment HorizontalPodAutoscaler"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := input(t, "managed")
			c.change(&in)
			if got := kinds(t, in); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	in := input(t, "connection")
	in.Declared = abroad
	if got := kinds(t, in); got != guards+" Secret" {
		t.Errorf("a ledger abroad: %q", got)
	}
}

func TestTheNumberOfPodsIsTheAutoscalersWithinTheBounds(t *testing.T) {
	in := input(t, "managed")
	if got := replicas(in); got != 2 {
		t.Errorf("at first: %d", got)
	}
	for live, want := range map[int32]int32{0: 2, 3: 3, 9: 4} {
		in.Deployment = &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: ptr.To(live)}}
		if got := replicas(in); got != want {
			t.Errorf("%d pods become %d, want %d", live, got, want)
		}
	}
	in.Policy.Spec.Service.Replicas.Max = 0
	if got := replicas(in); got != 2 {
		t.Errorf("a fixed number: %d", got)
	}
}

func TestTheServiceNeverHasTheAdministratorsCredentialsNorATokenOfTheCluster(t *testing.T) {
	for _, name := range []string{"managed", "connection"} {
		spec := deployment(input(t, name), owned(readPolicy(t, name))).Spec.Template.Spec
		if *spec.AutomountServiceAccountToken || len(spec.Containers) != 1 || len(spec.InitContainers) != 1 {
			t.Fatalf("%s: %+v", name, spec)
		}
		for _, mount := range spec.Containers[0].VolumeMounts {
			if *mount.Name == volumeOf(Admin) {
				t.Errorf("%s: the service has the administrator's credentials", name)
			}
		}
		for _, mount := range spec.InitContainers[0].VolumeMounts {
			if *mount.Name == "keys" {
				t.Errorf("%s: the migration has the keys", name)
			}
		}
	}
}

func TestNewPodsComeWhenASecretIsMadeAnewAndNotOtherwise(t *testing.T) {
	in := input(t, "managed")
	mark := func() string { return deployment(in, owned(in.Policy)).Spec.Template.Annotations[annotationSecrets] }
	before := mark()
	in.Checkpoint.Note, in.Now = "note", noon.Add(time.Hour)
	if mark() != before {
		t.Error("a checkpoint or an hour makes new pods")
	}
	in.Policy.Spec.Service.CheckpointIntervalSeconds = 7
	if mark() == before {
		t.Error("another interval of checkpoints makes no new pods")
	}
	before = mark()
	in.Marks[0] = "u9/1"
	if mark() == before {
		t.Error("another Secret makes no new pods")
	}
}

func TestTheConfigurationIsWhatTheServiceReads(t *testing.T) {
	in := input(t, "managed")
	in.Register.Spec.JointControllers = []v1alpha1.Party{{Name: "Partner GmbH", Country: "DE"}}
	in.Register.Status.Stores = []v1alpha1.StoreStatus{{Country: "DE"}, {Country: "FR"}, {}}
	text, err := in.Config()
	if err != nil {
		t.Fatal(err)
	}
	again, err := in.Config()
	if err != nil || !bytes.Equal(text, again) {
		t.Error("the same input must give the same bytes")
	}
	var read struct {
		TenantID, Namespace, Name, MaterialDigest string
		Controller                                v1alpha1.Organisation
		Officer                                   v1alpha1.Officer
		Authority                                 string
		JointControllers                          []v1alpha1.Party
		Countries                                 []v1alpha1.Country
		Spec                                      v1alpha1.ConsentPolicySpec
		TokenIssuers                              []Issuer
		Operator                                  Operator
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&read); err != nil {
		t.Fatal(err)
	}
	digest, err := MaterialDigest(in.Officer.Spec.Organisation, &in.Policy.Spec, noon)
	if err != nil || read.MaterialDigest != digest || read.TenantID != TenantID("shop", "chat") || read.Namespace+"/"+read.Name != "shop/chat" ||
		read.Controller.LegalName != "Acme SAS" || read.Officer.Email != "dpo@acme.example" || !strings.Contains(read.Authority, "CNIL") || !slices.Equal(read.Countries, []v1alpha1.Country{"DE", "FR"}) || len(read.JointControllers) != 1 || len(read.TokenIssuers) != 1 || read.Spec.Sites[0].ID != "shop" || read.Operator != in.Operator {
		t.Errorf("%+v, %v", read, err)
	}
}
