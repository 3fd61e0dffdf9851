package browser

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/rempart-dev/rempart/internal/consent/widget"
)

// variants are the sites that the suite visits: one, and what others do differently.
var variants = map[string]func(*widget.Config){
	"shop":       func(*widget.Config) {},
	"explicit":   func(c *widget.Config) { c.Acceptance = widget.AcceptExplicit },
	"lazy":       func(c *widget.Config) { c.ReadAtLoad = false },
	"remember":   func(c *widget.Config) { c.RememberRefusal = true },
	"ephemeral":  func(c *widget.Config) { c.Ephemeral = true },
	"tab":        func(c *widget.Config) { c.Store = widget.StoreTab },
	"cookie":     func(c *widget.Config) { c.Store = widget.StoreCookie },
	"aggregate":  func(c *widget.Config) { c.Proof = widget.ProofAggregate },
	"unasserted": func(c *widget.Config) { c.Asserted = []string{} },
	"languages":  func(c *widget.Config) { c.Languages = widget.Languages() },
	// young asks for an age.
	"young": func(c *widget.Config) { c.Acceptance = widget.AcceptExplicit },
	// same is served from the origin of its pages, which a policy of 'self' wants.
	"same": func(c *widget.Config) {},
}

// siteConfig is the configuration of a site. pages and host are the origins of its pages and of the service.
func siteConfig(id, pages, host, material string, version int32) widget.Config {
	c := widget.Config{
		Site: id, Host: host, Languages: []string{"fr", "en"}, DefaultLanguage: "fr",
		Material: material, Version: version, Requested: []string{"conversation"}, Asserted: []string{"conversation"},
		Acceptance: widget.AcceptByMessage, StorageBasis: widget.StorageNecessary, Store: widget.StoreLocal,
		ConsentTTL: 15_552_000, SessionTTL: 1800, ReadAtLoad: true, Proof: widget.ProofLinked, SendURL: pages + "/messages",
	}
	if id == "same" {
		c.Host = pages
	}
	variants[id](&c)
	return c
}

// purpose is one of a notice.
type purpose struct {
	Name       string   `json:"name"`
	Necessity  string   `json:"necessity"`
	Title      string   `json:"title"`
	Text       string   `json:"text"`
	Acceptance []string `json:"acceptance"`
	MinimumAge int32    `json:"minimumAge,omitempty"`
}

// trigger is a scenario that a page offers.
type trigger struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// noticeBody is what the service serves as notice.LANG.json.
type noticeBody struct {
	Site           string            `json:"site"`
	Notice         string            `json:"notice"`
	Version        int32             `json:"version"`
	Language       string            `json:"language"`
	SHA256         string            `json:"sha256"`
	MaterialDigest string            `json:"materialDigest"`
	Texts          map[string]string `json:"texts"`
	Purposes       []purpose         `json:"purposes"`
	Triggers       []trigger         `json:"triggers"`
	Token          string            `json:"token"`
}

// words are those of the notice in French, and in English for every other language. age is the one that each purpose needs, or 0.
func words(lang string, version, age int32) (map[string]string, []purpose, []trigger) {
	title := func(fr, en string) string {
		if lang == "fr" {
			return fr
		}
		return en
	}
	edition := ""
	if version > 1 {
		edition = title(fmt.Sprintf(" (édition %d)", version), fmt.Sprintf(" (edition %d)", version))
	}
	texts := map[string]string{
		"language": lang,
		"banner": title("En envoyant un message, vous acceptez les conditions et l'enregistrement d'un identifiant sur votre appareil pour cette conversation.",
			"By sending a message you accept the terms and that an identifier is stored on your device for this conversation.") + edition,
		"accept":         title("Accepter", "Accept"),
		"acceptAndSend":  title("Accepter et envoyer", "Accept and send"),
		"acceptAndStart": title("Accepter et démarrer", "Accept and start"),
		"refuse":         title("Refuser", "Refuse"),
		"details":        title("Détails", "Details"),
		"choices":        title("Mes choix", "My choices"),
		"termsURL":       "https://shop.example/terms",
		"privacyURL":     "https://shop.example/privacy",
	}
	purposes := []purpose{
		{"conversation", "RequestedService", title("Conversation", "Conversation"),
			title("Répondre à vos messages. Les messages sont gardés 30 jours.", "To answer your messages. Messages are kept for 30 days."),
			[]string{"Message", "Button", "TriggerButton", "SiteAssertion"}, age},
		{"newsletter", "Optional", title("Lettre d'information", "Newsletter"),
			title("Vous écrire une fois par mois.", "To write to you once a month."), []string{"Checkbox"}, age},
	}
	triggers := []trigger{{"returns", title("Vous voulez renvoyer un article ? Je vous guide.", "Do you want to return an item? I can guide you.")}}
	return texts, purposes, triggers
}

// hash is SHA-256, in hexadecimal, of JSON with sorted keys.
func hash(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err) // maps, slices and strings
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// wordsHash is the digest of the words as the ledger has it: base64url SHA-256 of the canonical JSON of the texts, with what is
// told of each purpose.
func wordsHash(texts map[string]string, purposes []purpose) string {
	all := map[string]any{}
	for name, text := range texts {
		all[name] = text
	}
	var told []map[string]string
	for _, p := range purposes {
		told = append(told, map[string]string{"name": p.Name, "title": p.Title, "text": p.Text})
	}
	all["purposes"] = told
	sum, err := hex.DecodeString(hash(all))
	if err != nil {
		panic(err) // hash writes hexadecimal
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}
