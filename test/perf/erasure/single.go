package erasure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rempart-dev/rempart/test/perf/measure"
)

// sitting is how many people are erased one by one in one session.
const sitting = 3

// single measures one person at a time with the connection open and the schema read: as the first of a session, and as the
// last of a few, when the session has met every table and index. By hand the same number of transactions run in one session
// of psql, by what psql says that each statement took; and, as the least that is possible, by the fewest statements in one round trip.
func (b *bench) single(ctx context.Context, rounds int) error {
	var ours, hand, least [2]measure.Series // first, last
	b.say("one person at a time, %d rounds", rounds)
	for round := 0; round <= rounds; round++ {
		for i, people := range []int{1, sitting} {
			took, err := b.within(ctx, people)
			if err != nil {
				return err
			}
			if round > 0 {
				ours[i] = append(ours[i], took)
			}
		}
		first, last, err := b.byHandWithin(ctx)
		if err != nil {
			return err
		}
		fewest, then, err := b.floorWithin(ctx)
		if err != nil {
			return err
		}
		if round > 0 {
			hand[0], hand[1] = append(hand[0], first), append(hand[1], last)
			least[0], least[1] = append(least[0], fewest), append(least[1], then)
		}
	}
	fmt.Printf("\n1 person, with the connection open and the schema read; %s; load average %s; median (least, most) of %d rounds\n", b.scene.name, measure.Load(), rounds)
	for i, name := range []string{"the first of a session", fmt.Sprintf("number %d of a session", sitting)} {
		fmt.Printf("%s: engine %.1f ms (%.1f, %.1f), by hand %.1f ms (%.1f, %.1f), at least %.1f ms (%.1f, %.1f)\n", name,
			ours[i].Median(), ours[i].Min(), ours[i].Max(), hand[i].Median(), hand[i].Min(), hand[i].Max(), least[i].Median(), least[i].Min(), least[i].Max())
		b.aim("1 person, "+name+", milliseconds", ours[i].Median(), 6, true)
	}
	return nil
}

// fresh makes a copy that no session has to read from disk.
func (b *bench) fresh(ctx context.Context) (database string, drop func(), err error) {
	b.copies++
	database = fmt.Sprintf("copy_%d", b.copies)
	if drop, err = b.copy(ctx, database); err != nil {
		return "", drop, err
	}
	conn, err := pgx.Connect(ctx, b.server.URL(database))
	if err != nil {
		return "", drop, err
	}
	defer conn.Close(ctx)
	if err := warm(ctx, conn); err != nil {
		return "", drop, err
	}
	_, err = b.admin.Exec(ctx, "CHECKPOINT")
	return database, drop, err
}

// within erases people one by one in one session, and says how many milliseconds the last of them took, to the end of the session.
func (b *bench) within(ctx context.Context, people int) (float64, error) {
	database, drop, err := b.fresh(ctx)
	defer drop()
	if err != nil {
		return 0, err
	}
	all, err := subjects(b.chosen(people))
	if err != nil {
		return 0, err
	}
	t := b.task(database, people)
	planned := b.engine(database, b.verifier).Plan(ctx, t, all)
	if !planned.OK {
		return 0, fmt.Errorf("plan: %s: %s", planned.Reason, planned.Message)
	}
	t.PlanDigest = planned.PlanDigest
	var ready time.Time
	e := b.engine(database, b.eraser)
	e.Config.ChunkRows = 1 // one person in each transaction
	e.Hook = func(_ context.Context, stage string) error {
		if stage == "gather" {
			ready = time.Now()
		}
		return nil
	}
	o := e.Erase(ctx, t, all)
	took := time.Since(ready)
	if !o.OK {
		return 0, fmt.Errorf("erase: %s: %s", o.Reason, o.Message)
	}
	return measure.Milliseconds(took), nil
}

var statementTime = regexp.MustCompile(`(?m)^Time: ([0-9.]+) ms`)

// byHandWithin runs the hand-written script for one person after the other in one session, and says how many milliseconds the
// statements for the first and for the last of them took.
func (b *bench) byHandWithin(ctx context.Context) (first, last float64, err error) {
	database, drop, err := b.fresh(ctx)
	defer drop()
	if err != nil {
		return 0, 0, err
	}
	var script strings.Builder
	script.WriteString("\\timing on\n")
	for _, address := range b.chosen(sitting) {
		script.WriteString(strings.Replace(b.scene.handwritten, "--addresses--", address, 1))
	}
	psql := exec.CommandContext(ctx, filepath.Join(b.server.Bin, "psql"), "-X", "-d", b.server.URL(database))
	psql.Stdin = strings.NewReader(script.String())
	var out bytes.Buffer
	psql.Stdout, psql.Stderr = &out, &out
	if err := psql.Run(); err != nil {
		return 0, 0, fmt.Errorf("psql: %w: %s", err, out.String())
	}
	times := statementTime.FindAllStringSubmatch(out.String(), -1)
	each := len(times) / sitting
	if each == 0 || len(times)%sitting != 0 {
		return 0, 0, errors.New("psql does not say how long each statement took")
	}
	for i, match := range times {
		took, err := strconv.ParseFloat(match[1], 64)
		switch {
		case err != nil:
			return 0, 0, err
		case i < each:
			first += took
		case i >= len(times)-each:
			last += took
		}
	}
	return first, last, nil
}
