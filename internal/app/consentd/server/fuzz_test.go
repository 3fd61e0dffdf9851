package server_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"
	clocktesting "k8s.io/utils/clock/testing"
)

// FuzzAct: whatever a page sends, the service answers with a code that the document has, and never with a crash.
func FuzzAct(f *testing.F) {
	s, token, _, _ := standing(f, inMemory(f, uuid.New(), clocktesting.NewFakeClock(noon)))
	f.Add(`{"noticeToken":"","acts":[{"purpose":"analytics","decision":"granted"}],"method":"checkbox"}`, secretOf(1), "k")
	f.Add(`{"noticeToken":"TOKEN","acts":[{"purpose":"analytics","decision":"granted"}],"method":"checkbox"}`, secretOf(1), "k")
	f.Add(`{"noticeToken":"TOKEN","acts":[{"purpose":"conversation","decision":"granted"}],"method":"asserted-by-site","occurredAt":"2026-11-30T12:00:00Z","evidence":"e","oldEnoughFor":16}`, secretOf(2), "k")
	f.Add(`{"acts":null,"ui":{"shownMs":1e400}}`, "", "")
	f.Add(`[`, "x", "\x00")
	f.Fuzz(func(t *testing.T, body, bearer, key string) {
		q := request{method: "POST", path: "/v1/sites/shop/events", origin: shop, body: strings.ReplaceAll(body, "TOKEN", token)}
		r := q.build()
		r.Header["Authorization"] = []string{"Bearer " + bearer}
		r.Header["Idempotency-Key"] = []string{key}
		got := httptest.NewRecorder()
		s.ServeHTTP(got, r)
		if declared(t, q, got); got.Code >= 500 {
			t.Errorf("%d: %s", got.Code, got.Body)
		}
	})
}

// FuzzProgram: the same for what clients send.
func FuzzProgram(f *testing.F) {
	s, _, backend, desk := standing(f, inMemory(f, uuid.New(), clocktesting.NewFakeClock(noon)))
	paths := []string{"/v1/check", "/v1/gate:filter", "/v1/subjects:link", "/v1/subjects:invite", "/v1/subjects:erase", "/v1/subjects:export"}
	for i := range paths {
		f.Add(uint8(i), `{"subject":{"kind":"account","id":"a"},"record":"contact","data":{"email":"x"}}`)
		f.Add(uint8(i), `{"subjects":[{"kind":"subject","id":"7d444840-9dc0-81d1-b245-5ffdce74fad2"}]}`)
		f.Add(uint8(i), `{"subject":{"kind":"email","id":"a@b.example"},"site":"shop","kind":"withdraw","format":"kantara"}`)
	}
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		q := request{method: "POST", path: paths[int(which)%len(paths)], bearer: backend, body: body}
		if strings.HasSuffix(q.path, "erase") || strings.HasSuffix(q.path, "export") {
			q.bearer = desk
		}
		got := httptest.NewRecorder()
		s.ServeHTTP(got, q.build())
		if declared(t, q, got); got.Code >= 500 {
			t.Errorf("%d: %s", got.Code, got.Body)
		}
	})
}

// FuzzWithdrawal: no body makes a withdrawal fail but one that is no JSON, or names no purpose.
func FuzzWithdrawal(f *testing.F) {
	s, _, _, _ := standing(f, inMemory(f, uuid.New(), clocktesting.NewFakeClock(noon)))
	f.Add(`{"purposes":["analytics"]}`)
	f.Add(`{"purposes":null,"reason":"none of your business"}`)
	f.Add(``)
	f.Fuzz(func(t *testing.T, body string) {
		got := httptest.NewRecorder()
		s.ServeHTTP(got, request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(1), body: body}.build())
		var said struct{ Purposes []string }
		sound := body == "" || json.Unmarshal([]byte(body), &said) == nil && (said.Purposes == nil || len(said.Purposes) > 0)
		if want := map[bool]int{true: 204, false: 400}[sound]; got.Code != want {
			t.Errorf("%d, want %d: %s", got.Code, want, got.Body)
		}
	})
}

// FuzzPage: whatever a form sends to the page of a person, the answer is a code that the document has, and no markup of the sender's.
func FuzzPage(f *testing.F) {
	s, _, _, _ := standing(f, inMemory(f, uuid.New(), clocktesting.NewFakeClock(noon)))
	f.Add("secret="+secretOf(1)+"&action=see&lang=pl", "text/html")
	f.Add("secret="+secretOf(1)+"&action=erase&email=a%40b.example&account=%00", "")
	f.Add("secret=%7B%22k%22%3A%22"+secretOf(2)+"%22%7D&action=withdraw&purpose=analytics&purpose=%FF", "text/html")
	f.Add("secret=%257B&action=receipts", "")
	f.Add("token="+strings.Repeat("A", 43)+"&action=export&lang=%3Cscript%3E", "text/html")
	f.Add("%zz", "text/html")
	f.Fuzz(func(t *testing.T, body, accept string) {
		q := request{method: "POST", path: "/me/shop", kind: "application/x-www-form-urlencoded", body: body, header: map[string]string{"Accept": accept}}
		got := httptest.NewRecorder()
		s.ServeHTTP(got, q.build())
		if declared(t, q, got); got.Code >= 500 {
			t.Errorf("%d: %s", got.Code, got.Body)
		}
		if page := got.Body.String(); strings.Contains(page, "<script") || strings.Contains(page, "<no value>") {
			t.Errorf("%q: %s", body, page)
		}
	})
}
