package e2e

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"

	"k8s.io/apimachinery/pkg/util/wait"
)

// resending sends a request again while the API server cannot connect to a webhook, as a user would: when a replica of
// the operator has died, its container restarts or kube-proxy still sends connections to it, for a second or two.
type resending struct{ next http.RoundTripper }

func (r resending) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := whole(request.Body)
	if err != nil {
		return nil, err
	}
	var last *http.Response
	poll := func(ctx context.Context) (bool, error) {
		again := request.Clone(ctx)
		if request.Body != nil {
			again.Body = io.NopCloser(bytes.NewReader(body))
		}
		last, err = r.next.RoundTrip(again)
		if err != nil || last.StatusCode != http.StatusInternalServerError {
			return true, err
		}
		answer, err := whole(last.Body)
		last.Body = io.NopCloser(bytes.NewReader(answer))
		return !unreached(answer), err
	}
	err = wait.ExponentialBackoffWithContext(request.Context(), wait.Backoff{Duration: pace / 2, Factor: 1, Steps: 20}, poll)
	if wait.Interrupted(err) && last != nil && request.Context().Err() == nil {
		return last, nil // nobody came back in time: what the API server said stands
	}
	return last, err
}

// unreached tells whether the API server says that it did not come to a webhook, or that none answered in time.
func unreached(answer []byte) bool {
	said := func(words string) bool { return bytes.Contains(answer, []byte(words)) }
	return said("failed calling webhook") && slices.ContainsFunc([]string{"connection refused", "connection reset", "no route to host", "EOF", "deadline exceeded", "i/o timeout"}, said)
}

func whole(body io.ReadCloser) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	defer func() { _ = body.Close() }()
	return io.ReadAll(body)
}

// resend gives a client the transport.
func resend(next http.RoundTripper) http.RoundTripper { return resending{next} }
