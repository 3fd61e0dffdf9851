package event

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"unicode/utf8"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/canonical"
)

// Kind is what a publication makes part of the ledger.
type Kind string

// The kinds of what is published.
const (
	KindPurpose Kind = "purpose"
	KindNotice  Kind = "notice"
	KindWidget  Kind = "widget"
)

// News is one thing that a publication adds.
type News struct {
	Kind Kind
	// Name is of the purpose, of notice, version and language, or of site and build.
	Name string
	// Same is what must be equal for a repetition to be one.
	Same string
	// Body is canonical JSON; nil for a build.
	Body []byte
	// Event says so in the log, without identifiers and time. It is about nobody, so that its evidence is kept as it is: for
	// a notice the digest of what it means.
	Event consent.Event
}

// Published returns what a publication adds to what there is. Known tells what was published last under a name, and its
// revision; an empty text and 0 for nothing. ErrForm means that a body is not canonical JSON or not of its digest, or a build not of its own;
// ErrContradicted that a notice was published before with other words.
func Published(p consent.Publication, known func(kind Kind, name string) (same string, revision int32)) ([]News, error) {
	var news []News
	for _, purpose := range p.Purposes {
		digest, err := digestOf(purpose.Body, purpose.Purpose)
		if err != nil {
			return nil, fmt.Errorf("a purpose: %w", err)
		}
		same, revision := known(KindPurpose, purpose.Purpose)
		if same == string(digest) {
			continue
		}
		news = append(news, News{Kind: KindPurpose, Name: purpose.Purpose, Same: string(digest), Body: purpose.Body, Event: consent.Event{
			Type: consent.EventNoticePublished, Purpose: purpose.Purpose, Notice: consent.NoticeRef{Version: revision + 1, SHA256: digest}}})
	}
	for _, notice := range p.Notices {
		digest, err := digestOf(notice.Body, notice.Notice, notice.Language)
		if err != nil || !bytes.Equal(digest, notice.SHA256) || notice.Notice == "" || notice.Version < 1 || len(notice.Material) != sha256.Size {
			return nil, fmt.Errorf("a notice: %w", ErrForm)
		}
		name := NoticeName(notice.NoticeRef)
		same := string(digest) + string(notice.Material)
		switch before, _ := known(KindNotice, name); before {
		case same:
			continue
		case "":
		default:
			return nil, fmt.Errorf("a notice was published before with other words: %w", consent.ErrContradicted)
		}
		ref := notice.NoticeRef
		ref.Material = nil
		news = append(news, News{Kind: KindNotice, Name: name, Same: same, Body: notice.Body, Event: consent.Event{
			Type: consent.EventNoticePublished, Notice: ref, EvidenceCiphertext: notice.Material}})
	}
	for _, widget := range p.Widgets {
		if sum := sha256.Sum256(widget.Body); !bytes.Equal(sum[:], widget.SHA256) || !utf8.ValidString(widget.Site) {
			return nil, fmt.Errorf("a build: %w", ErrForm)
		}
		name := widget.Site + "\x00" + hex.EncodeToString(widget.SHA256)
		if same, _ := known(KindWidget, name); same != "" {
			continue
		}
		news = append(news, News{Kind: KindWidget, Name: name, Same: name, Event: consent.Event{
			Type: consent.EventBuildPublished, Site: widget.Site, Notice: consent.NoticeRef{SHA256: widget.SHA256}}})
	}
	return unique(news), nil
}

// unique keeps the first of what one publication says twice.
func unique(news []News) []News {
	seen := map[string]bool{}
	out := news[:0]
	for _, n := range news {
		if key := string(n.Kind) + "\x00" + n.Name; !seen[key] {
			seen[key] = true
			out = append(out, n)
		}
	}
	return out
}

// NoticeName names the words of one version in one language.
func NoticeName(n consent.NoticeRef) string {
	return fmt.Sprintf("%s\x00%d\x00%s", n.Notice, n.Version, n.Language)
}

// digestOf is the SHA-256 of a body that is in canonical form.
func digestOf(body []byte, names ...string) ([]byte, error) {
	for _, name := range names {
		if strange(map[string]string{"name": name}) != "" {
			return nil, ErrForm
		}
	}
	again, err := canonical.Again(body)
	if err != nil || !bytes.Equal(again, body) {
		return nil, ErrForm
	}
	sum := sha256.Sum256(body)
	return sum[:], nil
}
