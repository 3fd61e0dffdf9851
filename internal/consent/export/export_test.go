package export_test

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/export"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const body = `{"accept":"Accepter","banner":"En envoyant un message, vous acceptez les conditions.","purposes":[` +
	`{"name":"newsletter","text":"Une lettre par mois, que vous pouvez arrêter.","title":"Lettre d’information"},{"name":"advice","text":"Conseils de santé.","title":"Conseils"}],"refuse":"Refuser"}`

// person is one with a history: a consent to two purposes, a refusal, a contract, terms, and a withdrawal.
func person() export.Input {
	at := time.Date(2026, 11, 29, 10, 15, 30, 123456000, time.UTC)
	sum := sha256.Sum256([]byte(body))
	event := func(n byte, typ consent.EventType, purpose string, d consent.Decision, later time.Duration) consent.Event {
		e := consent.Event{
			Tenant: uuid.UUID{1}, ID: uuid.UUID{0x01, 0x9b, 14: n, 15: n}, Receipt: uuid.UUID{0x01, 0x9b, 14: n}, Subject: uuid.UUID{5: 5},
			Type: typ, Purpose: purpose, Decision: ptr.To(d), Site: "shop-fr", Method: consent.MethodCheckbox, CollectedBy: consent.CollectorWidget,
			Notice: consent.NoticeRef{Notice: "shop", Version: 3, Language: "fr", SHA256: sum[:]}, RecordedAt: at.Add(later), Leaf: []byte{n},
		}
		if d == consent.Granted && purpose != "" {
			e.ValidUntil = time.Date(2027, 5, 29, 10, 15, 30, 123456000, time.UTC).Add(later)
		}
		return e
	}
	in := export.Input{
		Controller: export.Controller{ID: "shop-dpo", Authority: "CNIL",
			Organisation: v1alpha1.Organisation{LegalName: "Boutique SAS", Address: "1 rue de la Paix, 75002 Paris", Country: "FR", Website: "https://shop.example"},
			Officer:      v1alpha1.Officer{Name: "Bureau de la protection des données", Email: "dpo@shop.example"},
			Joint:        []v1alpha1.Party{{Name: "Partner GmbH", Contact: "privacy@partner.example", Country: "DE"}, {Name: "Verein"}}},
		Countries: []string{"DE", "FR"}, Withdraw: "https://consent.shop.example/me/shop-fr",
		Purposes: published(at,
			v1alpha1.ConsentPurpose{Name: "newsletter", Necessity: v1alpha1.NecessityOptional, LegalBasis: v1alpha1.BasisConsent, DPV: "DirectMarketing", Retention: "P3Y",
				DataFields: []v1alpha1.ConsentDataField{{Name: "email", Sensitivity: v1alpha1.SensitivityNormal}, {Name: "address.city"}},
				Recipients: []v1alpha1.ConsentRecipient{{Name: "Courrier SA", Kind: v1alpha1.RecipientProcessor, Country: "FR"}, {Name: "Partenaire SA", Kind: v1alpha1.RecipientController}}},
			v1alpha1.ConsentPurpose{Name: "advice", Necessity: v1alpha1.NecessityRequestedService, LegalBasis: v1alpha1.BasisConsent, ConsentKind: v1alpha1.ConsentExplicit, Retention: "P1Y",
				SpecialCategories: []v1alpha1.SpecialCategory{v1alpha1.SpecialHealth}, DataFields: []v1alpha1.ConsentDataField{{Name: "symptoms", Sensitivity: v1alpha1.SensitivitySpecial}}},
			v1alpha1.ConsentPurpose{Name: "statistics", Necessity: v1alpha1.NecessityOptional, LegalBasis: v1alpha1.BasisConsent, Retention: "P1Y", Lifecycle: v1alpha1.LifecycleArchived},
			v1alpha1.ConsentPurpose{Name: "conversation", Necessity: v1alpha1.NecessityRequestedService, LegalBasis: v1alpha1.BasisContract, Retention: "P1Y"}),
		Words: []export.Words{
			{NoticeRef: consent.NoticeRef{Notice: "shop", Version: 3, Language: "en", SHA256: sum[:]}, Body: []byte(`{"accept":"Accept"}`)},
			{NoticeRef: consent.NoticeRef{Notice: "shop", Version: 3, Language: "fr", SHA256: sum[:]}, Body: []byte(body), PrivacyURL: "https://shop.example/vie-privee"},
		},
		Events: []consent.Event{
			event(6, consent.EventWithdrawn, "newsletter", consent.Denied, 240*time.Hour),
			event(1, consent.EventTermsAccepted, "conversation", consent.Granted, 0),
			event(2, consent.EventStorageAcknowledged, "", consent.Granted, 0),
			event(3, consent.EventGiven, "newsletter", consent.Granted, 0),
			event(4, consent.EventGiven, "advice", consent.Granted, 0),
			event(5, consent.EventRefused, "statistics", consent.Denied, 0),
			event(7, consent.EventReconfirmed, "advice", consent.Granted, 480*time.Hour),
			event(8, consent.EventExpired, "advice", consent.Denied, 9000*time.Hour),
			event(9, consent.EventWithdrawn, "conversation", consent.Denied, 9000*time.Hour),
		},
	}
	in.Events[4].Receipt = in.Events[3].Receipt // one act
	in.Events[3].Evidence = []byte(`{"atLeast":15,"ui":{"shownMs":2100,"visible":true}}`)
	in.Events[6].Evidence = []byte(`a text of the page`)
	return in
}

// published are the first revisions of purposes.
func published(at time.Time, purposes ...v1alpha1.ConsentPurpose) []export.Purpose {
	found := make([]export.Purpose, len(purposes))
	for i := range purposes {
		found[i] = export.Purpose{ConsentPurpose: purposes[i], Number: 1, Since: at.Add(-time.Hour)}
	}
	return found
}

func golden(t *testing.T, name string, text []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(text)); diff != "" {
		t.Error(diff)
	}
}

func TestRecords(t *testing.T) {
	text, err := export.Records(person())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "records.golden.jsonld", text)
}

func TestReceipts(t *testing.T) {
	text, err := export.Receipts(person())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "receipts.golden.json", text)
}

// at is where the records have the fields of ISO/IEC TS 27560. A number picks from an array, a star each element.
var at = map[string]string{
	"schema_version": "dct:conformsTo", "record_id": "dpv:hasIdentifier", "pii_principal_id": "dpv:hasDataSubject/dpv:hasIdentifier",
	"privacy_notice": "dpv:hasNotice/0/dpv:hasIdentifier", "language": "dct:language", "purpose": "dpv:hasProcess/dpv:hasPurpose/*/dpv:hasIdentifier",
	"lawful_basis": "dpv:hasProcess/dpv:hasLegalBasis/0", "pii_information": "dpv:hasProcess/dpv:hasPersonalData/*/skos:prefLabel",
	"pii_controllers": "dpv:hasProcess/dpv:hasDataController/*/dpv:hasIdentifier", "storage_locations": "dpv:hasProcess/dpv:hasStorageCondition/0/dpv:hasLocation/*",
	"retention_period": "dpv:hasProcess/dpv:hasStorageCondition/1/dpv:hasDuration/rdf:value", "jurisdiction": "dpv:hasProcess/dpv:hasJurisdiction",
	"recipient_third_parties": "dpv:hasProcess/dpv:hasRecipient/*/skos:prefLabel", "withdrawal_method": "dpv:hasProcess/dpv:hasConsentControl/foaf:page",
	"authority_party": "dpv:hasProcess/dpv:hasAuthority/dpv:hasName", "pii_type": "dpv:hasProcess/dpv:hasPersonalData/*/@type/0", "special_pii_category": "dpv:hasProcess/dpv:hasPersonalData/*/@type/0",
	"party_id": "dpv:hasProcess/dpv:hasDataController/*/dpv:hasIdentifier", "party_address": "dpv:hasProcess/dpv:hasDataController/*/dpv:hasAddress",
	"party_name": "dpv:hasProcess/dpv:hasDataController/*/dpv:hasName", "party_contact": "dpv:hasProcess/dpv:hasDataController/*/dpv:hasContact",
	"party_type": "dpv:hasProcess/dpv:hasDataController/*/@type/0", "event_time": "dpv:hasConsentStatus/dct:date", "validity_duration": "dpv:hasConsentStatus/dct:valid",
	"entity_id": "dpv:hasConsentStatus/dpv:isImplementedByEntity/dpv:hasIdentifier", "event_type": "dpv:hasConsentStatus/dpv:hasLegalBasis", "event_state": "dpv:hasConsentStatus/@type",
	"receipt_id": "dct:isReferencedBy/dpv:hasIdentifier",
}

// texts are all that a path leads to; a missing or empty one is an empty text.
func texts(value any, path string) []string {
	part, rest, more := strings.Cut(path, "/")
	var next []any
	switch v := value.(type) {
	case map[string]any:
		next = []any{v[part]}
	case []any:
		next = v
		if i := strings.Index("0123", part); i >= 0 && len(v) > i {
			next = v[i : i+1]
		}
		if len(v) == 0 {
			next = []any{nil}
		}
	default:
		next = []any{nil}
	}
	var found []string
	for _, n := range next {
		if more {
			found = append(found, texts(n, rest)...)
			continue
		}
		text, _ := n.(string)
		found = append(found, text)
	}
	return found
}

func rows(t *testing.T, name string) []map[string]string {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	lines, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var found []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, cell := range line {
			row[lines[0][i]] = cell
		}
		found = append(found, row)
	}
	return found
}

// TestEveryMandatoryFieldIsFilled walks the table of ISO/IEC TS 27560, and what the GDPR adds to it, in every record; also of a
// controller and of purposes of which only the least is known, or odd things are.
func TestEveryMandatoryFieldIsFilled(t *testing.T) {
	mandatory := 0
	for name, in := range variants() {
		text, err := export.Records(in)
		if err != nil {
			t.Fatal(err)
		}
		var document struct {
			Graph []any `json:"@graph"`
		}
		if err := json.Unmarshal(text, &document); err != nil || len(document.Graph) != 6 {
			t.Fatalf("%d records, %v", len(document.Graph), err)
		}
		for _, row := range rows(t, "iso27560.csv") {
			if row["iso_mandatory"] == "O" {
				continue
			}
			mandatory++
			path, known := at[row["field"]]
			if !known {
				t.Errorf("%s is mandatory (%s), and no record has it", row["field"], row["iso_mandatory"])
				continue
			}
			for i, record := range document.Graph {
				if found := texts(record, path); len(found) == 0 || slices.Contains(found, "") {
					t.Errorf("%s: record %d has no %s: %q", name, i, row["field"], found)
				}
			}
		}
	}
	if mandatory < 3*25 {
		t.Errorf("only %d rows were walked: did the table change its form?", mandatory)
	}
}

// TestKantaraFieldsAreThere walks the fields of the format.
func TestKantaraFieldsAreThere(t *testing.T) {
	text, err := export.Receipts(person())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows(t, "kantara.csv") {
		if row["field"] == "publicKey" { // for signed receipts: ours are, in another format
			continue
		}
		parts := strings.Split(strings.NewReplacer("[]", "", " ", "").Replace(row["field"]), ".")
		if name := parts[len(parts)-1]; !strings.Contains(string(text), `"`+name+`":`) {
			t.Errorf("receipts have no %s", name)
		}
	}
}

// TestTheExactWordsAreInEveryRecord: what was shown, byte by byte, or no export.
func TestTheExactWordsAreInEveryRecord(t *testing.T) {
	for name, write := range map[string]func(export.Input) ([]byte, error){"records": export.Records, "receipts": export.Receipts} {
		text, err := write(person())
		if err != nil {
			t.Fatal(err)
		}
		var compact any
		if err := json.Unmarshal(text, &compact); err != nil {
			t.Fatal(err)
		}
		var found int
		var walk func(v any)
		walk = func(v any) {
			switch v := v.(type) {
			case map[string]any:
				for key, value := range v {
					if key == "@value" || key == "words" {
						again, err := json.Marshal(value)
						if err != nil || string(again) != body {
							t.Errorf("%s: %s", name, again)
						}
						found++
					}
					walk(value)
				}
			case []any:
				for _, value := range v {
					walk(value)
				}
			}
		}
		walk(compact)
		if want := map[string]int{"records": 6, "receipts": 2}[name]; found != want {
			t.Errorf("%s: the words are there %d times, want %d", name, found, want)
		}
	}
}

func TestWhatIsNotExported(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*export.Input)
		want   error
	}{
		"without the words":         {func(in *export.Input) { in.Words = in.Words[:1] }, export.ErrWords},
		"with other words":          {func(in *export.Input) { in.Words[1].Body = []byte(`{}`) }, export.ErrWords},
		"without a purpose":         {func(in *export.Input) { in.Purposes = in.Purposes[1:] }, export.ErrPurpose},
		"without a controller":      {func(in *export.Input) { in.Controller.Organisation.LegalName = "" }, export.ErrIncomplete},
		"without a place":           {func(in *export.Input) { in.Countries = nil }, export.ErrIncomplete},
		"without a way to withdraw": {func(in *export.Input) { in.Withdraw = "" }, export.ErrIncomplete},
		"without an officer":        {func(in *export.Input) { in.Controller.Officer.Name = "" }, export.ErrIncomplete},
	} {
		t.Run(name, func(t *testing.T) {
			in := person()
			c.change(&in)
			for _, write := range []func(export.Input) ([]byte, error){export.Records, export.Receipts} {
				if text, err := write(in); !errors.Is(err, c.want) || text != nil {
					t.Errorf("%s, %v", text, err)
				}
			}
		})
	}
}

// TestAnActIsToldByWhatItsPurposeWasThen: who gets data since, and that the purpose rests on another basis by now, is no part of what was
// consented to before.
func TestAnActIsToldByWhatItsPurposeWasThen(t *testing.T) {
	in := person()
	given, first := in.Events[3].RecordedAt, in.Purposes[0]
	later := func(number int32, after time.Duration, change func(*export.Purpose)) {
		p := first
		p.Number, p.Since = number, given.Add(after)
		change(&p)
		in.Purposes = slices.Insert(in.Purposes, 0, p)
	}
	later(4, 2*time.Hour, func(p *export.Purpose) { p.LegalBasis = v1alpha1.BasisLegitimateInterests })
	// By a clock that was ahead: it never was the last one.
	later(2, 100*time.Hour, func(p *export.Purpose) { p.Retention = "P9Y" })
	later(3, time.Hour, func(p *export.Purpose) {
		p.Retention, p.ConsentKind, p.Recipients = "P10Y", v1alpha1.ConsentExplicit, []v1alpha1.ConsentRecipient{{Name: "Brokers Inc", Kind: v1alpha1.RecipientController}}
	})
	for name, write := range map[string]func(export.Input) ([]byte, error){"records": export.Records, "receipts": export.Receipts} {
		before, err := write(person())
		if err != nil {
			t.Fatal(err)
		}
		if after, err := write(in); err != nil || string(after) != string(before) {
			t.Errorf("%s: %v\n%s", name, err, cmp.Diff(string(before), string(after)))
		}
	}
	again := in.Events[3]
	again.ID[15], again.Receipt[15], again.RecordedAt = 20, 20, given.Add(90*time.Minute)
	in.Events = append(in.Events, again)
	if text, err := export.Receipts(in); err != nil || strings.Count(string(text), "Brokers Inc") != 1 || strings.Count(string(text), "P10Y") != 1 {
		t.Errorf("the act of after the change: %s, %v", text, err)
	}
}

// TestExplicitConsentBesideAContractIsConsent: Article 9(2)(a) needs it, whatever point of Article 6(1) the purpose rests on.
func TestExplicitConsentBesideAContractIsConsent(t *testing.T) {
	in := person()
	in.Purposes[1].LegalBasis = v1alpha1.BasisContract // the purpose "advice"
	text, err := export.Records(in)
	if err != nil || !strings.Contains(string(text), `"eu-gdpr:A6-1-b"`) || !strings.Contains(string(text), `"eu-gdpr:A9-2-a"`) {
		t.Errorf("%s, %v", text, err)
	}
}

// TestTheOrderOfEventsChangesNothing: the ledger may read them in another.
func TestTheOrderOfEventsChangesNothing(t *testing.T) {
	in := person()
	slices.Reverse(in.Events)
	one, err := export.Records(person())
	if err != nil {
		t.Fatal(err)
	}
	two, err := export.Records(in)
	if err != nil || string(one) != string(two) {
		t.Error("the order of the events changes the records")
	}
}

// TestNobodyIsNoError: a person of whom nothing is known has an empty export.
func TestNobodyIsNoError(t *testing.T) {
	in := person()
	in.Events = nil
	records, err := export.Records(in)
	if err != nil || !strings.Contains(string(records), `"@graph": []`) {
		t.Errorf("%s, %v", records, err)
	}
	if receipts, err := export.Receipts(in); err != nil || string(receipts) != "[]\n" {
		t.Errorf("%s, %v", receipts, err)
	}
}

func TestHowLongAConsentCounts(t *testing.T) {
	from := time.Date(2026, 8, 31, 10, 0, 0, 0, time.UTC)
	for until, want := range map[time.Time]string{
		time.Date(2027, 2, 28, 10, 0, 0, 0, time.UTC): "P6M",
		time.Date(2027, 9, 30, 10, 0, 0, 0, time.UTC): "P13M",
		time.Date(2026, 9, 10, 10, 0, 0, 0, time.UTC): "P10D",
		time.Date(2026, 8, 31, 12, 0, 1, 0, time.UTC): "PT7201S",
		from: "P0D",
		{}:   "P0D",
	} {
		in := person()
		in.Events = in.Events[3:4]
		in.Events[0].RecordedAt, in.Events[0].ValidUntil = from, until
		text, err := export.Records(in)
		if err != nil || !strings.Contains(string(text), `"dct:valid": "`+want+`"`) {
			t.Errorf("%s: no %s, %v", until, want, err)
		}
	}
}
