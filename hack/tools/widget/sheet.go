package main

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
)

// sheet is a minified style sheet without rules in rules. The order of its rules decides between them, and stays.
type sheet struct {
	rules []rule
}

type rule struct {
	selectors, declarations []string
}

// styled is the text of a declaration that a style sheet is the value of.
var styled = regexp.MustCompile(`^=["'` + "`" + `](\.[^"'` + "`" + `]*\{[^"'` + "`" + `]*\})["'` + "`" + `]$`)

// styleOf returns what a declaration has before its style sheet, and that, where it has one.
func styleOf(text string) (before, css string, is bool) {
	found := styled.FindStringSubmatch(text)
	if found == nil {
		return "", "", false
	}
	return "=", found[1], true
}

func parseSheet(css string) (*sheet, error) {
	s := &sheet{}
	for text := range strings.SplitSeq(strings.TrimSuffix(css, "}"), "}") {
		selectors, declarations, found := strings.Cut(text, "{")
		if !found || strings.ContainsAny(selectors, "@(") || strings.Contains(declarations, "{") {
			return nil, errors.New("the style sheet has a rule that cannot be taken apart: " + text)
		}
		s.rules = append(s.rules, rule{strings.Split(selectors, ","), strings.Split(declarations, ";")})
	}
	return s, nil
}

func (s *sheet) clone() sheet {
	c := sheet{slices.Clone(s.rules)}
	for i := range c.rules {
		c.rules[i] = rule{slices.Clone(c.rules[i].selectors), slices.Clone(c.rules[i].declarations)}
	}
	return c
}

func (s *sheet) into(out *bytes.Buffer) {
	for _, r := range s.rules {
		out.WriteString(strings.Join(r.selectors, ",") + "{" + strings.Join(r.declarations, ";") + "}")
	}
}

// change moves a selector or a declaration within its rule, and returns how to take it back. Declarations of one rule are
// taken to be of different properties; "all" is of each, and stays the first.
func (s *sheet) change(chance *rand.Rand) (undo func()) {
	r := &s.rules[chance.IntN(len(s.rules))]
	if chance.IntN(2) == 0 {
		return moved(&r.selectors, 0, chance)
	}
	first := 0
	if strings.HasPrefix(r.declarations[0], "all:") {
		first = 1
	}
	if len(r.declarations) == first {
		return func() {}
	}
	return moved(&r.declarations, first, chance)
}
