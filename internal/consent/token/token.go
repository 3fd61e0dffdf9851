// Package token signs which words a page showed. A notice token comes with the words; an act that carries it back proves which
// text in which language the service had handed out, and not long ago. It is the same for everybody who asks in the same
// hour, so that it tells no visitor from another.
package token

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/jws"
)

// Type is the typ of a token's header.
const Type = "consent-notice+jwt"

// Life is how long a token may be used, from the start of the hour in which it was made.
const Life = 24 * time.Hour

// What is wrong with a token. None quotes it.
var (
	// ErrExpired: it was ours, and is too old. The notice must be shown again.
	ErrExpired = errors.New("the notice token has expired")
	// ErrForeign: another key signed it, or it is of another site.
	ErrForeign = errors.New("the notice token is not of this site")
	// ErrAltered: it is not as it was signed, or was never signed.
	ErrAltered = errors.New("the notice token was altered")
)

// Token says which words were handed out for a site, and when.
type Token struct {
	Site   string
	Notice consent.NoticeRef
	// Issued is a whole hour.
	Issued time.Time
}

// claims are a token as it is written.
type claims struct {
	Site     string `json:"site"`
	Notice   string `json:"notice"`
	Version  int32  `json:"version"`
	Language string `json:"lang"`
	SHA256   string `json:"sha256"`
	Issued   int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

// New returns the token of the hour for words of a site. What the words mean is not in it: the service knows it of each version.
func New(site string, notice consent.NoticeRef, now time.Time) Token {
	notice.Material = nil
	return Token{site, notice, now.UTC().Truncate(time.Hour)}
}

// Expires is the first instant at which the token is not accepted.
func (t Token) Expires() time.Time { return t.Issued.Add(Life) }

// Sign writes the token.
func (t Token) Sign(key jws.Key) (string, error) {
	payload, err := json.Marshal(claims{t.Site, t.Notice.Notice, t.Notice.Version, t.Notice.Language,
		base64.RawURLEncoding.EncodeToString(t.Notice.SHA256), t.Issued.Unix(), t.Expires().Unix()})
	if err != nil {
		return "", fmt.Errorf("writing a notice token: %w", err)
	}
	return key.Sign(Type, payload)
}

// Open checks a token that came back to a site: ErrExpired, ErrForeign or ErrAltered.
func Open(text string, keys jws.Keys, site string, now time.Time) (Token, error) {
	payload, _, err := keys.Open(Type, text)
	switch {
	case errors.Is(err, jws.ErrForeign):
		return Token{}, ErrForeign
	case err != nil:
		return Token{}, ErrAltered
	}
	t, err := read(payload)
	switch {
	case err != nil:
		return Token{}, err
	case t.Site != site:
		return Token{}, ErrForeign
	case !now.Before(t.Expires()):
		return Token{}, ErrExpired
	}
	return t, nil
}

// read reads what Sign wrote, and nothing else.
func read(payload []byte) (Token, error) {
	var c claims
	if json.Unmarshal(payload, &c) != nil {
		return Token{}, ErrAltered
	}
	again, err := json.Marshal(c)
	sum, wrong := base64.RawURLEncoding.DecodeString(c.SHA256)
	if err != nil || wrong != nil || !bytes.Equal(again, payload) {
		return Token{}, ErrAltered
	}
	t := New(c.Site, consent.NoticeRef{Notice: c.Notice, Version: c.Version, Language: c.Language, SHA256: sum}, time.Unix(c.Issued, 0))
	if t.Issued.Unix() != c.Issued || t.Expires().Unix() != c.Expires {
		return Token{}, ErrAltered
	}
	return t, nil
}
