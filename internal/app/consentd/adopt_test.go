package consentd

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/rempart-dev/rempart/internal/app/consentd/consentdtest"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/canonical"
)

// TestAnUpgradeChangesNoPublishedWords: a version before this one published the author's words alone, and people accepted them.
func TestAnUpgradeChangesNoPublishedWords(t *testing.T) {
	cluster := consentdtest.NewCluster(t)
	read := func(change func(*settings.File)) *settings.Policy {
		t.Helper()
		p, err := settings.Read(cluster.File(t, change), "digest", noon)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := read(nil)
	keys, err := settings.ReadKeys(consentdtest.Keys(t))
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := openMemory(first, keys, "consent.shop.example/test")
	if err != nil {
		t.Fatal(err)
	}
	old := consent.Publication{Namespace: first.Namespace, Policy: first.Name}
	for _, text := range first.Notice.Texts {
		loose, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		body, err := canonical.Again(loose)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(body)
		old.Notices = append(old.Notices, consent.PublishedNotice{Body: body, NoticeRef: consent.NoticeRef{
			Notice: first.Name, Version: 1, Language: settings.Tag(text.Language), SHA256: sum[:], Material: first.Material}})
	}
	if err := ledger.Publish(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	o := options{url: "https://consent.shop.example", timeout: time.Minute}
	second := func(f *settings.File) {
		next := *f.Spec.Notices[0].DeepCopy()
		next.Version = 2
		f.Spec.Notices = append(f.Spec.Notices, next)
	}
	for _, change := range []func(*settings.File){nil, nil, second} { // an upgrade, a restart, and another notice
		p := read(change)
		if err := o.adopt(t.Context(), ledger, p); err != nil {
			t.Fatal(err)
		}
		for _, was := range old.Notices {
			if words := p.All[1][was.Language]; !bytes.Equal(words.Body, was.Body) || !bytes.Equal(words.Ref.SHA256, was.SHA256) {
				t.Errorf("%s: %s", was.Language, words.Body)
			}
			if shown, _ := p.Shown(was.Language); bytes.Equal(shown.Body, was.Body) != (p.Notice.Version == 1) {
				t.Errorf("notice %d in %s is shown as %s", p.Notice.Version, was.Language, shown.Body)
			}
		}
	}
	other := read(func(f *settings.File) { f.Spec.Notices[0].Texts[0].Purposes[0].Text = "Nous vendons vos messages." })
	if err := o.adopt(t.Context(), ledger, other); !errors.Is(err, settings.ErrBroken) {
		t.Errorf("published words of the file were changed: %v", err)
	}
}
