package policy

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/notice"
)

func witness(t *testing.T, size int64) WitnessInput {
	t.Helper()
	in := WitnessInput{Policy: readPolicy(t, "managed"), Language: v1alpha1.LanguageFrench, Now: noon, Checkpoint: Checkpoint{Size: size, Root: head(size, 'a').Root, Note: head(size, 'a').Checkpoint}}
	in.Policy.Spec.Service.WitnessChannelRef = &v1alpha1.ClusterRef{Name: "notary"}
	return in
}

// sent turns drafts into the messages that they become.
func sent(drafts []notice.Draft) []v1alpha1.Notification {
	var all []v1alpha1.Notification
	for _, d := range drafts {
		n := v1alpha1.Notification{ObjectMeta: metav1.ObjectMeta{Name: d.Name(), Namespace: d.Subject.Namespace},
			Spec: v1alpha1.NotificationSpec{Template: d.Template, Cause: d.Cause}}
		for name, value := range d.Parameters {
			n.Spec.Parameters = append(n.Spec.Parameters, v1alpha1.NotificationParameter{Name: name, Value: value})
		}
		all = append(all, n)
	}
	return all
}

func TestACheckpointLeavesTheClusterOncePerDayOnWhichTheLogGrew(t *testing.T) {
	in := witness(t, 7)
	first, wait := Witness(in)
	if len(first) != 1 || wait != 12*time.Hour {
		t.Fatalf("%+v, %s", first, wait)
	}
	message, err := notice.Render(&sent(first)[0], first[0].Language)
	if err != nil || !strings.Contains(message.Text, in.Checkpoint.Note) || !strings.Contains(message.Subject, "shop/chat") {
		t.Errorf("the note cannot be read from the message: %v\n%s", err, message.Text)
	}
	in.Sent = sent(first)
	if again, _ := Witness(in); len(again) > 0 {
		t.Errorf("the log has not grown: %+v", again)
	}
	grown := witness(t, 9)
	grown.Sent = in.Sent
	if today, _ := Witness(grown); len(today) != 1 || today[0].Name() != first[0].Name() {
		t.Errorf("one message a day: what is there stays: %+v", today)
	}
	grown.Now = noon.Add(24 * time.Hour)
	if tomorrow, _ := Witness(grown); len(tomorrow) != 1 || tomorrow[0].Name() == first[0].Name() {
		t.Errorf("another day, another message: %+v", tomorrow)
	}
	nobody := witness(t, 7)
	nobody.Policy.Spec.Service.WitnessChannelRef = nil
	if drafts, wait := Witness(nobody); len(drafts) > 0 || wait != 0 {
		t.Errorf("nobody is to be told: %+v", drafts)
	}
	empty := witness(t, 7)
	empty.Checkpoint = Checkpoint{}
	if drafts, _ := Witness(empty); len(drafts) > 0 {
		t.Errorf("there is no checkpoint yet: %+v", drafts)
	}
	mail := witness(t, 7)
	mail.Channel = &v1alpha1.NotificationChannel{Spec: v1alpha1.NotificationChannelSpec{SMTP: &v1alpha1.SMTPChannel{To: []string{"a@acme.example", "b@acme.example"}}}}
	if drafts, _ := Witness(mail); len(drafts) != 2 {
		t.Errorf("each address: %+v", drafts)
	}
}
