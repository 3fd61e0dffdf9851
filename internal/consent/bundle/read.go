package bundle

import (
	"bytes"
	"encoding/base64"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/canonical"
	"github.com/rempart-dev/rempart/internal/consent/event"
)

// columns are an event as package event writes it. A column that is null is absent.
type columns struct {
	CollectedBy string     `json:"collected_by"`
	Decision    *int8      `json:"decision"`
	ID          uuid.UUID  `json:"event_id"`
	Evidence    string     `json:"evidence_ct"`
	GPC         *int8      `json:"gpc"`
	Method      string     `json:"method"`
	Notice      string     `json:"notice"`
	Language    string     `json:"notice_lang"`
	SHA256      string     `json:"notice_sha256"`
	Version     int32      `json:"notice_version"`
	OccurredAt  *time.Time `json:"occurred_at"`
	Purpose     string     `json:"purpose"`
	Receipt     uuid.UUID  `json:"receipt_id"`
	RecordedAt  *time.Time `json:"recorded_at"`
	Site        string     `json:"site"`
	Subject     uuid.UUID  `json:"subject_ref"`
	Tenant      uuid.UUID  `json:"tenant_id"`
	Type        string     `json:"type"`
	ValidUntil  *time.Time `json:"valid_until"`
}

// read reads an event, and hashes it: ErrForm for any text that is not the canonical form of one, whatever its spaces.
func read(text []byte) (consent.Event, error) {
	var c columns
	if err := decode(text, &c); err != nil {
		return consent.Event{}, err
	}
	digest, one := base64.RawURLEncoding.DecodeString(c.SHA256)
	sealed, two := base64.RawURLEncoding.DecodeString(c.Evidence)
	if one != nil || two != nil {
		return consent.Event{}, ErrForm
	}
	e := consent.Event{
		Tenant: c.Tenant, ID: c.ID, Receipt: c.Receipt, Subject: c.Subject, Type: consent.EventType(c.Type), Purpose: c.Purpose,
		Notice: consent.NoticeRef{Notice: c.Notice, Version: c.Version, Language: c.Language, SHA256: digest},
		Method: consent.Method(c.Method), CollectedBy: consent.Collector(c.CollectedBy), Site: c.Site,
		OccurredAt: instant(c.OccurredAt), RecordedAt: instant(c.RecordedAt), ValidUntil: instant(c.ValidUntil), EvidenceCiphertext: sealed,
	}
	if c.Decision != nil {
		decision := consent.Decision(*c.Decision)
		e.Decision = &decision
	}
	if c.GPC != nil {
		signal := *c.GPC != 0
		e.GPC = &signal
	}
	given, err := canonical.Again(text)
	if err != nil || !bytes.Equal(given, event.Append(nil, &e)) {
		return consent.Event{}, ErrForm
	}
	e.Leaf = event.Hash(&e)
	return e, nil
}

func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
