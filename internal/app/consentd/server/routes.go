package server

import (
	"net/http"
	"path"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
)

// kind says who may ask, and with what.
type kind int

const (
	// public: anybody, any page; the same answer for all.
	public kind = iota
	// visitor: pages of the site's origins.
	visitor
	// person: a browser that was led there by a mail, a link or the form of a page of the site.
	person
	// program: ServiceAccounts with the route's right.
	program
	// steward: the operator, by a token that it has for this service alone.
	steward
	// operator: what Kubernetes and the operator ask; nothing in it is personal or secret. Any pod may, so none of it costs much.
	operator
)

// Bounds of bodies, in bytes.
const (
	maxBody        = 64 << 10
	maxProgramBody = 2 << 20
)

// route is one line of the API.
type route struct {
	pattern string
	kind    kind
	// rights any of which lets a program ask.
	rights []v1alpha1.ClientRight
	handle handler
	// lasting: what was begun is ended, also when who asked is gone.
	lasting bool
	// budget is what a network's requests are counted under, where its kind has one.
	budget budget
	// endless: the answer has no end, so no time bounds it.
	endless bool
	// paths are those of the OpenAPI document, where one pattern of the mux stands for several.
	paths []string
}

func (r route) limit() int64 {
	if r.kind == program {
		return maxProgramBody
	}
	return maxBody
}

func (r route) sited() bool { return strings.Contains(r.pattern, "{site}") }

// listening tells of changes that any check or filter would show, and of nobody by name: whoever may ask, and keeps answers, must hear when
// they are no longer true. Reading what was recorded, by everybody, is another right.
var listening = []v1alpha1.ClientRight{v1alpha1.RightCheck, v1alpha1.RightFilter, v1alpha1.RightRead}

// needs is one right.
func needs(right v1alpha1.ClientRight) []v1alpha1.ClientRight { return []v1alpha1.ClientRight{right} }

// routes is the API, in the order of docs/spec/consentd.md.
func (s *Server) routes() []route {
	return []route{
		{pattern: "GET /w/{site}/{file}", kind: public, budget: ofReads, handle: s.asset,
			paths: []string{"/w/{site}/widget.js", "/w/{site}/widget.{sha}.js", "/w/{site}/notice.{lang}.json"}},

		{pattern: "POST /v1/sites/{site}/events", kind: visitor, handle: s.record, lasting: true},
		{pattern: "GET /v1/sites/{site}/state", kind: visitor, handle: s.state},
		{pattern: "POST /v1/sites/{site}/withdrawals", kind: visitor, budget: ofWithdrawals, handle: s.withdraw, lasting: true},
		{pattern: "GET /v1/sites/{site}/export", kind: visitor, handle: s.exportOwn},
		{pattern: "POST /v1/sites/{site}/erasures", kind: visitor, handle: s.askOwn, lasting: true},

		{pattern: "GET /me/{site}", kind: person, handle: s.show},
		{pattern: "POST /me/{site}", kind: person, budget: ofWithdrawals, handle: s.act, lasting: true},
		{pattern: "POST /me/{site}/link", kind: person, handle: s.sendLink},

		{pattern: "GET /v1/sites/{site}/log/checkpoint", kind: public, budget: ofReads, handle: s.checkpoint},
		{pattern: "GET /v1/sites/{site}/log/consistency", kind: public, budget: ofReads, handle: s.consistency},
		{pattern: "GET /v1/sites/{site}/log/proof/{event}", kind: public, budget: ofReads, handle: s.proof},
		{pattern: "GET /.well-known/jwks.json", kind: public, budget: ofReads, handle: s.keys},
		{pattern: "GET /.well-known/gpc.json", kind: public, budget: ofReads, handle: s.gpc},
		{pattern: "GET /openapi.json", kind: public, budget: ofReads, handle: s.document},

		{pattern: "POST /v1/check", kind: program, rights: needs(v1alpha1.RightCheck), handle: s.check},
		{pattern: "GET /v1/gate", kind: program, rights: needs(v1alpha1.RightFilter), handle: s.rules},
		{pattern: "POST /v1/gate:filter", kind: program, rights: needs(v1alpha1.RightFilter), handle: s.filter},
		{pattern: "POST /v1/subjects:link", kind: program, rights: needs(v1alpha1.RightLink), handle: s.link, lasting: true},
		{pattern: "POST /v1/subjects:invite", kind: program, rights: needs(v1alpha1.RightLink), handle: s.invite, lasting: true},
		{pattern: "POST /v1/subjects:erase", kind: program, rights: needs(v1alpha1.RightErase), handle: s.erase, lasting: true},
		{pattern: "POST /v1/subjects:holding", kind: program, rights: needs(v1alpha1.RightErase), handle: s.holding},
		{pattern: "POST /v1/subjects:export", kind: program, rights: needs(v1alpha1.RightExport), handle: s.export},
		{pattern: "GET /v1/erasures", kind: program, rights: needs(v1alpha1.RightErase), handle: s.erasures},
		{pattern: "GET /v1/events", kind: program, rights: needs(v1alpha1.RightRead), handle: s.events},
		{pattern: "GET /v1/stream", kind: program, rights: listening, handle: s.stream, endless: true},

		{pattern: "GET /internal/v1/wishes", kind: steward, handle: s.wishes},
		{pattern: "POST /internal/v1/wishes:answer", kind: steward, handle: s.answerWish, lasting: true},
		{pattern: "GET /internal/v1/forgotten", kind: steward, handle: s.forgotten},
		{pattern: "POST /internal/v1/wishes:later", kind: steward, handle: s.laterWishes, lasting: true},
		{pattern: "GET /internal/v1/status", kind: operator, handle: s.status},
		{pattern: "GET /healthz", kind: operator, handle: s.healthy},
		{pattern: "GET /readyz", kind: operator, handle: s.ready},
	}
}

// Operations are all that can be asked, as the OpenAPI document names it: method and path.
func (s *Server) Operations() []string {
	var all []string
	for _, r := range s.routes() {
		method, path, _ := strings.Cut(r.pattern, " ")
		if r.paths == nil {
			r.paths = []string{path}
		}
		for _, path := range r.paths {
			all = append(all, method+" "+path)
		}
		if r.kind == visitor {
			all = append(all, "OPTIONS "+path)
		}
	}
	return all
}

// mux puts the routes together. What has no route is a problem too, and so is a method that a path does not know.
func (s *Server) mux() http.Handler {
	mux := http.NewServeMux()
	methods := map[string][]string{}
	var paths []string
	for _, r := range s.routes() {
		mux.Handle(r.pattern, s.serve(r))
		method, path, _ := strings.Cut(r.pattern, " ")
		if _, known := methods[path]; !known {
			paths = append(paths, path)
		}
		methods[path] = append(methods[path], method)
		if r.kind == visitor && len(methods[path]) == 1 {
			mux.Handle("OPTIONS "+path, s.serve(route{pattern: "OPTIONS " + path, kind: visitor, budget: uncounted, handle: s.preflight}))
		}
	}
	for _, path := range paths {
		allow := strings.Join(methods[path], ", ")
		mux.Handle(path, s.serve(route{pattern: path, kind: operator, handle: func(w http.ResponseWriter, _ *http.Request, _ call) error {
			w.Header().Set("Allow", allow)
			return problem.New(http.StatusMethodNotAllowed, problem.MethodNotAllowed, "The path does not know this method")
		}}))
	}
	unknown := s.serve(route{pattern: "/", kind: operator, handle: func(http.ResponseWriter, *http.Request, call) error {
		return nothing
	}})
	mux.Handle("/", unknown)
	return straight(mux, unknown)
}

// straight sends to otherwise what a mux answers itself: it leads paths that are not clean elsewhere, and "*" nowhere, by answers that are
// no problems and have none of our headers. No page or program of ours asks so.
func straight(mux, otherwise http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked := r.URL.EscapedPath(); !strings.HasPrefix(asked, "/") || asked != path.Clean(asked) {
			otherwise.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}
