// Package notice decides about messages: their key and name, their words, when to try again, and when to give up. It
// sends nothing; adapters do.
package notice

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"

	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	v1alpha1ac "github.com/rempart-dev/rempart/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/law/authority"
)

// Subject is the object that a message is about.
type Subject struct {
	Kind, Namespace, Name, UID string
}

// Draft is a message that should exist.
type Draft struct {
	Subject   Subject
	Cause     v1alpha1.NotificationCause
	Channel   v1alpha1.ObjectName
	Recipient v1alpha1.NotificationRecipient
	Template  string
	Language  v1alpha1.Language
	// Parameters by name; see Allowed.
	Parameters map[string]string
}

// Key is the idempotency key: SHA-256, in hex, of object UID, cause, channel and recipient. Each attempt carries it, so
// that a receiver can tell a repeated delivery from a second message. The role of the recipient is not part of it: the
// same address gets one message, whatever role it has.
func Key(uid string, cause v1alpha1.NotificationCause, channel v1alpha1.ObjectName, recipient v1alpha1.NotificationRecipient) string {
	hash := sha256.New()
	for _, part := range []string{
		uid, string(cause.Event), string(cause.Stage), strconv.Itoa(int(max(cause.Ordinal, 1))), string(channel), strconv.Itoa(int(max(recipient.Index, 1))),
	} {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		hash.Write(length[:])
		hash.Write([]byte(part))
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// Key of the draft.
func (d Draft) Key() string { return Key(d.Subject.UID, d.Cause, d.Channel, d.Recipient) }

// Name of the Notification: creating it twice is one object.
func (d Draft) Name() string { return Name(d.Subject.Name, d.Cause, d.Key()) }

// Name derives from the object's name and the cause, for people, and from the key, for uniqueness.
func Name(object string, cause v1alpha1.NotificationCause, key string) string {
	word := string(cause.Stage)
	if word == "" {
		word = strings.ToLower(string(cause.Event))
	}
	return cut(object, 150) + "-" + cut(word, 63) + "-" + key[:16]
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.TrimRight(s[:most], "-.")
}

// Apply returns the Notification as it should be applied. The caller adds the owner reference.
func (d Draft) Apply() *v1alpha1ac.NotificationApplyConfiguration {
	spec := v1alpha1ac.NotificationSpec().
		WithObjectRef(v1alpha1ac.ObjectRef().WithKind(d.Subject.Kind).WithName(v1alpha1.ObjectName(d.Subject.Name)).WithUID(d.Subject.UID)).
		WithCause(causeOf(d.Cause)).
		WithChannelRef(v1alpha1ac.ClusterRef().WithName(d.Channel)).
		WithRecipient(v1alpha1ac.NotificationRecipient().WithRole(d.Recipient.Role).WithIndex(max(d.Recipient.Index, 1))).
		WithTemplate(d.Template).WithLanguage(d.Language).WithIdempotencyKey(d.Key())
	for _, name := range Allowed {
		if value := d.Parameters[name]; value != "" {
			spec = spec.WithParameters(v1alpha1ac.NotificationParameter().WithName(name).WithValue(cut(value, 256)))
		}
	}
	return v1alpha1ac.Notification(d.Name(), d.Subject.Namespace).
		WithLabels(map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedByRempart}).WithSpec(spec)
}

func causeOf(c v1alpha1.NotificationCause) *v1alpha1ac.NotificationCauseApplyConfiguration {
	cause := v1alpha1ac.NotificationCause().WithEvent(c.Event).WithOrdinal(max(c.Ordinal, 1))
	if c.Stage != "" {
		cause = cause.WithStage(c.Stage)
	}
	return cause
}

// Genuine tells whether a Notification is one that a Draft made: its key and name follow from the rest. A copy that
// somebody edited is not, and is never sent.
func Genuine(n *v1alpha1.Notification) bool {
	s := &n.Spec
	key := Key(s.ObjectRef.UID, s.Cause, s.ChannelRef.Name, s.Recipient)
	return s.IdempotencyKey == key && n.Name == Name(string(s.ObjectRef.Name), s.Cause, key)
}

// Addresses is the number of recipients of a channel: one message goes to each. A missing channel has one, so that the
// message exists, fails and is escalated.
func Addresses(channel *v1alpha1.NotificationChannel) int32 {
	if channel == nil || channel.Spec.SMTP == nil {
		return 1
	}
	return int32(max(1, len(channel.Spec.SMTP.To)))
}

// LanguageOf returns the language of a channel's messages; fallback where the channel sets none.
func LanguageOf(channel *v1alpha1.NotificationChannel, fallback v1alpha1.Language) v1alpha1.Language {
	for _, language := range []v1alpha1.Language{ptr.Deref(channel, v1alpha1.NotificationChannel{}).Spec.Language, fallback} {
		if language != "" {
			return language
		}
	}
	return v1alpha1.LanguageEnglish
}

// AuthorityDomain tells whether a host is, or lies below, the domain of a supervisory authority. Admission refuses such
// channels: only a person writes to an authority.
func AuthorityDomain(host string) bool { return authority.Domain(host) }

// shortDigest is ten characters that tell two names apart.
func shortDigest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:5])
}
