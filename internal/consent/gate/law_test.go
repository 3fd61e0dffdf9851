package gate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/gate"
)

// names are few, so that data and records meet.
var names = []string{"a", "b", "c", "d"}

func drawPolicy(t *rapid.T) gate.Policy {
	p := gate.Policy{Material: material}
	for i := range rapid.IntRange(1, 4).Draw(t, "purposes") {
		p.Purposes = append(p.Purposes, gate.Purpose{
			Name: fmt.Sprint("p", i), Active: rapid.Bool().Draw(t, "active"),
			Basis:     rapid.SampledFrom([]gate.Basis{gate.BasisConsent, gate.BasisOther}).Draw(t, "basis"),
			Necessity: rapid.SampledFrom([]gate.Necessity{gate.Optional, gate.RequestedService}).Draw(t, "necessity"),
		})
	}
	fields := map[string]gate.Field{}
	for range rapid.IntRange(0, 8).Draw(t, "fields") {
		path := strings.Join(rapid.SliceOfN(rapid.SampledFrom(names), 1, 3).Draw(t, "path"), ".")
		crosses := func(other string) bool {
			return path == other || strings.HasPrefix(path+".", other+".") || strings.HasPrefix(other+".", path+".")
		}
		if !slices.ContainsFunc(slices.Collect(maps.Keys(fields)), crosses) {
			var purposes []string
			for _, purpose := range p.Purposes {
				if rapid.Bool().Draw(t, "uses") {
					purposes = append(purposes, purpose.Name)
				}
			}
			fields[path] = gate.Field{Name: path, Purposes: purposes}
		}
	}
	record := gate.Record{Name: "r"}
	for _, path := range slices.Sorted(maps.Keys(fields)) {
		record.Fields = append(record.Fields, fields[path])
	}
	p.Records = []gate.Record{record}
	return p
}

func drawStates(t *rapid.T, p gate.Policy) []consent.State {
	var states []consent.State
	for _, purpose := range p.Purposes {
		change := rapid.SampledFrom([]func(*consent.State){nil, func(*consent.State) {}, denied, expired, stale}).Draw(t, "state")
		if change != nil {
			states = append(states, state(purpose.Name, change))
		}
	}
	return states
}

// drawValue writes JSON by hand, with numbers and escapes that a float or a rewrite would change.
func drawValue(t *rapid.T, depth int) string {
	kind := rapid.IntRange(0, 9).Draw(t, "kind")
	if depth == 0 {
		kind = min(kind, 5)
	}
	switch {
	case kind < 6:
		return rapid.SampledFrom([]string{"1", "1.10", "-0", "1e400", "123456789012345678901234567890", `"x"`, `"\u00e9\/"`, "true", "null"}).Draw(t, "scalar")
	case kind < 8:
		return "[" + strings.Join(drawEach(t, depth), " ,") + "]"
	default:
		return drawObject(t, depth)
	}
}

func drawEach(t *rapid.T, depth int) []string {
	var elements []string
	for range rapid.IntRange(0, 3).Draw(t, "elements") {
		elements = append(elements, drawValue(t, depth-1))
	}
	return elements
}

func drawObject(t *rapid.T, depth int) string {
	var fields []string
	for _, name := range append(slices.Clone(names), "zz") {
		if rapid.Bool().Draw(t, "has") {
			fields = append(fields, fmt.Sprintf("%q : %s", name, drawValue(t, depth-1)))
		}
	}
	return "{" + strings.Join(fields, ", ") + "}"
}

// leaf is one value of a document, with the path of its names.
type leaf struct{ path, value string }

// leaves lists the values of a document in order, by another way than the gate's: raw messages.
func leaves(t *rapid.T, path string, raw json.RawMessage) []leaf {
	var found []leaf
	switch raw = bytes.TrimSpace(raw); raw[0] {
	case '{':
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(raw, &fields); err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			found = append(found, leaves(t, strings.TrimPrefix(path+"."+name, "."), fields[name])...)
		}
	case '[':
		var elements []json.RawMessage
		if err := json.Unmarshal(raw, &elements); err != nil {
			t.Fatal(err)
		}
		for _, element := range elements {
			found = append(found, leaves(t, path, element)...)
		}
	default:
		found = append(found, leaf{path, string(raw)})
	}
	return found
}

// allowedTo says of a field, from the policy's words alone, for which purposes it may be used.
func allowedTo(p gate.Policy, states []consent.State, path string) []string {
	var purposes []string
	for _, field := range p.Records[0].Fields {
		if field.Name != path {
			continue
		}
		for _, purpose := range p.Purposes {
			var granted, objected bool
			for _, s := range states {
				if s.Purpose == purpose.Name {
					granted = s.Decision == consent.Granted && bytes.Equal(s.Notice.Material, p.Material) && now.Before(s.ValidUntil)
					objected = s.Decision == consent.Denied
				}
			}
			by := granted
			if purpose.Basis == gate.BasisOther {
				by = !objected || purpose.Necessity == gate.RequestedService
			}
			if purpose.Active && by && slices.Contains(field.Purposes, purpose.Name) {
				purposes = append(purposes, purpose.Name)
			}
		}
	}
	return purposes
}

// TestOnlyAllowedFieldsPassUnchanged: section 5 of the design. What comes out is exactly the values of the document at paths
// with a usable purpose, in their order and byte by byte.
func TestOnlyAllowedFieldsPassUnchanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := drawPolicy(t)
		states, document := drawStates(t, policy), drawObject(t, 4)
		g := newGate(t, policy)
		got, err := g.Filter("r", g.Usable(states, now), []byte(document))
		if err != nil {
			t.Fatal(err)
		}
		var want []leaf
		allowed := map[string][]string{}
		for _, l := range leaves(t, "", []byte(document)) {
			if purposes := allowedTo(policy, states, l.path); len(purposes) > 0 {
				want, allowed[l.path] = append(want, l), purposes
			} else if _, reported := got.Dropped[l.path]; !reported && !slices.ContainsFunc(got.Paths(), func(p string) bool { return strings.HasPrefix(l.path, p+".") }) {
				t.Errorf("%s was dropped and not reported", l.path)
			}
		}
		if diff := cmp.Diff(want, leaves(t, "", got.Data), cmp.AllowUnexported(leaf{})); diff != "" {
			t.Errorf("%s\n%s\n%s", document, got.Data, diff)
		}
		if diff := cmp.Diff(allowed, got.Allowed); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFilteringTwiceIsFilteringOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := drawPolicy(t)
		g := newGate(t, policy)
		usable := g.Usable(drawStates(t, policy), now)
		once, err := g.Filter("r", usable, []byte(drawObject(t, 4)))
		if err != nil {
			t.Fatal(err)
		}
		twice, err := g.Filter("r", usable, once.Data)
		if err != nil || !bytes.Equal(once.Data, twice.Data) || len(twice.Dropped) > 0 || !maps.EqualFunc(once.Allowed, twice.Allowed, slices.Equal) {
			t.Errorf("%s, then %s, %v, %v", once.Data, twice.Data, twice.Dropped, err)
		}
	})
}

func TestMoreConsentNeverDropsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := drawPolicy(t)
		g := newGate(t, policy)
		fewer, document := drawStates(t, policy), []byte(drawObject(t, 4))
		more := slices.Clone(fewer)
		for _, purpose := range policy.Purposes {
			if rapid.Bool().Draw(t, "consents") {
				more = slices.DeleteFunc(more, func(s consent.State) bool { return s.Purpose == purpose.Name })
				more = append(more, state(purpose.Name))
			}
		}
		before, err := g.Filter("r", g.Usable(fewer, now), document)
		if err != nil {
			t.Fatal(err)
		}
		after, err := g.Filter("r", g.Usable(more, now), document)
		if err != nil {
			t.Fatal(err)
		}
		for path := range after.Dropped {
			if _, dropped := before.Dropped[path]; !dropped {
				t.Errorf("%s is dropped although there is more consent", path)
			}
		}
		for path, purposes := range before.Allowed {
			for _, purpose := range purposes {
				if !slices.Contains(after.Allowed[path], purpose) {
					t.Errorf("%s is no more allowed for %s", path, purpose)
				}
			}
		}
	})
}

// TestTimeAloneNeverAllowsMore: without an act nothing that was dropped passes later.
func TestTimeAloneNeverAllowsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := drawPolicy(t)
		g, states := newGate(t, policy), drawStates(t, policy)
		later := now.Add(time.Duration(rapid.Int64Range(0, int64(48*time.Hour)).Draw(t, "later")))
		early, late := g.Usable(states, now), g.Usable(states, later)
		for _, purpose := range policy.Purposes {
			if late.Has(purpose.Name) && !early.Has(purpose.Name) {
				t.Errorf("%s became usable by itself", purpose.Name)
			}
		}
	})
}

func FuzzFilter(f *testing.F) {
	g := newGate(f, shop())
	usable := g.Usable([]consent.State{state("newsletter")}, now)
	for _, seed := range []string{`{}`, `[]`, `{"name":"A","email":1e400,"orders":[{"total":-0}],"x":{"y":[null]}}`, `{"name":"\ud800"}`, `{"a":1,"a":2}`, `{"name" : 1 }`, "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		once, err := g.Filter("customer", usable, data)
		if err != nil {
			if once.Data != nil {
				t.Error("data beside an error")
			}
			return
		}
		if !json.Valid(once.Data) || len(once.Data) > len(data) {
			t.Fatalf("%q gives %q", data, once.Data)
		}
		for path := range once.Allowed {
			if !slices.Contains([]string{"name", "email", "orders.total"}, path) {
				t.Errorf("%s passed", path)
			}
		}
		twice, err := g.Filter("customer", usable, once.Data)
		if err != nil || !bytes.Equal(once.Data, twice.Data) || len(twice.Dropped) > 0 {
			t.Errorf("%q, then %q, %v", once.Data, twice.Data, err)
		}
	})
}
