// Package receipt writes what a person gets for an act: a signed text that names the act's events, their leaves in the log and
// the words that were shown (Article 7(1)). It is not stored: the same events and key always give the same text.
package receipt

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/jws"
)

// Type is the typ of a receipt's header.
const Type = "consent-receipt+jwt"

// Jurisdiction is the law under which all receipts are made.
const Jurisdiction = "EU"

// The decisions as they are written.
const (
	Granted = "granted"
	Denied  = "denied"
)

// ErrEvents means: there is no event, or they are not those of one act of one person.
var ErrEvents = errors.New("not the events of one act")

// Issuer is who issues, and where its receipts may be answered.
type Issuer struct {
	// URL of the service, Withdraw where consent is withdrawn.
	URL, Withdraw string
}

// Claims are what a receipt says (RFC 7519; ev, notice, method, jurisdiction and withdraw are ours).
type Claims struct {
	Issuer string `json:"iss"`
	// Audience is the id of the site.
	Audience string `json:"aud"`
	// ID is the receipt's.
	ID uuid.UUID `json:"jti"`
	// IssuedAt is when the first event was recorded, by the server's clock, in seconds of Unix time.
	IssuedAt int64 `json:"iat"`
	// Expires is when the last of the consents ends; absent where the act gave none.
	Expires int64 `json:"exp,omitempty"`
	// Subject is a random reference, absent where the act is linked to nobody.
	Subject      string  `json:"sub,omitempty"`
	Events       []Event `json:"ev"`
	Notice       Notice  `json:"notice"`
	Method       string  `json:"method"`
	Jurisdiction string  `json:"jurisdiction"`
	Withdraw     string  `json:"withdraw"`
}

// Event is one of an act's.
type Event struct {
	ID uuid.UUID `json:"id"`
	// Leaf is the leaf hash in base64url: a promise that the log will have it within its interval.
	Leaf    string `json:"leaf"`
	Type    string `json:"type"`
	Purpose string `json:"purpose,omitempty"`
	// Decision is Granted or Denied, absent where the event is about no purpose.
	Decision string `json:"decision,omitempty"`
}

// Notice names the words that were shown.
type Notice struct {
	ID       string `json:"id"`
	Version  int32  `json:"ver"`
	Language string `json:"lang"`
	// SHA256 is of the canonical JSON of the words, in base64url.
	SHA256 string `json:"sha256"`
}

// Of returns what the receipt of an act says, whatever the order of its events. ErrEvents when they are of several.
func Of(by Issuer, events []consent.Event) (Claims, error) {
	if len(events) == 0 {
		return Claims{}, ErrEvents
	}
	events = slices.SortedFunc(slices.Values(events), func(a, b consent.Event) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	first := events[0]
	c := Claims{Issuer: by.URL, Audience: first.Site, ID: first.Receipt, IssuedAt: first.RecordedAt.Unix(), Method: string(first.Method),
		Notice:       Notice{first.Notice.Notice, first.Notice.Version, first.Notice.Language, encode(first.Notice.SHA256)},
		Jurisdiction: Jurisdiction, Withdraw: by.Withdraw}
	if first.Subject != uuid.Nil {
		c.Subject = first.Subject.String()
	}
	for i, event := range events {
		if !together(first, event) || i > 0 && event.ID == events[i-1].ID {
			return Claims{}, ErrEvents
		}
		c.IssuedAt = min(c.IssuedAt, event.RecordedAt.Unix())
		if !event.ValidUntil.IsZero() {
			c.Expires = max(c.Expires, event.ValidUntil.Unix())
		}
		c.Events = append(c.Events, Event{event.ID, encode(event.Leaf), string(event.Type), event.Purpose, decision(event)})
	}
	return c, nil
}

// together tells whether two events are of one act.
func together(a, b consent.Event) bool {
	return a.Tenant == b.Tenant && a.Receipt == b.Receipt && a.Subject == b.Subject && a.Site == b.Site && a.Method == b.Method &&
		a.Notice.Notice == b.Notice.Notice && a.Notice.Version == b.Notice.Version && a.Notice.Language == b.Notice.Language &&
		bytes.Equal(a.Notice.SHA256, b.Notice.SHA256)
}

// Issue signs the claims.
func Issue(c Claims, key jws.Key) (string, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("writing a receipt: %w", err)
	}
	return key.Sign(Type, payload)
}

// Open checks a receipt and returns what it says, and which key signed it. A receipt proves what was recorded, so it does not
// go bad when the consent expires. Errors are those of package jws.
func Open(text string, keys jws.Keys) (Claims, string, error) {
	payload, key, err := keys.Open(Type, text)
	if err != nil {
		return Claims{}, "", fmt.Errorf("checking the receipt: %w", err)
	}
	var c Claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return Claims{}, "", fmt.Errorf("reading the receipt: %w", jws.ErrForm)
	}
	if again, err := json.Marshal(c); err != nil || !bytes.Equal(again, payload) {
		return Claims{}, "", fmt.Errorf("reading the receipt: %w", jws.ErrForm)
	}
	return c, key, nil
}

// Recorded is when the act was recorded, to the second.
func (c Claims) Recorded() time.Time { return time.Unix(c.IssuedAt, 0).UTC() }

// LeafHash returns the hash of the event's leaf: jws.ErrForm where the text is no hash.
func (e Event) LeafHash() ([]byte, error) {
	hash, err := base64.RawURLEncoding.Strict().DecodeString(e.Leaf)
	if err != nil {
		return nil, fmt.Errorf("reading a leaf: %w", jws.ErrForm)
	}
	return hash, nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// decision is empty for an event about no purpose, whatever the ledger keeps in its place: it says yes to no purpose.
func decision(e consent.Event) string {
	switch {
	case e.Decision == nil || e.Purpose == "":
		return ""
	case *e.Decision == consent.Granted:
		return Granted
	default:
		return Denied
	}
}
