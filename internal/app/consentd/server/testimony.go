package server

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
)

// testimony is what is said for an act beside its words and its method.
type testimony struct {
	// old is the highest age that the person says to have.
	old int32
	// page is what the page shows.
	page string
	// ui is how the words were shown; nil where nothing is said of it.
	ui *display
}

// display is how a page says that the words were shown: for how long, in milliseconds, and whether they were in view, opaque and uncovered.
type display struct {
	ShownMS float64 `json:"shownMs"`
	Visible bool    `json:"visible"`
}

// longest is the most that is recorded of how long words were shown.
const longest = 24 * time.Hour

// bounded is what is recorded of it.
func (d *display) bounded() *consent.Display {
	if d == nil {
		return nil
	}
	return &consent.Display{ShownMS: int64(min(max(d.ShownMS, 0), float64(longest.Milliseconds()))), Visible: d.Visible}
}

// sealed is the evidence of an act. Where a purpose that is granted asks for an age, that the person said to have it is a part of the proof
// (Article 8(2)): the age that was asked for, and never a higher one that they said. How the words were shown is left out where the text of the
// page leaves no room for it.
func (t testimony) sealed(policy *settings.Policy, granted []consent.Choice) ([]byte, error) {
	said := consent.Said{Page: t.page, UI: t.ui.bounded()}
	for _, choice := range granted {
		if choice.Decision == consent.Granted {
			said.AtLeast = max(said.AtLeast, policy.Purposes[choice.Purpose].MinimumAge)
		}
	}
	if t.old < said.AtLeast {
		said.AtLeast = 0
	}
	text, err := json.Marshal(said)
	if len(text) > maxEvidence {
		said.UI = nil
		text, err = json.Marshal(said)
	}
	switch {
	case said.AtLeast == 0 && said.UI == nil && consent.SaidFor([]byte(t.page)).Page == t.page: // not what would be read as more than a text
		return []byte(t.page), nil
	case err != nil || len(text) > maxEvidence:
		return nil, problem.New(http.StatusUnprocessableEntity, problem.EvidenceTooLarge, "Evidence has at most 2048 bytes")
	}
	return text, nil
}
