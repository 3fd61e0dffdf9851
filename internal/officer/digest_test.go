package officer_test

import (
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/evidence"
	"github.com/rempart-dev/rempart/internal/notice"
	"github.com/rempart-dev/rempart/internal/officer"
)

// paris is an officer in Paris who wants a digest on weekdays at eight, appointed on a Sunday.
func paris() *v1alpha1.DataProtectionOfficer {
	o := &v1alpha1.DataProtectionOfficer{ObjectMeta: metav1.ObjectMeta{Name: "acme", UID: "u-1",
		CreationTimestamp: metav1.NewTime(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))}}
	o.Spec.TimeZone, o.Spec.Language = "Europe/Paris", v1alpha1.LanguageFrench
	o.Spec.Channels = []v1alpha1.ObjectName{"mail"}
	o.Spec.Digest = &v1alpha1.Digest{Schedule: "0 8 * * 1-5"}
	o.Status.Registers = ptr.To(int32(2))
	return o
}

func TestADigestComesOnceForEachTimeOfItsSchedule(t *testing.T) {
	eight := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC) // Monday, 08:00 in Paris
	last := func(at time.Time) func(*v1alpha1.DataProtectionOfficer) {
		return func(o *v1alpha1.DataProtectionOfficer) { o.Status.LastDigestTime = ptr.To(metav1.NewTime(at)) }
	}
	for name, test := range map[string]struct {
		at       time.Time
		change   func(*v1alpha1.DataProtectionOfficer)
		messages int
		wait     time.Duration
	}{
		"a minute before":               {eight.Add(-time.Minute), nil, 0, time.Minute},
		"on time":                       {eight, nil, 1, time.Hour},
		"again at once":                 {eight, last(eight), 0, time.Hour},
		"the next day":                  {eight.Add(24 * time.Hour), last(eight), 1, time.Hour},
		"not on Saturday":               {eight.Add(5 * 24 * time.Hour), last(eight.Add(4 * 24 * time.Hour)), 0, time.Hour},
		"a week that was missed is one": {eight.Add(7*24*time.Hour + 5*time.Hour), last(eight), 1, time.Hour},
		"not before the first count":    {eight, func(o *v1alpha1.DataProtectionOfficer) { o.Status.Registers = nil }, 0, time.Hour},
		"no schedule":                   {eight, func(o *v1alpha1.DataProtectionOfficer) { o.Spec.Digest = nil }, 0, 0},
		"a schedule that is none":       {eight, func(o *v1alpha1.DataProtectionOfficer) { o.Spec.Digest.Schedule = "daily at 8" }, 0, 0},
		"a day that never comes":        {eight, func(o *v1alpha1.DataProtectionOfficer) { o.Spec.Digest.Schedule = "0 8 30 2 *" }, 0, 0},
		"nobody carries it":             {eight, func(o *v1alpha1.DataProtectionOfficer) { o.Spec.Channels = nil }, 0, time.Hour},
		"channels of its own": {eight, func(o *v1alpha1.DataProtectionOfficer) {
			o.Spec.Digest.Channels = []v1alpha1.ObjectName{"board", "archive"}
		}, 2, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			o := paris()
			if test.change != nil {
				test.change(o)
			}
			got := officer.Digests(officer.DigestInput{Officer: o, Namespace: "rempart-system", Now: test.at})
			if len(got.Messages) != test.messages || got.Wait != test.wait || (got.Handed != nil) != (test.messages > 0) {
				t.Errorf("%d messages, wait %v, handed %v", len(got.Messages), got.Wait, got.Handed)
			}
		})
	}
}

// TestADigestThatIsMadeAgainIsTheSameMessage: a crash between message and status must not send two.
func TestADigestThatIsMadeAgainIsTheSameMessage(t *testing.T) {
	o, at := paris(), time.Date(2026, 11, 23, 7, 0, 3, 0, time.UTC)
	first := officer.Digests(officer.DigestInput{Officer: o, Namespace: "rempart-system", Now: at})
	o.Status.OpenBreaches = ptr.To(int32(1))
	second := officer.Digests(officer.DigestInput{Officer: o, Namespace: "rempart-system", Now: at.Add(20 * time.Minute)})
	if first.Messages[0].Name() != second.Messages[0].Name() {
		t.Errorf("%s, then %s", first.Messages[0].Name(), second.Messages[0].Name())
	}
}

func TestEachAddressOfAChannelHasItsDigest(t *testing.T) {
	channel := &v1alpha1.NotificationChannel{Spec: v1alpha1.NotificationChannelSpec{SMTP: &v1alpha1.SMTPChannel{To: []string{"a@acme.example", "b@acme.example"}}}}
	got := officer.Digests(officer.DigestInput{Officer: paris(), Namespace: "rempart-system", Now: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC),
		Channels: map[v1alpha1.ObjectName]*v1alpha1.NotificationChannel{"mail": channel}})
	if len(got.Messages) != 2 || got.Messages[0].Recipient.Index != 1 || got.Messages[1].Recipient.Index != 2 {
		t.Errorf("%+v", got.Messages)
	}
}

func TestDigestsOfLongAgoGoAndOpenOnesStay(t *testing.T) {
	now := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	sent := func(name string, age time.Duration, delivered bool) v1alpha1.Notification {
		n := v1alpha1.Notification{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(now.Add(-age))}}
		if delivered {
			n.Status.DeliveredTime = ptr.To(metav1.NewTime(now))
		}
		return n
	}
	got := officer.Digests(officer.DigestInput{Officer: paris(), Now: now, Sent: []v1alpha1.Notification{
		sent("old", 31*24*time.Hour, true), sent("waits", 31*24*time.Hour, false), sent("new", 24*time.Hour, true)}})
	if len(got.Old) != 1 || got.Old[0].Name != "old" {
		t.Errorf("%+v", got.Old)
	}
}

// TestTheLastLinesOfADigestAreTheSignedCheckpoint: saved as a file, they are what `verify --seen` reads.
func TestTheLastLinesOfADigestAreTheSignedCheckpoint(t *testing.T) {
	key, err := evidence.NewKey(make([]byte, ed25519.SeedSize))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := evidence.Checkpoint{Size: 1234567, Root: tlog.RecordHash([]byte("x"))}.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	head, err := evidence.SplitCheckpoint(signed, key.Public())
	if err != nil {
		t.Fatal(err)
	}
	for _, language := range []v1alpha1.Language{v1alpha1.LanguageEnglish, v1alpha1.LanguageFrench} {
		text := digestText(t, officer.DigestInput{Officer: paris(), Head: head}, language)
		lines := strings.SplitAfter(text, "\n")
		note := strings.Join(lines[len(lines)-6:], "")
		if _, err := evidence.ReadCheckpoint([]byte(note), key.Public()); err != nil {
			t.Errorf("%v:\n%s", err, text)
		}
	}
}

func TestADigestSaysThatTheLogNeedsAPersonAndNamesNoCheckpoint(t *testing.T) {
	text := digestText(t, officer.DigestInput{Officer: paris(), LogProblem: v1alpha1.ReasonEvidenceDamaged}, v1alpha1.LanguageEnglish)
	if !strings.Contains(text, v1alpha1.ReasonEvidenceDamaged) || strings.Contains(text, evidence.Origin) || strings.Contains(text, "—") {
		t.Error(text)
	}
}

func digestText(t *testing.T, in officer.DigestInput, language v1alpha1.Language) string {
	t.Helper()
	in.Now = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	message := officer.Digests(in).Messages[0]
	n := &v1alpha1.Notification{Spec: v1alpha1.NotificationSpec{Template: message.Template}}
	for name, value := range message.Parameters {
		if value != "" {
			n.Spec.Parameters = append(n.Spec.Parameters, v1alpha1.NotificationParameter{Name: name, Value: value})
		}
	}
	rendered, err := notice.Render(n, language)
	if err != nil {
		t.Fatal(err)
	}
	return rendered.Text
}
