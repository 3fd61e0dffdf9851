package main

import (
	"io"
	"regexp"
	"strings"
	"testing"
)

const script = `S=>{var[a]=S,b,c=()=>d(),e=c(),d=()=>1,f="word",k=".b,.a{all:initial;color:red;top:0}.a{color:blue}",g={e};h(g,f,b,k)}`

func TestOnlyWhatMeansTheSameIsFound(t *testing.T) {
	one, err := smallest([]byte(script), []pass{{2000, 2}, {1000, 0.5}}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	free, evaluated, found := strings.Cut(string(one), ",[")
	if !found || !regexp.MustCompile(`^\w\]=\w,\w,\w=\w\(\),\w=\{e:\w\};h\(\w,\w,\w,\w\)\}$`).MatchString(evaluated) {
		t.Errorf("%s: what is evaluated moved", one)
	}
	for _, piece := range []string{"=()=>1", `="word"`, ";color:red", ".a{color:blue}\""} {
		if strings.Count(free, piece) != 1 && piece != ";color:red" || !strings.Contains(free, strings.TrimPrefix(piece, ";")) {
			t.Errorf("%s: not one %s", one, piece)
		}
	}
	if !strings.Contains(free, "{all:initial;") {
		t.Errorf("%s: all is not the first", one)
	}
	if two, err := smallest([]byte(script), []pass{{2000, 2}, {1000, 0.5}}, io.Discard); err != nil || string(one) != string(two) {
		t.Errorf("equal code came in two ways: %s, %s, %v", one, two, err)
	}
}

func TestCodeOfAnotherShapeIsNotSearched(t *testing.T) {
	for _, code := range []string{
		`a()`, `S=>{a()}`, `S=>{var a=()=>1;a()}`, `S=>{var[a]=S,b=()=>1;a(b)}`,
		strings.Replace(script, ".a{color:blue}", "@media print{.a{top:0}}", 1),
	} {
		if _, err := smallest([]byte(code), []pass{{1, 1}}, io.Discard); err == nil {
			t.Errorf("%s was searched", code)
		}
	}
}
