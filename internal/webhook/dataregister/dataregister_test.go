package dataregister

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/register"
	"github.com/rempart-dev/rempart/internal/webhook/internal/harness"
	"github.com/rempart-dev/rempart/internal/webhook/lookup"
)

type marks map[string]map[string]string

func (m marks) Mark(_ context.Context, namespace string, labels map[string]string) error {
	m[namespace] = labels
	return nil
}

func class(name, region string) *storagev1.StorageClass {
	return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: "ebs.csi.aws.com", AllowedTopologies: []corev1.TopologySelectorTerm{
		{MatchLabelExpressions: []corev1.TopologySelectorLabelRequirement{{Key: corev1.LabelTopologyRegion, Values: []string{region}}}}}}
}

func dreg(name string, stores ...v1alpha1.DataStore) *v1alpha1.DataRegister {
	return &v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: v1alpha1.DataRegisterSpec{
		OfficerRef: v1alpha1.ClusterRef{Name: "officer"}, Stores: stores}}
}

func managedIn(class string) v1alpha1.DataStore {
	return v1alpha1.DataStore{Name: "db", Managed: &v1alpha1.ManagedStore{Database: "app", Storage: v1alpha1.StorageRequest{StorageClassName: v1alpha1.ObjectName(class)}}}
}

func connected(host string) v1alpha1.DataStore {
	return v1alpha1.DataStore{Name: "db", WorkloadRef: &v1alpha1.WorkloadRef{Kind: "StatefulSet", Name: v1alpha1.ObjectName("w-" + strings.ToLower(strings.ReplaceAll(host, ":", "-")))},
		Connection: &v1alpha1.StoreConnection{Host: host, Port: 5432, Database: "app", EraserSecretRef: v1alpha1.SecretRef{Name: "eraser"}, VerifierSecretRef: v1alpha1.SecretRef{Name: "verifier"}}}
}

// mapped has a dataset with values within a column.
func mapped(store v1alpha1.DataStore, within ...v1alpha1.DatasetValue) v1alpha1.DataStore {
	store.Dataset = &v1alpha1.Dataset{Tables: []v1alpha1.DatasetTable{{Name: "people", Columns: []v1alpha1.DatasetColumn{{Name: "body", Within: within}}}}}
	return store
}

// keyed has a dataset with subject keys within a column.
func keyed(store v1alpha1.DataStore, paths ...[]string) v1alpha1.DataStore {
	people := v1alpha1.DatasetTable{Name: "people"}
	for _, path := range paths {
		people.SubjectKeys = append(people.SubjectKeys, v1alpha1.SubjectKey{Column: "body", Path: path, Identifier: v1alpha1.IdentifierEmail})
	}
	store.Dataset = &v1alpha1.Dataset{Tables: []v1alpha1.DatasetTable{people}}
	return store
}

func outside(place v1alpha1.ExternalStore) v1alpha1.DataStore {
	store := connected("db.example.com.")
	store.WorkloadRef, store.External = nil, &place
	return store
}

func transferring(register *v1alpha1.DataRegister, country v1alpha1.Country) *v1alpha1.DataRegister {
	register.Spec.Activities = []v1alpha1.ProcessingActivity{{Name: "a", Stores: []v1alpha1.PartName{"db"}, Transfers: []v1alpha1.Transfer{{Country: country, Mechanism: "SCC"}}}}
	return register
}

func TestRegistersAreJudged(t *testing.T) {
	loose := &v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: "loose"}, Spec: v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce", Role: "Named", Allowed: v1alpha1.AllowedPlaces{Countries: []v1alpha1.Country{"US"}}}}
	virginia, elsewhere := v1alpha1.ExternalStore{Provider: "aws", Region: "us-east-1"}, dreg("other", connected("db.shop.svc.cluster.local"))
	elsewhere.Namespace = "lab"
	for name, test := range map[string]struct {
		object, old *v1alpha1.DataRegister
		world       []client.Object
		denied      string
		refused     string
		warned      string
	}{
		"a managed store in the Union":          {dreg("crm", managedIn("paris")), nil, nil, "", "", ""},
		"a managed store abroad":                {dreg("crm", managedIn("london")), nil, nil, "", `store "db": ResidencyPolicy eu-only, rule storage-class: class "london" provisions in aws eu-west-2 (GB, Adequate); allowed: EU (Article 44 GDPR). Use "paris"`, ""},
		"a class that does not exist":           {dreg("crm", managedIn("gone")), nil, nil, "", `"gone" does not exist`, ""},
		"a move abroad":                         {dreg("crm", managedIn("london")), dreg("crm", managedIn("paris")), nil, "", "eu-west-2", ""},
		"a change of what was abroad already":   {transferring(dreg("crm", managedIn("london")), "US"), dreg("crm", managedIn("london")), nil, "", "", ""},
		"one database, spelled differently":     {dreg("crm", connected("DB.shop.svc")), nil, []client.Object{dreg("other", connected("db"))}, "", `claimed by DataRegister "other"`, ""},
		"one database, from another namespace":  {dreg("crm", connected("db")), nil, []client.Object{elsewhere}, "", "claimed by a DataRegister of another namespace", ""},
		"another's managed store":               {dreg("crm", connected("other-db")), nil, []client.Object{dreg("other", managedIn("paris"))}, "", "claimed by", ""},
		"one workload":                          {dreg("crm", connected("db")), nil, []client.Object{dreg("other", connected("db"))}, "", "claimed by", ""},
		"twice in one register":                 {dreg("crm", connected("db"), named("again", connected("DB."))), nil, nil, "", "another store of this register", ""},
		"a store that turns to another's":       {dreg("crm", connected("db2"), named("again", connected("db2"))), dreg("crm", connected("db"), named("again", connected("db2"))), nil, "", "another store of this register", ""},
		"what was claimed twice is changed":     {dreg("crm", connected("db"), named("more", connected("db3"))), dreg("crm", connected("db")), []client.Object{dreg("other", connected("db"))}, "", "", ""},
		"two databases":                         {dreg("crm", connected("db1")), nil, []client.Object{dreg("other", connected("db2"))}, "", "", ""},
		"the same register again":               {dreg("crm", connected("db2")), dreg("crm", connected("db")), []client.Object{dreg("crm", connected("db"))}, "", "", ""},
		"an image that the user may not run":    {dreg("crm", managedIn("paris")), nil, nil, "create statefulsets.apps", `store "db" runs an image, which you may not do: you need the right to create statefulsets.apps`, ""},
		"an image of before":                    {transferring(dreg("crm", managedIn("paris")), "US"), dreg("crm", managedIn("paris")), nil, "create statefulsets.apps", "", ""},
		"a Secret that the user may not read":   {dreg("crm", connected("db")), nil, nil, "get secrets/verifier", "get secrets/verifier", ""},
		"another host for a Secret":             {dreg("crm", connected("evil")), dreg("crm", connected("db")), nil, "get secrets/eraser", "get secrets/eraser", ""},
		"a change elsewhere asks nothing":       {transferring(dreg("crm", connected("db")), "US"), dreg("crm", connected("db")), nil, "get secrets/eraser", "", ""},
		"a loss, by who may not approve":        {dreg("crm", forgot(connected("db"))), dreg("crm", connected("db")), nil, "approve erasurerequests.gdpr.rempart.dev", "decides whether people are erased again: you need the right to approve", ""},
		"a loss, by who may":                    {dreg("crm", forgot(connected("db"))), dreg("crm", connected("db")), nil, "", "", ""},
		"a loss that was stated before":         {transferring(dreg("crm", forgot(connected("db"))), "US"), dreg("crm", forgot(connected("db"))), nil, "approve erasurerequests.gdpr.rempart.dev", "", ""},
		"outside in the Union":                  {dreg("crm", outside(v1alpha1.ExternalStore{Provider: "aws", Region: "eu-west-3"})), nil, nil, "", "", ""},
		"outside abroad without a transfer":     {dreg("crm", outside(virginia)), nil, nil, "", "Record the transfer to US", ""},
		"outside abroad with a transfer":        {transferring(dreg("crm", outside(virginia)), "US"), nil, nil, "", "", ""},
		"outside abroad, another transfer":      {transferring(dreg("crm", outside(virginia)), "JP"), nil, nil, "", "Record the transfer to US", ""},
		"a transfer that goes":                  {dreg("crm", outside(virginia)), transferring(dreg("crm", outside(virginia)), "US"), nil, "", "Record the transfer", ""},
		"outside in a country without a code":   {dreg("crm", outside(v1alpha1.ExternalStore{Country: "ZZ"})), nil, nil, "", "no ISO 3166-1 code", ""},
		"outside in a region that nobody knows": {dreg("crm", outside(v1alpha1.ExternalStore{Provider: "aws", Region: "moon-1"})), nil, nil, "", "not in the table of regions", ""},
		"to a policy that allows more":          {under("loose", dreg("crm")), dreg("crm"), []client.Object{loose}, "exempt residencypolicies.gdpr.rempart.dev/eu-only", "ResidencyPolicy loose allows more than ResidencyPolicy eu-only (spec.allowed.countries)", ""},
		"to it, by who may exempt":              {under("loose", dreg("crm")), dreg("crm"), []client.Object{loose}, "", "", ""},
		"from it to the default one":            {dreg("crm"), under("loose", dreg("crm")), []client.Object{loose}, "exempt residencypolicies.gdpr.rempart.dev/loose", "", ""},
		"a path with two stars":                 {dreg("crm", mapped(connected("db"), v1alpha1.DatasetValue{Path: []string{"a", "*", "*"}})), nil, nil, "", `store "db": columns[0].within[0].path of people has more than one *`, ""},
		"a constant for another mask":           {dreg("crm", mapped(connected("db"), v1alpha1.DatasetValue{Path: []string{"a"}, Mask: v1alpha1.ValueRemove, Constant: "x"})), nil, nil, "", "columns[0].within[0].constant of people is set exactly when mask is Constant", ""},
		"a path within another":                 {dreg("crm", mapped(connected("db"), v1alpha1.DatasetValue{Path: []string{"a", "*"}}, v1alpha1.DatasetValue{Path: []string{"a", "0", "b"}})), nil, nil, "", "columns[0].within[1].path of people leads to", ""},
		"a subject key twice":                   {dreg("crm", keyed(connected("db"), []string{"a"}, []string{"b"}, []string{"a"})), nil, nil, "", "subjectKeys[2] of people names a column and path that another subject key names (rule paths)", ""},
		"subject keys by their paths":           {dreg("crm", keyed(connected("db"), []string{"a"}, nil, []string{"b"})), nil, nil, "", "", ""},
		"paths beside each other":               {dreg("crm", mapped(connected("db"), v1alpha1.DatasetValue{Path: []string{"a", "*", "b"}}, v1alpha1.DatasetValue{Path: []string{"a", "*", "c"}})), nil, nil, "", "", ""},
		"finalizers pass":                       {finalized(dreg("crm", managedIn("london"))), dreg("crm", managedIn("london")), nil, "", "", ""},
		"deleted with an open request":          {nil, dreg("crm"), []client.Object{&v1alpha1.ErasureRequest{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "r1"}}}, "", "", "have not ended, such as r1"},
	} {
		t.Run(name, func(t *testing.T) {
			world := append(test.world, class("paris", "eu-west-3"), class("london", "eu-west-2"), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}},
				&v1alpha1.DataProtectionOfficer{ObjectMeta: metav1.ObjectMeta{Name: "officer"}},
				&v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: "eu-only"}, Spec: v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce", Role: "Default"}})
			marked := marks{}
			got := New(harness.Scheme(t), reading(t, world...), &harness.Rights{Denied: []string{test.denied}}, marked).
				Handle(t.Context(), harness.Request(t, "alice", test.object, test.old))
			harness.Expect(t, got, test.refused)
			if warnings := strings.Join(got.Warnings, "\n"); !strings.Contains(warnings, test.warned) || (test.warned == "" && warnings != "") {
				t.Errorf("warnings %q, want %q", warnings, test.warned)
			}
			if created := test.old == nil && test.refused == ""; created != (marked["shop"]["gdpr.rempart.dev/guarded"] == "true") {
				t.Errorf("marked %v", marked)
			}
		})
	}
}

// forgot states that a store came back from a backup.
func forgot(store v1alpha1.DataStore) v1alpha1.DataStore {
	store.Loss = &v1alpha1.StoreLoss{SeenTime: &metav1.Time{Time: time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)}, Cause: v1alpha1.LossRestored}
	return store
}

func under(policy v1alpha1.ObjectName, register *v1alpha1.DataRegister) *v1alpha1.DataRegister {
	register.Spec.ResidencyPolicyRef = &v1alpha1.ClusterRef{Name: policy}
	return register
}

func named(name v1alpha1.PartName, store v1alpha1.DataStore) v1alpha1.DataStore {
	store.Name = name
	return store
}

func finalized(register *v1alpha1.DataRegister) *v1alpha1.DataRegister {
	register.Finalizers = []string{v1alpha1.FinalizerDataRegister}
	return register
}

func reading(t *testing.T, objects ...client.Object) lookup.World {
	t.Helper()
	reader := fake.NewClientBuilder().WithScheme(harness.Scheme(t)).WithObjects(objects...).
		WithIndex(&v1alpha1.DataRegister{}, register.IndexClaims, func(object client.Object) []string { return register.ClaimKeys(object.(*v1alpha1.DataRegister)) }).Build()
	return lookup.World{Live: reader, Cached: reader, Clock: clocktesting.NewFakePassiveClock(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)), OperatorNamespace: "rempart-system"}
}

func TestWhatIsNotThereYetIsAWarning(t *testing.T) {
	register := dreg("crm")
	register.Spec.ResidencyPolicyRef = &v1alpha1.ClusterRef{Name: "later"}
	dry := harness.Request(t, "alice", register, (*v1alpha1.DataRegister)(nil))
	dryRun := true
	dry.DryRun = &dryRun
	marked := marks{}
	got := New(harness.Scheme(t), reading(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}), &harness.Rights{}, marked).Handle(t.Context(), dry)
	if !got.Allowed || len(got.Warnings) != 2 {
		t.Errorf("%+v", got)
	}
	if len(marked) != 0 {
		t.Error("a dry run labelled the namespace")
	}
}

// A request must not cost more with each register that exists: other namespaces' registers are not listed, and of those
// that the index names, each is read.
func TestOnlyRegistersThatTheIndexNamesAreReadLive(t *testing.T) {
	gone, moved, taken := dreg("gone", connected("db1")), dreg("moved", connected("db2")), dreg("taken", connected("db3"))
	world := reading(t, gone, moved, taken)
	base := []client.Object{dreg("moved", connected("elsewhere")), taken, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}}
	world.Live = interceptor.NewClient(fake.NewClientBuilder().WithScheme(harness.Scheme(t)).WithObjects(base...).Build(), interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if _, registers := list.(*v1alpha1.DataRegisterList); registers && len(options) == 0 {
				t.Error("all registers were listed")
			}
			return c.List(ctx, list, options...)
		}})
	handler := New(harness.Scheme(t), world, &harness.Rights{}, marks{})
	for host, refused := range map[string]string{"db1": "", "db2": "", "db3": `claimed by DataRegister "taken"`, "db4": ""} {
		got := handler.Handle(t.Context(), harness.Request(t, "alice", dreg("crm", connected(host)), nil))
		harness.Expect(t, got, refused)
	}
}
