// Command hook receives Standard Webhooks for the demo and the tests: it checks signatures, keeps what came, and fails on
// request, as a receiver of a customer might.
//
//	POST /gdpr              a message; answers 204, or the status that /fail set
//	GET  /messages          what came, as JSON: id, whether the signature was right, body, status that was answered
//	POST /fail?status=500   answer so from now on; 0 ends it
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const maxBody = 1 << 20

type message struct {
	ID     string          `json:"id"`
	Signed bool            `json:"signed"`
	Body   json.RawMessage `json:"body"`
	Status int             `json:"status"`
}

type receiver struct {
	mu       sync.Mutex
	secret   []byte
	messages []message
	fail     int
}

func main() {
	secret, err := os.ReadFile("/etc/hook/secret")
	if err != nil {
		log.Fatal("reading the signing secret: ", err)
	}
	r := &receiver{secret: []byte(strings.TrimSpace(string(secret)))}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /gdpr", r.receive)
	mux.HandleFunc("GET /messages", r.list)
	mux.HandleFunc("POST /fail", r.setFailure)
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	server := &http.Server{Addr: ":8080", Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func (r *receiver) receive(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, maxBody))
	if err != nil || !json.Valid(body) {
		http.Error(w, "not JSON", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	status := http.StatusNoContent
	if r.fail != 0 {
		status = r.fail
	}
	r.messages = append(r.messages, message{
		ID:     request.Header.Get("Webhook-Id"),
		Signed: r.signed(request.Header, body),
		Body:   body,
		Status: status,
	})
	w.WriteHeader(status)
}

// signed checks the header webhook-signature: "v1," and the base64 of HMAC-SHA-256 over id.timestamp.body.
func (r *receiver) signed(header http.Header, body []byte) bool {
	mac := hmac.New(sha256.New, r.secret)
	io.WriteString(mac, header.Get("Webhook-Id")+"."+header.Get("Webhook-Timestamp")+".")
	mac.Write(body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for have := range strings.FieldsSeq(header.Get("Webhook-Signature")) {
		if hmac.Equal([]byte(have), []byte(want)) {
			return true
		}
	}
	return false
}

func (r *receiver) list(w http.ResponseWriter, _ *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(r.messages); err != nil {
		log.Print("answering: ", err)
	}
}

func (r *receiver) setFailure(_ http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail, _ = strconv.Atoi(request.URL.Query().Get("status"))
}
