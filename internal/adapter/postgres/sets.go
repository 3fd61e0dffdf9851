package postgres

import (
	"context"
	"fmt"
	"strings"
)

// analyzeFrom is how many rows a set must have before the planner is told what is in it. Of a smaller one it is told how
// many there are: it would take an unknown set for a large one, and read whole tables.
const analyzeFrom = 100

// prepare returns the statements that make the temporary tables, empty; none where a transaction before made the same ones. They lose
// their rows with the transaction: to make them for each of many takes longer than to erase a person, and leaves the store's catalogue
// hundreds of dead rows each time.
func (c *collector) prepare(ctx context.Context) ([]string, error) {
	statements := append(c.sets(), makeIdentifiers)
	switch c.layout = c.plan.Digest + strings.Join(statements, ";"); c.kept {
	case c.layout:
		copy(c.told, c.session.told)
		return nil, nil
	case "":
		return statements, nil
	default:
		c.kept = ""
		return statements, c.all(ctx, "DISCARD TEMP")
	}
}

// sets makes the statements that create the sets.
func (c *collector) sets() []string {
	var statements []string
	for i := range c.plan.Members {
		if c.leaves[i] != nil {
			continue
		}
		m := &c.plan.Members[i]
		statements = append(statements, fmt.Sprintf(
			`CREATE TEMPORARY TABLE %s ON COMMIT DELETE ROWS AS SELECT 0::pg_catalog.int4 AS req, false AS seed, 0::pg_catalog.int4 AS rnd, 0::pg_catalog.int2 AS state, NULL::pg_catalog.date AS until, %s FROM %s AS t WITH NO DATA`,
			setOf(i), rowColumns(m), table(m.Table)))
		if several(m) {
			statements = append(statements, fmt.Sprintf(`CREATE TEMPORARY TABLE %s ON COMMIT DELETE ROWS AS SELECT req, %s, false AS fresh FROM %s WITH NO DATA`,
				severalOf(i), strings.Join(keyNames(m), ", "), setOf(i)))
		}
		if c.sharable(i) {
			statements = append(statements, fmt.Sprintf(`CREATE TEMPORARY TABLE %s ON COMMIT DELETE ROWS AS SELECT req, %s FROM %s WITH NO DATA`,
				sharedOf(i), strings.Join(keyNames(m), ", "), setOf(i)))
		}
	}
	return statements
}

// send runs queries about the sets, in one round trip, once the planner is told what they need to know. Without queries it need not be told yet.
func (c *collector) send(ctx context.Context, queries ...query) error {
	if len(queries) == 0 {
		return nil
	}
	return c.several(ctx, append(c.tell(), queries...)...)
}

// tell tells the planner of sets that have grown or shrunk to twice or half of what it knows; from there on it goes by the size of
// their files.
func (c *collector) tell() (queries []query) {
	for i, n := range c.mine {
		if n == 0 || c.leaves[i] != nil || n < 2*c.told[i] && 2*n > c.told[i] {
			continue
		}
		sql := "ANALYZE " + setOf(i)
		if n < analyzeFrom {
			sql += " (req)"
		}
		queries, c.told[i] = append(queries, query{sql: sql}), n
	}
	return queries
}
