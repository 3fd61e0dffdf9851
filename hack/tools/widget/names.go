package main

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/tdewolff/minify/v2"
	minjs "github.com/tdewolff/minify/v2/js"
	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/js"
)

// program is code whose variables can be renamed.
type program struct {
	// parts are the code between the uses of variables: before each one, and after the last.
	parts []string
	uses  []int
	// names of the variables.
	names []string
	// apart are, for each variable, those that must not have its name: they are seen in one scope with it.
	apart [][]int
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
	tagged := tags(len(p.names))
	for v, number := range numbers {
		v.Data = []byte(tagged[number])
	}
	var loose, text bytes.Buffer
	ast.JS(&loose)
	if err := (&minjs.Minifier{Version: 2022, KeepVarNames: true}).Minify(minify.New(), &text, &loose, nil); err != nil {
		return nil, err
	}
	whole := newPart(text.String())
	p.parts, p.uses = whole.text, whole.uses
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
