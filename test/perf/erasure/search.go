package erasure

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// textColumns lists, table by table, the columns in which the verifier looks for addresses: those that can hold text.
const textColumns = `
SELECT c.relname::text, string_agg('x.' || quote_ident(a.attname) || '::text', ', ' ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND (t.typcategory = 'S' OR t.typname IN ('json', 'jsonb'))
GROUP BY c.relname ORDER BY c.relname`

// search is a script for psql that looks for addresses in the same columns as the verifier does, as a person would write it
// who has many addresses to look for: each text is taken apart into addresses, once. What the verifier knows beyond that
// (addresses that are encoded, who may keep what, since when) is not in it.
func search(ctx context.Context, conn *pgx.Conn) (string, error) {
	rows, err := conn.Query(ctx, textColumns)
	if err != nil {
		return "", err
	}
	var name, columns string
	var parts []string
	_, err = pgx.ForEachRow(rows, []any{&name, &columns}, func() error {
		text := columns
		if strings.Contains(columns, ", ") {
			text = "concat_ws(' ', " + columns + ")"
		}
		parts = append(parts, fmt.Sprintf(`SELECT '%[1]s', count(*) FROM %[1]s x CROSS JOIN LATERAL regexp_matches(lower(%[2]s), '[^][:space:]<>(){},;:"]+@[^][:space:]<>(){},;:"]+', 'g') m
  JOIN wanted w ON w.email = m[1] WHERE strpos(%[2]s, '@') > 0;`, name, text))
		return nil
	})
	return `\set ON_ERROR_STOP on
BEGIN;
CREATE TEMPORARY TABLE wanted (email text) ON COMMIT DROP;
COPY wanted FROM STDIN;
--addresses--
\.
ANALYZE wanted;
` + strings.Join(parts, "\n") + "\nCOMMIT;\n", err
}
