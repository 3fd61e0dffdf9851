package postgres_test

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/adapter/postgres"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// TestNobodyIsToldThePassword: whoever has taken the store's name asks for the password in clear or as MD5 (PostgreSQL protocol,
// AuthenticationCleartextPassword and AuthenticationMD5Password), or lets everybody in to be told whom to look for. They are told
// the name of the role, and nothing more.
func TestNobodyIsToldThePassword(t *testing.T) {
	const password = "the password of the eraser"
	for name, ask := range map[string][]byte{
		"in clear": {'R', 0, 0, 0, 8, 0, 0, 0, 3}, "as MD5": {'R', 0, 0, 0, 12, 0, 0, 0, 5, 1, 2, 3, 4},
		"none": {'R', 0, 0, 0, 8, 0, 0, 0, 0, 'Z', 0, 0, 0, 5, 'I'},
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		told := make(chan string, 1)
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				told <- err.Error()
				return
			}
			defer func() { _ = conn.Close() }()
			var n uint32
			_ = binary.Read(conn, binary.BigEndian, &n)
			_, _ = io.CopyN(io.Discard, conn, int64(n)-4) // the start of the session, with the name of the role
			_, _ = conn.Write(ask)
			rest, _ := io.ReadAll(conn)
			told <- string(rest)
		}()
		e := &postgres.Engine{Config: postgres.Config{Username: "rempart_eraser", Password: password, Dial: (&net.Dialer{}).DialContext,
			Connection: task.Connection{Host: "127.0.0.1", Port: int32(listener.Addr().(*net.TCPAddr).Port), Database: "crm", TLS: task.TLS{Mode: v1alpha1.TLSDisable}}}} //nolint:gosec // a port
		if o := e.Scan(t.Context(), task.Task{Dataset: &v1alpha1.Dataset{}}); o.OK || o.Reason != task.AuthenticationWeak || strings.Contains(o.Message, password) {
			t.Errorf("%s: %s: %s", name, o.Reason, o.Message)
		}
		if rest := <-told; rest != "" {
			t.Errorf("%s: the server was told %d bytes more", name, len(rest))
		}
		_ = listener.Close()
	}
}
