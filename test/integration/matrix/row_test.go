package matrix

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/test/apiserver"
)

// rows is how many ways to bypass Rempart the bypass matrix lists.
const rows = 116

// mustPass are the cases that no layer may refuse: refusing them would break clusters, or keep data that could go.
var mustPass = []string{"bound", "deleting", "finalizers", "grandfathered", "usual"}

// suites are the public policies whose tests give further cases.
var suites = []string{"gatekeeper", "kyverno"}

// layer is what is in place while a request is made.
type layer string

const (
	// up: every layer, under a policy that enforces.
	up layer = "up"
	// audit: every layer, under a policy that audits.
	audit layer = "audit"
	// without: the webhook configurations are removed; controllers run.
	without layer = "without"
	// quota: the ResourceQuota that Rempart writes, alone, in a namespace that nothing else guards.
	quota layer = "quota"
	// down: the webhook configurations are there, and nobody answers.
	down layer = "down"
)

// layers in the order in which they are asked. The first three are asked about every request.
var layers = []layer{up, audit, without, quota, down}

// object is any object of the API, or a part of one. $NS in its strings stands for the namespace of the row and layer, $POLICY
// for the policy that judges it, $SOON for an instant a few seconds after the request, and $LATER for one an hour after it.
type object = map[string]any

// row is one file.
type row struct {
	// Row is its number in the bypass matrix; 0 for a case that must pass, and for a suite.
	Row int `json:"row,omitempty"`
	// Case is the name of a case that must pass, or of a suite.
	Case string `json:"case,omitempty"`
	// Vector is what is tried, in the words of the matrix.
	Vector string `json:"vector"`
	// OutOfReach is why nothing here can be asked; then there is nothing else in the file.
	OutOfReach string `json:"outOfReach,omitempty"`
	// Partly is what of the vector is not asked here, and why.
	Partly string `json:"partly,omitempty"`
	// Alone is whether it changes something that other rows rest on.
	Alone bool `json:"alone,omitempty"`
	// Only limits the layers, because of Because.
	Only    []layer `json:"only,omitempty"`
	Because string  `json:"because,omitempty"`
	// Namespace are labels of the namespace instead of those by which the policy of the layer selects it.
	Namespace map[string]string `json:"namespace,omitempty"`
	// World is there before Rempart is: nothing judges it.
	World []object `json:"world,omitempty"`
	// Requests are made in their order.
	Requests []request `json:"requests,omitempty"`
	// Found is what the scan finds afterwards.
	Found []finding `json:"found,omitempty"`
	// Then are parts of objects as they are in the end; null is what is not there.
	Then []object `json:"then,omitempty"`
	// After cleans up what other rows would notice.
	After []request `json:"after,omitempty"`

	file string
}

// request is one request, and what each layer answers to it. One of Create, Update, Patch, Apply and Delete is set.
type request struct {
	// Ask says it in words.
	Ask string `json:"ask"`
	// As is the user; an administrator who may exempt, if empty.
	As string `json:"as,omitempty"`

	Create object `json:"create,omitempty"`
	// Update is merged into the object as it is.
	Update object `json:"update,omitempty"`
	// Patch is a merge patch.
	Patch  object `json:"patch,omitempty"`
	Apply  object `json:"apply,omitempty"`
	Delete object `json:"delete,omitempty"`
	// Text is the body instead, as it is written; Create or Patch says of what.
	Text string `json:"text,omitempty"`
	// Unchecked is whether the API server is told not to mind unknown and duplicate fields.
	Unchecked bool `json:"unchecked,omitempty"`
	// Pad is how many bytes an annotation adds.
	Pad int `json:"pad,omitempty"`

	// At is the resource and its subresource where the kind does not say it: pods/binding, namespaces/finalize.
	At string `json:"at,omitempty"`
	// Named is whether the name matters, so that a generated one would be another case.
	Named bool `json:"named,omitempty"`
	// Rehearse is whether the request is only made as a dry run.
	Rehearse bool `json:"rehearse,omitempty"`
	// Settles is whether Rempart hears of what came before with a delay: the answer is waited for.
	Settles bool `json:"settles,omitempty"`

	// The answers. Quota and down are asked only where they are given.
	Up      answer `json:"up,omitempty"`
	Audit   answer `json:"audit,omitempty"`
	Without answer `json:"without,omitempty"`
	Quota   answer `json:"quota,omitempty"`
	Down    answer `json:"down,omitempty"`
	// Says are words of every refusal and warning.
	Says []string `json:"says,omitempty"`
	// Back is whether the object is as it was before, soon after.
	Back bool `json:"back,omitempty"`
}

// answer is what comes of a request.
type answer string

const (
	// accepted without a word of Rempart's.
	accepted answer = "accepted"
	// refused by a layer of Rempart: 403.
	refused answer = "refused"
	// warned: accepted, with a warning.
	warned answer = "warned"
	// pinned: accepted, and every term of the required node affinity keeps the pods on allowed nodes.
	pinned answer = "pinned"
	// unpinned: accepted, and nothing was pinned.
	unpinned answer = "unpinned"
	// invalid: refused by Kubernetes itself, whoever asks.
	invalid answer = "invalid"
	// exceeded: refused by the quota.
	exceeded answer = "exceeded"
	// unanswered: refused because no webhook answers.
	unanswered answer = "unanswered"
)

var answers = []answer{accepted, refused, warned, pinned, unpinned, invalid, exceeded, unanswered}

// in is the answer of a layer; empty where the request is not made.
func (r *request) in(l layer) answer {
	return map[layer]answer{up: r.Up, audit: r.Audit, without: r.Without, quota: r.Quota, down: r.Down}[l]
}

// finding is what a scan finds: a rule, and the name of the object. Its namespace is that of the row, if empty.
type finding struct {
	Rule      string  `json:"rule"`
	Name      string  `json:"name"`
	Namespace string  `json:"namespace,omitempty"`
	In        []layer `json:"in,omitempty"`
}

// title is what the row is called in the table.
func (r *row) title() string {
	if r.Row > 0 {
		return fmt.Sprintf("%02d", r.Row)
	}
	return r.Case
}

// asked tells whether a row is asked in a layer.
func (r *row) asked(l layer) bool {
	switch {
	case r.OutOfReach != "" || (len(r.Only) > 0 && !slices.Contains(r.Only, l)):
		return false
	case l == quota || l == down:
		return slices.ContainsFunc(r.Requests, func(q request) bool { return q.in(l) != "" })
	default:
		return true
	}
}

// load reads every file, strictly, and says what is missing.
func load() ([]*row, error) {
	files, err := filepath.Glob(filepath.Join(apiserver.Root(), "test", "residency", "matrix", "*.yaml"))
	if err != nil {
		return nil, err
	}
	var all []*row
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		r := &row{file: filepath.Base(file)}
		if err := yaml.UnmarshalStrict(text, r); err != nil {
			return nil, fmt.Errorf("%s: %w", r.file, err)
		}
		all = append(all, r)
	}
	return all, nil
}

// only limits the rows that are asked, for who writes one: a whole run takes minutes.
var only = flag.String("rows", "", "titles of the rows to ask, with commas between them; all if empty")

func chosen(all []*row, titles string) []*row {
	if titles == "" {
		return all
	}
	return slices.DeleteFunc(all, func(r *row) bool { return !slices.Contains(strings.Split(titles, ","), r.title()) })
}

// complaints are what is wrong with the files, without asking a server.
func complaints(all []*row) []string {
	var wrong []string
	seen := map[string]int{}
	for _, r := range all {
		seen[r.title()]++
		if !strings.HasPrefix(r.file, r.title()+"-") && r.file != r.title()+".yaml" {
			wrong = append(wrong, r.file+": the name of the file does not begin with "+r.title())
		}
		for _, complaint := range r.complaints() {
			wrong = append(wrong, r.file+": "+complaint)
		}
	}
	want := slices.Concat(mustPass, suites)
	for i := range rows {
		want = append(want, fmt.Sprintf("%02d", i+1))
	}
	for _, title := range want {
		if seen[title] != 1 {
			wrong = append(wrong, strconv.Itoa(seen[title])+" files of "+title+", want one")
		}
	}
	return wrong
}

func (r *row) complaints() []string {
	var wrong []string
	if r.Vector == "" {
		wrong = append(wrong, "no vector")
	}
	if r.OutOfReach != "" {
		if len(r.Requests)+len(r.Found)+len(r.Then) > 0 {
			wrong = append(wrong, "out of reach, and something is asked")
		}
		return wrong
	}
	if len(r.Requests)+len(r.Found)+len(r.Then) == 0 {
		wrong = append(wrong, "nothing is asked")
	}
	if (len(r.Only) > 0) != (r.Because != "") {
		wrong = append(wrong, "only some layers, or why, but not both")
	}
	for i := range r.Requests {
		q := &r.Requests[i]
		for _, l := range layers[:3] {
			if r.asked(l) && q.in(l) == "" {
				wrong = append(wrong, fmt.Sprintf("%q: no answer of layer %s", q.Ask, l))
			}
		}
		for _, l := range layers {
			if a := q.in(l); a != "" && !slices.Contains(answers, a) {
				wrong = append(wrong, fmt.Sprintf("%q: %q is no answer", q.Ask, a))
			}
		}
	}
	return wrong
}
