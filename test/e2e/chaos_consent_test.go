package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// visitorsAtOnce act, link and withdraw beside each other.
const visitorsAtOnce = 3

// visit is one visitor: an act that was acknowledged, and perhaps a withdrawal.
type visit struct {
	account   string
	receipt   string
	withdraws bool
	withdrawn bool
}

// visitors ask the demo's consent service by the address of its Service: a forwarded port dies with its pod.
type visitors struct {
	c       *chaos
	r       *rand.Rand
	address string
	backend string
	caller  *http.Client
	given   string // acts, and withdrawals, that the ledger had before
	taken   string
}

func newVisitors(t *testing.T, c *chaos, r *rand.Rand) *visitors {
	t.Helper()
	_ = consentService(t) // it is ready
	service := &corev1.Service{}
	service.Namespace, service.Name = demoNamespace, "chat-consentd"
	account := create(t, admin, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: demoNamespace, Name: "shop-backend"}})
	issued := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{"consentd"}, ExpirationSeconds: ptr.To(int64(86400))}}
	if err := admin.SubResource("token").Create(t.Context(), account, issued); err != nil {
		t.Fatal(err)
	}
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(service), service); err != nil {
		t.Fatal(err)
	}
	v := &visitors{c: c, r: r, address: service.Spec.ClusterIP, backend: issued.Status.Token, caller: &http.Client{
		Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
	}}
	v.given, v.taken = v.counts(t.Context())
	return v
}

// counts are the acts and withdrawals of the ledger.
func (v *visitors) counts(ctx context.Context) (given, taken string) {
	count := func(kind string) string {
		n, err := query(ctx, "chat-ledger-0", "consent", fmt.Sprintf("SELECT count(*) FROM consent.events WHERE type = '%s' AND purpose = 'newsletter'", kind))
		if err != nil {
			v.c.fault("the ledger does not count: %v", err)
		}
		return n
	}
	return count(eventGiven), count(eventWithdrawn)
}

const eventGiven, eventWithdrawn = "consent.given", "consent.withdrawn"

// until has visitors come until killing ends; who has come is served to the end.
func (v *visitors) until(killing, ctx context.Context) {
	rest, cancel := context.WithTimeout(ctx, *chaosTime+chaosEnd)
	defer cancel()
	var all sync.WaitGroup
	var draw sync.Mutex
	for worker := range visitorsAtOnce {
		all.Go(func() {
			for n := 0; killing.Err() == nil; n++ {
				draw.Lock()
				one := &visit{account: fmt.Sprintf("chaos-%d-%d-%d", *chaosSeed, worker, n), withdraws: v.r.IntN(2) == 0}
				draw.Unlock()
				v.serve(rest, one)
				pause(killing, time.Second)
			}
		})
	}
	all.Wait()
}

// serve is a whole visit; each step is repeated until it is answered.
func (v *visitors) serve(ctx context.Context, one *visit) {
	secret := drawn()
	var words struct{ Token string }
	if v.insist(ctx, http.StatusOK, http.MethodGet, "/w/shop/notice.en.json", nil, &words) != nil {
		return // before an act nothing is owed to a visitor
	}
	act := object{
		"noticeToken": words.Token, "method": "checkbox", "ui": object{"shownMs": 900, "visible": true}, "occurredAt": time.Now().UTC(),
		"acts": []object{{"type": "consent.given", "purpose": "newsletter", "decision": "granted"}},
	}
	var recorded struct{ Receipt string }
	page := []string{"Origin", "https://shop.parley.example", "Authorization", "Bearer " + secret}
	if err := v.insist(ctx, http.StatusCreated, http.MethodPost, "/v1/sites/shop/events", act, &recorded, append(page, "Idempotency-Key", drawn())...); err != nil {
		v.c.fault("an act is not acknowledged: %v", err)
		return
	}
	one.receipt = recorded.Receipt
	v.c.mutex.Lock()
	v.c.visits = append(v.c.visits, one)
	v.c.mutex.Unlock()
	link := object{"known": object{"kind": "receipt", "id": secret}, "other": object{"kind": "account", "id": one.account}}
	if err := v.insist(ctx, http.StatusNoContent, http.MethodPost, "/v1/subjects:link", link, nil, "Authorization", "Bearer "+v.backend); err != nil {
		v.c.fault("%s is not linked: %v", one.account, err)
		return
	}
	if !one.withdraws {
		return
	}
	if err := v.insist(ctx, http.StatusNoContent, http.MethodPost, "/v1/sites/shop/withdrawals", object{"purposes": []string{"newsletter"}}, nil, page...); err != nil {
		v.c.fault("%s cannot withdraw: %v", one.account, err)
		return
	}
	// The service promises a second to its caches, and an answer may take as long as a process that was killed.
	pause(ctx, 2*time.Second)
	v.c.mutex.Lock()
	one.withdrawn = true
	v.c.mutex.Unlock()
	v.closed(ctx, one)
}

// closed sees that whoever withdrew is not written to.
func (v *visitors) closed(ctx context.Context, one *visit) {
	if passes, err := v.passes(ctx, one); err != nil || passes == one.withdrawn {
		v.c.fault("%s, withdrawn %t: the gate passes the address: %t, %v", one.account, one.withdrawn, passes, err)
	}
}

func (v *visitors) passes(ctx context.Context, one *visit) (bool, error) {
	var got struct{ Data object }
	err := v.insist(ctx, http.StatusOK, http.MethodPost, "/v1/gate:filter", object{
		"subject": object{"kind": "account", "id": one.account}, "record": "contact", "data": object{"email": "chaos@parley.example"},
	}, &got, "Authorization", "Bearer "+v.backend)
	return got.Data["email"] != nil, err
}

// insist asks until it is answered as is wanted, or the context ends; a service that is dead, or on a machine that stands still, answers
// otherwise for a while.
func (v *visitors) insist(ctx context.Context, want int, method, path string, body, into any, header ...string) error {
	content, err := json.Marshal(body)
	if err != nil {
		return err
	}
	last := ctx.Err()
	for ; ctx.Err() == nil; pause(ctx, pace) {
		answer, err := v.once(ctx, want, method, path, content, header)
		if err == nil {
			if into == nil {
				return nil
			}
			return json.Unmarshal(answer, into)
		}
		v.c.again(err)
		last = err
	}
	return fmt.Errorf("%s %s, the last time: %w", method, path, last)
}

func (v *visitors) once(ctx context.Context, want int, method, path string, content []byte, header []string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+v.address+path, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := v.caller.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != want {
		err = fmt.Errorf("%d, want %d: %.200s", response.StatusCode, want, answer)
	}
	return answer, err
}
