package server

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
)

// TestHowLongTheWordsWereShownIsAPartOfTheProof: within bounds, and read again as it was written.
func TestHowLongTheWordsWereShownIsAPartOfTheProof(t *testing.T) {
	long := strings.Repeat("x", maxEvidence)
	for name, test := range map[string]struct {
		said testimony
		want string
		read consent.Said
	}{
		"nothing":           {testimony{}, "", consent.Said{}},
		"a text":            {testimony{page: "banner 7"}, "banner 7", consent.Said{Page: "banner 7"}},
		"a text in JSON":    {testimony{page: `{"id":7}`}, `{"id":7}`, consent.Said{Page: `{"id":7}`}},
		"a forged age":      {testimony{page: `{"atLeast":15}`}, `{"page":"{\"atLeast\":15}"}`, consent.Said{Page: `{"atLeast":15}`}},
		"a message":         {testimony{ui: &display{1200.7, true}}, `{"ui":{"shownMs":1200,"visible":true}}`, consent.Said{UI: &consent.Display{ShownMS: 1200, Visible: true}}},
		"both":              {testimony{page: "a", ui: &display{3, false}}, `{"page":"a","ui":{"shownMs":3,"visible":false}}`, consent.Said{Page: "a", UI: &consent.Display{ShownMS: 3}}},
		"before it was":     {testimony{ui: &display{-1, true}}, `{"ui":{"shownMs":0,"visible":true}}`, consent.Said{UI: &consent.Display{Visible: true}}},
		"for ever":          {testimony{ui: &display{1e300, true}}, `{"ui":{"shownMs":86400000,"visible":true}}`, consent.Said{UI: &consent.Display{ShownMS: 86400000, Visible: true}}},
		"no room beside it": {testimony{page: long, ui: &display{1, true}}, long, consent.Said{Page: long}},
	} {
		got, err := test.said.sealed(&settings.Policy{}, nil)
		if err != nil || string(got) != test.want {
			t.Errorf("%s: %s, %v", name, got, err)
		}
		if diff := cmp.Diff(test.read, consent.SaidFor(got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
