package server

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/consent"
)

// health is whether the service can do its work, as last looked at.
type health struct {
	ledger  atomic.Bool
	drained atomic.Bool
	mu      sync.Mutex
	audit   audit
}

// audit is what the last self-audit found.
type audit struct {
	Verified bool       `json:"verified"`
	Time     *time.Time `json:"time,omitempty"`
}

func (h *health) audited() audit {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.audit
}

// How often to look.
const (
	lookEvery  = 2 * time.Second
	lookFor    = time.Second
	auditEvery = 24 * time.Hour
	auditAgain = time.Minute
)

// Watch looks after the ledger until the context ends: whether it answers, what changes in it, and, at the start and daily, whether it
// is what the log says.
func (s *Server) Watch(ctx context.Context) {
	var wait sync.WaitGroup
	wait.Go(func() { s.hub.run(ctx, s.ledger) })
	wait.Go(func() { repeat(ctx, func() time.Duration { s.look(ctx); return lookEvery }) })
	wait.Go(func() { repeat(ctx, func() time.Duration { return s.audit(ctx) }) })
	wait.Go(func() { repeat(ctx, func() time.Duration { s.measureKeys(ctx); return keysEvery }) })
	wait.Wait()
}

// repeat does something now, and again after what it returns.
func repeat(ctx context.Context, do func() time.Duration) {
	for {
		pause := do()
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// look asks the ledger for its head, which costs one row, and for the log's keys: another replica may have a newer one. A log that
// nobody's key has signed is there: acts are recorded, and the audit says what is wrong.
func (s *Server) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	_, err := s.ledger.Checkpoint(ctx)
	there := err == nil || errors.Is(err, consent.ErrUnknown) || errors.Is(err, consent.ErrContradicted)
	if there && s.keyring != nil {
		if keys, err := s.keyring.Public(ctx); err == nil && s.trust(keys) != nil {
			s.log.Error("Could not write the set of keys")
		}
	}
	if before := s.health.ledger.Swap(there); before != there {
		s.log.Info("The ledger came or went", "there", there)
	}
	s.metrics.ready.Set(number(s.isReady()))
}

// audit compares ledger and log. One that could not be done says nothing, so it is tried again soon.
func (s *Server) audit(ctx context.Context) time.Duration {
	err := s.auditor.Audit(ctx)
	if err != nil && !errors.Is(err, consent.ErrContradicted) {
		s.log.Warn("Could not audit the ledger yet")
		return auditAgain
	}
	now := s.clock().UTC().Truncate(time.Second)
	s.health.mu.Lock()
	s.health.audit = audit{Verified: err == nil, Time: &now}
	s.health.mu.Unlock()
	s.metrics.verified.Set(number(err == nil))
	if err != nil {
		s.log.Error("The ledger and its log disagree: somebody changed what was recorded")
	} else {
		s.log.Info("Audited the ledger")
	}
	return auditEvery
}

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// isReady tells whether pages should be sent here.
func (s *Server) isReady() bool {
	return s.policies.Current() != nil && s.health.ledger.Load() && !s.health.drained.Load()
}

// healthy answers that the process lives, whatever the ledger does: restarting it would mend nothing.
func (s *Server) healthy(w http.ResponseWriter, _ *http.Request, _ call) error {
	return plain(w, "ok\n")
}

// ready answers whether pages should be sent here.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request, _ call) error {
	if !s.isReady() {
		return problem.New(http.StatusServiceUnavailable, problem.NotReady, "The service is starting, ending, or without its ledger").After(retrySoon)
	}
	return plain(w, "ok\n")
}

func plain(w http.ResponseWriter, text string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write([]byte(text))
	return nil
}

// siteStatus is the script that pages of a site load.
type siteStatus struct {
	ID        string `json:"id"`
	URL       string `json:"url"`
	Integrity string `json:"integrity"`
	Digest    string `json:"digest"`
	// Bytes as they travel, compressed.
	Bytes int `json:"bytes"`
}

type noticeStatus struct {
	Version        int32  `json:"version"`
	MaterialDigest string `json:"materialDigest"`
}

type ledgerStatus struct {
	Size           int64     `json:"size"`
	CheckpointTime time.Time `json:"checkpointTime"`
	Root           string    `json:"root"`
	Checkpoint     string    `json:"checkpoint"`
}

// statusAnswer is what the operator reads.
type statusAnswer struct {
	TenantID string        `json:"tenantID,omitempty"`
	Policy   string        `json:"policyDigest,omitempty"`
	Refused  bool          `json:"policyRefused"`
	Notice   *noticeStatus `json:"notice,omitempty"`
	Sites    []siteStatus  `json:"sites"`
	Ledger   *ledgerStatus `json:"ledger,omitempty"`
	Audit    audit         `json:"audit"`
	Keys     []keyStatus   `json:"keys,omitempty"`
}

// status answers the operator. What is not known yet is absent.
func (s *Server) status(w http.ResponseWriter, r *http.Request, c call) error {
	answer := statusAnswer{Sites: []siteStatus{}, Audit: s.health.audited(), Refused: s.policies.Refused()}
	if p := c.policy; p != nil {
		answer.TenantID, answer.Policy = p.Tenant.String(), "sha256:"+p.Digest
		answer.Notice = &noticeStatus{p.Notice.Version, p.MaterialDigest}
		for _, spec := range p.Spec.Sites {
			site := p.Sites[string(spec.ID)]
			answer.Sites = append(answer.Sites, siteStatus{ID: string(spec.ID), URL: s.base(p) + site.Widget.Path, Integrity: site.Widget.Integrity,
				Digest: "sha256:" + site.Widget.SHA256, Bytes: len(site.Widget.Gzip)})
		}
	}
	head, err := s.head(r)
	if err != nil {
		return err
	}
	answer.Ledger, answer.Keys = head.ledger, head.keys
	return write(w, http.StatusOK, answer)
}

// head is what the status says of the ledger; nil of one without a checkpoint.
type head struct {
	ledger *ledgerStatus
	keys   []keyStatus
}

// head asks the ledger. However many ask at once, it is asked once: they are pods that nobody knows, and its connections are for people.
func (s *Server) head(r *http.Request) (head, error) {
	found, err, _ := s.asking.Do("head", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), s.timeout) // others wait for it too
		defer cancel()
		var h head
		checkpoint, err := s.ledger.Checkpoint(ctx)
		switch {
		case err == nil:
			h.ledger = &ledgerStatus{checkpoint.Size, checkpoint.Time.UTC(), base64.StdEncoding.EncodeToString(checkpoint.Root), string(checkpoint.Note)}
		case !errors.Is(err, consent.ErrUnknown) && !errors.Is(err, consent.ErrContradicted): // the audit tells of that
			return nil, err //nolint:wrapcheck // becomes a problem
		}
		h.keys, err = s.keyStatus(ctx)
		return h, err
	})
	if err != nil {
		return head{}, err //nolint:wrapcheck // becomes a problem
	}
	return found.(head), nil //nolint:forcetypeassert // what was returned above
}
