package export

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// KantaraVersion is that of the format.
const KantaraVersion = "KI-CR-v1.1.0"

// Receipts returns what the person granted as Kantara consent receipts, one per act in the order of time. The format knows consent
// that was given and no other event: refusals and withdrawals are in Records. Errors as there.
func Receipts(in Input) ([]byte, error) {
	found, err := in.consents()
	if err != nil {
		return nil, err
	}
	receipts := []kantara{}
	for _, c := range found {
		if !c.granted() {
			continue
		}
		if n := len(receipts); n > 0 && receipts[n-1].ID == c.event.Receipt.String() {
			receipts[n-1].add(c)
			continue
		}
		receipts = append(receipts, in.receipt(c))
	}
	text, err := json.MarshalIndent(receipts, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing receipts: %w", err)
	}
	return append(text, '\n'), nil
}

// kantara is a receipt. Fields behind spiCat are ours: the format has no place for the words.
type kantara struct {
	Version      string              `json:"version"`
	Jurisdiction string              `json:"jurisdiction"`
	Timestamp    int64               `json:"consentTimestamp"`
	Method       string              `json:"collectionMethod"`
	ID           string              `json:"consentReceiptID"`
	Language     string              `json:"language"`
	Principal    string              `json:"piiPrincipalId"`
	Controllers  []kantaraController `json:"piiControllers"`
	Policy       string              `json:"policyUrl"`
	Services     []kantaraService    `json:"services"`
	Sensitive    bool                `json:"sensitive"`
	Special      []string            `json:"spiCat"`
	Notice       kantaraNotice       `json:"rempartNotice"`
}

type kantaraController struct {
	Name     string         `json:"piiController"`
	OnBehalf bool           `json:"onBehalf"`
	Contact  string         `json:"contact"`
	Address  kantaraAddress `json:"address"`
	Email    string         `json:"email"`
	Phone    string         `json:"phone"`
	URL      string         `json:"piiControllerUrl,omitempty"`
}

// kantaraAddress has the names of schema.org's PostalAddress: the format's schema says an object, and its readers look for these.
type kantaraAddress struct {
	Street  string `json:"streetAddress,omitempty"`
	Country string `json:"addressCountry"`
}

type kantaraService struct {
	Name     string           `json:"service"`
	Purposes []kantaraPurpose `json:"purposes"`
}

type kantaraPurpose struct {
	Purpose     string   `json:"purpose"`
	Categories  []string `json:"purposeCategory"`
	ConsentType string   `json:"consentType"`
	Data        []string `json:"piiCategory"`
	Primary     bool     `json:"primaryPurpose"`
	Termination string   `json:"termination"`
	Disclosed   bool     `json:"thirdPartyDisclosure"`
	ThirdParty  string   `json:"thirdPartyName,omitempty"`
}

type kantaraNotice struct {
	ID      string          `json:"id"`
	Version int32           `json:"version"`
	SHA256  string          `json:"digest"`
	Words   json.RawMessage `json:"words"`
}

func (in Input) receipt(c consented) kantara {
	who := in.Controller
	k := kantara{
		Version: KantaraVersion, Jurisdiction: "EU", Timestamp: c.event.RecordedAt.Unix(), Method: string(c.event.Method), ID: c.event.Receipt.String(),
		Language: c.event.Notice.Language, Principal: c.subject(),
		Controllers: who.kantara(),
		Policy:      cmp.Or(c.words.PrivacyURL, in.Withdraw), Services: []kantaraService{{Name: c.event.Site}}, Special: []string{},
		Notice: kantaraNotice{c.event.Notice.Notice, c.event.Notice.Version, c.digest(), c.words.Body},
	}
	k.add(c)
	return k
}

// kantara are the controller and those who decide with it.
func (c Controller) kantara() []kantaraController {
	all := []kantaraController{{Name: c.Organisation.LegalName, Contact: c.Officer.Name,
		Address: kantaraAddress{c.Organisation.Address, string(c.Organisation.Country)},
		Email:   cmp.Or(c.Officer.Email, "-"), Phone: cmp.Or(c.Officer.Phone, "-"), URL: c.Organisation.Website}}
	for _, joint := range c.Joint {
		all = append(all, kantaraController{Name: joint.Name, Contact: cmp.Or(joint.Contact, c.Officer.Name), Address: kantaraAddress{Country: cmp.Or(string(joint.Country), "-")}, Email: "-", Phone: "-"})
	}
	return all
}

// add puts one more purpose of the act into its receipt.
func (k *kantara) add(c consented) {
	title, _ := c.title()
	kind, note := term(c.purpose.DPV)
	purpose := kantaraPurpose{
		Purpose: title, Categories: []string{cmp.Or(kind, note, c.about())}, ConsentType: "EXPLICIT",
		Primary:     c.purpose.Necessity == v1alpha1.NecessityRequestedService,
		Termination: "ends at " + instant(c.event.ValidUntil) + " or when withdrawn; data is kept " + string(c.purpose.Retention),
	}
	for _, d := range data(c.purpose) {
		purpose.Data = append(purpose.Data, d.Label)
	}
	var others []string
	for _, r := range c.purpose.Recipients {
		if r.Kind == v1alpha1.RecipientController || r.Kind == v1alpha1.RecipientAuthority || r.Kind == v1alpha1.RecipientPublic {
			others = append(others, r.Name)
		}
	}
	purpose.Disclosed, purpose.ThirdParty = len(others) > 0, strings.Join(others, ", ")
	for _, category := range c.purpose.SpecialCategories {
		k.Sensitive, k.Special = true, append(k.Special, string(category))
	}
	k.Services[0].Purposes = append(k.Services[0].Purposes, purpose)
}
