package gate_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/gate"
)

var (
	now      = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	material = []byte("what the notice means")
)

// shop has a purpose of each sort, and one record.
func shop() gate.Policy {
	return gate.Policy{
		Material: material,
		Purposes: []gate.Purpose{
			{Name: "conversation", Active: true, Basis: gate.BasisOther, Necessity: gate.RequestedService},
			{Name: "newsletter", Active: true, Basis: gate.BasisConsent, Necessity: gate.Optional},
			{Name: "profiling", Active: true, Basis: gate.BasisConsent, Necessity: gate.Optional},
			{Name: "statistics", Active: true, Basis: gate.BasisOther, Necessity: gate.Optional},
			{Name: "postcards", Basis: gate.BasisConsent, Necessity: gate.Optional},
		},
		Records: []gate.Record{{Name: "customer", Fields: []gate.Field{
			{Name: "name", Purposes: []string{"conversation"}},
			{Name: "email", Purposes: []string{"newsletter", "conversation"}},
			{Name: "tags", Purposes: []string{"profiling"}},
			{Name: "address.street", Purposes: []string{"postcards"}},
			{Name: "address.city", Purposes: []string{"profiling", "postcards"}},
			{Name: "orders.total", Purposes: []string{"statistics"}},
			{Name: "orders.lines.article", Purposes: []string{"profiling"}},
			{Name: "orphan"},
		}}},
	}
}

func state(purpose string, change ...func(*consent.State)) consent.State {
	s := consent.State{Purpose: purpose, Decision: consent.Granted, Notice: consent.NoticeRef{Material: material}, ValidUntil: now.Add(time.Hour)}
	for _, c := range change {
		c(&s)
	}
	return s
}

func denied(s *consent.State)  { s.Decision = consent.Denied }
func expired(s *consent.State) { s.ValidUntil = now }
func stale(s *consent.State)   { s.Notice.Material = []byte("what it meant") }

func newGate(t interface{ Fatal(...any) }, p gate.Policy) *gate.Gate {
	g, err := gate.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestWhichPurposesAreUsable(t *testing.T) {
	g := newGate(t, shop())
	for name, c := range map[string]struct {
		states []consent.State
		want   string
	}{
		"a person who decided nothing":                      {nil, "conversation statistics"},
		"a consent":                                         {[]consent.State{state("newsletter")}, "conversation newsletter statistics"},
		"a consent withdrawn":                               {[]consent.State{state("newsletter", denied)}, "conversation statistics"},
		"a consent expired":                                 {[]consent.State{state("newsletter", expired)}, "conversation statistics"},
		"a consent to another notice":                       {[]consent.State{state("newsletter", stale)}, "conversation statistics"},
		"an archived purpose asks nothing":                  {[]consent.State{state("postcards")}, "conversation statistics"},
		"Article 21: an objection":                          {[]consent.State{state("statistics", denied)}, "conversation"},
		"what is not by consent does not expire":            {[]consent.State{state("statistics", expired)}, "conversation statistics"},
		"what was asked for rests on no decision":           {[]consent.State{state("conversation", denied)}, "conversation statistics"},
		"two states about one purpose: the one that denies": {[]consent.State{state("newsletter", denied), state("newsletter")}, "conversation statistics"},
		"the same the other way round":                      {[]consent.State{state("newsletter"), state("newsletter", denied)}, "conversation statistics"},
		"a purpose that nobody knows":                       {[]consent.State{state("else")}, "conversation statistics"},
	} {
		t.Run(name, func(t *testing.T) {
			usable := g.Usable(c.states, now)
			var found []string
			for _, p := range []string{"conversation", "else", "newsletter", "postcards", "profiling", "statistics"} {
				if usable.Has(p) {
					found = append(found, p)
				}
			}
			if got := strings.Join(found, " "); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
	strange := newGate(t, gate.Policy{Purposes: []gate.Purpose{{Name: "a", Active: true}, {Name: "b", Active: true, Basis: gate.BasisOther}}})
	if u := strange.Usable(nil, now); u.Has("a") || u.Has("b") {
		t.Error("a purpose without basis or necessity is usable")
	}
}

func TestWhatPasses(t *testing.T) {
	g := newGate(t, shop())
	all := []consent.State{state("newsletter"), state("profiling")}
	for name, c := range map[string]struct {
		states      []consent.State
		data, want  string
		dropped     map[string]gate.Reason
		allowedKeys map[string][]string
	}{
		"a value for one of its purposes": {nil, `{"email":"a@b.example"}`, `{"email":"a@b.example"}`, nil, map[string][]string{"email": {"conversation"}}},
		"and for both":                    {all, `{"email":"a@b.example"}`, `{"email":"a@b.example"}`, nil, map[string][]string{"email": {"conversation", "newsletter"}}},
		"nothing that is not listed": {all, `{"name":"A","age":7,"address":{"city":"Lyon","flat":3}}`, `{"address":{"city":"Lyon"},"name":"A"}`,
			map[string]gate.Reason{"age": gate.Unknown, "address.flat": gate.Unknown}, map[string][]string{"name": {"conversation"}, "address.city": {"profiling"}}},
		"nothing without a purpose": {all, `{"orphan":1,"address":{"street":"rue A"}}`, `{"address":{}}`,
			map[string]gate.Reason{"orphan": gate.NoPurpose, "address.street": gate.NoPurpose}, map[string][]string{}},
		"no object around nothing usable": {nil, `{"address":{"street":"rue A","city":"Lyon","x":1}}`, `{}`,
			map[string]gate.Reason{"address": gate.NoPurpose, "address.street": gate.NoPurpose, "address.city": gate.NoPurpose, "address.x": gate.Unknown}, map[string][]string{}},
		"elements one by one": {all, `{"orders":[{"total":1.10,"lines":[{"article":"x"},{"article":"y","price":2}]},7,{"total":[2]}]}`,
			`{"orders":[{"lines":[{"article":"x"},{"article":"y"}],"total":1.10},{"total":[2]}]}`,
			map[string]gate.Reason{"orders": gate.WrongType, "orders.lines.price": gate.Unknown},
			map[string][]string{"orders.total": {"statistics"}, "orders.lines.article": {"profiling"}}},
		"lists of values": {all, `{"tags":["a",{"b":1},["c"],null,true]}`, `{"tags":["a",["c"],null,true]}`,
			map[string]gate.Reason{"tags": gate.WrongType}, map[string][]string{"tags": {"profiling"}}},
		"no empty list without a purpose": {nil, `{"tags":[]}`, `{}`, map[string]gate.Reason{"tags": gate.NoPurpose}, map[string][]string{}},
		"no value in place of an object":  {all, `{"address":"rue A","name":{"first":"A"}}`, `{}`, map[string]gate.Reason{"address": gate.WrongType, "name": gate.WrongType}, map[string][]string{}},
		"no name that looks like a path":  {all, `{"address.city":"Lyon"}`, `{}`, map[string]gate.Reason{"address.city": gate.Unknown}, map[string][]string{}},
		"values byte by byte":             {nil, ` { "name" : "\u00e9\ud83d\ude00\/" , "orders":[{"total":12345678901234567890.10E+2}, {"total": -0} ] } `, `{"name":"\u00e9\ud83d\ude00\/","orders":[{"total":12345678901234567890.10E+2},{"total":-0}]}`, nil, map[string][]string{"name": {"conversation"}, "orders.total": {"statistics"}}},
		"several of a person's records":   {nil, `[{"name":"A"},{"x":1},[]]`, `[{"name":"A"},{},[]]`, map[string]gate.Reason{"x": gate.Unknown}, map[string][]string{"name": {"conversation"}}},
		"nothing":                         {nil, `{}`, `{}`, nil, map[string][]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := g.Filter("customer", g.Usable(c.states, now), []byte(c.data))
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Data) != c.want {
				t.Errorf("%s, want %s", got.Data, c.want)
			}
			if c.dropped == nil {
				c.dropped = map[string]gate.Reason{}
			}
			if diff := cmp.Diff(c.dropped, got.Dropped); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.allowedKeys, got.Allowed); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatIsNotFiltered(t *testing.T) {
	g := newGate(t, shop())
	for name, c := range map[string]struct {
		record, data string
		want         error
	}{
		"unknown record":            {"supplier", `{}`, gate.ErrRecord},
		"no JSON":                   {"customer", `{`, gate.ErrData},
		"two documents":             {"customer", `{}{}`, gate.ErrData},
		"a value":                   {"customer", `"a@b.example"`, gate.ErrData},
		"an array of values":        {"customer", `[{}, 1]`, gate.ErrData},
		"a field that comes twice":  {"customer", `{"name":"A","name":"B"}`, gate.ErrData},
		"the same with an escape":   {"customer", `{"name":"A","n\u0061me":"B"}`, gate.ErrData},
		"twice where nobody looks":  {"customer", `{"x":{"y":1,"y":2}}`, gate.ErrData},
		"no UTF-8":                  {"customer", "{\"name\":\"\xff\"}", gate.ErrData},
		"too deep":                  {"customer", `{"x":` + strings.Repeat("[", gate.MaxDepth) + strings.Repeat("]", gate.MaxDepth) + `}`, gate.ErrData},
		"too large, and not looked": {"customer", strings.Repeat("x", gate.MaxSize+1), gate.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := g.Filter(c.record, g.Usable(nil, now), []byte(c.data))
			if !errors.Is(err, c.want) || got.Data != nil {
				t.Errorf("%s, %v", got.Data, err)
			}
		})
	}
	deepest := `{"x":` + strings.Repeat("[", gate.MaxDepth-1) + strings.Repeat("]", gate.MaxDepth-1) + `}`
	if _, err := g.Filter("customer", g.Usable(nil, now), []byte(deepest)); err != nil {
		t.Error(err)
	}
}

func TestPoliciesThatAreNone(t *testing.T) {
	purposes := []gate.Purpose{{Name: "p", Active: true}}
	record := func(fields ...gate.Field) gate.Policy {
		return gate.Policy{Purposes: purposes, Records: []gate.Record{{Name: "r", Fields: fields}}}
	}
	for name, policy := range map[string]gate.Policy{
		"a purpose without a name":    {Purposes: []gate.Purpose{{}}},
		"a purpose twice":             {Purposes: append(purposes, purposes...)},
		"a record without a name":     {Records: []gate.Record{{}}},
		"a record twice":              {Records: []gate.Record{{Name: "r"}, {Name: "r"}}},
		"a field without a name":      record(gate.Field{}),
		"a field twice":               record(gate.Field{Name: "a"}, gate.Field{Name: "a"}),
		"a field of a value":          record(gate.Field{Name: "a"}, gate.Field{Name: "a.b"}),
		"a value that has fields":     record(gate.Field{Name: "a.b"}, gate.Field{Name: "a"}),
		"an empty part":               record(gate.Field{Name: "a..b"}),
		"a name that needs an escape": record(gate.Field{Name: `a"b`}),
		"a path that is too long":     record(gate.Field{Name: strings.Repeat("a.", gate.MaxPath/2) + "a"}),
		"an unknown purpose":          record(gate.Field{Name: "a", Purposes: []string{"q"}}),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := gate.New(policy); !errors.Is(err, gate.ErrPolicy) {
				t.Error(err)
			}
		})
	}
}
