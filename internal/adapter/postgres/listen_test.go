package postgres_test

import (
	"net"
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/adapter/postgres"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// speaking listens, says words to whoever comes, and closes.
func speaking(t *testing.T, words string) int32 {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 512)) // what the client says first
			_, _ = conn.Write([]byte(words))
			_ = conn.Close()
		}
	}()
	return int32(listener.Addr().(*net.TCPAddr).Port) //nolint:gosec // a port
}

// TestWhatIsNoPostgreSQLIsNotToldApart: whoever writes a register chooses where an eraser dials, and shall not learn what listens there.
func TestWhatIsNoPostgreSQLIsNotToldApart(t *testing.T) {
	var closed task.Outcome
	for _, words := range []string{"-", "", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "220 mail ESMTP\r\n", "+OK ready\r\n", "-ERR unknown\r\n", "ERROR\r\n",
		"J\x00\x00\x00\x0a8.0.36\x00", "\x15\x03\x01\x00\x02\x02\x46", "\x00\x00\x00\x00"} {
		for _, mode := range []v1alpha1.TLSMode{v1alpha1.TLSDisable, v1alpha1.TLSRequire, v1alpha1.TLSVerifyFull} {
			port := int32(1)
			if words != "-" {
				port = speaking(t, words)
			}
			e := &postgres.Engine{Config: postgres.Config{Username: "u", Password: "p", Dial: (&net.Dialer{}).DialContext,
				Connection: task.Connection{Host: "127.0.0.1", Port: port, Database: "d", TLS: task.TLS{Mode: mode}}}, Log: func(task.Trace) {}}
			got := e.Scan(t.Context(), task.Task{RunUID: "r", Epoch: 1, Register: "r", Store: "s", Engine: v1alpha1.EnginePostgreSQL, Dataset: &v1alpha1.Dataset{}})
			if words == "-" && mode == v1alpha1.TLSDisable {
				closed = got
			}
			if got.Reason != task.Unreachable || got.Message != closed.Message || len(got.Names) != 0 {
				t.Errorf("%q, %s: %s %q", words, mode, got.Reason, got.Message)
			}
		}
	}
}
