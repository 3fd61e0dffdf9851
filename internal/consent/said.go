package consent

import "encoding/json"

// Said is what the sealed evidence of a page's act holds, in JSON, where more than a text of the page was said for it. None of it is more than
// the page's word.
type Said struct {
	// AtLeast is the age that was asked for and that the person said to have, in years (Article 8(2)); 0 for none.
	AtLeast int32 `json:"atLeast,omitempty"`
	// Page is the text that the page gave.
	Page string `json:"page,omitempty"`
	// UI is how the words were shown.
	UI *Display `json:"ui,omitempty"`
}

// Display is how the words were shown when the person acted.
type Display struct {
	// ShownMS is for how long they had been in view, in milliseconds, a day at most.
	ShownMS int64 `json:"shownMs"`
	// Visible tells that they were in view then, opaque and not covered.
	Visible bool `json:"visible"`
}

// SaidFor reads what was said for an act. Evidence that is no JSON of that form is the text of a page.
func SaidFor(evidence []byte) Said {
	var said Said
	if json.Unmarshal(evidence, &said) != nil || said == (Said{}) {
		return Said{Page: string(evidence)}
	}
	return said
}
