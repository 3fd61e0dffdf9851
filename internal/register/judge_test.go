package register

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/job"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// endedJob is a scan that ended.
func endedJob(kind batchv1.JobConditionType) *batchv1.Job {
	return &batchv1.Job{Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{{Type: kind, Status: corev1.ConditionTrue}}}}
}

// scan is what a scan that ended answered; its provision went well.
func answers(reason task.Reason, names ...string) []task.Outcome {
	return []task.Outcome{{Step: task.Provision, OK: true}, {Step: task.Scan, OK: reason == task.Accurate, Reason: reason, Names: names}}
}

// short writes conditions as "Type=Status Reason", in order.
func short(conditions []metav1.Condition, types ...string) string {
	var words []string
	for _, t := range types {
		if c := meta.FindStatusCondition(conditions, t); c != nil {
			words = append(words, t+"="+string(c.Status)+" "+c.Reason)
		}
	}
	return strings.Join(words, ", ")
}

func TestJudgeSaysWhatEachStoreLacks(t *testing.T) {
	here := []Place{allowed}
	cases := []struct {
		name  string
		input string
		facts Facts
		seen  Seen
		set   func(*Input, *Facts)
		want  string
	}{
		{"before the database answers", "managed", Facts{}, Seen{}, nil,
			"Ready=False DatabaseStarting, Provisioned=False DatabaseStarting, Resident=Unknown PlaceNotObserved, Accurate=Unknown ScanPending, Reconciling=True DatabaseStarting"},
		{"before the first scan", "managed", Facts{StatefulSet: ready()}, Seen{Places: here}, nil,
			"Ready=False ScanPending, Provisioned=Unknown ScanPending, Resident=True PlacesAllowed, Accurate=Unknown ScanPending, Reconciling=True ScanPending"},
		{"a scan that found all as declared", "managed", Facts{StatefulSet: ready(), Job: endedJob(batchv1.JobComplete)}, Seen{Places: here, Outcomes: answers(task.Accurate)}, nil,
			"Ready=True StoresAnswer, Provisioned=True Provisioned, Resident=True PlacesAllowed, Accurate=True AsDeclared"},
		{"tables that do not exist yet do not keep a register from being ready", "managed", Facts{StatefulSet: ready(), Job: endedJob(batchv1.JobFailed)}, Seen{Places: here, Outcomes: answers(task.TableMissing, "public.customers")}, nil,
			"Ready=True StoresAnswer, Provisioned=True Provisioned, Resident=True PlacesAllowed, Accurate=False TableMissing"},
		{"undeclared tables", "managed", Facts{StatefulSet: ready(), Job: endedJob(batchv1.JobComplete)}, Seen{Places: here, Outcomes: answers(task.Undeclared, "public.copies")}, nil,
			"Ready=True StoresAnswer, Provisioned=True Provisioned, Resident=True PlacesAllowed, Accurate=False Undeclared"},
		{"a role that is too strong", "managed", Facts{StatefulSet: ready(), Job: endedJob(batchv1.JobFailed)}, Seen{Places: here, Outcomes: answers(task.RoleTooStrong)}, nil,
			"Ready=False RoleTooStrong, Provisioned=False RoleTooStrong, Resident=True PlacesAllowed, Accurate=False RoleTooStrong"},
		{"a provision that failed", "managed", Facts{StatefulSet: ready(), Job: endedJob(batchv1.JobFailed)}, Seen{Places: here, Outcomes: []task.Outcome{{Step: task.Provision, Reason: task.AuthenticationFailed}}}, nil,
			"Ready=False AuthenticationFailed, Provisioned=False AuthenticationFailed, Resident=True PlacesAllowed, Accurate=False AuthenticationFailed"},
		{"a scan without an answer", "managed", Facts{StatefulSet: ready(), Job: endedJob(batchv1.JobComplete)}, Seen{Places: here}, nil,
			"Ready=False ScanFailed, Provisioned=False ScanFailed, Resident=True PlacesAllowed, Accurate=False ScanFailed, Reconciling=True ScanFailed"},
		{"a Job that failed although its pod says well", "managed", Facts{StatefulSet: ready(), Job: endedJob(batchv1.JobFailed)}, Seen{Places: here, Outcomes: answers(task.Accurate)}, nil,
			"Ready=False ScanFailed, Provisioned=False ScanFailed, Resident=True PlacesAllowed, Accurate=False ScanFailed, Reconciling=True ScanFailed"},
		{"a node abroad", "managed", Facts{StatefulSet: ready(), Job: endedJob(batchv1.JobComplete)},
			Seen{Places: []Place{allowed, {Country: "US", Zone: v1alpha1.ZoneAdequatePartial, Verdict: v1alpha1.VerdictDenied}}, Outcomes: answers(task.Accurate)}, nil,
			"Ready=False PlaceNotAllowed, Provisioned=True Provisioned, Resident=False PlaceNotAllowed, Accurate=True AsDeclared"},
		{"a node that nothing locates", "managed", Facts{StatefulSet: ready(), Job: endedJob(batchv1.JobComplete)},
			Seen{Places: []Place{{Verdict: v1alpha1.VerdictUnknown}}, Outcomes: answers(task.Accurate)}, nil,
			"Ready=False PlaceUnknown, Provisioned=True Provisioned, Resident=False PlaceUnknown, Accurate=True AsDeclared"},
		{"a class abroad", "managed", Facts{}, Seen{}, func(_ *Input, f *Facts) {
			f.Class = Place{Verdict: v1alpha1.VerdictDenied, Message: "class abroad"}
		}, "Ready=False StorageClassNotAllowed, Provisioned=False StorageClassNotAllowed, Resident=False StorageClassNotAllowed, Accurate=Unknown ScanPending"},
		{"no allowed region", "managed", Facts{}, Seen{}, func(in *Input, _ *Facts) { in.Regions = nil },
			"Ready=False NoAllowedRegion, Provisioned=False NoAllowedRegion, Resident=False NoAllowedRegion, Accurate=Unknown ScanPending"},
		{"a store that is paused", "managed", Facts{StatefulSet: &appsv1.StatefulSet{}}, Seen{}, func(in *Input, _ *Facts) {
			in.Register.Spec.Stores[0].Managed.Replicas = new(int32)
		}, "Ready=False Paused, Provisioned=False Paused, Resident=Unknown PlaceNotObserved, Accurate=Unknown ScanPending"},
		{"a volume that should shrink", "managed", Facts{StatefulSet: ready(), Claim: claimOf("9Gi", "eu-fast"), Job: endedJob(batchv1.JobComplete)}, Seen{Places: here, Outcomes: answers(task.Accurate)}, nil,
			"Ready=False StorageShrunk, Provisioned=False StorageShrunk, Resident=True PlacesAllowed, Accurate=True AsDeclared, Stalled=True StorageShrunk"},
		{"credentials that are not there", "external", Facts{CredentialsMissing: "legacy-eraser"}, Seen{Places: here}, nil,
			"Ready=False CredentialsMissing, Provisioned=False CredentialsMissing, Resident=True PlacesAllowed, Accurate=False CredentialsMissing"},
		{"a host that does not answer", "external", Facts{Job: endedJob(batchv1.JobFailed)}, Seen{Places: here, Outcomes: []task.Outcome{{Step: task.Scan, Reason: task.Unreachable}}}, nil,
			"Ready=False Unreachable, Provisioned=False Unreachable, Resident=True PlacesAllowed, Accurate=False Unreachable"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := input(readRegister(t, c.input), c.facts)
			name := string(in.Register.Spec.Stores[0].Name)
			if c.set != nil {
				facts := in.Stores[name]
				c.set(&in, &facts)
				in.Stores[name] = facts
			}
			verdict := Judge(in, map[string]Seen{name: c.seen})
			if diff := cmp.Diff(c.want, short(verdict.Conditions, "Ready", "Provisioned", "Resident", "Accurate", "Reconciling", "Stalled")); diff != "" {
				t.Error(diff)
			}
			if verdict.Wait <= 0 || verdict.Wait > scanEvery {
				t.Errorf("wait = %s", verdict.Wait)
			}
		})
	}
}

// TestAScanOnALostNodeIsFollowedByAnother: its Job ends never, and what the last scan found was said for ever.
func TestAScanOnALostNodeIsFollowedByAnother(t *testing.T) {
	in := input(readRegister(t, "managed"), Facts{StatefulSet: ready()})
	seen := map[string]Seen{"main": {Places: []Place{allowed}, Evidence: v1alpha1.PlacementObserved}}
	leaving := func(since time.Duration) {
		scan := &batchv1.Job{}
		scan.Status.StartTime, scan.Status.Terminating = ptr.To(metav1.NewTime(in.Now.Add(-since))), ptr.To(int32(1))
		facts := in.Stores["main"]
		facts.Job = scan
		in.Stores["main"] = facts
	}
	for since, scans := range map[time.Duration]int64{4 * time.Minute: 0, 5*time.Minute + 30*time.Second: 0, 7 * time.Minute: 1} {
		leaving(since)
		verdict := Judge(in, seen)
		status := verdict.Stores[0]
		if value(status.Scans) != scans || (scans > 0) != (status.ScanReason == v1alpha1.ReasonNodeLost) || scans > 0 && !strings.Contains(status.ScanMessage, "node of the scan") {
			t.Errorf("after %s: %d scans, %q, %s", since, value(status.Scans), status.ScanReason, status.ScanMessage)
		}
	}
}

func TestAScanIsRecordedOnce(t *testing.T) {
	in := input(readRegister(t, "managed"), Facts{StatefulSet: ready(), Job: endedJob(batchv1.JobComplete)})
	seen := map[string]Seen{"main": {Places: []Place{allowed}, Evidence: v1alpha1.PlacementObserved, Outcomes: answers(task.TableMissing, "public.customers")}}
	first := Judge(in, seen).Stores[0]
	if value(first.Scans) != 1 || value(first.ScanFailures) != 1 || first.ScanReason != "TableMissing" || first.Country != "FR" || first.Endpoint != "crm-main.shop.svc:5432" {
		t.Errorf("got %+v", first)
	}
	if want := `Store "main" has no such table as its dataset declares: public.customers; create it or correct the dataset`; first.ScanMessage != want {
		t.Errorf("got %q", first.ScanMessage)
	}
	in.Register.Status.Stores = []v1alpha1.StoreStatus{first}
	facts := in.Stores["main"]
	facts.Job = nil
	in.Stores["main"] = facts
	if diff := cmp.Diff(first, Judge(in, seen).Stores[0]); diff != "" {
		t.Errorf("a second pass changes the status:\n%s", diff)
	}
	if wait := Judge(in, seen).Wait; wait != scanSoon {
		t.Errorf("the next scan is due in %s", wait)
	}
}

func TestARegisterWithoutStoresIsReady(t *testing.T) {
	dreg := readRegister(t, "managed")
	dreg.Spec.Stores = nil
	in := input(readRegister(t, "managed"), Facts{})
	in.Register, in.Stores = dreg, nil
	if got := short(Judge(in, nil).Conditions, "Ready", "Provisioned", "Resident", "Accurate"); got != "Ready=True NoStores, Provisioned=True NoStores, Resident=True NoStores, Accurate=True NoStores" {
		t.Error(got)
	}
}

func TestANextScanComesSoonerTheFewerFailed(t *testing.T) {
	for failures, want := range map[int32]time.Duration{1: 10 * time.Second, 2: 20 * time.Second, 3: 40 * time.Second, 5: 160 * time.Second, 6: 5 * time.Minute, 100: 5 * time.Minute} {
		if got := scanWait(v1alpha1.StoreStatus{ScanReason: "TableMissing", ScanFailures: &failures}); got != want {
			t.Errorf("after %d failures: %s, want %s", failures, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int32Range(1, 1000).Draw(t, "failures")
		more := n + 1
		if scanWait(v1alpha1.StoreStatus{ScanFailures: &n}) > scanWait(v1alpha1.StoreStatus{ScanFailures: &more}) {
			t.Fatal("more failures shortened the wait")
		}
	})
}

func TestWhatAScanDependsOnNamesIt(t *testing.T) {
	dreg := readRegister(t, "managed")
	status := v1alpha1.StoreStatus{Name: "main"}
	name := func(change func(*v1alpha1.DataRegister), credentials ...string) string {
		copied := dreg.DeepCopy()
		change(copied)
		return ScanName(copied, status, Digest(copied, &copied.Spec.Stores[0], credentials))
	}
	same := name(func(*v1alpha1.DataRegister) {})
	if name(func(r *v1alpha1.DataRegister) { r.Spec.Activities[0].Description = "other" }) != same {
		t.Error("an activity's text has nothing to do with a scan")
	}
	for what, other := range map[string]string{
		"dataset":     name(func(r *v1alpha1.DataRegister) { r.Spec.Stores[0].Dataset.Tables[0].Name = "people" }),
		"database":    name(func(r *v1alpha1.DataRegister) { r.Spec.Stores[0].Managed.Database = "other" }),
		"credentials": name(func(*v1alpha1.DataRegister) {}, "another Secret"),
		"owner":       name(func(r *v1alpha1.DataRegister) { r.UID = "another" }),
	} {
		if other == same {
			t.Errorf("another %s must be another scan", what)
		}
	}
	if len(same) > 63 || job.Ended(&batchv1.Job{}) != job.Working {
		t.Error(same)
	}
}

func TestEveryReasonHasItsAdvice(t *testing.T) {
	in := input(readRegister(t, "external"), Facts{})
	for reason := range advice {
		message := in.explain(&in.Register.Spec.Stores[0], task.Outcome{Step: task.Scan, Reason: reason, Message: "what was found"})
		if strings.Contains(message, "%!") || !strings.Contains(message, `"legacy"`) {
			t.Errorf("%s: %s", reason, message)
		}
	}
	if got := in.explain(&in.Register.Spec.Stores[0], task.Outcome{Step: task.Scan, Reason: task.AuthenticationFailed}); got != `Store "legacy" at db.example.com:6432 refuses the credentials in Secret "legacy-verifier"; correct username and password` {
		t.Error(got)
	}
}
