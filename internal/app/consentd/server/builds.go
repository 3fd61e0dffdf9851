package server

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
)

// builds are the scripts of before that pages still name, ready to be given out. A page that pins a script loads it until
// somebody changes the page.
type builds struct {
	ledger Ledger
	mu     sync.Mutex
	ready  map[string]settings.Asset // by site and digest
}

// maxReady bounds what is kept ready, some 25 KB each. Beyond it all are forgotten, and those that are asked for read again.
const maxReady = 64

func newBuilds(ledger Ledger) *builds {
	return &builds{ledger: ledger, ready: map[string]settings.Asset{}}
}

// of returns the script of a site that a file is named after, widget.<sha256>.js.
func (b *builds) of(ctx context.Context, site, file string) (settings.Asset, error) {
	name, is := strings.CutPrefix(file, "widget.")
	name, ends := strings.CutSuffix(name, ".js")
	digest, err := hex.DecodeString(name)
	if err != nil || !is || !ends || len(digest) != 32 || name != strings.ToLower(name) {
		return settings.Asset{}, nothing
	}
	key := site + "/" + name
	b.mu.Lock()
	asset, found := b.ready[key]
	b.mu.Unlock()
	if found {
		return asset, nil
	}
	body, err := b.ledger.Build(ctx, site, digest)
	if errors.Is(err, consent.ErrUnknown) {
		return settings.Asset{}, nothing
	}
	if err != nil {
		return settings.Asset{}, err //nolint:wrapcheck // becomes a problem
	}
	if asset, err = settings.NewAsset(site, body); err != nil {
		return settings.Asset{}, err //nolint:wrapcheck // says what it was doing
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ready) >= maxReady {
		clear(b.ready)
	}
	b.ready[key] = asset
	return asset, nil
}

// nothing is at a path.
var nothing = problem.New(http.StatusNotFound, problem.NotFound, "There is nothing at this path")
