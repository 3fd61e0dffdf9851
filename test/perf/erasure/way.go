package erasure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
	"github.com/rempart-dev/rempart/test/perf/measure"
)

// way erases people from a copy of the database.
type way struct {
	name  string
	erase func(ctx context.Context, database string, addresses []string) (spent, error)
}

// spent is what an erasure cost: of the engine also the plan before it and the certificates after it, of which a way by hand has
// none; and of the store's processors, for the erasure and for the verification.
type spent struct {
	plan, erase, verify, certificate, cpu, verifyCPU time.Duration
	commits                                          int // of a way that has more than one
}

// result gathers the measurements of one way, in milliseconds. Whole is the erasure with its verification and certificates.
type result struct {
	plan, erase, verify, certificate, whole measure.Series
	cpu, verifyCPU                          measure.Series // of the store, in steps of 10 ms
	wal                                     int64
	commits                                 int
	state                                   string
}

func (r *result) add(cost spent) {
	r.commits = cost.commits
	for _, of := range []struct {
		series *measure.Series
		took   time.Duration
	}{{&r.plan, cost.plan}, {&r.erase, cost.erase}, {&r.verify, cost.verify}, {&r.certificate, cost.certificate},
		{&r.whole, cost.erase + cost.verify + cost.certificate}, {&r.cpu, cost.cpu}, {&r.verifyCPU, cost.verifyCPU}} {
		*of.series = append(*of.series, measure.Milliseconds(of.took))
	}
}

// measure erases so many people in every way, in turns. Round 0 warms up and is not counted; cold leaves it out.
func (b *bench) measure(ctx context.Context, people, rounds, perRow int, cold bool) error {
	if people > len(b.addresses) {
		return fmt.Errorf("%s has %d people, fewer than %d", b.scene.name, len(b.addresses), people)
	}
	ways := []way{{"engine", b.byEngine}, {"by hand, psql", b.byHand}}
	if b.scene.byRow && perRow > 0 {
		ways = append(ways, way{"one commit per row", b.byRow})
	}
	results := make([]result, len(ways))
	first := 0
	if cold {
		first = 1
	}
	for round := first; round <= rounds; round++ {
		for i, w := range ways {
			if i == 2 && (round == 0 || round > perRow) {
				continue
			}
			start := time.Now()
			if err := b.once(ctx, w, people, round > 0, &results[i]); err != nil {
				return fmt.Errorf("%d people, %s: %w", people, w.name, err)
			}
			b.say("%d people, round %d of %d, %s: %.0f s with its copy of the database", people, round, rounds, w.name, time.Since(start).Seconds())
		}
	}
	if results[0].state != results[1].state {
		return errors.New("the engine and the hand-written transaction left different rows")
	}
	b.report(people, ways, results)
	return nil
}

// byEngine does what the planner's and the eraser's containers do, and what the operator writes in the end.
func (b *bench) byEngine(ctx context.Context, database string, addresses []string) (cost spent, err error) {
	people, err := subjects(addresses)
	if err != nil {
		return cost, err
	}
	t := b.task(database, len(people))
	start := time.Now()
	planned := b.engine(database, b.verifier).Plan(ctx, t, people)
	if cost.plan = time.Since(start); !planned.OK {
		return cost, fmt.Errorf("plan: %s: %s", planned.Reason, planned.Message)
	}
	t.PlanDigest = planned.PlanDigest
	erased := planned
	cost.cpu, err = b.processor(ctx, database, func() error {
		start := time.Now()
		erased = b.engine(database, b.eraser).Erase(ctx, t, people)
		for erased.Reason == task.Unfinished { // five minutes are over, and the next Job goes on
			erased = b.engine(database, b.eraser).Erase(ctx, t, people)
		}
		if cost.erase = time.Since(start); !erased.OK {
			return fmt.Errorf("erase: %s: %s", erased.Reason, erased.Message)
		}
		return nil
	})
	if err != nil {
		return cost, err
	}
	verified := erased
	cost.verifyCPU, err = b.processor(ctx, database, func() error {
		start := time.Now()
		verified = b.engine(database, b.verifier).Verify(ctx, t, people)
		if cost.verify = time.Since(start); !verified.OK {
			return fmt.Errorf("verify: %s: %s", verified.Reason, verified.Message)
		}
		return nil
	})
	if err != nil {
		return cost, err
	}
	start = time.Now()
	err = b.journal.certify(t, erased, verified)
	cost.certificate = time.Since(start)
	return cost, err
}

func subjects(addresses []string) ([]subject.Subject, error) {
	people := make([]subject.Subject, len(addresses))
	for i, address := range addresses {
		person, err := subject.Read(map[string][]byte{"email": []byte(address)})
		if err != nil {
			return nil, err
		}
		people[i] = person
	}
	return people, nil
}

// byHand runs the hand-written script through psql, and then a hand-written search.
func (b *bench) byHand(ctx context.Context, database string, addresses []string) (cost spent, err error) {
	cost.cpu, err = b.processor(ctx, database, func() error {
		cost.erase, err = b.psql(ctx, database, b.scene.handwritten, addresses)
		return err
	})
	if err != nil {
		return cost, err
	}
	cost.verifyCPU, err = b.processor(ctx, database, func() error {
		cost.verify, err = b.psql(ctx, database, b.search, addresses)
		return err
	})
	return cost, err
}

// psql runs a script, with the addresses in the place of its mark, and says how long that took from the start of the program.
func (b *bench) psql(ctx context.Context, database, script string, addresses []string) (time.Duration, error) {
	start := time.Now()
	psql := exec.CommandContext(ctx, filepath.Join(b.server.Bin, "psql"), "-X", "-q", "-d", b.server.URL(database))
	psql.Stdin = strings.NewReader(strings.Replace(script, "--addresses--", strings.Join(addresses, "\n"), 1))
	var out bytes.Buffer
	psql.Stdout, psql.Stderr = &out, &out
	if err := psql.Run(); err != nil {
		return 0, fmt.Errorf("psql: %w: %s", err, out.String())
	}
	return time.Since(start), nil
}
