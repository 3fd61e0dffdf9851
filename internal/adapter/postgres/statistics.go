package postgres

import (
	"context"
	"strings"

	"github.com/rempart-dev/rempart/internal/erasure/plan"
)

// statistics returns the tables of members of whose columns the planner's statistics still name people: the store keeps samples of the
// values until it analyses the table again.
func (v *search) statistics(ctx context.Context, schema *plan.Schema) ([]string, error) {
	samples := &plan.Table{}
	for _, name := range []string{"most_common_vals", "most_common_elems", "histogram_bounds"} {
		samples.Columns = append(samples.Columns, plan.Column{Name: name, Searchable: true})
	}
	aside := &search{session: v.session, plan: v.plan, tally: newTally(0), terms: v.terms.withoutCodes()} // a sample is an array of values
	for i := range v.plan.Members {
		m := &v.plan.Members[i]
		for _, group := range sampled(schema, m.Table) {
			samples.Schema, samples.Name = group[0].Schema, group[0].Name
			if err := aside.look(ctx, samples, m.Action, false, aside.byText(samples, samplesOf(group), "false", "NULL::pg_catalog.date")); err != nil {
				return nil, err
			}
		}
	}
	return aside.found, nil
}

// sampled groups a table and its parts by what an owner runs ANALYZE on, the first of each: to analyse a partitioned table analyses
// all its parts, and to analyse one from which others inherit does not analyse these.
func sampled(schema *plan.Schema, t *plan.Table) [][]*plan.Table {
	groups := [][]*plan.Table{{t}}
	for _, h := range schema.Heirs(t) {
		if t.Kind == plan.Partitioned {
			groups[0] = append(groups[0], h)
		} else {
			groups = append(groups, []*plan.Table{h})
		}
	}
	return groups
}

// samplesOf are the samples of the columns of some tables, as a table.
func samplesOf(tables []*plan.Table) string {
	var names []string
	for _, t := range tables {
		names = append(names, "("+literal(t.Schema)+", "+literal(t.Name)+")")
	}
	return "(SELECT 0::pg_catalog.oid AS tableoid, '(0,0)'::pg_catalog.tid AS ctid, p.most_common_vals, p.most_common_elems, p.histogram_bounds FROM pg_catalog.pg_stats AS p WHERE (p.schemaname, p.tablename) IN (" +
		strings.Join(names, ", ") + "))"
}

// jointSamples names the tables of which the store samples several columns together, or expressions: only their owner can look into these.
func (s *session) jointSamples(ctx context.Context) (tables []string, err error) {
	_, err = s.row(ctx, `SELECT ARRAY(SELECT DISTINCT pg_catalog.concat(n.nspname, '.', c.relname) FROM pg_catalog.pg_statistic_ext AS x JOIN pg_catalog.pg_class AS c ON c.oid = x.stxrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE x.stxkind OPERATOR(pg_catalog.&&) '{m,e}'::"char"[] ORDER BY 1)`, nil, &tables)
	return tables, err
}
