// Package postgrestest starts PostgreSQL servers for tests: own data in a temporary folder, loopback, a free port, gone
// when the test ends. It installs nothing.
package postgrestest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Superuser and its password, of every server.
const (
	Superuser = "root_of_test"
	Password  = "a password of a test"
)

// folders where Debian and others put the server's programs, newest supported version first.
var folders = []string{"/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/17/bin", "/usr/pgsql-15/bin", "/usr/local/pgsql/bin"}

// Server is a running PostgreSQL.
type Server struct {
	Port   int32
	Bin    string // folder of its programs, psql among them
	Folder string
	count  atomic.Int64
	// What Crash ends and starts again.
	process  *process
	settings []string
}

// Start starts a server that ends with the test. Settings are lines of postgresql.conf. Without the server's programs
// the test fails: skipping would leave what erases people untested.
func Start(tb testing.TB, settings ...string) *Server {
	tb.Helper()
	server, stop, err := Run(settings...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(stop)
	return server
}

// Run starts a server for a whole package or program; the caller calls stop.
func Run(settings ...string) (server *Server, stop func(), err error) {
	bin := ""
	for _, folder := range folders {
		if _, err := os.Stat(filepath.Join(folder, "initdb")); err == nil {
			bin = folder
			break
		}
	}
	if bin == "" {
		return nil, nil, fmt.Errorf("PostgreSQL's server programs are missing: install them, on Debian with \"apt-get install postgresql-15\"")
	}
	folder, err := os.MkdirTemp("", "rempart-pg-")
	if err != nil {
		return nil, nil, err
	}
	s := &Server{Bin: bin, Folder: folder, settings: settings}
	if s.process, err = s.start(settings); err != nil {
		_ = os.RemoveAll(folder)
		return nil, nil, err
	}
	return s, func() {
		s.process.end(syscall.SIGQUIT) // immediate shutdown: nothing here is worth a checkpoint
		_ = os.RemoveAll(folder)
	}, nil
}

// process is a server's process, waited for from its start on, so that its end is seen at once.
type process struct {
	*exec.Cmd
	ended chan struct{}
}

func launch(command *exec.Cmd) (*process, error) {
	if err := command.Start(); err != nil {
		return nil, err
	}
	p := &process{Cmd: command, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		_ = p.Wait()
	}()
	return p, nil
}

// end sends a signal and waits until the process is gone.
func (p *process) end(signal os.Signal) {
	_ = p.Process.Signal(signal)
	<-p.ended
}

func (s *Server) start(settings []string) (*process, error) {
	as, err := credential(s.Folder)
	if err != nil {
		return nil, err
	}
	secret := filepath.Join(s.Folder, "password")
	if err := os.WriteFile(secret, []byte(Password), 0o644); err != nil {
		return nil, err
	}
	data := s.data()
	initdb := exec.Command(filepath.Join(s.Bin, "initdb"), "-D", data, "-U", Superuser, "--pwfile="+secret, "--auth=scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "-N")
	initdb.SysProcAttr, initdb.Dir = as, s.Folder
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	return s.serve(data, settings)
}

func (s *Server) data() string { return filepath.Join(s.Folder, "data") }

// Crash stops the server at once, as pg_ctl stop -m immediate does, and starts it again, on another port: it comes back by
// recovery from its log.
func (s *Server) Crash(tb testing.TB) {
	tb.Helper()
	s.process.end(syscall.SIGQUIT)
	process, err := s.serve(s.data(), s.settings)
	if err != nil {
		tb.Fatal(err)
	}
	s.process = process
}

// Restore starts another server from a base backup that is taken now and, when the returned function is called, comes up as
// it was then: what a restore brings back.
func (s *Server) Restore(tb testing.TB) func() *Server {
	tb.Helper()
	folder, err := os.MkdirTemp("", "rempart-pg-") //nolint:usetesting // a socket needs a short path, and another user may enter
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(folder) })
	as, err := credential(folder)
	if err != nil {
		tb.Fatal(err)
	}
	data := filepath.Join(folder, "data")
	backup := exec.Command(filepath.Join(s.Bin, "pg_basebackup"), "-D", data, "-h", "127.0.0.1", "-p", strconv.Itoa(int(s.Port)), "-U", Superuser, "-X", "stream", "-c", "fast")
	backup.SysProcAttr, backup.Dir, backup.Env = as, folder, append(os.Environ(), "PGPASSWORD="+Password)
	if out, err := backup.CombinedOutput(); err != nil {
		tb.Fatalf("pg_basebackup: %v: %s", err, out)
	}
	return func() *Server {
		tb.Helper()
		restored := &Server{Bin: s.Bin, Folder: folder}
		process, err := restored.serve(data, nil)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { process.end(syscall.SIGQUIT) })
		return restored
	}
}

// serve starts a server over a data folder.
func (s *Server) serve(data string, settings []string) (*process, error) {
	as, err := credential(s.Folder)
	if err != nil {
		return nil, err
	}
	// Another process may take the port between choosing and binding; then the next one is tried.
	for range 5 {
		if s.Port, err = freePort(); err != nil {
			return nil, err
		}
		args := []string{"-D", data, "-c", "listen_addresses=127.0.0.1", "-c", "port=" + strconv.Itoa(int(s.Port)), "-k", s.Folder,
			"-c", "fsync=off", "-c", "shared_buffers=64MB", "-c", "max_connections=60", "-c", "autovacuum=off"}
		for _, line := range settings {
			args = append(args, "-c", line)
		}
		var log bytes.Buffer
		command := exec.Command(filepath.Join(s.Bin, "postgres"), args...)
		command.SysProcAttr, command.Dir, command.Stdout, command.Stderr = as, s.Folder, &log, &log
		server, launched := launch(command)
		if launched != nil {
			return nil, launched
		}
		if err = s.await(server); err == nil {
			return server, nil
		}
		server.end(syscall.SIGKILL)
		err = fmt.Errorf("%w: %s", err, log.String())
	}
	return nil, err
}

// credential makes the server run as another user than root, to whom the folder then belongs.
func credential(folder string) (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return &syscall.SysProcAttr{}, nil
	}
	other, err := user.Lookup("postgres")
	if err != nil {
		if other, err = user.Lookup("nobody"); err != nil {
			return nil, fmt.Errorf("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody: %w", err)
		}
	}
	uid, _ := strconv.Atoi(other.Uid)
	gid, _ := strconv.Atoi(other.Gid)
	if err := os.Chown(folder, uid, gid); err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

func freePort() (int32, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return int32(l.Addr().(*net.TCPAddr).Port), nil
}

// await waits until the server answers, or has ended.
func (s *Server) await(server *process) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		if s.answers(ctx) {
			return nil
		}
		select {
		case <-server.ended:
			return errors.New("the server ended before it answered")
		case <-ctx.Done():
			return errors.New("the server did not answer in time")
		case <-look.C:
		}
	}
}

// answers tells whether the server takes connections.
func (s *Server) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return false
	}
	return conn.Close(ctx) == nil
}

// URL is the superuser's connection string for a database.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("host=127.0.0.1 port=%d user=%s password='%s' dbname='%s' sslmode=disable", s.Port, Superuser, Password, database)
}

// Database creates a database of its own for a test and returns its name and a superuser's connection to it.
func (s *Server) Database(tb testing.TB) (string, *pgx.Conn) {
	tb.Helper()
	name := fmt.Sprintf("test_%d", s.count.Add(1))
	admin := s.Connect(tb, "postgres")
	if _, err := admin.Exec(tb.Context(), "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		tb.Fatal(err)
	}
	return name, s.Connect(tb, name)
}

// Connect opens a superuser's connection that ends with the test.
func (s *Server) Connect(tb testing.TB, database string) *pgx.Conn {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), s.URL(database))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}
