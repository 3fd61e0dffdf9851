package consent

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/rempart-dev/rempart/internal/adapter/postgres/ledger"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/test/perf/measure"
)

// people of the checks.
const people = 50_000

// check asks for states of random people.
func check(ctx context.Context, b *bench) error {
	l, err := b.ledger(ctx, 0)
	if err != nil {
		return err
	}
	if err := b.people(ctx, l); err != nil {
		return err
	}
	lasts := time.Duration(b.seconds) * time.Second
	ways := append([]*way{{name: "ledger", once: func(ctx context.Context, _ int) (Load, error) {
		return Closed(ctx, b.clients, lasts, func(ctx context.Context, _, _ int) error {
			states, err := l.States(ctx, []consent.Person{someone(rand.IntN(people))})
			if err == nil && len(states[0]) != 1 {
				err = errors.New("a person has no state")
			}
			return err
		})
	}}}, b.selects()...)
	if err := b.inTurns(ctx, ways); err != nil {
		return err
	}
	report(fmt.Sprintf("Checks of one person by %d clients", b.clients), ways, 1, 2)
	return nil
}

// selects are pgbench reading the state of a person whose reference it knows.
func (b *bench) selects() []*way {
	script := func(pipelined bool) func(context.Context, int) (Load, error) {
		return func(ctx context.Context, _ int) (Load, error) {
			tps, err := b.pgbench(ctx, selectScript, pipelined, fmt.Sprintf("people=%d", people))
			return b.script(tps), err
		}
	}
	return []*way{{name: "pgbench", once: script(false)}, {name: "pgbench, pipelined", once: script(true)}}
}

// someone is one of the people, by number.
func someone(n int) consent.Person {
	return consent.Person{Kind: "account", ID: fmt.Sprintf("%s-%d", session, n)}
}

// consentOf is what they said.
func consentOf(n int) consent.Act {
	act := Act(0, n, 0)
	act.Person = someone(n)
	return act
}

// people records whom the checks ask for, and tells the script their references.
func (b *bench) people(ctx context.Context, l *ledger.Ledger) error {
	if _, err := b.admin.Exec(ctx, "CREATE SCHEMA bench"); err != nil {
		return err
	}
	for _, sql := range []string{"CREATE TABLE bench.people (number int PRIMARY KEY, subject_ref uuid NOT NULL)", "GRANT USAGE ON SCHEMA bench TO consent_app", "GRANT SELECT ON bench.people TO consent_app"} {
		if _, err := b.admin.Exec(ctx, sql); err != nil {
			return err
		}
	}
	found := make([][]any, people)
	_, err := Closed(ctx, b.clients, time.Hour, func(ctx context.Context, client, n int) error {
		at := n*b.clients + client
		if at >= people {
			return io.EOF
		}
		recorded, err := l.Record(ctx, consentOf(at))
		found[at] = []any{at + 1, [16]byte(recorded.Subject)}
		return err
	})
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	for at := range found { // those whom the end of the load interrupted
		if found[at] == nil || found[at][1] == [16]byte{} {
			recorded, err := l.Record(ctx, consentOf(at))
			if err != nil {
				return err
			}
			found[at] = []any{at + 1, [16]byte(recorded.Subject)}
		}
	}
	if _, err := b.admin.CopyFrom(ctx, pgx.Identifier{"bench", "people"}, []string{"number", "subject_ref"}, pgx.CopyFromRows(found)); err != nil {
		return err
	}
	if _, err := l.Sequencer.Step(ctx); err != nil {
		return err
	}
	if err := b.sizes(ctx); err != nil {
		return err
	}
	_, err = b.admin.Exec(ctx, "VACUUM ANALYZE")
	return err
}

// audit fills a ledger and compares its audit with reading the rows, and with hashing as many bytes.
func audit(ctx context.Context, b *bench) error {
	l, err := b.ledger(ctx, 0)
	if err != nil {
		return err
	}
	fmt.Printf("\nFilling a ledger with %d events\n", b.audit)
	hashed, err := b.fill(ctx, l)
	if err != nil {
		return err
	}
	began := time.Now()
	if _, err := l.Sequencer.Step(ctx); err != nil {
		return err
	}
	fmt.Printf("The sequencer put %d events into the log in %.1f s\n", b.audit, time.Since(began).Seconds())
	if _, err := b.admin.Exec(ctx, "VACUUM ANALYZE"); err != nil {
		return err
	}
	var ours, rows, hashes, here, store, reading measure.Series
	for round := range b.rounds + 1 {
		before, err := b.processor()
		if err != nil {
			return err
		}
		began := time.Now()
		if err := l.Audit(ctx, consent.Checkpoint{}); err != nil {
			return err
		}
		audited := time.Since(began)
		between, err := b.processor()
		if err != nil {
			return err
		}
		began = time.Now()
		psql := exec.CommandContext(ctx, filepath.Join(b.server.Bin, "psql"), "-X", "-q", "-A", "-t", "-d", b.server.URL(database), "-c", "COPY consent.events TO STDOUT (FORMAT binary)")
		psql.Stdout = io.Discard
		if err := psql.Run(); err != nil {
			return err
		}
		read := time.Since(began)
		after, err := b.processor()
		if err != nil {
			return err
		}
		began = time.Now()
		var block [512]byte
		for range hashed / len(block) {
			block[0]++
			sha256.Sum256(block[:])
		}
		if round > 0 {
			ours, rows, hashes = append(ours, audited.Seconds()), append(rows, read.Seconds()), append(hashes, time.Since(began).Seconds())
			used := between.minus(before)
			here, store = append(here, used.here.Seconds()), append(store, used.store.Seconds())
			used = after.minus(between)
			reading = append(reading, (used.here + used.store).Seconds())
		}
	}
	fmt.Printf("Audit of %d events: %.2f s (%.2f to %.2f); reading the rows with psql %.2f s; hashing as many bytes %.2f s; load average %s\n",
		b.audit, ours.Median(), ours.Min(), ours.Max(), rows.Median(), hashes.Median(), measure.Load())
	fmt.Printf("Processor time of the audit: %.2f s here, %.2f s in the store; of reading the rows with psql %.2f s\n", here.Median(), store.Median(), reading.Median())
	return b.sizes(ctx)
}

// fill writes events as a superuser, who may copy, and returns how many bytes are hashed of them.
func (b *bench) fill(ctx context.Context, l *ledger.Ledger) (hashed int, err error) {
	columns := []string{"tenant_id", "event_id", "receipt_id", "subject_ref", "occurred_at", "recorded_at", "valid_until", "notice_version", "decision", "gpc", "type", "purpose",
		"notice", "notice_lang", "notice_sha256", "method", "collected_by", "site", "leaf_hash"}
	base := time.Now().Add(-time.Hour)
	var pending, states [][]any
	_, err = b.admin.CopyFrom(ctx, pgx.Identifier{"consent", "events"}, columns, pgx.CopyFromSlice(b.audit, func(n int) ([]any, error) {
		act := Act(0, n, 0)
		var chance event.Chance
		for i := range chance {
			chance[i] = byte(rand.Uint32())
		}
		receipt := event.NewReceipt(base.Add(time.Duration(n)*100*time.Microsecond), chance)
		e := event.Of(&act, l.Tenant, uuid.New(), receipt, nil)
		event.Finish(e)
		hashed += len(event.Append(nil, &e[0]))
		pending = append(pending, []any{[16]byte(l.Tenant), [16]byte(e[0].ID)})
		if n%2 == 0 {
			states = append(states, []any{[16]byte(l.Tenant), [16]byte(e[0].Subject), [16]byte(e[0].ID), e[0].RecordedAt, e[0].ValidUntil, e[0].Notice.Version, 1, e[0].Purpose,
				e[0].Notice.Notice, e[0].Notice.Language, e[0].Notice.SHA256, act.Notice.Material})
		}
		return []any{[16]byte(e[0].Tenant), [16]byte(e[0].ID), [16]byte(e[0].Receipt), [16]byte(e[0].Subject), e[0].OccurredAt, e[0].RecordedAt, e[0].ValidUntil, e[0].Notice.Version, 1, 0,
			string(e[0].Type), e[0].Purpose, e[0].Notice.Notice, e[0].Notice.Language, e[0].Notice.SHA256, string(e[0].Method), string(e[0].CollectedBy), e[0].Site, e[0].Leaf}, nil
	}))
	if err != nil {
		return 0, err
	}
	if _, err := b.admin.CopyFrom(ctx, pgx.Identifier{"consent", "state"}, []string{"tenant_id", "subject_ref", "event_id", "recorded_at", "valid_until", "notice_version", "decision",
		"purpose", "notice", "notice_lang", "notice_sha256", "material_sha256"}, pgx.CopyFromRows(states)); err != nil {
		return 0, err
	}
	_, err = b.admin.CopyFrom(ctx, pgx.Identifier{"consent", "pending"}, []string{"tenant_id", "event_id"}, pgx.CopyFromRows(pending))
	return hashed, err
}
