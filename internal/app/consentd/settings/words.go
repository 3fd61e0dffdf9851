package settings

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/canonical"
	"github.com/rempart-dev/rempart/internal/consent/facts"
	"github.com/rempart-dev/rempart/internal/consent/judge"
	"github.com/rempart-dev/rempart/internal/consent/widget"
	"github.com/rempart-dev/rempart/internal/law/deadline"
)

// Words are a notice's text in one language, as people are shown it: with who gets the data and how long it is kept.
type Words struct {
	Text v1alpha1.NoticeText
	// Ref names them; its Material is empty where they mean something else than what is shown now.
	Ref consent.NoticeRef
	// Body is their canonical JSON (RFC 8785), which Ref.SHA256 is of.
	Body []byte
}

// Asset is a script, as it is and as it travels.
type Asset struct {
	// Path of the immutable copy.
	Path      string
	Body      []byte
	Gzip      []byte
	SHA256    string
	Integrity string
}

// Tag is how a language stands in an address and in the widget: pt-br.
func Tag(language v1alpha1.NoticeLanguage) string { return strings.ToLower(string(language)) }

// read makes all words of all versions ready: a page may still show those of yesterday.
func (p *Policy) words(time.Time) error {
	p.All = map[int32]map[string]Words{}
	for _, notice := range p.Spec.Notices {
		p.All[notice.Version] = map[string]Words{}
		for _, text := range notice.Texts {
			words, err := p.wordsOf(notice.Version, p.told(text))
			if err != nil {
				return err
			}
			p.All[notice.Version][Tag(text.Language)] = words
		}
	}
	return nil
}

func (p *Policy) wordsOf(version int32, text v1alpha1.NoticeText) (Words, error) {
	loose, err := json.Marshal(text)
	if err != nil {
		return Words{}, fmt.Errorf("notice %d in %q: %w", version, text.Language, err)
	}
	body, err := canonical.Again(loose)
	if err != nil {
		return Words{}, fmt.Errorf("notice %d in %q: %w", version, text.Language, err)
	}
	sum := sha256.Sum256(body)
	ref := consent.NoticeRef{Notice: p.Name, Version: version, Language: Tag(text.Language), SHA256: sum[:]}
	if p.same(version) {
		ref.Material = p.Material
	}
	return Words{text, ref, body}, nil
}

// told adds to each purpose's text what the policy says of it beside that.
func (p *Policy) told(text v1alpha1.NoticeText) v1alpha1.NoticeText {
	text.Purposes = slices.Clone(text.Purposes)
	for i, told := range text.Purposes {
		for _, purpose := range p.Spec.Purposes {
			if purpose.Name == told.Name {
				text.Purposes[i].Text = facts.Told(Tag(text.Language), told.Text, &purpose)
			}
		}
	}
	return text
}

// Stand lets words that were published stand as they were: what is added to the author's words follows from a purpose and from this program,
// and either can have been another then. The words that are shown now must still be the author's: where they are not, those of the file
// stay, and the ledger refuses them.
func (p *Policy) Stand(published []consent.PublishedNotice) {
	for _, notice := range p.Spec.Notices {
		for _, own := range notice.Texts {
			tag := Tag(own.Language)
			i := slices.IndexFunc(published, func(n consent.PublishedNotice) bool {
				return n.Notice == p.Name && n.Version == notice.Version && n.Language == tag
			})
			if i < 0 {
				continue
			}
			was := published[i]
			var text v1alpha1.NoticeText
			if err := json.Unmarshal(was.Body, &text); err != nil || (notice.Version == p.Notice.Version && !continues(text, own)) {
				continue
			}
			words := p.All[notice.Version][tag]
			words.Text, words.Body, words.Ref.SHA256 = text, was.Body, was.SHA256
			p.All[notice.Version][tag] = words
		}
	}
}

// continues tells whether published words are the author's, but for sentences at the end of purposes' texts.
func continues(published, own v1alpha1.NoticeText) bool {
	if len(published.Purposes) != len(own.Purposes) {
		return false
	}
	published.Purposes = slices.Clone(published.Purposes)
	for i := range published.Purposes {
		if !facts.Tells(published.Purposes[i].Text, own.Purposes[i].Text) {
			return false
		}
		published.Purposes[i].Text = own.Purposes[i].Text
	}
	return reflect.DeepEqual(published, own)
}

// same tells whether a version means what the one that is shown means: since it, changes were editorial.
func (p *Policy) same(version int32) bool {
	return version <= p.Notice.Version && !slices.ContainsFunc(p.Spec.Notices, func(n v1alpha1.ConsentNotice) bool {
		return n.Version > version && n.Version <= p.Notice.Version && n.Change != v1alpha1.NoticeEditorial
	})
}

// Shown are the words that are shown in a language, as Tag writes it.
func (p *Policy) Shown(tag string) (Words, bool) {
	words, found := p.All[p.Notice.Version][tag]
	return words, found
}

// Changes are what the last Material notice says, in a language, as Tag writes it, that it changed; empty where it does not say.
func (p *Policy) Changes(tag string) string {
	last := int32(0)
	for _, notice := range p.Spec.Notices {
		if notice.Change == v1alpha1.NoticeMaterial && notice.Version <= p.Notice.Version {
			last = max(last, notice.Version)
		}
	}
	return p.All[last][tag].Text.Changes
}

// Speaks tells whether a site is in a language, as Tag writes it.
func (s *Site) Speaks(tag string) bool {
	return slices.ContainsFunc(s.Languages, func(l v1alpha1.NoticeLanguage) bool { return Tag(l) == tag })
}

// Publication is what must be in the ledger before the policy is served: purposes, the words that are shown, and the scripts.
func (p *Policy) Publication() (consent.Publication, error) {
	out := consent.Publication{Namespace: p.Namespace, Policy: p.Name}
	for _, purpose := range p.Spec.Purposes {
		loose, err := json.Marshal(purpose)
		if err != nil {
			return out, fmt.Errorf("purpose %q: %w", purpose.Name, err)
		}
		body, err := canonical.Again(loose)
		if err != nil {
			return out, fmt.Errorf("purpose %q: %w", purpose.Name, err)
		}
		out.Purposes = append(out.Purposes, consent.PublishedPurpose{Purpose: string(purpose.Name), Body: body})
	}
	for _, text := range p.Notice.Texts {
		words := p.All[p.Notice.Version][Tag(text.Language)]
		out.Notices = append(out.Notices, consent.PublishedNotice{NoticeRef: words.Ref, Body: words.Body})
	}
	for _, spec := range p.Spec.Sites {
		site := p.Sites[string(spec.ID)]
		sum := sha256.Sum256(site.Widget.Body)
		out.Widgets = append(out.Widgets, consent.PublishedWidget{Site: string(spec.ID), SHA256: sum[:], Body: site.Widget.Body})
	}
	return out, nil
}

// Dress bakes the widget of each site. Host is where the service is reached.
func (p *Policy) Dress(host string) error {
	for _, site := range p.Sites {
		config, err := p.widget(site, host)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrBroken, err)
		}
		script, err := widget.Build(config)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrBroken, err)
		}
		if site.Widget, err = NewAsset(string(site.ID), script); err != nil {
			return err
		}
	}
	return nil
}

// NewAsset makes a script of a site ready to be given out.
func NewAsset(site string, script []byte) (Asset, error) {
	packed, err := pack(script)
	if err != nil {
		return Asset{}, err
	}
	short, long := sha256.Sum256(script), sha512.Sum384(script)
	name := hex.EncodeToString(short[:])
	return Asset{Path: "/w/" + site + "/widget." + name + ".js", Body: script, Gzip: packed, SHA256: name,
		Integrity: "sha384-" + base64.StdEncoding.EncodeToString(long[:])}, nil
}

// pack compresses as gzip -9 does, without a time, so that equal scripts travel as equal bytes.
func pack(body []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("compressing a script: %w", err)
	}
	if _, err := w.Write(body); err != nil {
		return nil, fmt.Errorf("compressing a script: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compressing a script: %w", err)
	}
	return out.Bytes(), nil
}

// widget is what a site's pages must know.
func (p *Policy) widget(site *Site, host string) (widget.Config, error) {
	w := p.Spec.Widget
	consentTTL, err := seconds(string(w.ConsentTTL), "P6M")
	if err != nil {
		return widget.Config{}, err
	}
	sessionTTL, err := session(string(w.SessionTTL))
	if err != nil {
		return widget.Config{}, err
	}
	c := widget.Config{
		Tenant: p.Tenant, Site: string(site.ID), Host: host, DefaultLanguage: Tag(site.DefaultLanguage), Material: fmt.Sprintf("%x", p.Material)[:16], Version: p.Notice.Version,
		Acceptance: widget.Acceptance(or(w.Acceptance, v1alpha1.WidgetExplicit)),
		Store:      widget.Store(or(w.Store, v1alpha1.StoreLocal)), CookieDomain: w.CookieDomain, ConsentTTL: consentTTL, SessionTTL: sessionTTL,
		ReadAtLoad: w.ReadAtLoad != v1alpha1.FeatureDisabled, RememberRefusal: w.RememberRefusal == v1alpha1.FeatureEnabled,
		Ephemeral: w.Ephemeral == v1alpha1.FeatureEnabled, Proof: widget.Proof(or(w.Proof, v1alpha1.ProofLinked)),
		DoNotTrack: w.DoNotTrack != v1alpha1.DoNotTrackIgnored, SendURL: string(w.SendURL), Asserted: []string{},
	}
	for _, language := range site.Languages {
		c.Languages = append(c.Languages, Tag(language))
	}
	for _, purpose := range p.Spec.Purposes {
		if AskedByBanner(&purpose) {
			c.Requested = append(c.Requested, string(purpose.Name))
			if p.Spec.SiteAssertion.Mode == v1alpha1.AssertionAccepted && slices.Contains(p.Spec.SiteAssertion.Purposes, purpose.Name) {
				c.Asserted = append(c.Asserted, string(purpose.Name))
			}
		}
	}
	return c, nil
}

// AskedByBanner tells whether the widget's banner asks for a purpose: it is of the service that the visitor asks for. What rests on consent
// is asked for in its own words, by a box of its own in the dialog of choices, also where the service cannot be without it.
func AskedByBanner(p *v1alpha1.ConsentPurpose) bool {
	return p.Necessity == v1alpha1.NecessityRequestedService && Active(*p) && !judge.RestsOnConsent(p)
}

// Active tells whether a purpose is asked for and may be pursued.
func Active(p v1alpha1.ConsentPurpose) bool { return p.Lifecycle != v1alpha1.LifecycleArchived }

func or[T ~string](value, otherwise T) T {
	if value == "" {
		return otherwise
	}
	return value
}

// seconds is the length of a calendar period from the start of a common year: the script needs one that is the same for all visitors
// and every day. When a consent ends is what the ledger says.
func seconds(text, otherwise string) (int64, error) {
	period, err := deadline.ParsePeriod(or(text, otherwise))
	if err != nil {
		return 0, fmt.Errorf("consentTTL: %w", err)
	}
	start := time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC)
	end := deadline.CivilDate(start, time.UTC).Add(period)
	return int64(time.Date(end.Year, end.Month, end.Day, 0, 0, 0, 0, time.UTC).Sub(start) / time.Second), nil
}

// session reads PT30M or PT2H, in seconds.
func session(text string) (int64, error) {
	length, err := time.ParseDuration(strings.ToLower(strings.TrimPrefix(or(text, "PT30M"), "PT")))
	if err != nil || length <= 0 {
		return 0, fmt.Errorf("sessionTTL is not a period of minutes or hours")
	}
	return int64(length / time.Second), nil
}
