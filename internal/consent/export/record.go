package export

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Records returns the person's consents as JSON-LD, one record per event in the order of their ids: the person's history, and
// the last one of a purpose is what holds. Errors: ErrIncomplete, ErrPurpose, ErrWords.
func Records(in Input) ([]byte, error) {
	found, err := in.consents()
	if err != nil {
		return nil, err
	}
	document := document{Context: context, Graph: make([]record, 0, len(found))}
	for _, c := range found {
		document.Graph = append(document.Graph, in.record(c))
	}
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing records: %w", err)
	}
	return append(text, '\n'), nil
}

type document struct {
	Context map[string]any `json:"@context"`
	Graph   []record       `json:"@graph"`
}

// record is one record of ISO/IEC TS 27560, in the relations that DPV's guide gives for its fields.
type record struct {
	ID         string     `json:"@id"`
	Type       string     `json:"@type"`
	ConformsTo string     `json:"dct:conformsTo"`
	Identifier string     `json:"dpv:hasIdentifier"`
	Receipt    identified `json:"dct:isReferencedBy"`
	Subject    identified `json:"dpv:hasDataSubject"`
	Language   string     `json:"dct:language"`
	Notices    []notice   `json:"dpv:hasNotice"`
	Process    process    `json:"dpv:hasProcess"`
	Status     status     `json:"dpv:hasConsentStatus"`
}

type identified struct {
	Type       []string `json:"@type"`
	Identifier string   `json:"dpv:hasIdentifier"`
}

type named struct {
	Type []string `json:"@type"`
	Name string   `json:"dpv:hasName"`
}

type notice struct {
	Type       []string `json:"@type"`
	Identifier string   `json:"dpv:hasIdentifier,omitempty"`
	Version    int32    `json:"dct:hasVersion,omitempty"`
	Language   string   `json:"dct:language,omitempty"`
	// Digest is of the words, sha256:<hex>.
	Digest string `json:"rempart:digest,omitempty"`
	// Words are those that were shown, as they were published.
	Words *literal `json:"rdf:value,omitempty"`
	Page  string   `json:"foaf:page,omitempty"`
}

// literal is JSON that a reader of linked data leaves as it is.
type literal struct {
	Type  string          `json:"@type"`
	Value json.RawMessage `json:"@value"`
}

type process struct {
	Type         []string    `json:"@type"`
	Purpose      []concept   `json:"dpv:hasPurpose"`
	LegalBasis   []string    `json:"dpv:hasLegalBasis"`
	Data         []concept   `json:"dpv:hasPersonalData"`
	Controllers  []party     `json:"dpv:hasDataController"`
	Collected    string      `json:"dpv:hasDataSource"`
	Method       string      `json:"rempart:method"`
	AtLeast      int32       `json:"rempart:atLeast,omitempty"`
	ShownMS      *int64      `json:"rempart:shownMs,omitempty"`
	Visible      *bool       `json:"rempart:visible,omitempty"`
	Storage      []condition `json:"dpv:hasStorageCondition"`
	Service      *identified `json:"dpv:hasService,omitempty"`
	Jurisdiction string      `json:"dpv:hasJurisdiction"`
	Law          string      `json:"dpv:hasApplicableLaw"`
	Recipients   []concept   `json:"dpv:hasRecipient"`
	Withdrawal   control     `json:"dpv:hasConsentControl"`
	Authority    *named      `json:"dpv:hasAuthority,omitempty"`
}

// concept is a thing that DPV has a kind of, in our words.
type concept struct {
	Type       []string `json:"@type"`
	Identifier string   `json:"dpv:hasIdentifier,omitempty"`
	Broader    string   `json:"skos:broader,omitempty"`
	// Note is what the policy says of the kind, where that is no term.
	Note       string `json:"skos:note,omitempty"`
	Label      string `json:"skos:prefLabel"`
	Definition string `json:"skos:definition,omitempty"`
	Location   string `json:"dpv:hasLocation,omitempty"`
}

type party struct {
	Type       []string `json:"@type"`
	Identifier string   `json:"dpv:hasIdentifier"`
	Name       string   `json:"dpv:hasName"`
	Address    string   `json:"dpv:hasAddress"`
	Contact    string   `json:"dpv:hasContact"`
	Page       string   `json:"foaf:page,omitempty"`
}

type condition struct {
	Type     []string  `json:"@type"`
	Location []string  `json:"dpv:hasLocation,omitempty"`
	Duration *duration `json:"dpv:hasDuration,omitempty"`
}

type duration struct {
	Type  string `json:"@type"`
	Value string `json:"rdf:value"`
}

type control struct {
	Type string `json:"@type"`
	Page string `json:"foaf:page"`
}

type status struct {
	Type string `json:"@type"`
	// Kind is how consent was stated.
	Kind string `json:"dpv:hasLegalBasis"`
	Time string `json:"dct:date"`
	// Valid is a period from then.
	Valid string `json:"dct:valid"`
	// By is who acted.
	By identified `json:"dpv:isImplementedByEntity"`
}

func (in Input) record(c consented) record {
	id, subject := c.event.ID.String(), identified{[]string{"dpv:DataSubject"}, c.subject()}
	r := record{
		ID: "urn:uuid:" + id, Type: "dpv:ConsentRecord", ConformsTo: Profile, Identifier: id,
		Receipt:  identified{[]string{"dpv:ConsentReceipt"}, c.event.Receipt.String()},
		Subject:  subject,
		Language: c.event.Notice.Language,
		Notices: []notice{{Type: []string{"dpv:ConsentNotice"}, Identifier: c.event.Notice.Notice, Version: c.event.Notice.Version, Language: c.event.Notice.Language,
			Digest: c.digest(), Words: &literal{"@json", c.words.Body}}},
		Process: in.process(c),
		Status:  status{states[c.event.Type], kind(c.explicit()), instant(c.event.RecordedAt), c.validity(), subject},
	}
	if c.words.PrivacyURL != "" {
		r.Notices = append(r.Notices, notice{Type: []string{"dpv:PrivacyNotice"}, Page: c.words.PrivacyURL})
	}
	return r
}

func (in Input) process(c consented) process {
	title, text := c.title()
	broader, note := term(c.purpose.DPV)
	who := in.Controller
	locations := make([]string, 0, len(in.Countries))
	for _, country := range in.Countries {
		locations = append(locations, "loc:"+country)
	}
	p := process{
		Type:       []string{"dpv:Process"},
		Purpose:    []concept{{Type: []string{"dpv:Purpose"}, Identifier: c.about(), Broader: broader, Note: note, Label: title, Definition: text}},
		LegalBasis: bases(c.purpose), Data: data(c.purpose),
		Controllers: in.controllers(),
		Collected:   "dpv:DataSubjectDataSource", Method: string(c.event.Method),
		Storage: []condition{
			{Type: []string{"dpv:StorageLocation"}, Location: locations},
			{Type: []string{"dpv:StorageDuration"}, Duration: &duration{"dpv:TemporalDuration", period(c.purpose.Retention)}},
		},
		Jurisdiction: "loc:EU", Law: "legal-eu:law-GDPR",
		Recipients: in.recipients(c.purpose), Withdrawal: control{"dpv:WithdrawConsent", in.Withdraw},
	}
	if c.event.Site != "" {
		p.Service = &identified{[]string{"dpv:Service"}, c.event.Site}
	}
	p.AtLeast = c.said.AtLeast
	if ui := c.said.UI; ui != nil {
		p.ShownMS, p.Visible = &ui.ShownMS, &ui.Visible
	}
	if who.Authority != "" {
		p.Authority = &named{[]string{"dpv:Authority"}, who.Authority}
	}
	return p
}

// controllers are who decides, and who decides with it. Of these the register may know the name alone: who is asked answers for all of them
// (Article 26(3)).
func (in Input) controllers() []party {
	who := in.Controller
	all := []party{{Type: []string{"dpv:DataController"}, Identifier: who.ID, Name: who.Organisation.LegalName, Address: who.address(), Contact: who.contact(), Page: page(who.Organisation.Website)}}
	for _, joint := range who.Joint {
		all = append(all, party{Type: []string{"dpv:DataController"}, Identifier: joint.Name, Name: joint.Name,
			Address: cmp.Or(string(joint.Country), "-"), Contact: cmp.Or(joint.Contact, who.contact())})
	}
	return all
}

// data are the fields that the purpose may use. One that lists none uses the choice itself.
func data(purpose v1alpha1.ConsentPurpose) []concept {
	found := make([]concept, 0, len(purpose.DataFields)+len(purpose.SpecialCategories))
	for _, field := range purpose.DataFields {
		types := []string{"dpv:PersonalData"}
		if more, is := sensitivities[field.Sensitivity]; is {
			types = append(types, more)
		}
		found = append(found, concept{Type: types, Identifier: string(field.Name), Label: string(field.Name)})
	}
	for _, category := range purpose.SpecialCategories {
		found = append(found, concept{Type: []string{"dpv:PersonalData", "dpv:SpecialCategoryPersonalData"}, Label: string(category)})
	}
	if len(found) == 0 {
		found = append(found, concept{Type: []string{"dpv:PersonalData"}, Label: "the choice itself"})
	}
	return found
}

// recipients are those of the purpose (Article 13(1)(e)), or the controller alone.
func (in Input) recipients(purpose v1alpha1.ConsentPurpose) []concept {
	found := make([]concept, 0, len(purpose.Recipients))
	for _, r := range purpose.Recipients {
		country := ""
		if r.Country != "" {
			country = "loc:" + string(r.Country)
		}
		found = append(found, concept{Type: recipients[r.Kind], Label: r.Name, Location: country})
	}
	if len(found) == 0 {
		found = append(found, concept{Type: []string{"dpv:Recipient"}, Identifier: in.Controller.ID, Label: in.Controller.Organisation.LegalName})
	}
	return found
}
