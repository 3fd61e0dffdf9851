package postgres

import (
	"context"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
)

// makeIdentifiers creates the temporary table that load fills.
const makeIdentifiers = `CREATE TEMPORARY TABLE ` + identifiers + ` (req pg_catalog.int4 NOT NULL, kind pg_catalog.text NOT NULL, value pg_catalog.text, number pg_catalog.int8, uuid pg_catalog.uuid, digits pg_catalog.text, folded pg_catalog.text) ON COMMIT DELETE ROWS`

// load returns what puts the identifiers of the people into a temporary table, each as a store may spell it.
func (s *session) load(ctx context.Context, subjects []subject.Subject) ([]query, error) {
	var (
		reqs, partly                   []int32
		kinds, values                  []string
		numbers, uuids, withoutLetters []string
	)
	s.kinds = map[v1alpha1.IdentifierKind]int64{}
	if err := s.learnSpaces(ctx); err != nil {
		return nil, err
	}
	for req, person := range subjects {
		if person.IsPartly() {
			partly = append(partly, int32(req))
		}
		for _, kind := range person.Kinds() {
			written, err := s.writable(ctx, forms(person, kind))
			if err != nil {
				return nil, err
			}
			s.kinds[kind] += int64(len(written))
			for _, value := range written {
				reqs, kinds, values = append(reqs, int32(req)), append(kinds, string(kind)), append(values, value)
				numbers, uuids, withoutLetters = append(numbers, number(value)), append(uuids, uuid(value)), append(withoutLetters, digits(value))
			}
		}
	}
	queries := []query{
		// Without NULL in the arrays: a database with array_nulls off reads it as a word.
		{sql: `INSERT INTO ` + identifiers + ` (req, kind, value, number, uuid, digits, folded) SELECT i.req, i.kind, i.value,
  CASE WHEN i.number OPERATOR(pg_catalog.<>) '' THEN i.number::pg_catalog.int8 END, CASE WHEN i.uuid OPERATOR(pg_catalog.<>) '' THEN i.uuid::pg_catalog.uuid END, i.digits, pg_catalog.lower(i.value)
FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.int4[]), pg_catalog.unnest($2::pg_catalog.text[]), pg_catalog.unnest($3::pg_catalog.text[]),
  pg_catalog.unnest($4::pg_catalog.text[]), pg_catalog.unnest($5::pg_catalog.text[]), pg_catalog.unnest($6::pg_catalog.text[])) AS i (req, kind, value, number, uuid, digits)`,
			args: []any{reqs, kinds, values, numbers, uuids, withoutLetters}},
	}
	if len(partly) > 0 { // an address that nobody knows, and that is like no other
		queries = append(queries, query{args: []any{partly}, sql: `INSERT INTO ` + identifiers + ` (req, kind) SELECT p.req, '` +
			string(v1alpha1.IdentifierEmail) + `' FROM pg_catalog.unnest($1::pg_catalog.int4[]) AS p (req)`})
	}
	return append(queries, query{sql: "ANALYZE " + identifiers}), nil
}
