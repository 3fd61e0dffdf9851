package main

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
)

// pass is an annealing: steps changes are tried, each of which costs one or two compressions, half a millisecond. What makes the script
// larger is kept too, with a chance that falls with the bytes and as hot cools down to cold, so that the search leaves an
// order of names that only small changes cannot better. Kirkpatrick, Gelatt, Vecchi: Optimization by Simulated Annealing, 1983.
type pass struct {
	steps int
	hot   float64 // bytes of the two sizes together
}

const cold = 0.05

// slack is by how many bytes one change moves what the two compressors make of the script apart, mostly. What the one alone shows to be too
// large by more is not given to the other, which takes the longer: that misses little, and halves the time.
const slack = 8

// passes are made one after the other, each from the best that the one before found.
var passes = []pass{{600_000, 2}, {300_000, 0.6}}

// site stands for a site's configuration, as Build of the Go package appends it: its words pack together with the script's.
const site = `(["shop","https://consent.shop.example",[{"language":"fr","launcher":"Nous écrire","failed":"Échec : réessayez"},` +
	`{"language":"en","launcher":"Write to us","failed":"Failed: try again"}],"fr",{"materialDigest":"0123456789abcdef","version":1},` +
	`["conversation"],["conversation"],1,"",0,15552000,1800,1,0,0,1,0,"https://shop.example/messages"])`

// smallest looks for the names of variables, the order of declarations and the order within the style sheet that pack best,
// by two compressors: that of the service and that of the gzip command. Equal code gets equal bytes. code is one arrow
// function, minified, whose variables are declared at once, at its start. It tells how far it is.
func smallest(code []byte, passes []pass, progress io.Writer) ([]byte, error) {
	for i, p := range passes {
		fmt.Fprintf(progress, "widget: looking for a small way to write it, %d of %d\n", i+1, len(passes))
		var err error
		if code, err = p.search(code, progress); err != nil {
			return nil, err
		}
	}
	return code, nil
}

func (p pass) search(code []byte, progress io.Writer) ([]byte, error) {
	s, err := newSearch(code)
	if err != nil {
		return nil, err
	}
	chance := rand.New(rand.NewPCG(2, 2)) //nolint:gosec // the same for everybody; others found less
	now, _ := s.size(math.Inf(1))
	least, best := now, s.state()
	for step := range p.steps {
		undo := s.change(chance)
		heat := p.hot * math.Pow(cold/p.hot, float64(step)/float64(p.steps))
		if size, within := s.size(float64(now) + heat*chance.ExpFloat64()); within {
			now = size
		} else {
			undo()
		}
		if now < least {
			least, best = now, s.state()
		}
		if step*10/p.steps != (step+1)*10/p.steps {
			fmt.Fprintf(progress, "widget: %d %% searched, %d bytes\n", (step+1)*100/p.steps, least/2)
		}
	}
	return s.write(best)
}

// search is a script that can be written in many ways which all mean the same.
type search struct {
	*program
	head, tail *part
	// free are the declarations that can stand anywhere between head and tail.
	free  []*part
	style *sheet
	text  bytes.Buffer
	flate *flate.Writer
	zlib  *zlib
	// apart is by how much zlib's size of what was kept last is above that of flate.
	apart int
}

// state is what a search changes.
type state struct {
	names []string
	free  []*part
	style sheet
}

func (s *search) state() state {
	return state{slices.Clone(s.names), slices.Clone(s.free), s.style.clone()}
}

// part is a piece of code, of which the variables' names are left open: text 0, variable 0, text 1, variable 1, text 2.
type part struct {
	text []string
	uses []int
	// style is written after the text, where the part is the declaration of the style sheet.
	style *sheet
}

func newSearch(code []byte) (*search, error) {
	p, err := read(code)
	if err != nil {
		return nil, err
	}
	start, free, rest, err := declarations(p.write(tags(len(p.names))))
	if err != nil {
		return nil, err
	}
	s := &search{program: p}
	if s.zlib, err = newZlib(); err != nil {
		return nil, err
	}
	if s.flate, err = flate.NewWriter(nil, flate.BestCompression); err != nil {
		return nil, fmt.Errorf("compressing: %w", err)
	}
	s.head, s.tail = newPart(start), newPart(rest)
	for _, text := range free {
		one := newPart(text)
		if name, css, is := styleOf(one.text[len(one.text)-1]); is {
			if s.style, err = parseSheet(css); err != nil {
				return nil, err
			}
			one.text[len(one.text)-1], one.style = name, s.style
		}
		s.free = append(s.free, one)
	}
	if s.style == nil {
		return nil, errors.New("no declaration holds the style sheet")
	}
	return s, nil
}

var tag = regexp.MustCompile(`rempart(\d+)variable`)

// tags are names that tell variables by their number.
func tags(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("rempart%dvariable", i)
	}
	return names
}

// newPart reads code whose variables have tags for names.
func newPart(code string) *part {
	p := &part{}
	last := 0
	for _, at := range tag.FindAllStringSubmatchIndex(code, -1) {
		number, err := strconv.Atoi(code[at[2]:at[3]])
		if err != nil {
			panic(err) // digits
		}
		p.text, p.uses, last = append(p.text, code[last:at[0]]), append(p.uses, number), at[1]
	}
	p.text = append(p.text, code[last:])
	return p
}

// change makes one change by chance, and returns how to take it back.
func (s *search) change(chance *rand.Rand) (undo func()) {
	switch kind := chance.IntN(100); {
	case kind < 55:
		v, name := chance.IntN(len(s.names)), s.names[s.uses[chance.IntN(len(s.uses))]]
		old := s.names[v]
		if !s.rename(v, name) {
			return func() {}
		}
		return func() { s.rename(v, old) }
	case kind < 90:
		return moved(&s.free, 0, chance)
	default:
		return s.style.change(chance)
	}
}

// moved takes one of a list, or a few that follow each other, to another place, not before the first ones, and returns how to take it back.
func moved[T any](list *[]T, first int, chance *rand.Rand) (undo func()) {
	old := slices.Clone(*list)
	from := first + chance.IntN(len(old)-first)
	end := min(from+1+chance.IntN(3), len(old))
	few := old[from:end]
	*list = slices.Delete(*list, from, end)
	*list = slices.Insert(*list, first+chance.IntN(len(*list)-first+1), few...)
	return func() { *list = old }
}

// size writes the script and returns the sum of both sizes, and whether it is within a limit. Where flate's alone shows that it is
// not, zlib is not asked.
func (s *search) size(limit float64) (sum int, within bool) {
	s.text.Reset()
	s.into(&s.text, s.names)
	end := s.text.Len()
	s.text.WriteString(site)
	defer s.text.Truncate(end)
	var n counter
	s.flate.Reset(&n)
	_, _ = s.flate.Write(s.text.Bytes()) // to a counter, which takes all
	_ = s.flate.Close()
	if float64(2*int(n)+s.apart-slack) > limit {
		return 0, false
	}
	z := s.zlib.size(s.text.Bytes())
	if sum = int(n) + z; float64(sum) > limit {
		return sum, false
	}
	s.apart = z - int(n)
	return sum, true
}

func (s *search) into(out *bytes.Buffer, names []string) {
	s.head.into(out, names)
	for i, one := range s.free {
		if i > 0 {
			out.WriteByte(',')
		}
		one.into(out, names)
	}
	s.tail.into(out, names)
}

func (p *part) into(out *bytes.Buffer, names []string) {
	for i, v := range p.uses {
		out.WriteString(p.text[i])
		out.WriteString(names[v])
	}
	out.WriteString(p.text[len(p.uses)])
	if p.style != nil {
		out.WriteByte('"')
		p.style.into(out)
		out.WriteByte('"')
	}
}

// write writes a state, and makes sure that it is the same program: read anew, its variables are used at the same places.
func (s *search) write(found state) ([]byte, error) {
	s.free, *s.style = found.free, found.style
	var out, apart bytes.Buffer
	s.into(&out, found.names)
	s.into(&apart, tags(len(found.names)))
	got, err := read(out.Bytes())
	if err != nil {
		return nil, err
	}
	want, err := read(apart.Bytes())
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(got.write(got.numbers()), want.write(want.numbers())) {
		return nil, errors.New("giving names: another program came of it")
	}
	return out.Bytes(), nil
}

// counter counts what is written.
type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
