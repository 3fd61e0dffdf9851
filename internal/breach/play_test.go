package breach

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden files anew; review the difference")

// A play is a story over simulated time: a start, lines of what people do at which hour, and an end. See testdata.
type play struct {
	start   time.Time
	zone    *time.Location
	role    v1alpha1.BreachRole
	acts    []act
	downs   [][2]time.Duration
	until   time.Duration
	channel map[v1alpha1.ObjectName]*v1alpha1.NotificationChannel
}

type act struct {
	at   time.Duration
	line string
	do   func(*stage) error
}

// stage is where a play is performed: the incident, its messages, and the log.
type stage struct {
	play
	incident      *v1alpha1.BreachIncident
	officer       *v1alpha1.DataProtectionOfficer
	policy        *v1alpha1.EscalationPolicy
	notifications []v1alpha1.Notification
	now           time.Time
	log           []string
}

func TestPlays(t *testing.T) {
	files, err := filepath.Glob("testdata/*.play")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d plays, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".play")
		t.Run(name, func(t *testing.T) {
			p := readPlay(t, file)
			got := strings.Join(perform(t, p, nil, nil), "\n") + "\n"
			golden := strings.TrimSuffix(file, ".play") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("run with -update and review:\n%s", diff)
			}
		})
	}
}

// TestPlaysHaveTheSameEndWhateverTheVisits performs each play again with visits at random times, and with a crash between
// the writing of messages and of the status at random visits.
func TestPlaysHaveTheSameEndWhateverTheVisits(t *testing.T) {
	files, err := filepath.Glob("testdata/*.play")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		p := readPlay(t, file)
		want := perform(t, p, nil, nil)
		for seed := range uint64(6) {
			chance := rand.New(rand.NewPCG(seed, 7))
			if diff := cmp.Diff(want, perform(t, p, chance, nil)); diff != "" {
				t.Errorf("%s, visits of seed %d:\n%s", file, seed, diff)
			}
			if diff := cmp.Diff(want, perform(t, p, chance, chance)); diff != "" {
				t.Errorf("%s, crashes of seed %d:\n%s", file, seed, diff)
			}
		}
	}
}

// TestDowntimeLosesNoStage takes the operator away for a random while of a story without answers: in the end the same
// stages have fired, in the order of the policy, and the same messages exist.
func TestDowntimeLosesNoStage(t *testing.T) {
	p := readPlay(t, "testdata/escalation.play")
	facts := func(log []string) []string {
		var out []string
		for _, line := range log {
			_, what, _ := strings.Cut(line, " ")
			what, _, _ = strings.Cut(what, " as ")
			if strings.HasPrefix(what, "fired") || strings.HasPrefix(what, "message") && strings.Contains(what, "/1 ") {
				out = append(out, what)
			}
		}
		slices.Sort(out)
		return out
	}
	want := facts(perform(t, p, nil, nil))
	chance := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		from := time.Duration(chance.Int64N(int64(60 * time.Hour)))
		down := p
		down.downs = [][2]time.Duration{{from, from + time.Duration(chance.Int64N(int64(36*time.Hour)))}}
		if diff := cmp.Diff(want, facts(perform(t, down, nil, nil))); diff != "" {
			t.Fatalf("down from %s until %s:\n%s", down.downs[0][0], down.downs[0][1], diff)
		}
	}
}

// perform plays it and returns the log. Visits adds some at random; crashes loses the status of some.
func perform(t *testing.T, p play, visits, crashes *rand.Rand) []string {
	t.Helper()
	s := newStage(t, p)
	next := p.start
	acts := slices.Clone(p.acts)
	end := p.start.Add(p.until)
	for !next.After(end) {
		s.now = next
		for len(acts) > 0 && !p.start.Add(acts[0].at).After(s.now) {
			s.note("# %s", acts[0].line)
			if err := acts[0].do(s); err != nil {
				t.Fatalf("%s: %v", acts[0].line, err)
			}
			acts = acts[1:]
		}
		wait := time.Hour
		if !s.down() {
			if crashes != nil && crashes.IntN(3) == 0 {
				s.write(t)
			}
			wait = s.visit(t)
		}
		next = s.now.Add(wait)
		if visits != nil && visits.IntN(2) == 0 {
			next = s.now.Add(time.Duration(1+visits.Int64N(int64(wait/time.Second))) * time.Second)
		}
		if len(acts) > 0 {
			if at := p.start.Add(acts[0].at); at.Before(next) {
				next = at
			}
		}
		for _, d := range p.downs {
			if at := p.start.Add(d[1]); s.now.Before(at) && at.Before(next) {
				next = at
			}
		}
	}
	return s.log
}

func (s *stage) down() bool {
	at := s.now.Sub(s.start)
	return slices.ContainsFunc(s.downs, func(d [2]time.Duration) bool { return at >= d[0] && at < d[1] })
}

func (s *stage) input() Input {
	return Input{Incident: s.incident, Officer: s.officer, Policy: s.policy, Channels: s.channel, Notifications: s.notifications, Zone: s.zone, Now: s.now}
}

// write creates the messages that are asked for, as the controller does before it writes the status.
func (s *stage) write(t *testing.T) {
	t.Helper()
	for _, child := range Desired(s.input()) {
		encoded, err := json.Marshal(child)
		if err != nil {
			t.Fatal(err)
		}
		n := v1alpha1.Notification{}
		if err := json.Unmarshal(encoded, &n); err != nil {
			t.Fatal(err)
		}
		s.notifications = append(s.notifications, n)
		s.note("message %s/%d to %s[%d] (%s) as %s", n.Spec.Cause.Stage, n.Spec.Cause.Ordinal, n.Spec.ChannelRef.Name, n.Spec.Recipient.Index, n.Spec.Recipient.Role, n.Spec.Template)
	}
}

func (s *stage) visit(t *testing.T) time.Duration {
	t.Helper()
	s.write(t)
	before := s.incident.Status.DeepCopy()
	verdict := Judge(s.input())
	if again := Judge(s.input()); !equal(verdict, again) {
		t.Fatal("the same input, another verdict")
	}
	conditions := s.incident.Status.Conditions
	s.incident.Status = verdict.Status
	s.incident.Status.Conditions = conditions
	for _, c := range verdict.Conditions {
		c.LastTransitionTime = metav1.NewTime(s.now)
		meta.SetStatusCondition(&s.incident.Status.Conditions, c)
	}
	for _, gone := range verdict.Gone {
		meta.RemoveStatusCondition(&s.incident.Status.Conditions, gone)
	}
	s.noteChanges(before)
	if verdict.Wait < time.Second || verdict.Wait > time.Hour {
		t.Fatalf("waits %s", verdict.Wait)
	}
	return verdict.Wait
}

func (s *stage) noteChanges(before *v1alpha1.BreachIncidentStatus) {
	after := &s.incident.Status
	if c := after.Clock; !equal(before.Clock, c) {
		s.note("clock %s from %s, due %s, legal limit %s", c.Source, s.hour(c.StartTime), s.hour(c.DueTime), s.hour(c.LegalDueTime))
	}
	if !equal(before.Severity, after.Severity) {
		s.note("severity %s %d suggests %s %v", after.Severity.Band, *after.Severity.ScoreHundredths, after.Severity.Suggestion, after.Severity.Flags)
	}
	for _, stage := range after.Stages[len(before.Stages):] {
		s.note("fired %s", stage.Name)
	}
	for i, o := range after.Obligations {
		if i >= len(before.Obligations) || !equal(before.Obligations[i], o) {
			s.note("duty %s %s (%s), due %s", o.Duty, o.State, o.Reason, s.hour(o.DueTime))
		}
	}
	for _, c := range after.Conditions {
		was := meta.FindStatusCondition(before.Conditions, c.Type)
		if was == nil || was.Status != c.Status || was.Reason != c.Reason {
			s.note("condition %s %s %s", c.Type, c.Status, c.Reason)
		}
	}
	for _, c := range before.Conditions {
		if meta.FindStatusCondition(after.Conditions, c.Type) == nil {
			s.note("condition %s gone", c.Type)
		}
	}
	if !before.ClosedTime.Equal(after.ClosedTime) {
		s.note("closed %s", s.hour(after.ClosedTime))
	}
}

// note writes a line of the log, with the hour of the story; minutes only when there are some.
func (s *stage) note(format string, args ...any) {
	s.log = append(s.log, hourOf(s.now.Sub(s.start))+" "+fmt.Sprintf(format, args...))
}

func (s *stage) hour(t *metav1.Time) string {
	if t == nil {
		return "none"
	}
	return hourOf(t.Sub(s.start))
}

func hourOf(d time.Duration) string {
	sign := "+"
	if d < 0 {
		sign, d = "-", -d
	}
	hours, minutes := int(d/time.Hour), int(d%time.Hour/time.Minute)
	if minutes == 0 {
		return fmt.Sprintf("%s%dh", sign, hours)
	}
	return fmt.Sprintf("%s%dh%02dm", sign, hours, minutes)
}

func newStage(t *testing.T, p play) *stage {
	t.Helper()
	s := &stage{play: p, policy: defaultPolicy(t)}
	s.officer = &v1alpha1.DataProtectionOfficer{Spec: v1alpha1.DataProtectionOfficerSpec{
		Organisation: v1alpha1.Organisation{Country: "FR"}, Channels: []v1alpha1.ObjectName{"mail"}, ManagementChannels: []v1alpha1.ObjectName{"hook"},
	}}
	s.policy.Spec.FallbackChannelRef = &v1alpha1.ClusterRef{Name: "spare"}
	s.channel = map[v1alpha1.ObjectName]*v1alpha1.NotificationChannel{
		"mail": {Spec: v1alpha1.NotificationChannelSpec{Type: v1alpha1.ChannelSMTP, SMTP: &v1alpha1.SMTPChannel{To: []string{"a@example.eu", "b@example.eu"}}}},
		"hook": {Spec: v1alpha1.NotificationChannelSpec{Type: v1alpha1.ChannelWebhook}},
	}
	s.incident = &v1alpha1.BreachIncident{
		ObjectMeta: metav1.ObjectMeta{Name: "bucket", Namespace: "shop", UID: types.UID("3b6f0c1e-0000-4000-8000-000000000001")},
		Spec: v1alpha1.BreachIncidentSpec{
			OfficerRef: v1alpha1.ClusterRef{Name: "example"}, EscalationPolicyRef: v1alpha1.ClusterRef{Name: "default"},
			Role: p.role, Verdict: v1alpha1.BreachSuspected, DetectedTime: ptr.To(metav1.NewTime(p.start)),
		},
	}
	if p.role == v1alpha1.BreachRoleProcessor {
		s.incident.Spec.Controllers = []v1alpha1.InformedController{{Name: "one"}, {Name: "two"}}
	}
	return s
}

// defaultPolicy is the one that is installed.
func defaultPolicy(t testing.TB) *v1alpha1.EscalationPolicy {
	t.Helper()
	content, err := os.ReadFile("../../config/escalation/default_policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	policy := &v1alpha1.EscalationPolicy{}
	if err := yaml.UnmarshalStrict(content, policy); err != nil {
		t.Fatal(err)
	}
	return policy
}

func readPlay(t *testing.T, file string) play {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := play{role: v1alpha1.BreachRoleController, zone: time.UTC}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if err := p.read(words); err != nil {
			t.Fatalf("%s: %s: %v", file, lines.Text(), err)
		}
	}
	return p
}

func (p *play) read(words []string) (err error) {
	switch words[0] {
	case "start":
		p.start, err = time.Parse(time.RFC3339, words[1])
	case "zone":
		p.zone, err = time.LoadLocation(words[1])
	case "role":
		p.role = v1alpha1.BreachRole(words[1])
	case "until":
		p.until, err = time.ParseDuration(words[1])
	case "down":
		var from, until time.Duration
		if from, err = time.ParseDuration(words[1]); err == nil {
			until, err = time.ParseDuration(words[2])
			p.downs = append(p.downs, [2]time.Duration{from, until})
		}
	default:
		at, err := time.ParseDuration(words[0])
		if err != nil {
			return err
		}
		p.acts = append(p.acts, act{at: at, line: strings.Join(words[1:], " "), do: func(s *stage) error { return s.act(words[1], words[2:]) }})
	}
	return err
}

// act is what a person does: with a stamp of the simulated time, as admission writes it.
func (s *stage) act(verb string, args []string) error {
	old, spec := s.incident.DeepCopy(), &s.incident.Spec
	at := metav1.NewTime(s.now)
	switch verb {
	case "aware": // aware [hours ago]
		if len(args) > 0 {
			ago, err := time.ParseDuration(args[0])
			if err != nil {
				return err
			}
			at = metav1.NewTime(s.now.Add(-ago))
		}
		spec.Verdict, spec.AwareTime = v1alpha1.BreachConfirmed, &at
	case "dismiss":
		spec.Verdict, spec.VerdictReason = v1alpha1.BreachDismissed, "no personal data"
	case "decide":
		spec.Risk = &v1alpha1.RiskDecision{Outcome: v1alpha1.RiskOutcome(strings.TrimPrefix(args[0], "risk=")), Reasoning: "because"}
	case "submit": // submit <authority> <type> <completeness>
		spec.Submissions = append(spec.Submissions, v1alpha1.Submission{Authority: args[0], Type: v1alpha1.SubmissionType(args[1]), Completeness: v1alpha1.SubmissionCompleteness(args[2]), SubmittedTime: &at})
	case "ack":
		spec.Acknowledgements = append(spec.Acknowledgements, v1alpha1.Acknowledgement{Stage: v1alpha1.PartName(args[0])})
	case "communicate":
		spec.Communication = &v1alpha1.Communication{Status: v1alpha1.CommunicationStatus(args[0])}
	case "inform": // inform <controller>
		for i := range spec.Controllers {
			if spec.Controllers[i].Name == args[0] {
				spec.Controllers[i].InformedTime = &at
			}
		}
	case "close":
		spec.Closure = &v1alpha1.Closure{Summary: "done"}
	case "dead": // dead <stage> <channel>: its messages were given up
		for i := range s.notifications {
			if n := &s.notifications[i]; string(n.Spec.Cause.Stage) == args[0] && string(n.Spec.ChannelRef.Name) == args[1] {
				n.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionDeadLettered, Status: metav1.ConditionTrue}}
			}
		}
	default:
		return fmt.Errorf("nobody knows how to %s", verb)
	}
	if refused := Validate(s.incident, old, s.now); len(refused) > 0 {
		return fmt.Errorf("%v", refused)
	}
	Stamp(old, s.incident, "someone", s.now)
	return nil
}
