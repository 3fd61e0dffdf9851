package server

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent/jws"
	"github.com/rempart-dev/rempart/internal/consent/token"
	"github.com/rempart-dev/rempart/internal/consent/widget"
)

// forEver is for what never changes under its address.
const forEver = "public, max-age=31536000, immutable"

// asset answers with the script or the words of a site: the same bytes, and so the same ETag, for everybody.
func (s *Server) asset(w http.ResponseWriter, r *http.Request, c call) error {
	if r.URL.RawQuery != "" {
		return malformed("A file has no parameters: they could tell visitors apart")
	}
	file := r.PathValue("file")
	script := c.site.Widget
	switch file {
	case "widget.js":
		return s.script(w, r, script, "public, max-age=300")
	case "widget." + script.SHA256 + ".js":
		return s.script(w, r, script, forEver)
	}
	tag, is := strings.CutPrefix(file, "notice.")
	tag, ends := strings.CutSuffix(tag, ".json")
	if !is || !ends {
		before, err := s.builds.of(r.Context(), string(c.site.ID), file)
		if err != nil {
			return err
		}
		return s.script(w, r, before, forEver)
	}
	if !c.site.Speaks(tag) {
		return nothing
	}
	body, err := s.notices.of(c.policy, c.site, tag, c.now)
	if err != nil {
		return problem.New(http.StatusInternalServerError, problem.Internal, "The service made a mistake")
	}
	sum := sha256.Sum256(body)
	w.Header().Set("Cache-Control", "public, max-age=300")
	return s.bytes(w, r, "application/json", hex.EncodeToString(sum[:16]), body)
}

func (s *Server) script(w http.ResponseWriter, r *http.Request, script settings.Asset, keep string) error {
	h := w.Header()
	h.Set("Cache-Control", keep)
	h.Set("Vary", "Accept-Encoding")
	if takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		return s.bytes(w, r, "text/javascript; charset=utf-8", script.SHA256+"-gzip", script.Gzip)
	}
	return s.bytes(w, r, "text/javascript; charset=utf-8", script.SHA256, script.Body)
}

// bytes answers with a body that is named by its content, or says that it is the one that is known (RFC 9110, section 13.1.2).
func (s *Server) bytes(w http.ResponseWriter, r *http.Request, kind, tag string, body []byte) error {
	h := w.Header()
	etag := `"` + tag + `"`
	h.Set("ETag", etag)
	for known := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		if known = strings.TrimPrefix(strings.TrimSpace(known), "W/"); known == etag || known == "*" {
			h.Del("Content-Encoding")
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // who asked is gone; a HEAD has no body
	return nil
}

// takesGzip tells whether gzip is among the encodings that are asked for, and not refused by q=0.
func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(name) != "gzip" {
			continue
		}
		quality = strings.TrimPrefix(strings.TrimSpace(quality), "q=")
		q, err := strconv.ParseFloat(quality, 64)
		return quality == "" || err == nil && q > 0
	}
	return false
}

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
}

// keyChanged is the widget's sentence to who is asked again because the terms changed, or because the consent expired: what changed follows it,
// and does not take its place, for the script does not tell the two apart.
const keyChanged = "changed"

type shownPurpose struct {
	v1alpha1.PurposeText
	Necessity  v1alpha1.PurposeNecessity   `json:"necessity"`
	Acceptance []v1alpha1.AcceptanceMethod `json:"acceptance"`
	MinimumAge int32                       `json:"minimumAge,omitempty"`
	// DoubleOptIn is Required where a mail must be confirmed.
	DoubleOptIn v1alpha1.Requirement        `json:"doubleOptIn,omitempty"`
	Retention   v1alpha1.Period             `json:"retention"`
	Recipients  []v1alpha1.ConsentRecipient `json:"recipients,omitempty"`
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
	own, err := widget.Interface(tag)
	if err != nil {
		return nil, fmt.Errorf("writing a notice: %w", err)
	}
	if changes := p.Changes(tag); changes != "" {
		own = maps.Clone(own)
		own[keyChanged] += " " + changes
	}
	out := shown{
		Token: signed, Site: string(site.ID), Notice: p.Name, Version: p.Notice.Version, Language: tag,
		SHA256: base64.RawURLEncoding.EncodeToString(words.Ref.SHA256), MaterialDigest: hex.EncodeToString(p.Material),
		Texts: words.Text, Interface: own, Purposes: []shownPurpose{}, Triggers: []shownTrigger{},
	}
	out.Texts.Purposes = nil
	for _, text := range words.Text.Purposes {
		purpose, known := p.Purposes[string(text.Name)]
		if !known || !settings.Active(purpose) {
			continue
		}
		out.Purposes = append(out.Purposes, shownPurpose{text, purpose.Necessity, purpose.Acceptance, purpose.MinimumAge, purpose.DoubleOptIn, purpose.Retention, purpose.Recipients})
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
