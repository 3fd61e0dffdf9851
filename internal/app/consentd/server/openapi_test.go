package server_test

import (
	"encoding/json"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rempart-dev/rempart/docs/spec"
)

// operation is what the OpenAPI document has of one. Responses are by status code; their bodies by media type.
type operation struct {
	OperationID string
	Security    *[]map[string][]string
	Responses   map[string]response
}

type response struct {
	Ref     string `json:"$ref"`
	Content map[string]struct {
		Schema struct{ Type any }
	}
}

// document is the OpenAPI document: by path, by method.
type document struct {
	Security   *[]map[string][]string
	Components struct{ Responses map[string]response }
	Operations map[string]map[string]operation `json:"-"`
	Paths      map[string]map[string]json.RawMessage
}

// openAPI reads it. Every answer is in place: no reference is left.
var openAPI = sync.OnceValue(func() document {
	text, err := spec.Consentd()
	if err != nil {
		panic(err)
	}
	d := document{Operations: map[string]map[string]operation{}}
	if err := json.Unmarshal(text, &d); err != nil {
		panic(err)
	}
	for path, item := range d.Paths {
		d.Operations[path] = map[string]operation{}
		for method, raw := range item {
			var o operation
			if method == "parameters" {
				continue
			}
			if err := json.Unmarshal(raw, &o); err != nil {
				panic(err)
			}
			for code, r := range o.Responses {
				if name, is := strings.CutPrefix(r.Ref, "#/components/responses/"); is {
					o.Responses[code] = d.Components.Responses[name]
				}
			}
			d.Operations[path][strings.ToUpper(method)] = o
		}
	}
	return d
})

// declared checks that the document has the answer: its code, the media type of its body, and whether that is an object or a list.
// Paths that no document has are asked about only to be refused, and a method that a path does not know is declared with those that it does.
func declared(w testing.TB, q request, got *httptest.ResponseRecorder) {
	w.Helper()
	path, _, _ := strings.Cut(q.path, "?")
	template := pathOf(path)
	methods, known := openAPI().Operations[template]
	if !known {
		if got.Code != http.StatusNotFound && got.Code != http.StatusMethodNotAllowed {
			w.Errorf("the OpenAPI document lacks %s, which answered %d", template, got.Code)
		}
		return
	}
	method := q.method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	_, known = methods[method]
	if !known && got.Code == http.StatusMethodNotAllowed {
		return
	}
	answer, known := methods[method].Responses[strconv.Itoa(got.Code)]
	if !known {
		w.Errorf("the OpenAPI document lacks the answer %d of %s %s", got.Code, method, template)
		return
	}
	if got.Body.Len() == 0 {
		return
	}
	kind, _, err := mime.ParseMediaType(got.Header().Get("Content-Type"))
	body, known := answer.Content[kind]
	if err != nil || !known {
		w.Errorf("the OpenAPI document has %q for the answer %d of %s %s, which is %q", slices.Collect(maps.Keys(answer.Content)), got.Code, method, template, kind)
		return
	}
	first := map[byte]string{'{': "object", '[': "array"}[got.Body.Bytes()[0]]
	if strings.HasSuffix(kind, "json") && body.Schema.Type != nil && body.Schema.Type != first {
		w.Errorf("the answer %d of %s %s is no %s, as the OpenAPI document has it: %.100s", got.Code, method, template, body.Schema.Type, got.Body)
	}
}

// pathOf is the document's path of a path.
func pathOf(path string) string {
	parts := strings.Split(path, "/")
	switch {
	case len(parts) == 4 && parts[1] == "w":
		parts[2] = "{site}"
		switch {
		case parts[3] == "widget.js":
		case strings.HasPrefix(parts[3], "widget."):
			parts[3] = "widget.{sha}.js"
		default:
			parts[3] = "notice.{lang}.json"
		}
	case len(parts) > 4 && parts[2] == "sites":
		parts[3] = "{site}"
		if len(parts) == 7 && parts[5] == "proof" {
			parts[6] = "{event}"
		}
	case (len(parts) == 3 || len(parts) == 4) && parts[1] == "me":
		parts[2] = "{site}"
	}
	return strings.Join(parts, "/")
}

func TestEveryRouteIsInTheOpenAPIDocument(t *testing.T) {
	w := newWorld(t, nil)
	documented := map[string]bool{}
	for path, methods := range openAPI().Operations {
		for method := range methods {
			documented[method+" "+path] = true
		}
	}
	for _, operation := range w.Operations() {
		if !documented[operation] {
			t.Errorf("the OpenAPI document lacks %s", operation)
		}
		delete(documented, operation)
	}
	for operation := range documented {
		t.Errorf("the OpenAPI document has %s, which is no route", operation)
	}
}

// TestEveryOperationHasANameAndSaysWhoMayAsk: programs that make clients call the operation by its name, and those that look for holes
// ask whether nobody thought of who may ask, or all may.
func TestEveryOperationHasANameAndSaysWhoMayAsk(t *testing.T) {
	names := map[string]string{}
	for path, methods := range openAPI().Operations {
		for method, o := range methods {
			where := method + " " + path
			if names[o.OperationID] != "" || o.OperationID == "" {
				t.Errorf("%s is called %q, as is %q", where, o.OperationID, names[o.OperationID])
			}
			names[o.OperationID] = where
			if o.Security == nil && openAPI().Security == nil {
				t.Errorf("%s does not say who may ask", where)
			}
		}
	}
}
