package notice

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
)

var start = time.Date(2026, time.November, 24, 8, 0, 0, 0, time.UTC)

func draft() Draft {
	return Draft{
		Subject: Subject{Kind: "BreachIncident", Namespace: "shop", Name: "bucket", UID: "uid-1"},
		Cause:   v1alpha1.NotificationCause{Event: v1alpha1.EventStageFired, Stage: "dpo", Ordinal: 1},
		Channel: "mail", Recipient: v1alpha1.NotificationRecipient{Role: v1alpha1.AudienceOfficer, Index: 1},
		Template: TemplateStage, Language: v1alpha1.LanguageEnglish,
		Parameters: map[string]string{"namespace": "shop", "name": "bucket", "stage": "dpo"},
	}
}

// object is the Notification that the draft makes.
func object(t testing.TB, d Draft) *v1alpha1.Notification {
	t.Helper()
	encoded, err := json.Marshal(d.Apply())
	if err != nil {
		t.Fatal(err)
	}
	n := &v1alpha1.Notification{}
	if err := json.Unmarshal(encoded, n); err != nil {
		t.Fatal(err)
	}
	n.CreationTimestamp = metav1.NewTime(start)
	return n
}

func TestTheKeyTellsMessagesApart(t *testing.T) {
	base := draft()
	if base.Key() != draft().Key() || base.Name() != draft().Name() {
		t.Fatal("the same draft has two keys")
	}
	for name, change := range map[string]func(*Draft){
		"object":    func(d *Draft) { d.Subject.UID = "uid-2" },
		"event":     func(d *Draft) { d.Cause.Event = v1alpha1.EventDeadLettered },
		"stage":     func(d *Draft) { d.Cause.Stage = "management" },
		"ordinal":   func(d *Draft) { d.Cause.Ordinal = 2 },
		"channel":   func(d *Draft) { d.Channel = "hook" },
		"recipient": func(d *Draft) { d.Recipient.Index = 2 },
	} {
		other := draft()
		change(&other)
		if other.Key() == base.Key() || other.Name() == base.Name() {
			t.Errorf("another %s, the same key", name)
		}
	}
	sameAddress := draft()
	sameAddress.Recipient.Role = v1alpha1.AudienceManagement
	if sameAddress.Key() != base.Key() {
		t.Error("an address gets one message, whatever its role")
	}
}

func TestAnEditedCopyIsNotGenuine(t *testing.T) {
	n := object(t, draft())
	if !Genuine(n) {
		t.Fatal("the message itself is not genuine")
	}
	for name, change := range map[string]func(*v1alpha1.Notification){
		"channel": func(n *v1alpha1.Notification) { n.Spec.ChannelRef.Name = "other" },
		"name":    func(n *v1alpha1.Notification) { n.Name = "mine" },
		"key":     func(n *v1alpha1.Notification) { n.Spec.IdempotencyKey = strings.Repeat("0", 64) },
		"object":  func(n *v1alpha1.Notification) { n.Spec.ObjectRef.UID = "uid-9" },
	} {
		copied := n.DeepCopy()
		change(copied)
		if Genuine(copied) {
			t.Errorf("another %s is still genuine", name)
		}
	}
}

func TestLongNamesStayNames(t *testing.T) {
	d := draft()
	d.Subject.Name = strings.Repeat("a", 149) + "." + strings.Repeat("b", 100)
	d.Cause.Stage = v1alpha1.PartName(strings.Repeat("s", 63))
	if name := d.Name(); len(name) > 253 || strings.Contains(name, ".-") {
		t.Errorf("%d: %s", len(name), name)
	}
}

func TestBackoffGrowsWithJitterAndHasAnEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[0-9a-f]{64}`).Draw(t, "key")
		attempt := rapid.Int32Range(1, 500).Draw(t, "attempt")
		wait := Backoff(key, attempt, 0)
		most := longestBackoff
		if attempt < 8 {
			most = min(most, firstBackoff<<(attempt-1))
		}
		if wait < shortestBackoff || wait > most {
			t.Fatalf("attempt %d waits %s", attempt, wait)
		}
		if wait != Backoff(key, attempt, 0) {
			t.Fatal("the same question, another answer")
		}
		if asked := Backoff(key, attempt, 48*time.Hour); asked != time.Hour {
			t.Fatalf("Retry-After of two days waits %s", asked)
		}
	})
	different := map[time.Duration]bool{}
	for i := range 64 {
		different[Backoff(strings.Repeat("0", 62)+string(rune('a'+i%6))+string(rune('0'+i%10)), 7, 0)] = true
	}
	if len(different) < 8 {
		t.Errorf("jitter has %d values", len(different))
	}
}

func TestAChannelRestsAfterItsMostMessagesOfAnHour(t *testing.T) {
	channel := &v1alpha1.NotificationChannel{Spec: v1alpha1.NotificationChannelSpec{PerHour: 2}}
	attempts := []time.Time{start.Add(-90 * time.Minute), start.Add(-50 * time.Minute), start.Add(-10 * time.Minute)}
	if wait := Throttled(channel, attempts, start); wait != 10*time.Minute {
		t.Errorf("waits %s", wait)
	}
	if wait := Throttled(channel, attempts[:2], start); wait != 0 {
		t.Errorf("one of two an hour waits %s", wait)
	}
}

// TestAReceiverThatFails plays ten minutes of answer 500, then a success; a refusal for good; a day of silence.
func TestAReceiverThatFails(t *testing.T) {
	t.Run("ten minutes of 500, then delivered under the same key", func(t *testing.T) {
		n := object(t, draft())
		end := play(t, n, func(at time.Time) Outcome {
			if at.Sub(start) < 10*time.Minute {
				return Outcome{Result: v1alpha1.DeliveryServerError}
			}
			return Outcome{Result: v1alpha1.DeliveryAccepted, MessageID: "<x>"}
		})
		if n.Status.DeliveredTime == nil || end.Sub(start) > 40*time.Minute || *n.Status.Attempts < 3 || n.Status.NextAttemptTime != nil {
			t.Errorf("%+v after %s", n.Status, end.Sub(start))
		}
	})
	t.Run("a refusal for good is given up at once", func(t *testing.T) {
		n := object(t, draft())
		play(t, n, func(time.Time) Outcome { return Outcome{Result: v1alpha1.DeliveryRefused, Permanent: true} })
		if *n.Status.Attempts != 1 || n.Status.DeliveredTime != nil {
			t.Errorf("%+v", n.Status)
		}
	})
	t.Run("a day of silence is given up within retryFor", func(t *testing.T) {
		n := object(t, draft())
		end := play(t, n, func(time.Time) Outcome { return Outcome{Result: v1alpha1.DeliveryTimeout} })
		if end.Sub(start) > 24*time.Hour || end.Sub(start) < 23*time.Hour {
			t.Errorf("given up after %s", end.Sub(start))
		}
	})
}

// play attempts until the message ends, and returns when.
func play(t *testing.T, n *v1alpha1.Notification, receiver func(time.Time) Outcome) time.Time {
	t.Helper()
	now := start
	for range 10_000 {
		in := Input{Notification: n, Now: now}
		if rest := Due(in); rest != (Rest{}) {
			now = now.Add(rest.Wait)
			continue
		}
		Begin(n, now)
		gaveUp, reason := Conclude(in, receiver(now))
		if verdict := Judge(in, Rest{}, reason); gaveUp != verdict.GaveUp {
			t.Fatalf("gave up %v, verdict %+v", gaveUp, verdict)
		}
		if gaveUp || n.Status.DeliveredTime != nil {
			return now
		}
	}
	t.Fatal("the message has no end")
	return now
}

func TestAnAttemptThatWasCutShortIsMadeAgain(t *testing.T) {
	n := object(t, draft())
	Begin(n, start)
	in := Input{Notification: n, Now: start.Add(time.Second)}
	if rest := Due(in); rest.Wait < 20*time.Second {
		t.Errorf("an attempt that may be under way is repeated after %s", rest.Wait)
	}
	in.Now = start.Add(time.Hour)
	if rest := Due(in); rest != (Rest{}) {
		t.Errorf("%+v", rest)
	}
	if verdict := Judge(in, Rest{}, ""); verdict.Conditions[0].Reason != v1alpha1.ReasonSending {
		t.Errorf("%+v", verdict)
	}
}

func TestEveryTextExistsInBothLanguagesWithTheSameParameters(t *testing.T) {
	for template, languages := range texts {
		en, fr := languages[v1alpha1.LanguageEnglish], languages[v1alpha1.LanguageFrench]
		a, b := parametersOf(en.subject+en.body), parametersOf(fr.subject+fr.body)
		slices.Sort(a)
		slices.Sort(b)
		if len(a) == 0 || !slices.Equal(a, b) {
			t.Errorf("%s: en %v, fr %v", template, a, b)
		}
		for _, name := range append(a, parametersOf(en.subject)...) {
			if !slices.Contains(Allowed, name) {
				t.Errorf("%s uses %s, which is not allowed", template, name)
			}
		}
	}
}

func TestAMessageCarriesNothingElse(t *testing.T) {
	const canary = "camille.durand@example.eu"
	d := draft()
	d.Parameters["description"] = canary
	d.Parameters["dueTime"] = "2026-11-27T09:00:00+01:00"
	n := object(t, d)
	n.Spec.Parameters = append(n.Spec.Parameters, v1alpha1.NotificationParameter{Name: "note", Value: canary},
		v1alpha1.NotificationParameter{Name: "channel", Value: "x\r\nBcc: evil ${name}"})
	for _, language := range []v1alpha1.Language{v1alpha1.LanguageEnglish, v1alpha1.LanguageFrench} {
		m, err := Render(n, language)
		if err != nil {
			t.Fatal(err)
		}
		all := m.Subject + m.Text + string(m.Payload)
		if strings.Contains(all, canary) || strings.Contains(all, "\r") || strings.Contains(all, "${") {
			t.Errorf("%s", all)
		}
		if !strings.Contains(m.Text, "2026-11-27 09:00 +01:00") {
			t.Errorf("no due time: %s", m.Text)
		}
		if strings.Contains(m.Text, "Legal limit") || strings.Contains(m.Text, "Limite") {
			t.Errorf("a line without its value was kept: %s", m.Text)
		}
	}
	if _, err := Render(n, "de"); err == nil {
		t.Error("a language without text was rendered")
	}
}

func TestTheChannelsLanguageWins(t *testing.T) {
	channel := &v1alpha1.NotificationChannel{Spec: v1alpha1.NotificationChannelSpec{Language: v1alpha1.LanguageFrench}}
	if LanguageOf(channel, v1alpha1.LanguageEnglish) != v1alpha1.LanguageFrench || LanguageOf(nil, v1alpha1.LanguageFrench) != v1alpha1.LanguageFrench || LanguageOf(nil, "") != v1alpha1.LanguageEnglish {
		t.Error("wrong language")
	}
	smtp := &v1alpha1.NotificationChannel{Spec: v1alpha1.NotificationChannelSpec{SMTP: &v1alpha1.SMTPChannel{To: []string{"a@b", "c@d"}}}}
	if Addresses(smtp) != 2 || Addresses(nil) != 1 || Addresses(channel) != 1 {
		t.Error("wrong number of addresses")
	}
}

func TestAuthoritiesAreNotReached(t *testing.T) {
	if !AuthorityDomain("notifications.cnil.fr") || AuthorityDomain("hooks.example.eu") {
		t.Error("wrong domains")
	}
}

func FuzzRender(f *testing.F) {
	f.Add("bucket", "2026-11-27T09:00:00Z", "stage")
	f.Add("${name}", "\x00\r\n", "overdue")
	f.Fuzz(func(t *testing.T, name, due, template string) {
		n := &v1alpha1.Notification{Spec: v1alpha1.NotificationSpec{Template: template, Parameters: []v1alpha1.NotificationParameter{
			{Name: "name", Value: name}, {Name: "namespace", Value: name}, {Name: "dueTime", Value: due}, {Name: "stage", Value: "s"},
		}}, Status: v1alpha1.NotificationStatus{Attempts: ptr.To[int32](1)}}
		m, err := Render(n, v1alpha1.LanguageEnglish)
		if err != nil {
			return
		}
		if strings.ContainsAny(m.Subject, "\r\n\x00") || !json.Valid(m.Payload) {
			t.Fatalf("%q, %s", m.Subject, m.Payload)
		}
	})
}

// TestThePublicIsToldInItsOwnWords (Article 17(2)): a message about data that were made public asks for steps, and is the same message
// whatever the register calls the recipient meanwhile.
func TestThePublicIsToldInItsOwnWords(t *testing.T) {
	request := &v1alpha1.ErasureRequest{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "r1", UID: "uid-1"}}
	d := erasure.Disclosure{Register: "crm", Recipient: "site", Channel: "web"}
	name := Erasures{}.Name(request, d)
	d.Public = true
	m, err := Render(object(t, recipientDraft(request, d)), v1alpha1.LanguageEnglish)
	if err != nil || !strings.Contains(m.Text, "Article 17(2)") || !strings.Contains(m.Text, "made public (site, register crm)") || (Erasures{}).Name(request, d) != name {
		t.Errorf("%v, %+v", err, m)
	}
}
