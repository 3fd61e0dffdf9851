package event

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/canonical"
)

func full() consent.Event {
	granted, yes := consent.Granted, true
	return consent.Event{
		Tenant: uuid.UUID{1}, ID: uuid.UUID{2}, Receipt: uuid.UUID{3}, Subject: uuid.UUID{4}, Type: consent.EventGiven, Purpose: "conversation", Decision: &granted,
		Notice: consent.NoticeRef{Notice: "shop", Version: 3, Language: "fr", SHA256: []byte{5, 6}}, Method: consent.MethodButton, CollectedBy: consent.CollectorWidget,
		Site: "shop \"1\"", OccurredAt: time.Date(2026, 11, 30, 12, 0, 0, 1000, time.UTC), RecordedAt: time.Date(2026, 11, 30, 12, 0, 0, 0, time.FixedZone("", 3600)),
		ValidUntil: time.Date(2027, 5, 30, 0, 0, 0, 0, time.UTC), GPC: &yes, EvidenceCiphertext: []byte{0xff, 0xfe},
	}
}

// TestTheCanonicalFormIsFixed is what receipts of years ago rest on.
func TestTheCanonicalFormIsFixed(t *testing.T) {
	e := full()
	want := `{"collected_by":"widget","decision":1,"event_id":"02000000-0000-0000-0000-000000000000","evidence_ct":"__4","gpc":1,"method":"button",` +
		`"notice":"shop","notice_lang":"fr","notice_sha256":"BQY","notice_version":3,"occurred_at":"2026-11-30T12:00:00.000001Z","purpose":"conversation",` +
		`"receipt_id":"03000000-0000-0000-0000-000000000000","recorded_at":"2026-11-30T11:00:00.000000Z","site":"shop \"1\"",` +
		`"subject_ref":"04000000-0000-0000-0000-000000000000","tenant_id":"01000000-0000-0000-0000-000000000000","type":"consent.given","valid_until":"2027-05-30T00:00:00.000000Z"}`
	got := Append(nil, &e)
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, text := range [][]byte{got, Append(nil, &consent.Event{})} {
		if again, err := canonical.Again(text); err != nil || !bytes.Equal(again, text) {
			t.Errorf("%s is not canonical: %s, %v", text, again, err)
		}
	}
}

// TestEveryFieldIsHashed changes each field of an event. Material, Evidence and Leaf are no columns of what is hashed.
func TestEveryFieldIsHashed(t *testing.T) {
	base := full()
	hash := Hash(&base)
	var walk func(at reflect.Value, path string, e *consent.Event)
	walk = func(at reflect.Value, path string, e *consent.Event) {
		for i := range at.NumField() {
			field, name := at.Field(i), path+at.Type().Field(i).Name
			if name == "Leaf" || name == "Evidence" || name == "Notice.Material" {
				continue
			}
			if field.Type() == reflect.TypeFor[consent.NoticeRef]() {
				walk(field, name+".", e)
				continue
			}
			before := reflect.ValueOf(field.Interface())
			field.Set(reflect.Zero(field.Type()))
			if bytes.Equal(Hash(e), hash) {
				t.Errorf("%s can be taken away", name)
			}
			switch v := field.Addr().Interface().(type) {
			case *time.Time:
				*v = before.Interface().(time.Time).Add(time.Microsecond)
			case *uuid.UUID:
				*v = before.Interface().(uuid.UUID)
				v[15] ^= 1
			case *[]byte:
				*v = append([]byte{9}, before.Bytes()...)
			case **bool:
				*v = new(bool)
			case **consent.Decision:
				*v = new(consent.Decision)
			case *int32:
				*v = 4
			default:
				field.SetString(before.String() + "x")
			}
			if bytes.Equal(Hash(e), hash) {
				t.Errorf("%s can be changed", name)
			}
			field.Set(before)
		}
	}
	walk(reflect.ValueOf(&base).Elem(), "", &base)
	if !bytes.Equal(Hash(&base), hash) {
		t.Error("the test did not put back what it changed")
	}
}

func TestTheCanonicalFormIsThatOfTheGeneralWriter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := full()
		e.Site, e.Purpose = rapid.String().Draw(t, "site"), rapid.String().Draw(t, "purpose")
		text := Append(nil, &e)
		var value map[string]any
		if err := json.Unmarshal(text, &value); err != nil {
			t.Fatal(err)
		}
		if site, _ := value["site"].(string); site != e.Site {
			t.Fatalf("site %q reads %q", e.Site, site)
		}
		if again, err := canonical.Again(text); err != nil || !bytes.Equal(again, text) {
			t.Fatalf("%s is not canonical", text)
		}
	})
}

func TestReceiptsSortAsTheirTimesDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMicro(rapid.Int64Range(0, 1<<50).Draw(t, "at"))
		later := at.Add(time.Duration(rapid.IntRange(1, 5000).Draw(t, "later")) * time.Microsecond)
		var high, low Chance
		for i := range high {
			high[i] = 0xff
		}
		one, two := NewReceipt(at, high), NewReceipt(later, low)
		if bytes.Compare(one.ID[:], two.ID[:]) >= 0 {
			t.Fatalf("%v is not before %v", one.ID, two.ID)
		}
		if one.ID.Version() != 7 || one.ID.Variant() != uuid.RFC4122 || one.ID[15] != 0 {
			t.Fatalf("%v is no UUIDv7", one.ID)
		}
		last, end := one.Event(MaxChoices-1), Last(one.ID)
		if bytes.Compare(one.ID[:], last[:]) >= 0 || bytes.Compare(last[:], end[:]) > 0 || bytes.Compare(end[:], two.ID[:]) >= 0 {
			t.Fatalf("the events of %v are not in its range", one.ID)
		}
	})
}

func TestANameIsFoundInEachOfItsSpellings(t *testing.T) {
	pepper := []byte("pepper")
	same := [][2]consent.Person{{{Kind: "email", ID: "ada@example.org"}, {Kind: "email", ID: " Ada@EXAMPLE.org "}}, {{Kind: "phone", ID: "+33123456789"}, {Kind: "phone", ID: "+33 1 23 45 67 89"}}}
	for _, pair := range same {
		if !bytes.Equal(Link(pepper, pair[0]), Link(pepper, pair[1])) {
			t.Errorf("%v are two people", pair)
		}
	}
	for _, pair := range [][2]consent.Person{{{Kind: "account", ID: "a"}, {Kind: "account", ID: "A"}}, {{Kind: "account", ID: "a"}, {Kind: "receipt", ID: "a"}}, {{Kind: "a", ID: "bc"}, {Kind: "ab", ID: "c"}}} {
		if bytes.Equal(Link(pepper, pair[0]), Link(pepper, pair[1])) {
			t.Errorf("%v are one person", pair)
		}
	}
}

func TestInstantsAreWrittenAsTheirFormatSays(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	for range 20_000 {
		at := time.Date(1+r.IntN(9999), time.Month(1+r.IntN(12)), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1e9), time.FixedZone("", r.IntN(7200)-3600))
		if got, want := string(instant(nil, at)), `"`+at.UTC().Format(Time)+`"`; got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
	if got := string(instant(nil, time.Time{})); got != "null" {
		t.Errorf("no time is %s", got)
	}
}
