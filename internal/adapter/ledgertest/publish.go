package ledgertest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
)

func published(t *testing.T, w World) {
	body := []byte(`{"banner":"Hello"}`)
	p := consent.Publication{Namespace: "shop", Policy: "chat",
		Purposes: []consent.PublishedPurpose{{Purpose: "conversation", Body: []byte(`{"basis":"Consent"}`)}},
		Notices:  []consent.PublishedNotice{{NoticeRef: Notice(), Body: body}},
		Widgets:  []consent.PublishedWidget{script("a build")}}
	for range 2 {
		if err := w.Ledger.Publish(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	p.Purposes[0].Body = []byte(`{"basis":"Contract"}`)
	if err := w.Ledger.Publish(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	w.sequence(t)
	all, err := w.Ledger.Since(t.Context(), uuid.Nil, 100)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range all {
		told = append(told, fmt.Sprintf("%s %s%s%s %d", e.Type, e.Purpose, e.Notice.Notice, e.Site, e.Notice.Version))
		if e.Subject != uuid.Nil || e.Decision != nil {
			t.Error("a publication is about somebody")
		}
	}
	want(t, told, []string{"notice.published conversation 1", "notice.published shop 3", "build.published shop 0", "notice.published conversation 2"})
	for name, spoil := range map[string]func(*consent.Publication){
		"other words":        func(p *consent.Publication) { p.Notices[0].Body = []byte(`{"banner":"Bye"}`) },
		"no canonical words": func(p *consent.Publication) { p.Notices[0].Body = []byte(`{"banner": "Hello"}`) },
		"no digest":          func(p *consent.Publication) { p.Widgets[0].SHA256 = nil },
		"another script":     func(p *consent.Publication) { p.Widgets[0].Body = []byte("another build") },
	} {
		spoilt := p
		spoilt.Notices, spoilt.Widgets = slices.Clone(p.Notices), slices.Clone(p.Widgets)
		spoil(&spoilt)
		if err := w.Ledger.Publish(t.Context(), spoilt); !errors.Is(err, event.ErrForm) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if words, err := w.Ledger.Words(t.Context(), p.Notices[0].NoticeRef); err != nil || !bytes.Equal(words, p.Notices[0].Body) {
		t.Errorf("the words: %s, %v", words, err)
	}
	known, err := w.Ledger.Published(t.Context(), p.Notices[0].Notice)
	if err != nil || !reflect.DeepEqual(known, p.Notices) {
		t.Errorf("what was published: %+v, %v", known, err)
	}
	if known, err := w.Ledger.Published(t.Context(), "another"); err != nil || len(known) != 0 {
		t.Errorf("what nobody published: %+v, %v", known, err)
	}
	revisions, err := w.Ledger.Purposes(t.Context(), []string{"conversation", "another"})
	if err != nil {
		t.Fatal(err)
	}
	told = nil
	for _, r := range revisions {
		told = append(told, fmt.Sprintf("%s %d %s", r.Purpose, r.Number, r.Body))
	}
	want(t, told, []string{`conversation 1 {"basis":"Consent"}`, `conversation 2 {"basis":"Contract"}`})
	if !all[0].RecordedAt.Equal(revisions[0].Since) || !all[3].RecordedAt.Equal(revisions[1].Since) {
		t.Error("the revisions are not of the times of their events")
	}
	p.Notices[0].Body = []byte(`{"banner":"Bye"}`)
	sum := sha256.Sum256(p.Notices[0].Body)
	p.Notices[0].SHA256 = sum[:]
	if err := w.Ledger.Publish(t.Context(), p); !errors.Is(err, consent.ErrContradicted) {
		t.Errorf("words were changed under their version: %v", err)
	}
	if _, err := w.Ledger.Words(t.Context(), p.Notices[0].NoticeRef); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("words that were never published: %v", err)
	}
}

// publishedAhead publishes the second revision of a purpose by a clock that is an hour ahead, and the third by one that is right.
func publishedAhead(t *testing.T, w World) {
	publish := func(ahead time.Duration, body string) {
		t.Helper()
		p := consent.Publication{Namespace: "shop", Policy: "chat", Purposes: []consent.PublishedPurpose{{Purpose: "conversation", Body: []byte(body)}}}
		if err := w.Ahead(t, ahead).Publish(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	publish(0, `{"retention":"P1Y"}`)
	publish(time.Hour, `{"retention":"P2Y"}`)
	publish(0, `{"retention":"P3Y"}`)
	publish(0, `{"retention":"P3Y"}`) // another replica, or a restart
	publish(0, `{"retention":"P2Y"}`)
	w.sequence(t)
	all, err := w.Ledger.Since(t.Context(), uuid.Nil, 100)
	if err != nil {
		t.Fatal(err)
	}
	var revisions []int32
	for _, e := range all {
		revisions = append(revisions, e.Notice.Version)
	}
	slices.Sort(revisions)
	want(t, revisions, []int32{1, 2, 3, 4})
}

// script is a build of the site shop.
func script(text string) consent.PublishedWidget {
	sum := sha256.Sum256([]byte(text))
	return consent.PublishedWidget{Site: "shop", SHA256: sum[:], Body: []byte(text)}
}

func builds(t *testing.T, w World) {
	publish := func(text string) {
		t.Helper()
		if err := w.Ledger.Publish(t.Context(), consent.Publication{Namespace: "shop", Policy: "chat", Widgets: []consent.PublishedWidget{script(text)}}); err != nil {
			t.Fatal(err)
		}
	}
	kept := func(site, text string, want error) {
		t.Helper()
		if body, err := w.Ledger.Build(t.Context(), site, script(text).SHA256); !errors.Is(err, want) || want == nil && string(body) != text {
			t.Errorf("%s of %s: %q, %v", text, site, body, err)
		}
	}
	publish("build 0")
	publish("build 1")
	kept("shop", "build 0", nil)
	kept("blog", "build 0", consent.ErrUnknown)
	kept("shop", "build 2", consent.ErrUnknown)
	for i := range consent.KeptBuilds {
		publish(fmt.Sprintf("build %d", i+1)) // the first again, which changes nothing
	}
	kept("shop", "build 0", consent.ErrUnknown)
	kept("shop", "build 1", nil)
	kept("shop", fmt.Sprintf("build %d", consent.KeptBuilds), nil)
}
