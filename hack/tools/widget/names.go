package main

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"

	"github.com/tdewolff/minify/v2"
	minjs "github.com/tdewolff/minify/v2/js"
	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/js"
)

// tries is how many other names are tried. Each costs a compression of the script, some third of a millisecond.
const tries = 30000

// named shortens the names of variables and declares them together, which packs better than what esbuild makes of them, and
// then looks for names that pack better still: one variable at a time gets another name, those that would be mistaken for it
// get its old one, and what makes the script no smaller is taken back. Equal code gets equal names. code is one arrow function.
func named(code []byte) ([]byte, error) {
	var out bytes.Buffer
	if err := (&minjs.Minifier{Version: 2022}).Minify(minify.New(), &out, bytes.NewReader(code), nil); err != nil {
		return nil, err
	}
	inOrder, err := ordered(out.Bytes())
	if err != nil {
		return nil, err
	}
	p, err := read(inOrder)
	if err != nil {
		return nil, err
	}
	chance := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // the same for everybody
	best := p.size()
	for range tries {
		v, name := chance.IntN(len(p.names)), p.names[p.uses[chance.IntN(len(p.uses))]]
		old := p.names[v]
		if !p.rename(v, name) {
			continue
		}
		if size := p.size(); size <= best {
			best = size
		} else {
			p.rename(v, old)
		}
	}
	renamed := p.write(p.names)
	again, err := read(renamed)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again.write(again.numbers()), p.write(p.numbers())) {
		return nil, errors.New("giving names: another program came of it")
	}
	return fmt.Appendf(nil, "(%s)\n", renamed), nil
}

// program is code whose variables can be renamed.
type program struct {
	// parts are the code between the uses of variables: before each one, and after the last.
	parts []string
	uses  []int
	// names of the variables.
	names []string
	// apart are, for each variable, those that must not have its name: they are seen in one scope with it.
	apart [][]int
	zip   *flate.Writer
}

// read takes code apart. Each variable is given a name that nothing else has, so that its uses are found in the text.
func read(code []byte) (*program, error) {
	ast, err := js.Parse(parse.NewInputBytes(bytes.Clone(code)), js.Options{})
	if err != nil {
		return nil, err
	}
	var found scopes
	js.Walk(&found, ast)
	p := &program{}
	if p.zip, err = flate.NewWriter(nil, flate.BestCompression); err != nil {
		return nil, err
	}
	numbers := map[*js.Var]int{}
	for _, scope := range found {
		for _, v := range scope.Declared {
			if _, known := numbers[v]; known {
				continue
			}
			numbers[v] = len(p.names)
			p.names = append(p.names, string(v.Data))
		}
	}
	p.keepApart(found, numbers)
	for v, number := range numbers {
		v.Data = fmt.Appendf(nil, "rempart%dvariable", number)
	}
	var loose, text bytes.Buffer
	ast.JS(&loose)
	if err := (&minjs.Minifier{Version: 2022, KeepVarNames: true}).Minify(minify.New(), &text, &loose, nil); err != nil {
		return nil, err
	}
	last := 0
	for _, at := range regexp.MustCompile(`rempart(\d+)variable`).FindAllSubmatchIndex(text.Bytes(), -1) {
		number, err := strconv.Atoi(string(text.Bytes()[at[2]:at[3]]))
		if err != nil {
			return nil, err
		}
		p.parts, p.uses, last = append(p.parts, string(text.Bytes()[last:at[0]])), append(p.uses, number), at[1]
	}
	p.parts = append(p.parts, string(text.Bytes()[last:]))
	return p, nil
}

// scopes are those of a program, as it is walked.
type scopes []*js.Scope

// Enter makes scopes a visitor. Functions, loops and catch clauses have their scope in a block.
func (s *scopes) Enter(node js.INode) js.IVisitor {
	switch n := node.(type) {
	case *js.BlockStmt:
		*s = append(*s, &n.Scope)
	case *js.SwitchStmt:
		*s = append(*s, &n.Scope)
	}
	return s
}

// Exit has nothing to do.
func (s *scopes) Exit(js.INode) {}

// keepApart finds the variables that are declared or used in one scope, or below it.
func (p *program) keepApart(found scopes, numbers map[*js.Var]int) {
	p.apart = make([][]int, len(p.names))
	for _, scope := range found {
		var here []int
		for _, v := range append(slices.Clone(scope.Declared), scope.Undeclared...) {
			for v.Link != nil {
				v = v.Link
			}
			if number, ours := numbers[v]; ours && !slices.Contains(here, number) {
				here = append(here, number)
			}
		}
		for _, one := range here {
			for _, other := range here {
				if one != other && !slices.Contains(p.apart[one], other) {
					p.apart[one] = append(p.apart[one], other)
				}
			}
		}
	}
}

// rename gives a variable a name, and its old one to those that have the new one and must be apart from it. It changes
// nothing where these could then be mistaken for others. The same with the old name takes it back.
func (p *program) rename(v int, name string) bool {
	old := p.names[v]
	var moved []int
	for _, other := range p.apart[v] {
		if p.names[other] != name {
			continue
		}
		if slices.ContainsFunc(p.apart[other], func(third int) bool { return third != v && p.names[third] == old }) {
			return false
		}
		moved = append(moved, other)
	}
	p.names[v] = name
	for _, other := range moved {
		p.names[other] = old
	}
	return old != name
}

// numbers are names that tell the variables apart by the order of their first use.
func (p *program) numbers() []string {
	names := make([]string, len(p.names))
	next := 0
	for _, v := range p.uses {
		if names[v] == "" {
			names[v] = fmt.Sprintf("v%d_", next)
			next++
		}
	}
	return names
}

// write puts the code together with these names.
func (p *program) write(names []string) []byte {
	var out bytes.Buffer
	for i, v := range p.uses {
		out.WriteString(p.parts[i])
		out.WriteString(names[v])
	}
	out.WriteString(p.parts[len(p.uses)])
	return out.Bytes()
}

// counter counts what is written.
type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

// size is that of the code after compression.
func (p *program) size() int { return p.packed(p.write(p.names)) }

// packed is the size of code after compression.
func (p *program) packed(code []byte) int {
	var c counter
	p.zip.Reset(&c)
	_, _ = p.zip.Write(code) // to a counter, which takes all
	_ = p.zip.Close()
	return int(c)
}
