package server

import (
	"encoding"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/docs/spec"
	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/bundle"
	"github.com/rempart-dev/rempart/internal/consent/gate"
)

// node is a part of the OpenAPI document.
type node = map[string]any

// api is the document with what tells where it and the code differ.
type api struct {
	*testing.T
	root node
}

func newAPI(t *testing.T) api {
	t.Helper()
	text, err := spec.Consentd()
	if err != nil {
		t.Fatal(err)
	}
	a := api{T: t}
	if err := json.Unmarshal(text, &a.root); err != nil {
		t.Fatal(err)
	}
	return a
}

// at goes down by names, through references.
func (a api) at(from any, names ...string) node {
	a.Helper()
	here, is := from.(node)
	for {
		if ref, yes := here["$ref"].(string); is && yes {
			return a.at(a.root, append(strings.Split(strings.TrimPrefix(ref, "#/"), "/"), names...)...)
		}
		if !is || len(names) == 0 {
			return here
		}
		here, is = here[names[0]].(node)
		names = names[1:]
	}
}

// body is the schema of what an operation takes, or of what it answers with a code.
func (a api) body(operation, code string) node {
	a.Helper()
	for _, methods := range a.at(a.root, "paths") {
		for _, o := range methods.(node) {
			if o, is := o.(node); is && o["operationId"] == operation {
				if code == "" {
					return a.at(o, "requestBody", "content", "application/json", "schema")
				}
				return a.at(o, "responses", code, "content", "application/json", "schema")
			}
		}
	}
	a.Fatalf("there is no operation %s", operation)
	return nil
}

// field is a field of a struct as JSON has it.
type field struct {
	kind reflect.Type
	// always tells that it is never absent, where sure: what the API server does not let be empty is always there too.
	always, sure bool
}

func fieldsOf(kind reflect.Type) map[string]field {
	found := map[string]field{}
	for _, f := range reflect.VisibleFields(kind) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" || len(f.Index) > 1 && !promoted(kind, f) {
			continue
		}
		of := kind
		if len(f.Index) > 1 {
			of = kind.FieldByIndex(f.Index[:len(f.Index)-1]).Type
		}
		found[name] = field{f.Type, !strings.Contains(options, "omit"), of.PkgPath() != reflect.TypeFor[v1alpha1.ConsentPolicy]().PkgPath()}
	}
	return found
}

// promoted tells whether a field of an embedded struct stands among the others in JSON.
func promoted(kind reflect.Type, f reflect.StructField) bool {
	outer := kind.FieldByIndex(f.Index[:len(f.Index)-1])
	return outer.Anonymous && outer.Tag.Get("json") == ""
}

// unwritten are fields that an answer leaves out, although its type has them: the words of purposes stand with these.
var unwritten = map[string]bool{"getNotice.texts.purposes": true}

var texts = reflect.TypeFor[encoding.TextMarshaler]()

// same reports where a schema is not that of a type: fields of either that the other lacks, what is always there, and kinds. A request may
// leave out what the schema requires of it, to be refused.
func (a api) same(where string, schema node, kind reflect.Type, answers bool) {
	a.Helper()
	schema = a.at(schema)
	for kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	declared, _ := schema["type"].(string)
	if list, is := schema["type"].([]any); is { // a list, or null
		declared, _ = list[0].(string)
	}
	want := "string"
	switch {
	case kind == reflect.TypeFor[json.RawMessage]():
		return
	case kind.Implements(texts) || kind == reflect.TypeFor[[]byte]():
	case kind.Kind() == reflect.Struct:
		want = "object"
		a.sameFields(where, schema, fieldsOf(kind), answers)
	case kind.Kind() == reflect.Map:
		want = "object"
		a.same(where+".*", a.at(schema, "additionalProperties"), kind.Elem(), answers)
	case kind.Kind() == reflect.Slice:
		want = "array"
		a.same(where+"[]", a.at(schema, "items"), kind.Elem(), answers)
	case kind.Kind() == reflect.Bool:
		want = "boolean"
	case kind.Kind() == reflect.Float64:
		want = "number"
	case kind.Kind() != reflect.String:
		want = "integer"
	}
	if declared != want {
		a.Errorf("%s is declared as %q, and is %s", where, declared, want)
	}
}

func (a api) sameFields(where string, schema node, fields map[string]field, answers bool) {
	a.Helper()
	properties := a.at(schema, "properties")
	required, _ := schema["required"].([]any)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if unwritten[where+"."+name] {
			continue
		}
		property, known := properties[name].(node)
		if !known {
			a.Errorf("the OpenAPI document lacks %s.%s", where, name)
			continue
		}
		if always := slices.Contains(required, any(name)); answers && fields[name].sure && always != fields[name].always {
			a.Errorf("%s.%s: declared as always there: %t", where, name, always)
		}
		a.same(where+"."+name, property, fields[name].kind, answers)
	}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if _, known := fields[name]; !known {
			a.Errorf("the OpenAPI document has %s.%s, which there is not", where, name)
		}
	}
	for _, name := range required {
		if _, known := properties[name.(string)]; !known {
			a.Errorf("the OpenAPI document requires %s.%s, which it does not have", where, name)
		}
	}
}

// TestTheOpenAPIDocumentHasTheFieldsOfTheCode: programs that make clients take it for what is sent.
func TestTheOpenAPIDocumentHasTheFieldsOfTheCode(t *testing.T) {
	a := newAPI(t)
	for operation, kind := range map[string]reflect.Type{
		"recordAct": reflect.TypeFor[actBody](), "withdraw": reflect.TypeFor[withdrawalBody](), "askForErasure": reflect.TypeFor[consent.Names](),
		"check": reflect.TypeFor[checkBody](), "filter": reflect.TypeFor[filterBody](), "link": reflect.TypeFor[linkBody](), "invite": reflect.TypeFor[inviteBody](),
		"erase": reflect.TypeFor[namedBody](), "countHolding": reflect.TypeFor[namedBody](), "export": reflect.TypeFor[exportBody](),
		"answerWish": reflect.TypeFor[answerBody](), "laterWishes": reflect.TypeFor[laterBody](),
	} {
		a.same(operation, a.body(operation, ""), kind, false)
	}
	for operation, kind := range map[string]reflect.Type{
		"getNotice 200": reflect.TypeFor[shown](), "recordAct 200": reflect.TypeFor[outcome](), "recordAct 201": reflect.TypeFor[outcome](),
		"getState 200": reflect.TypeFor[stateAnswer](), "askForErasure 200": reflect.TypeFor[ownWish](), "askForErasure 201": reflect.TypeFor[ownWish](),
		"getConsistency 200": reflect.TypeFor[extension](), "getProof 200": reflect.TypeFor[bundle.Proof](), "getGPC 200": reflect.TypeFor[gpcStatement](),
		"check 200": reflect.TypeFor[checked](), "getGate 200": reflect.TypeFor[gate.Published](), "filter 200": reflect.TypeFor[filtered](), "invite 201": reflect.TypeFor[invitation](),
		"erase 200": reflect.TypeFor[held](), "countHolding 200": reflect.TypeFor[held](), "listErasures 200": reflect.TypeFor[erasuresPage](), "listEvents 200": reflect.TypeFor[eventsPage](),
		"listWishes 200": reflect.TypeFor[wishesPage](), "getStatus 200": reflect.TypeFor[statusAnswer](), "getForgotten 200": reflect.TypeFor[forgottenPage](),
	} {
		name, code, _ := strings.Cut(operation, " ")
		a.same(name, a.body(name, code), kind, true)
	}
	a.same("problem", a.at(a.root, "components", "schemas", "Problem"), reflect.TypeFor[problem.Problem](), true)
}

// TestTheOpenAPIDocumentHasTheCodesThatEveryRouteCanSend: before its handler, or when that crashes.
func TestTheOpenAPIDocumentHasTheCodesThatEveryRouteCanSend(t *testing.T) {
	a := newAPI(t)
	for _, r := range (&Server{}).routes() {
		codes := []int{http.StatusInternalServerError} // a crash
		switch r.kind {
		case public:
			codes = append(codes, http.StatusTooManyRequests, http.StatusServiceUnavailable)
		case visitor:
			codes = append(codes, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable)
		case person:
			codes = append(codes, http.StatusTooManyRequests, http.StatusServiceUnavailable)
		case program, steward:
			codes = append(codes, http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable)
		case operator:
		}
		if r.sited() {
			codes = append(codes, http.StatusNotFound)
		}
		method, path, _ := strings.Cut(r.pattern, " ")
		if method == http.MethodPost {
			codes = append(codes, http.StatusBadRequest, http.StatusRequestEntityTooLarge)
		}
		if r.paths == nil {
			r.paths = []string{path}
		}
		for _, path := range r.paths {
			answers := a.at(a.root, "paths", path, strings.ToLower(method), "responses")
			for _, code := range append(codes, http.StatusMethodNotAllowed) {
				if answers[strconv.Itoa(code)] == nil {
					t.Errorf("the OpenAPI document lacks the answer %d of %s %s", code, method, path)
				}
			}
			preflight := a.at(a.root, "paths", path, "options", "responses")
			if preflight != nil && preflight["500"] == nil {
				t.Errorf("the OpenAPI document lacks the answer 500 of OPTIONS %s", path)
			}
		}
	}
}
