package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestWhatIsEvaluatedKeepsItsOrderAndComesLast(t *testing.T) {
	code := `S=>{var[a]=S,b,c=()=>d(),e=c(),d=()=>1,f="word",g={e};h(g,f,b)}`
	one, err := ordered([]byte(code))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(one, []byte(`,[a]=S,b,e=c(),g={e};h(g,f,b)}`)) {
		t.Errorf("%s: what is evaluated moved", one)
	}
	for _, free := range []string{"c=()=>d()", "d=()=>1", `f="word"`} {
		if strings.Count(string(one), free) != 1 {
			t.Errorf("%s: not one %s", one, free)
		}
	}
	if two, err := ordered([]byte(code)); err != nil || !bytes.Equal(one, two) {
		t.Errorf("equal code came in two orders: %s, %s, %v", one, two, err)
	}
}

func TestCodeOfAnotherShapeIsNotOrdered(t *testing.T) {
	for _, code := range []string{`a()`, `S=>{a()}`, `S=>{var a=()=>1;a()}`} {
		if _, err := ordered([]byte(code)); err == nil {
			t.Errorf("%s was ordered", code)
		}
	}
}
