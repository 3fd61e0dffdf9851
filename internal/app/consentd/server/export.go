package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/export"
)

// The formats of exports.
const (
	formatISO     = "iso27560"
	formatKantara = "kantara"
	formatBundles = "bundles"
)

// exportBody asks for what is recorded of a person.
type exportBody struct {
	Subject subject `json:"subject"`
	Format  string  `json:"format"`
}

// export hands over what is recorded of a person (Articles 15 and 20).
func (s *Server) export(w http.ResponseWriter, r *http.Request, c call) error {
	var body exportBody
	if err := decode(r, &body); err != nil {
		return err
	}
	person, err := body.Subject.person()
	if err != nil {
		return err
	}
	kind := map[string]string{formatISO: "application/ld+json", formatKantara: "application/json", formatBundles: "application/jsonl"}[body.Format]
	if kind == "" {
		return malformed("The format of an export is iso27560, kantara or bundles")
	}
	text, err := s.exported(r.Context(), c, person, body.Format)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(text)
	return nil
}

// exported writes a person's events with the exact words that were shown.
func (s *Server) exported(ctx context.Context, c call, person consent.Person, format string) ([]byte, error) {
	events, err := s.ledger.Events(ctx, person)
	if unknown(err) {
		return nil, personUnknown
	}
	if err != nil {
		return nil, err //nolint:wrapcheck // becomes a problem
	}
	p := c.policy
	if format == formatBundles {
		return s.bundles(ctx, p, events)
	}
	controller, countries := p.Exporter()
	in := export.Input{Controller: controller, Countries: countries, Withdraw: s.base(p) + "/me/" + string(p.Spec.Sites[0].ID), Events: events}
	for _, languages := range p.All {
		for _, words := range languages {
			in.Words = append(in.Words, export.Words{NoticeRef: words.Ref, Body: words.Body, PrivacyURL: string(words.Text.PrivacyURL)})
		}
	}
	if err := s.older(ctx, p, &in); err != nil {
		return nil, err
	}
	if in.Purposes, err = s.revisions(ctx, events); err != nil {
		return nil, err
	}
	write := export.Records
	if format == formatKantara {
		write = export.Receipts
	}
	text, err := write(in)
	if errors.Is(err, export.ErrWords) || errors.Is(err, export.ErrPurpose) || errors.Is(err, export.ErrIncomplete) {
		s.log.Error("An export is not possible with what the ledger and the policy say", "error", err) // names no person
		return nil, problem.New(http.StatusInternalServerError, problem.ExportIncomplete, "The ledger does not have the purpose of an event, or nobody knows yet where the data is kept")
	}
	return text, err //nolint:wrapcheck // becomes a problem
}

// older adds the words that events name and the policy no longer has.
func (s *Server) older(ctx context.Context, p *settings.Policy, in *export.Input) error {
	for _, e := range in.Events {
		if len(e.Notice.SHA256) == 0 || slices.ContainsFunc(in.Words, func(w export.Words) bool {
			return w.Version == e.Notice.Version && w.Language == e.Notice.Language
		}) {
			continue
		}
		body, err := s.words(ctx, p, e.Notice)
		if err != nil {
			return err
		}
		var text v1alpha1.NoticeText
		if err := json.Unmarshal(body, &text); err != nil {
			return errors.Join(errMade, err)
		}
		in.Words = append(in.Words, export.Words{NoticeRef: e.Notice, Body: body, PrivacyURL: string(text.PrivacyURL)})
	}
	return nil
}

// revisions are what the purposes of events were, from the first time on: an act is told by what its purpose was then, whatever the policy
// made of it since.
func (s *Server) revisions(ctx context.Context, events []consent.Event) ([]export.Purpose, error) {
	var names []string
	for _, e := range events {
		if e.Purpose != "" && !slices.Contains(names, e.Purpose) {
			names = append(names, e.Purpose)
		}
	}
	published, err := s.ledger.Purposes(ctx, names)
	if err != nil {
		return nil, err //nolint:wrapcheck // becomes a problem
	}
	found := make([]export.Purpose, len(published))
	for i, r := range published {
		found[i].Number, found[i].Since = r.Number, r.Since
		if err := json.Unmarshal(r.Body, &found[i].ConsentPurpose); err != nil {
			return nil, errors.Join(errMade, err)
		}
	}
	return found, nil
}
