package postgres_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rempart-dev/rempart/internal/adapter/postgres/postgrestest"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// disk is a tablespace on a file system of its own of 8 MiB.
type disk struct {
	*testing.T
	folder string
}

func (d disk) filler() string { return filepath.Join(d.folder, "filler") }

// newDisk mounts the file system, which goes with the test, as the server must.
func newDisk(t *testing.T, server *postgrestest.Server, tablespace string) disk {
	t.Helper()
	d := disk{T: t, folder: filepath.Join(server.Folder, tablespace)}
	if err := os.Mkdir(d.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	owner := &syscall.Stat_t{}
	if err := syscall.Stat(server.Folder, owner); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", d.folder, "tmpfs", 0, fmt.Sprintf("size=8m,mode=0700,uid=%d,gid=%d", owner.Uid, owner.Gid)); err != nil {
		t.Skipf("a disk that is full needs the right to mount one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(d.folder, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	admin := server.Connect(t, "postgres")
	if _, err := admin.Exec(t.Context(), fmt.Sprintf("CREATE TABLESPACE %s LOCATION '%s'", tablespace, d.folder)); err != nil {
		t.Fatal(err)
	}
	return d
}

// fill takes all the room that is left.
func (d disk) fill() {
	d.Helper()
	f, err := os.Create(d.filler())
	if err != nil {
		d.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		d.Fatal(err)
	}
}

func (d disk) makeRoom() {
	d.Helper()
	if err := os.Remove(d.filler()); err != nil {
		d.Fatal(err)
	}
}

// TestAFullDiskErasesNothingAndTheSameRunEndsOnceThereIsRoom: the store really has no room, for the rows that a mask writes anew or
// for the ledger, after which nothing may be half done.
func TestAFullDiskErasesNothingAndTheSameRunEndsOnceThereIsRoom(t *testing.T) {
	const table = `CREATE TABLE people (id int PRIMARY KEY, email text, note text) TABLESPACE %s;
INSERT INTO people SELECT n, CASE WHEN n %% 2 = 0 THEN 'ada@example.org' ELSE 'bob@example.org' END, 'note' FROM generate_series(1, 4000) n;`
	for tablespace, c := range map[string]struct{ sql, dataset, later, want string }{
		"full_rows": {
			sql:     fmt.Sprintf(table, "full_rows"),
			dataset: `tables: [{name: people, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email}, {name: note}], onErasure: MaskColumns}]`,
			want:    "0 public.people MaskColumns 2000",
		},
		"full_ledger": {
			sql: fmt.Sprintf(table, "pg_default"), dataset: oneTable, later: `ALTER TABLE rempart.ledger SET TABLESPACE full_ledger`,
			want: "0 public.people DeleteRows 2000",
		},
	} {
		t.Run(tablespace, func(t *testing.T) {
			own := postgrestest.Start(t)
			d := newDisk(t, own, tablespace)
			s := newStoreOn(t, own, c.sql, c.dataset)
			if c.later != "" {
				s.sql(c.later)
			}
			who := email("ada@example.org")
			before := s.sum("TABLE people")
			s.sql("CHECKPOINT")
			d.fill()
			for range 2 {
				o := s.erase("run-1", who)
				if o.OK || o.Reason != task.Interrupted || !o.Reason.Retryable() || !strings.Contains(o.Message, "no room") {
					t.Fatalf("%+v", o)
				}
				if s.sum("TABLE people") != before {
					t.Error("rows changed")
				}
				s.want("0", "SELECT count(*) FROM rempart.ledger")
			}
			d.makeRoom()
			if o := s.erase("run-1", who); !o.OK || o.Replayed || counts(o) != c.want {
				t.Fatalf("%+v", o)
			}
			s.want("2000", "SELECT count(*) FROM people WHERE email = 'bob@example.org'")
			s.want("0", "SELECT count(*) FROM people WHERE email = 'ada@example.org'")
			s.want("1", "SELECT count(*) FROM rempart.ledger")
			if o := s.verify(who); !o.OK {
				t.Errorf("%+v", o)
			}
			if again := s.erase("run-1", who); !again.OK || !again.Replayed {
				t.Errorf("%+v", again)
			}
			s.want("1", "SELECT count(*) FROM rempart.ledger")
		})
	}
}
