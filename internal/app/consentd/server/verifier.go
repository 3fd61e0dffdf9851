package server

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/consent/jws"
	"github.com/rempart-dev/rempart/internal/consent/token"
)

// verifier checks notice tokens. All visitors of an hour bring the same one, so each is verified once.
type verifier struct {
	mu   sync.RWMutex
	keys jws.Keys
	good map[string]token.Token
}

// maxGood is how many tokens are remembered: those of a day, for some dozens of sites and languages.
const maxGood = 4096

func newVerifier() *verifier { return &verifier{good: map[string]token.Token{}} }

// trust takes the keys that count from now on.
func (v *verifier) trust(keys jws.Keys) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keys = keys
}

// open returns what a token says, if it was made here for this site and has not expired.
func (v *verifier) open(text, site string, now time.Time) (token.Token, error) {
	v.mu.RLock()
	known, is := v.good[text]
	keys := v.keys
	v.mu.RUnlock()
	if is && known.Site == site && now.Before(known.Expires()) {
		return known, nil
	}
	opened, err := token.Open(text, keys, site, now)
	if err != nil {
		return token.Token{}, err //nolint:wrapcheck // becomes a problem
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.good) >= maxGood {
		clear(v.good)
	}
	v.good[text] = opened
	return opened, nil
}

// notice returns which words a page showed. An expired token means that they must be shown again; every other token that does not
// count was not made here for this site.
func (s *Server) notice(c call, text string) (token.Token, error) {
	shown, err := s.verifier.open(text, string(c.site.ID), c.now)
	switch {
	case errors.Is(err, token.ErrExpired):
		return shown, s.stale(c, "")
	case err != nil:
		return shown, problem.New(http.StatusForbidden, problem.TokenInvalid, "The notice token was not made here for this site")
	}
	return shown, nil
}

// stale is the answer to words that are not those of now. It brings those of now, in the language that was shown if the site has it.
func (s *Server) stale(c call, tag string) error {
	if !c.site.Speaks(tag) {
		tag = defaultTag(c)
	}
	body, err := s.notices.of(c.policy, c.site, tag, c.now)
	if err != nil {
		return problem.New(http.StatusInternalServerError, problem.Internal, "The service made a mistake")
	}
	return problem.New(http.StatusConflict, problem.NoticeStale, "The notice has changed or was shown too long ago: show it again").WithNotice(body)
}
