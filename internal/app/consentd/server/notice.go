package server

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent/jws"
	"github.com/rempart-dev/rempart/internal/consent/token"
	"github.com/rempart-dev/rempart/internal/consent/widget"
)

// shown is the notice as pages get it.
type shown struct {
	Token    string `json:"token"`
	Site     string `json:"site"`
	Notice   string `json:"notice"`
	Version  int32  `json:"version"`
	Language string `json:"language"`
	// SHA256 is of the canonical JSON of the words: texts, with the purposes' name, title and text. Base64url.
	SHA256 string `json:"sha256"`
	// MaterialDigest in hex: what the words mean.
	MaterialDigest string              `json:"materialDigest"`
	Texts          v1alpha1.NoticeText `json:"texts"`
	// Interface are the widget's own words in this language by key, which are not signed: buttons, labels, states.
	Interface map[string]string `json:"interface"`
	Purposes  []shownPurpose    `json:"purposes"`
	Triggers  []shownTrigger    `json:"triggers"`
	Links     []shownLink       `json:"links"`
	// Acceptance are the ways in which the requested service can be accepted as a whole: each of its purposes lists them.
	Acceptance []v1alpha1.AcceptanceMethod `json:"acceptance"`
	age
}

// age is that of a purpose, or of the requested service: 0 and no words where none is asked for.
type age struct {
	MinimumAge int32  `json:"minimumAge"`
	AgeText    string `json:"ageText"`
}

// ageOf says an age in the words of the interface.
func ageOf(years int32, words map[string]string) age {
	if years == 0 {
		return age{}
	}
	return age{years, strings.ReplaceAll(words["age"], "{}", strconv.Itoa(int(years)))}
}

type shownPurpose struct {
	v1alpha1.PurposeText
	Necessity  v1alpha1.PurposeNecessity   `json:"necessity"`
	Acceptance []v1alpha1.AcceptanceMethod `json:"acceptance"`
	age
	// DoubleOptIn is Required where a mail must be confirmed.
	DoubleOptIn v1alpha1.Requirement        `json:"doubleOptIn,omitempty"`
	Retention   v1alpha1.Period             `json:"retention"`
	Recipients  []v1alpha1.ConsentRecipient `json:"recipients,omitempty"`
	byBanner    bool
}

type shownLink struct {
	Href v1alpha1.WebURL `json:"href"`
	Text string          `json:"text"`
}

type shownTrigger struct {
	ID   v1alpha1.PartName `json:"id"`
	Text string            `json:"text"`
}

// notices keeps the words with the token of the hour, so that signing is done once an hour and not once a visitor.
type notices struct {
	key   jws.Key
	mu    sync.Mutex
	since *settings.Policy
	hour  time.Time
	made  map[string][]byte
}

func newNotices(key jws.Key) *notices { return &notices{key: key} }

// of returns the words of a site in a language.
func (n *notices) of(p *settings.Policy, site *settings.Site, tag string, now time.Time) ([]byte, error) {
	hour := now.UTC().Truncate(time.Hour)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.since != p || !n.hour.Equal(hour) {
		n.since, n.hour, n.made = p, hour, map[string][]byte{}
	}
	name := string(site.ID) + "/" + tag
	if body, done := n.made[name]; done {
		return body, nil
	}
	body, err := n.write(p, site, tag, now)
	if err == nil {
		n.made[name] = body
	}
	return body, err
}

func (n *notices) write(p *settings.Policy, site *settings.Site, tag string, now time.Time) ([]byte, error) {
	words, found := p.Shown(tag)
	if !found {
		return nil, fmt.Errorf("writing a notice: no words in %q", tag)
	}
	signed, err := token.New(string(site.ID), words.Ref, now).Sign(n.key)
	if err != nil {
		return nil, err //nolint:wrapcheck // says what it was writing
	}
	own, err := interfaceOf(p, tag)
	if err != nil {
		return nil, err
	}
	out := shown{
		Token: signed, Site: string(site.ID), Notice: p.Name, Version: p.Notice.Version, Language: tag,
		SHA256: base64.RawURLEncoding.EncodeToString(words.Ref.SHA256), MaterialDigest: hex.EncodeToString(p.Material),
		Texts: words.Text, Interface: own, Purposes: []shownPurpose{}, Triggers: []shownTrigger{}, Links: []shownLink{},
	}
	out.Texts.Purposes = nil
	for _, text := range words.Text.Purposes {
		purpose, known := p.Purposes[string(text.Name)]
		if !known || !settings.Active(purpose) {
			continue
		}
		out.Purposes = append(out.Purposes, shownPurpose{text, purpose.Necessity, purpose.Acceptance, ageOf(purpose.MinimumAge, own), purpose.DoubleOptIn, purpose.Retention, purpose.Recipients, settings.AskedByBanner(&purpose)})
	}
	out.Acceptance, out.age = service(out.Purposes, own)
	own["ageText"] = out.AgeText // is said again to who forgot the box
	for _, link := range []shownLink{{words.Text.TermsURL, own["terms"]}, {words.Text.PrivacyURL, own["privacy"]}} {
		if link.Href != "" {
			out.Links = append(out.Links, link)
		}
	}
	for _, trigger := range site.Triggers {
		for _, text := range trigger.Texts {
			if settings.Tag(text.Language) == tag {
				out.Triggers = append(out.Triggers, shownTrigger{trigger.ID, text.Text})
			}
		}
	}
	body, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("writing a notice: %w", err)
	}
	return body, nil
}

// service returns the ways in which all purposes that the banner asks for can be accepted, and the highest age of theirs.
func service(purposes []shownPurpose, words map[string]string) ([]v1alpha1.AcceptanceMethod, age) {
	var ways []v1alpha1.AcceptanceMethod
	var years int32
	first := true
	for _, purpose := range purposes {
		if !purpose.byBanner {
			continue
		}
		if first {
			ways, first = slices.Clone(purpose.Acceptance), false
		}
		ways = slices.DeleteFunc(ways, func(way v1alpha1.AcceptanceMethod) bool { return !slices.Contains(purpose.Acceptance, way) })
		years = max(years, purpose.MinimumAge)
	}
	return append([]v1alpha1.AcceptanceMethod{}, ways...), ageOf(years, words)
}

// interfaceOf returns the words of the widget as a policy has them. To who is asked again, because the terms changed or because the
// consent expired, the widget says one sentence, for it does not tell the two apart: what changed follows it.
func interfaceOf(p *settings.Policy, tag string) (map[string]string, error) {
	own, err := widget.Interface(tag)
	if err != nil {
		return nil, fmt.Errorf("writing a notice: %w", err)
	}
	own = maps.Clone(own)
	if changes := p.Changes(tag); changes != "" {
		own["changed"] += " " + changes
	}
	if p.Spec.Widget.Ephemeral == v1alpha1.FeatureEnabled {
		own["refused"] = own["ephemeral"]
	}
	return own, nil
}
