package matrix

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// table is what was answered, and how fast.
type table struct {
	mu    sync.Mutex
	lines []line
}

type line struct {
	title, layer, asked, answer string
	took                        time.Duration
}

func (t *table) add(s *site, asked, answer string, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, line{s.row.title(), string(s.layer), asked, answer, took})
}

// String is the table, in the order of the matrix.
func (t *table) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.SortStableFunc(t.lines, func(a, b line) int { return cmp.Compare(a.title, b.title) })
	var out strings.Builder
	columns := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, "row\tlayer\tasked\tanswer\tms")
	for _, l := range t.lines {
		fmt.Fprintf(columns, "%s\t%s\t%s\t%s\t%d\n", l.title, l.layer, l.asked, l.answer, l.took.Milliseconds())
	}
	_ = columns.Flush() // to memory
	return out.String()
}

// notes say what of the matrix is not asked here, and why.
func notes(all []*row) string {
	var out strings.Builder
	for _, r := range all {
		switch {
		case r.OutOfReach != "":
			fmt.Fprintf(&out, "%s is out of reach (%s): %s\n", r.title(), r.Vector, r.OutOfReach)
		case r.Partly != "":
			fmt.Fprintf(&out, "%s is asked in part: not %s\n", r.title(), r.Partly)
		case r.Because != "":
			fmt.Fprintf(&out, "%s is asked in layers %v only: %s\n", r.title(), r.Only, r.Because)
		}
	}
	return out.String()
}
