package postgres_test

import (
	"context"
	"testing"
)

// TestHashesAreKeptAsTheyAre: to compress them takes longer than to write them, and is in vain. A table of before is brought to it, and one
// that a run writes to is not waited for when it is so already.
func TestHashesAreKeptAsTheyAre(t *testing.T) {
	s := newStore(t, onePerson, oneTable)
	stored := "SELECT string_agg(attstorage::text, '' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'rempart.destroyed'::regclass AND attname IN ('quick', 'hashes', 'row_keys')"
	s.want("eee", stored)
	s.sql("ALTER TABLE rempart.destroyed ALTER quick SET STORAGE EXTENDED, ALTER hashes SET STORAGE EXTENDED, ALTER row_keys SET STORAGE EXTENDED")
	s.want("xxx", stored)
	if o := s.provision(); !o.OK {
		t.Fatalf("%+v", o)
	}
	s.want("eee", stored)
	run, err := s.db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = run.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := run.Exec(t.Context(), "LOCK TABLE rempart.destroyed IN ROW EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	if o := s.provision(); !o.OK {
		t.Errorf("%+v", o)
	}
}
