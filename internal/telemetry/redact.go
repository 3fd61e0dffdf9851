// Package telemetry holds Redact, the type for anything personal or secret. It knows nothing else, so that decisions may
// use it; metric registers what is measured.
package telemetry

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Redacted is what a Redact shows.
const Redacted = "[redacted]"

// Redact carries a value that must not be printed: an identifier of a person, a password, a key. Every way in which it
// could reach a log, an error or an object shows Redacted instead. Reveal is the only way out.
type Redact struct{ value string }

// Hide wraps a value.
func Hide(value string) Redact { return Redact{value: value} }

// Reveal returns the value, for the one place that needs it.
func (r Redact) Reveal() string { return r.value }

// Empty tells whether there is no value.
func (r Redact) Empty() bool { return r.value == "" }

// String hides the value.
func (Redact) String() string { return Redacted }

// GoString hides the value from %#v.
func (Redact) GoString() string { return Redacted }

// Format hides the value from every verb.
func (Redact) Format(state fmt.State, _ rune) { _, _ = state.Write([]byte(Redacted)) }

// LogValue hides the value from structured logs.
func (Redact) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalLog hides the value from logr.
func (Redact) MarshalLog() any { return Redacted }

// MarshalJSON hides the value from JSON.
func (Redact) MarshalJSON() ([]byte, error) { return json.Marshal(Redacted) }

// MarshalText hides the value from text encodings.
func (Redact) MarshalText() ([]byte, error) { return []byte(Redacted), nil }
