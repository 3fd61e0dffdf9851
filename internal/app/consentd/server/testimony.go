package server

import (
	"encoding/json"
	"net/http"

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
}

// sealed is the evidence of an act. Where a purpose that is granted asks for an age, that the person said to have it is a part of the proof
// (Article 8(2)): the age that was asked for, and never a higher one that they said.
func (t testimony) sealed(policy *settings.Policy, granted []consent.Choice) ([]byte, error) {
	age := int32(0)
	for _, choice := range granted {
		if choice.Decision == consent.Granted {
			age = max(age, policy.Purposes[choice.Purpose].MinimumAge)
		}
	}
	if age == 0 || t.old < age {
		return []byte(t.page), nil
	}
	text, err := json.Marshal(struct {
		AtLeast int32  `json:"atLeast"`
		Page    string `json:"page,omitempty"`
	}{age, t.page})
	if err != nil || len(text) > maxEvidence {
		return nil, problem.New(http.StatusUnprocessableEntity, problem.EvidenceTooLarge, "Evidence has at most 2048 bytes")
	}
	return text, nil
}
