package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/app/eraser"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/receipt"
	"github.com/rempart-dev/rempart/internal/consent/tree"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// pod is the eraser's pod, which has a token for this service and the subject of one request.
type pod struct {
	*world
	options eraser.Options
	log     bytes.Buffer
	task    task.Task
}

const eraserAccount = "chat-consentd-eraser"

func newPod(w *world, identifiers map[string]string) *pod {
	w.Helper()
	w.serve(func(f *settings.File) {
		f.Spec.Service.Clients = append(f.Spec.Service.Clients, v1alpha1.ConsentClient{ServiceAccount: eraserAccount,
			Rights: []v1alpha1.ClientRight{v1alpha1.RightCheck, v1alpha1.RightErase}})
	})
	service := httptest.NewServer(w)
	w.Cleanup(service.Close)
	at, err := url.Parse(service.URL)
	if err != nil {
		w.Fatal(err)
	}
	number, err := strconv.ParseInt(at.Port(), 10, 32)
	if err != nil {
		w.Fatal(err)
	}
	root := w.TempDir()
	p := &pod{world: w, options: eraser.Options{
		TaskFile: filepath.Join(root, "task", "task.json"), Subjects: filepath.Join(root, "subjects", "subjects.json"), Token: filepath.Join(root, "token"),
		Credentials: filepath.Join(root, "credentials"), CA: filepath.Join(root, "ca"), Termination: filepath.Join(root, "termination"), Dial: (&net.Dialer{}).DialContext,
	}}
	p.options.Log = &p.log
	data := map[string][]byte{}
	for key, value := range identifiers {
		data[key] = []byte(value)
	}
	people, err := json.Marshal(task.People{"uid-1": data})
	if err != nil {
		w.Fatal(err)
	}
	p.write(p.options.Subjects, string(people))
	who, err := subject.Read(data)
	if err != nil {
		w.Fatal(err)
	}
	p.write(filepath.Join(p.options.Token, "token"), w.cluster.Token(w.T, "shop", eraserAccount, w.clock.Now())+"\n")
	p.task = task.Task{RunUID: "run-1", Epoch: 1, Register: "shop", Store: "chat", Engine: task.EngineConsentLedger, CheckKey: []byte("key"), AsOf: noon,
		Connection: task.Connection{Host: at.Hostname(), Port: int32(number), Database: "chat", TLS: task.TLS{Mode: v1alpha1.TLSDisable}},
		Requests:   []task.Request{{UID: "uid-1", Check: who.MAC([]byte("key"))}}, Dataset: &v1alpha1.Dataset{}}
	for _, name := range task.LedgerTables {
		table := v1alpha1.DatasetTable{Schema: task.LedgerSchema, Name: name, OnErasure: v1alpha1.EraseDeleteRows}
		if name == task.LedgerEvents {
			table.OnErasure, table.Keep = v1alpha1.EraseKeep, &v1alpha1.KeepRule{Article: "17(3)(e)", Period: "P5Y"}
		}
		p.task.Dataset.Tables = append(p.task.Dataset.Tables, table)
	}
	return p
}

func (p *pod) write(path, text string) {
	p.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.Fatal(err)
	}
}

// does a step, and checks that nobody is named in what it leaves.
func (p *pod) does(step task.Step, want task.Reason) task.Outcome {
	p.Helper()
	text, err := json.Marshal(p.task)
	if err != nil {
		p.Fatal(err)
	}
	p.write(p.options.TaskFile, string(text))
	eraser.Main(p.Context(), []string{"eraser", string(step)}, p.options)
	message, err := os.ReadFile(p.options.Termination)
	if err != nil {
		p.Fatal(err)
	}
	if all := p.log.String() + string(message); strings.Contains(all, anyoneMe) || strings.Contains(all, secretOf(1)) || strings.Contains(all, p.ledgerReference()) {
		p.Errorf("the log or the outcome names the person: %s", all)
	}
	outcome, err := task.Decode(step, string(message))
	if err != nil || outcome.Reason != want || outcome.OK != (want == "") {
		p.Fatalf("%s: %+v, %v; want %q", step, outcome, err, want)
	}
	if step == task.Plan {
		p.task.PlanDigest = outcome.PlanDigest
	}
	return outcome
}

func (p *pod) ledgerReference() string {
	for _, e := range p.events() {
		return e.Subject.String()
	}
	return "nobody"
}

func rowsOf(o task.Outcome) [5]int64 { return [5]int64(o.Requests[0].Rows) }

// TestTheEraserForgetsAPersonAndProofsStillHold: planned, erased once however often, verified; what was signed before still verifies.
func TestTheEraserForgetsAPersonAndProofsStillHold(t *testing.T) {
	w := newWorld(t, nil)
	w.post(2, "other", w.act("checkbox", "analytics")).is(201, "")
	p := newPod(w, map[string]string{"accountID": anyoneMe, "email": "nobody@example.eu"})
	var given outcome
	w.post(1, "first", w.act("checkbox", "analytics")).is(201, "").into(&given)
	w.ask(request{method: "POST", path: "/v1/subjects:link", bearer: w.backend(), body: map[string]any{"known": map[string]string{"kind": "receipt", "id": secretOf(1)}, "other": account(anyoneMe)}}).is(204, "")

	plan := p.does(task.Plan, "")
	rows := rowsOf(plan)
	if rows[0] != 1 || rows[1] != 2 || rows[2] != 1 || rows[3] != 0 || rows[4] < 1 || plan.Requests[0].Until[4] == "" {
		t.Errorf("%+v", plan)
	}
	if erased := p.does(task.Erase, ""); rowsOf(erased) != rows || erased.Replayed {
		t.Errorf("%+v; the plan said %v", erased, rows)
	}
	shreds := func() (n int) {
		for _, e := range w.events() {
			if e.Type == consent.EventSubjectShredded {
				n++
			}
		}
		return n
	}
	if again := p.does(task.Erase, ""); !again.Replayed || rowsOf(again)[0] != 1 || rowsOf(again)[4] != rows[4] || shreds() != 1 {
		t.Errorf("%+v after %d", again, shreds())
	}
	p.does(task.Verify, "")
	if none := p.does(task.Plan, ""); rowsOf(none) != [5]int64{} {
		t.Errorf("%+v", none)
	}

	if _, _, err := receipt.Open(given.Receipt, w.config.Keys); err != nil {
		t.Errorf("the receipt of before: %v", err)
	}
	for _, e := range w.events() {
		w.ask(request{method: "GET", path: "/v1/sites/shop/log/proof/" + e.ID.String()}).is(200, "")
	}
	var other outcome
	w.ask(request{method: "GET", path: "/v1/sites/shop/state", origin: shop, bearer: secretOf(2)}).is(200, "").into(&other)
	if !other.State["analytics"].Granted {
		t.Error("another person lost a consent")
	}
	w.linked(1, anyoneMe) // comes back after the erasure
	p.does(task.Verify, task.Contradicted)
}

// TestTheEraserErasesTheProofWhereThePolicySaysSo: what is below the last full tile of the log is gone with the person, the rest is told.
func TestTheEraserErasesTheProofWhereThePolicySaysSo(t *testing.T) {
	w := newWorld(t, nil)
	w.linked(1, anyoneMe)
	early := w.events()[0].Subject
	for n := 0; len(w.events()) < tree.Width; n++ {
		w.post(2, fmt.Sprint("other", n), w.act("checkbox", "analytics")).is(201, "")
	}
	w.post(1, "late", w.act("checkbox", "analytics")).is(201, "")
	mine := func() (n int64) {
		for _, e := range w.events() {
			if e.Subject == early && e.Type != consent.EventSubjectShredded {
				n++
			}
		}
		return n
	}
	before := mine()
	p := newPod(w, map[string]string{"accountID": anyoneMe})
	p.serve(func(f *settings.File) {
		f.Spec.Ledger.OnErasure = v1alpha1.ProofErased
		f.Spec.Service.Clients = append(f.Spec.Service.Clients, v1alpha1.ConsentClient{ServiceAccount: eraserAccount, Rights: []v1alpha1.ClientRight{v1alpha1.RightCheck, v1alpha1.RightErase}})
	})
	events := &p.task.Dataset.Tables[4]
	events.Keep.Period = ""
	p.task.Dataset.Tables = append(p.task.Dataset.Tables, v1alpha1.DatasetTable{Schema: events.Schema, Name: events.Name, OnErasure: v1alpha1.EraseDeleteRows})
	plan := p.does(task.Plan, "")
	if rows := plan.Requests[0].Rows; rows[4] < 1 || rows[5] < 1 || rows[4]+rows[5] != before || len(plan.Requests[0].Until) != 0 {
		t.Errorf("%+v of %d", plan, before)
	}
	erased := p.does(task.Erase, "")
	if !slices.Equal(erased.Requests[0].Rows, plan.Requests[0].Rows) || mine() != plan.Requests[0].Rows[4] {
		t.Errorf("%+v; the plan said %+v, and %d are left", erased, plan, mine())
	}
	again := p.does(task.Erase, "")
	if rows := again.Requests[0].Rows; !again.Replayed || rows[4] != plan.Requests[0].Rows[4] || rows[5] != 0 {
		t.Errorf("%+v", again)
	}
	p.does(task.Verify, "")
}

// TestTheEraserOnlyReadsOnceAHoldStoppedIt: whom the ledger still knows stays known, and what was done before is told.
func TestTheEraserOnlyReadsOnceAHoldStoppedIt(t *testing.T) {
	w := newWorld(t, nil)
	w.linked(1, anyoneMe)
	p := newPod(w, map[string]string{"accountID": anyoneMe})
	rows := rowsOf(p.does(task.Plan, ""))
	p.task.CheckOnly = true
	p.does(task.Erase, task.Withheld)
	if rowsOf(p.does(task.Plan, "")) != rows {
		t.Error("the person was erased in spite of a hold")
	}
	p.task.CheckOnly = false
	p.does(task.Erase, "")
	p.task.CheckOnly = true
	if done := p.does(task.Erase, ""); !done.Replayed || rowsOf(done)[0] != 1 {
		t.Errorf("%+v", done)
	}

	w = newWorld(t, nil)
	w.linked(1, anyoneMe)
	p = newPod(w, map[string]string{"accountID": "never known", "consentReceipt": secretOf(1)})
	rows = rowsOf(p.does(task.Plan, ""))
	p.task.CheckOnly = true
	if stopped := p.does(task.Erase, task.Withheld); stopped.Done != 0 {
		t.Errorf("one who is known in part is not done: %+v", stopped)
	}
	if rowsOf(p.does(task.Plan, "")) != rows {
		t.Error("the person was erased in spite of a hold")
	}
}

func TestTheEraserSaysWhyItCannotErase(t *testing.T) {
	for name, c := range map[string]struct {
		step   task.Step
		change func(p *pod)
		reason task.Reason
	}{
		"another plan":    {task.Erase, func(p *pod) { p.task.PlanDigest = "sha256:another" }, task.PlanChanged},
		"no token":        {task.Plan, func(p *pod) { p.write(filepath.Join(p.options.Token, "token"), "") }, task.AuthenticationFailed},
		"a foreign token": {task.Plan, func(p *pod) { p.write(filepath.Join(p.options.Token, "token"), p.backend()) }, task.AuthenticationFailed},
		"no service":      {task.Plan, func(p *pod) { p.task.Connection.Port = 1 }, task.Unreachable},
		"ledger away":     {task.Plan, func(p *pod) { p.ledger.away.Store(true) }, task.Unreachable},
		"a scan":          {task.Scan, func(*pod) {}, task.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			p := newPod(w, map[string]string{"accountID": anyoneMe})
			c.change(p)
			p.does(c.step, c.reason)
		})
	}
	w := newWorld(t, nil)
	newPod(w, map[string]string{"consentSubject": "no reference"}).does(task.Plan, task.PlanImpossible)
}

// TestTheEraserFindsAPersonByWhatOnlyTheLedgerKnows: its own reference, and the secret of a receipt.
func TestTheEraserFindsAPersonByWhatOnlyTheLedgerKnows(t *testing.T) {
	for _, key := range []string{"consentSubject", "consentReceipt"} {
		w := newWorld(t, nil)
		w.linked(1, anyoneMe)
		value := secretOf(1)
		if key == "consentSubject" {
			value = w.events()[0].Subject.String()
		}
		p := newPod(w, map[string]string{key: value})
		if plan := p.does(task.Plan, ""); rowsOf(plan)[0] != 1 {
			t.Errorf("%s: %+v", key, plan)
		}
		p.does(task.Erase, "")
		p.does(task.Verify, "")
	}
}
