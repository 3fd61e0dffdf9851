package settings_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/canonical"
)

// plain are words as they were published before anything was added to them.
func plain(t *testing.T, p *settings.Policy, version int32, edit func(*v1alpha1.NoticeText)) []consent.PublishedNotice {
	t.Helper()
	var all []consent.PublishedNotice
	for _, notice := range p.Spec.Notices {
		for _, text := range notice.Texts {
			text := *text.DeepCopy()
			edit(&text)
			loose, err := json.Marshal(text)
			if err != nil {
				t.Fatal(err)
			}
			body, err := canonical.Again(loose)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(body)
			if notice.Version == version {
				all = append(all, consent.PublishedNotice{Body: body, NoticeRef: consent.NoticeRef{
					Notice: p.Name, Version: version, Language: settings.Tag(text.Language), SHA256: sum[:], Material: p.Material}})
			}
		}
	}
	return all
}

func asTheyAre(*v1alpha1.NoticeText) {}

func TestThePurposesTextsSayWhoGetsTheDataAndHowLongItIsKept(t *testing.T) {
	p := mustRead(t, nil)
	for tag, want := range map[string]string{"fr": " Destinataires : Acme support (FR). Durée de conservation : 3 ans.", "en": " Recipients: Acme support (FR). Kept for 3 years."} {
		words, _ := p.Shown(tag)
		if text := words.Text.Purposes[0].Text; !strings.HasSuffix(text, want) {
			t.Errorf("%s: %q", tag, text)
		}
		var body v1alpha1.NoticeText
		if err := json.Unmarshal(words.Body, &body); err != nil || body.Purposes[0] != words.Text.Purposes[0] {
			t.Errorf("%s: what is hashed is not what is shown: %v", tag, err)
		}
		if sum := sha256.Sum256(words.Body); !bytes.Equal(sum[:], words.Ref.SHA256) {
			t.Errorf("%s: the digest is of other words", tag)
		}
	}
	if own := p.Notice.Texts[0].Purposes[0].Text; strings.Contains(own, "Destinataires") {
		t.Errorf("the author's text is another: %q", own)
	}
}

func TestPublishedWordsStandAsTheyWere(t *testing.T) {
	p := mustRead(t, nil)
	published := plain(t, p, 1, asTheyAre)
	p.Stand(published)
	publication, err := p.Publication()
	if err != nil {
		t.Fatal(err)
	}
	for i, was := range published {
		words, _ := p.Shown(was.Language)
		if !bytes.Equal(words.Body, was.Body) || !bytes.Equal(words.Ref.SHA256, was.SHA256) || strings.Contains(words.Text.Purposes[0].Text, "3 ans") || !bytes.Equal(publication.Notices[i].Body, was.Body) {
			t.Errorf("%s: published words are others: %s", was.Language, words.Body)
		}
	}
	otherwise := func(text *v1alpha1.NoticeText) { text.Purposes[0].Text += " Gardé 3 ans." }
	p.Stand(plain(t, p, 1, otherwise))
	if words, _ := p.Shown("fr"); !strings.HasSuffix(words.Text.Purposes[0].Text, " Gardé 3 ans.") {
		t.Errorf("the sentences of then are not those of now: %q", words.Text.Purposes[0].Text)
	}
}

func TestWordsOfTheFileThatWereNeverPublishedAreLeftToTheLedger(t *testing.T) {
	for name, edit := range map[string]func(*v1alpha1.NoticeText){
		"another banner": func(text *v1alpha1.NoticeText) { text.Banner += "!" },
		"another text":   func(text *v1alpha1.NoticeText) { text.Purposes[0].Text = "We sell it." },
		"another title":  func(text *v1alpha1.NoticeText) { text.Purposes[0].Title += "!" },
		"a purpose less": func(text *v1alpha1.NoticeText) { text.Purposes = text.Purposes[1:] },
		"another order": func(text *v1alpha1.NoticeText) {
			text.Purposes[0], text.Purposes[1] = text.Purposes[1], text.Purposes[0]
		},
		"half of the text": func(text *v1alpha1.NoticeText) { text.Purposes[0].Text = text.Purposes[0].Text[:9] },
	} {
		p, fresh := mustRead(t, nil), mustRead(t, nil)
		p.Stand(plain(t, p, 1, edit))
		have, _ := p.Shown("en")
		if want, _ := fresh.Shown("en"); !bytes.Equal(have.Body, want.Body) {
			t.Errorf("%s: words that the policy does not have are shown: %s", name, have.Body)
		}
	}
}

func TestTheLastMaterialNoticeSaysWhatChanged(t *testing.T) {
	p := mustRead(t, func(f *settings.File) {
		second := another(f, 2, v1alpha1.NoticeMaterial)
		second.Texts[0].Changes = "Les messages sont gardés un an de plus."
		another(f, 3, v1alpha1.NoticeEditorial).Texts[0].Changes = ""
	})
	if p.Notice.Version != 3 || p.Changes("fr") != "Les messages sont gardés un an de plus." || p.Changes("en") != "" {
		t.Errorf("%d: %q, %q", p.Notice.Version, p.Changes("fr"), p.Changes("en"))
	}
	first := mustRead(t, nil)
	if first.Changes("fr") != "" {
		t.Errorf("%q", first.Changes("fr"))
	}
}

func TestOlderWordsAreThoseOfTheLedger(t *testing.T) {
	p := mustRead(t, func(f *settings.File) { another(f, 2, v1alpha1.NoticeEditorial) })
	published := plain(t, p, 1, func(text *v1alpha1.NoticeText) { text.Purposes[0].Text += " Kept for 9 years." })
	p.Stand(published)
	words := p.All[1]["en"]
	if !bytes.Equal(words.Body, published[1].Body) || words.Ref.Material == nil || !strings.HasSuffix(words.Text.Purposes[0].Text, " Kept for 9 years.") {
		t.Errorf("a page that shows the words of yesterday is not believed: %s", words.Body)
	}
	if now, _ := p.Shown("en"); !strings.HasSuffix(now.Text.Purposes[0].Text, " Kept for 3 years.") {
		t.Errorf("%q", now.Text.Purposes[0].Text)
	}
}
