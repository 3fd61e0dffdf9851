package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// Limits of one transaction where Config gives none.
const (
	// defaultChunkRows is about how many rows one transaction treats: a run with more of them works in several, so that
	// the application never waits long for a row and the store's log can be recycled.
	defaultChunkRows = 250_000
	// defaultMostRows is how many rows one person may have. Whoever has more is no customer of the store: a default
	// account, a robot, an identifier that stands for nobody.
	defaultMostRows = 5_000_000
	// defaultTurn is how long a Job begins further transactions. Then it ends and says how far the run is: the message of a
	// container that has ended is all that the operator can read of it.
	defaultTurn = 5 * time.Minute
)

// divide works on people in chunks, in their order, from one of them on: on all at once, and on fewer where these have too
// many rows. Work treats the people from, up to but not including to, and says how many may come next, or 0 for as many
// again; a *tooMany of more than one person is undone and divided, and the rows say how far.
func (e *Engine) divide(ctx context.Context, people, from int, work func(ctx context.Context, from, to int) (next int, err error)) error {
	size := people - from
	for from < people {
		to := min(people, from+size)
		next, err := work(ctx, from, to)
		var many *tooMany
		switch {
		case errors.As(err, &many) && to-from > 1:
			size = fewer(to-from, many.rows, many.most)
		case many != nil && err != nil:
			return many.failure()
		case err != nil:
			return err
		default:
			from = to
			if next > 0 {
				size = next
			}
		}
	}
	return nil
}

// fitting is how many people may come next when so many had that many rows, so that what is gathered is seldom thrown away:
// at most twice as many.
func fitting(people int, rows, most int64) int {
	share := int(0.9 * float64(people) * float64(most) / float64(max(1, rows)))
	return max(1, min(share, 2*people))
}

// rows counts all rows of an outcome.
func rows(requests []task.Counts) (all int64) {
	for _, r := range requests {
		for _, n := range r.Rows {
			all += n
		}
	}
	return all
}

// fewer is how many people come next when so many of them have too many rows: a share, and at most half of them.
func fewer(people int, rows, most int64) int {
	share := int(float64(people) * float64(most) / float64(rows))
	return max(1, min(share, people/2))
}

// tooMany stops the work on people who have more rows than one transaction treats.
type tooMany struct {
	rows, most int64 // that there are, at least, and that one transaction may have
	table      string
}

// Error names the table, no person.
func (m *tooMany) Error() string { return m.failure().Error() }

func (m *tooMany) failure() *task.Failure {
	return &task.Failure{Reason: task.TooManyRows, Names: []string{m.table}, Message: fmt.Sprintf(
		"One person has more rows than one transaction may treat, %d or more in %s: an identifier that stands for nobody, such as a default account? Correct it, or archive the rows first", m.rows, m.table)}
}

func (e *Engine) turn() time.Duration { return cmp.Or(e.Config.Turn, defaultTurn) }
func (e *Engine) chunkRows() int64    { return cmp.Or(e.Config.ChunkRows, defaultChunkRows) }
func (e *Engine) mostRows() int64     { return cmp.Or(e.Config.MostRows, defaultMostRows) }

// crowded refuses sets with more rows than a chunk may have. One person is never divided, and may have more.
func (c *collector) crowded(people int, most int64) error {
	var all, largest int64
	table := ""
	for i := range c.mine {
		n := c.about(i) + c.few[i]
		all += n
		if n > largest {
			largest, table = n, c.plan.Members[i].Table.Path()
		}
	}
	if people > 1 && all > most {
		return &tooMany{rows: all, most: most, table: table}
	}
	return nil
}

// merge puts the counts of chunks together, requests in the order of the chunks.
func merge(chunks []counted) counted {
	var tables []task.Table
	for _, c := range chunks {
		tables = append(tables, c.Tables...)
	}
	slices.SortFunc(tables, byName)
	tables = slices.Compact(tables)
	all := counted{Tables: tables}
	for _, c := range chunks {
		places := make([]int, len(c.Tables))
		for i, t := range c.Tables {
			places[i], _ = slices.BinarySearchFunc(tables, t, byName)
		}
		for _, r := range c.Requests {
			moved := task.Counts{UID: r.UID, Rows: make([]int64, len(tables))}
			for i, rows := range r.Rows {
				moved.Rows[places[i]] = rows
			}
			for i, day := range r.Until {
				if moved.Until == nil {
					moved.Until = map[int]string{}
				}
				moved.Until[places[i]] = day
			}
			all.Requests = append(all.Requests, moved)
		}
	}
	return all
}

func byName(a, b task.Table) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(string(a.Action), string(b.Action)), cmp.Compare(a.Hold, b.Hold))
}
