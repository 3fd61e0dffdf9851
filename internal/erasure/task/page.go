package task

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// MaxRequests is the most requests that one run serves.
const MaxRequests = 1000

// MaxHolds is the most legal holds that a run keeps account of.
const MaxHolds = 256

// Bounds of what a page may unpack to. A message that claims more is malformed.
const (
	maxColumns = 512
	maxName    = 127
	maxPacked  = 4 << 20
)

// Page is the counts of N requests of a task, in its order, from the From-th on: as many as fit into one termination
// message. Data is, under DEFLATE (RFC 1951): the number of columns; per column its name, action and hold; then, column by column,
// the rows of each request, and the days on which keep periods end. It holds no identifier, and no UID either.
type Page struct {
	From int    `json:"from"`
	N    int    `json:"n"`
	Data []byte `json:"data,omitempty"`
}

// actions by their number in a page.
var actions = []v1alpha1.TableErasure{v1alpha1.EraseDeleteRows, v1alpha1.EraseMaskColumns, v1alpha1.EraseDetach, v1alpha1.EraseKeep}

// errPage is the answer to a page that cannot be read.
var errPage = errors.New("reading a page of counts: malformed")

// pack returns the counts of as many requests, from the from-th on, as fit into so many bytes of JSON.
func pack(tables []Table, requests []Counts, from, room int) *Page {
	room = base64.StdEncoding.DecodedLen(room) - 2 // padding
	fits := func(n int) []byte {
		if data := deflate(tables, requests[from:from+n]); len(data) <= room {
			return data
		}
		return nil
	}
	// The size grows with the number of requests, but for a few bytes of luck, so that a search by halves finds about the most.
	// It begins small, since a page of a wide dataset holds few.
	page := &Page{From: from}
	low, high := 1, len(requests)-from
	for n := 16; n < high; n *= 2 {
		if fits(n) == nil {
			high = n - 1
			break
		}
		low = n
	}
	for low <= high {
		n := (low + high + 1) / 2
		if data := fits(n); data != nil {
			page.N, page.Data, low = n, data, n+1
		} else {
			high = n - 1
		}
	}
	return page
}

func deflate(tables []Table, requests []Counts) []byte {
	var raw []byte
	put := func(n int64) { raw = binary.AppendUvarint(raw, uint64(n)) } //nolint:gosec // counts are not negative
	put(int64(len(tables)))
	for _, t := range tables {
		put(int64(len(t.Name)))
		raw = append(raw, t.Name...)
		raw = append(raw, byte(slices.Index(actions, t.Action)))
		put(int64(t.Hold))
	}
	for i := range tables {
		for _, r := range requests {
			put(at(r.Rows, i))
		}
	}
	for i := range tables {
		base, any := firstDay(requests, i)
		put(base)
		for _, r := range requests {
			if day := dayOf(r.Until[i]); any && day > 0 {
				put(day - base + 1)
			} else if any {
				put(0)
			}
		}
	}
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.DefaultCompression)
	if err == nil {
		_, err = w.Write(raw)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil { // a buffer takes everything
		return nil
	}
	return packed.Bytes()
}

func at(rows []int64, i int) int64 {
	if i < len(rows) {
		return rows[i]
	}
	return 0
}

// firstDay is the earliest last day of a column, in days since 1970; any is false when it has none.
func firstDay(requests []Counts, column int) (base int64, any bool) {
	for _, r := range requests {
		if day := dayOf(r.Until[column]); day > 0 && (!any || day < base) {
			base, any = day, true
		}
	}
	return base, any
}

const secondsPerDay = 24 * 60 * 60

// dayOf counts the days from 1970 to a date; 0 for none, and for dates before.
func dayOf(date string) int64 {
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return 0
	}
	return max(0, day.Unix()/secondsPerDay)
}

func dateOf(day int64) string {
	return time.Unix(day*secondsPerDay, 0).UTC().Format(time.DateOnly)
}

// unpack reads a page. The counts carry no UID.
func (p *Page) unpack() ([]Table, []Counts, error) {
	if p.From < 0 || p.N < 0 || p.From+p.N > MaxRequests {
		return nil, nil, errPage
	}
	if p.N == 0 {
		return nil, nil, nil
	}
	raw, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(p.Data)), maxPacked+1))
	if err != nil || len(raw) > maxPacked {
		return nil, nil, errPage
	}
	r := &reader{raw: raw}
	tables := make([]Table, r.upTo(maxColumns))
	for i := range tables {
		tables[i].Name = r.text(r.upTo(maxName))
		tables[i].Action = actions[min(r.next(), len(actions)-1)]
		tables[i].Hold = r.upTo(MaxHolds)
	}
	counts := make([]Counts, p.N)
	for i := range tables {
		for j := range counts {
			if counts[j].Rows == nil {
				counts[j].Rows = make([]int64, len(tables))
			}
			counts[j].Rows[i] = r.number()
		}
	}
	r.days(counts, len(tables))
	if r.bad || len(r.raw) > 0 {
		return nil, nil, errPage
	}
	return tables, counts, nil
}

// reader reads what deflate wrote. After the first fault it is bad, and reads zeros.
type reader struct {
	raw []byte
	bad bool
}

func (r *reader) number() int64 {
	n, size := binary.Uvarint(r.raw)
	if size <= 0 || n > 1<<62 {
		r.bad, r.raw = true, nil
		return 0
	}
	r.raw = r.raw[size:]
	return int64(n)
}

func (r *reader) upTo(most int) int {
	n := r.number()
	if n > int64(most) {
		r.bad = true
		return 0
	}
	return int(n)
}

func (r *reader) text(n int) string {
	if n > len(r.raw) {
		r.bad = true
		return ""
	}
	text := string(r.raw[:n])
	r.raw = r.raw[n:]
	return text
}

func (r *reader) next() int {
	if len(r.raw) == 0 {
		r.bad = true
		return 0
	}
	b := int(r.raw[0])
	r.raw = r.raw[1:]
	r.bad = r.bad || b >= len(actions)
	return b
}

// days reads the last days of each column.
func (r *reader) days(counts []Counts, columns int) {
	const last = 2_932_896 // 9999-12-31: a date has four digits of year
	for i := range columns {
		base := r.number()
		for j := range counts {
			if base == 0 || r.bad {
				break
			}
			day := r.number()
			switch {
			case day == 0:
				continue
			case base+day-1 > last:
				r.bad = true
				return
			case counts[j].Until == nil:
				counts[j].Until = map[int]string{}
			}
			counts[j].Until[i] = dateOf(base + day - 1)
		}
	}
}
