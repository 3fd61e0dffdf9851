package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/internal/erasure/plan"
)

// ledgerSchema holds what Rempart keeps in a store. It is no part of the live schema.
const ledgerSchema = "rempart"

// The catalogue's queries. A store plans each of them for one run alone, and planning is dear in a fresh session: joins cost
// more than the rows that they save. So nearly all read one system table each, and facts joins them. Objects of users have
// the OID 16384 or a higher one (FirstNormalObjectId in PostgreSQL's access/transam.h).
const (
	schemasSQL = `SELECT oid, nspname::text FROM pg_catalog.pg_namespace`

	relationsSQL = `
SELECT oid, relnamespace, relname::text, relkind::text, relrowsecurity, relispartition, GREATEST(reltuples, 0)::pg_catalog.int8
FROM pg_catalog.pg_class WHERE oid >= 16384 AND (relkind IN ('r', 'p', 'v', 'f') OR relkind = 'm' AND relispopulated)`

	parentsSQL = `SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits ORDER BY inhrelid, inhseqno`

	// Rules of statements that a run gives: 2 is UPDATE, 4 DELETE, D disabled and R of replicas.
	rulesSQL = `SELECT ev_class FROM pg_catalog.pg_rewrite WHERE ev_class >= 16384 AND ev_type IN ('2', '4') AND ev_enabled NOT IN ('D', 'R')`

	columnsSQL = `
SELECT attrelid, attnum, attname::text, pg_catalog.quote_ident(attname), atttypid, atttypmod, pg_catalog.format_type(atttypid, atttypmod),
       attcollation NOT IN (0, 'pg_catalog."default"'::pg_catalog.regcollation), attnotnull, attgenerated <> '' OR attidentity = 'a', attgenerated <> ''
FROM pg_catalog.pg_attribute WHERE attrelid >= 16384 AND attnum > 0 AND NOT attisdropped ORDER BY attrelid, attnum`

	defaultsSQL = `SELECT adrelid, adnum, pg_catalog.pg_get_expr(adbin, adrelid) FROM pg_catalog.pg_attrdef WHERE adrelid >= 16384`

	typesSQL = `
SELECT oid, typname::text, typnamespace, typtype::text, typcategory::text, typbasetype, typtypmod, typnotnull, typelem,
       COALESCE(pg_catalog.pg_get_expr(typdefaultbin, 0), '')
FROM pg_catalog.pg_type`

	// An index with expressions alone is asked for its keys as SQL writes them. Before version 15 all NULLs are distinct.
	indexesSQL = `
SELECT i.indexrelid, i.indrelid, x.relname::text, i.indisunique, i.indisexclusion, x.relispartition, i.indisprimary, i.indimmediate, NULLSNOTDISTINCT,
       i.indnkeyatts, i.indkey::pg_catalog.int2[], COALESCE(pg_catalog.pg_get_expr(i.indpred, i.indrelid), ''),
       CASE WHEN i.indexprs IS NULL THEN '{}'
            ELSE ARRAY(SELECT pg_catalog.pg_get_indexdef(i.indexrelid, k, false) FROM pg_catalog.generate_series(1, i.indnkeyatts) AS k ORDER BY k) END
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
WHERE i.indrelid >= 16384 AND i.indisvalid ORDER BY i.indrelid, x.relname`

	// Constraints of tables, and of domains, which have no table.
	constraintsSQL = `
SELECT oid, conrelid, contypid, conname::text, contype::text, conkey, confrelid, confkey, confdeltype::text, confupdtype::text, confmatchtype = 'f', convalidated,
       COALESCE(CASE WHEN contypid = 0 THEN pg_catalog.pg_get_expr(conbin, conrelid) ELSE pg_catalog.pg_get_constraintdef(oid) END, '')
FROM pg_catalog.pg_constraint WHERE contypid <> 0 OR contype = 'c' OR contype = 'f' AND conparentid = 0 ORDER BY conrelid, conname`

	triggersSQL = `
SELECT tgrelid, tgname::text FROM pg_catalog.pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A') ORDER BY tgrelid, tgname`

	// The triggers of foreign keys that somebody disabled, by the constraint and the relation that they are on.
	disabledSQL = `SELECT tgconstraint, tgrelid FROM pg_catalog.pg_trigger WHERE tgconstraint <> 0 AND tgenabled NOT IN ('O', 'A')`

	copiedSQL = `
SELECT EXISTS (SELECT FROM pg_catalog.pg_publication) OR EXISTS (SELECT FROM pg_catalog.pg_subscription_rel)
    OR EXISTS (SELECT FROM pg_catalog.pg_replication_slots WHERE slot_type = 'logical')`

	// What follows is asked only in stores that have such things: tables with row security, unique indexes with expressions,
	// generated columns, copies that go elsewhere or come, materialised views.
	hiddenSQL = `SELECT c.oid FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1::pg_catalog.oid[]) AND ` + hidden

	touchedSQL = `
SELECT DISTINCT objid, refobjid, refobjsubid::pg_catalog.int2 FROM pg_catalog.pg_depend
WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND objid = ANY ($1::pg_catalog.oid[])
  AND refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND refobjsubid > 0`

	// What a generated column is made of. The expression depends on it: before version 17 by the default, since by the column.
	madeSQL = `
SELECT DISTINCT a.attrelid, a.attnum, o.refobjsubid::pg_catalog.int2
FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
JOIN pg_catalog.pg_depend o ON o.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND o.refobjid = a.attrelid AND o.refobjsubid NOT IN (0, a.attnum)
  AND (o.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND o.objid = d.oid
       OR o.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND o.objid = a.attrelid AND o.objsubid = a.attnum)
WHERE a.attgenerated <> '' AND a.attrelid = ANY ($1::pg_catalog.oid[])`

	// Publications and subscriptions of tables, and the logical slots of the database, by which copies come and go. A published
	// table, or a part of it, needs an identity of its rows for changes and deletes.
	copiesSQL = `
SELECT c.oid, p.pubname::text, 'p', (p.pubupdate OR p.pubdelete) AND EXISTS (
    SELECT FROM pg_catalog.pg_class l WHERE l.relkind = 'r' AND (l.oid = c.oid OR l.oid IN (SELECT t.relid FROM pg_catalog.pg_partition_tree(c.oid) t))
      AND (l.relreplident = 'n' OR l.relreplident = 'd' AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = l.oid AND i.indisprimary)))
FROM pg_catalog.pg_publication p JOIN pg_catalog.pg_publication_tables t ON t.pubname = p.pubname
JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
UNION ALL SELECT r.srrelid, s.subname::text, 's', false FROM pg_catalog.pg_subscription_rel r JOIN pg_catalog.pg_subscription s ON s.oid = r.srsubid
UNION ALL SELECT 0, s.slot_name::text, 'l', false FROM pg_catalog.pg_replication_slots s WHERE s.slot_type = 'logical' AND s.database = pg_catalog.current_database()
ORDER BY 3, 2, 1`

	// What materialised views read, through views and other materialised views.
	readsSQL = `
WITH RECURSIVE reads AS (
  SELECT v.oid AS of, v.oid AS rel FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS v (oid)
  UNION
  SELECT reads.of, d.refobjid FROM reads JOIN pg_catalog.pg_rewrite r ON r.ev_class = reads.rel
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass)
SELECT reads.of, n.nspname::text, c.relname::text
FROM reads JOIN pg_catalog.pg_class c ON c.oid = reads.rel JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') ORDER BY 1, 2, 3`
)

// catalogue reads the live schema of the database, after what is to be done before, in the same round trip.
func (s *session) catalogue(ctx context.Context, before ...query) (*plan.Schema, error) {
	f := newFacts(s.conn.PgConn().ParameterStatus("server_encoding") != "UTF8")
	if err := s.several(ctx, append(before, f.queries(s.nullsNotDistinct())...)...); err != nil {
		return nil, err
	}
	if err := s.several(ctx, f.further()...); err != nil {
		return nil, err
	}
	return f.schema(), nil
}

// nullsNotDistinct is the expression that says of an index i that two NULLs collide in it.
func (s *session) nullsNotDistinct() string {
	if s.major() < 15 {
		return "false"
	}
	return "i.indnullsnotdistinct"
}

// queries fill the facts, all in one round trip.
func (f *facts) queries(nullsNotDistinct string) []query {
	return []query{f.readSchemas(), f.readRelations(), f.readParents(), f.readRules(), f.readColumns(), f.readDefaults(), f.readTypes(),
		f.readIndexes(strings.Replace(indexesSQL, "NULLSNOTDISTINCT", nullsNotDistinct, 1)), f.readConstraints(), f.readTriggers(), f.readDisabled(), f.readCopied()}
}

// further are the queries about what few stores have; none where there is no such thing.
func (f *facts) further() []query {
	var secured, views, indexes []uint32
	for _, r := range f.relations {
		if r.RowSecurity {
			secured = append(secured, r.oid)
		}
		if r.Kind == plan.Materialised {
			views = append(views, r.oid)
		}
	}
	for _, i := range f.indexes {
		if i.distinguishes() && !i.Plain {
			indexes = append(indexes, i.oid)
		}
	}
	var made []uint32
	for relation, columns := range f.attributes {
		if slices.ContainsFunc(columns, func(a attribute) bool { return a.generated }) {
			made = append(made, relation)
		}
	}
	var queries []query
	if len(secured) > 0 {
		queries = append(queries, f.readHidden(secured))
	}
	if len(indexes) > 0 {
		queries = append(queries, f.readTouched(indexes))
	}
	if len(made) > 0 {
		queries = append(queries, f.readMade(made))
	}
	if f.copied {
		queries = append(queries, f.readCopies())
	}
	if len(views) > 0 {
		queries = append(queries, f.readReads(views))
	}
	return queries
}

func (f *facts) readSchemas() query {
	var oid uint32
	var name string
	return query{sql: schemasSQL, into: []any{&oid, &name}, each: func() error { f.schemas[oid] = name; return nil }}
}

// kinds are those of pg_class.relkind that the catalogue asks for.
var kinds = map[string]plan.Kind{"r": plan.Ordinary, "p": plan.Partitioned, "m": plan.Materialised, "v": plan.View, "f": plan.Foreign}

func (f *facts) readRelations() query {
	var r relation
	var namespace uint32
	var kind string
	return query{sql: relationsSQL, into: []any{&r.oid, &namespace, &r.Name, &kind, &r.RowSecurity, &r.Partition, &r.Rows}, each: func() error {
		r.Schema, r.Kind = f.schemas[namespace], kinds[kind]
		f.relations = append(f.relations, r)
		return nil
	}}
}

func (f *facts) readParents() query {
	var child, parent uint32
	return query{sql: parentsSQL, into: []any{&child, &parent}, each: func() error {
		f.parents[child] = append(f.parents[child], parent)
		f.inherited[parent] = true
		return nil
	}}
}

func (f *facts) readRules() query {
	var oid uint32
	return query{sql: rulesSQL, into: []any{&oid}, each: func() error { f.rules[oid] = true; return nil }}
}

func (f *facts) readColumns() query {
	var a attribute
	into := []any{&a.relation, &a.number, &a.Name, &a.quoted, &a.typ, &a.mod, &a.Type, &a.Collated, &a.NotNull, &a.Computed, &a.generated}
	return query{sql: columnsSQL, into: into, each: func() error {
		f.attributes[a.relation] = append(f.attributes[a.relation], a)
		return nil
	}}
}

func (f *facts) readDefaults() query {
	var at place
	var expression string
	return query{sql: defaultsSQL, into: []any{&at.relation, &at.number, &expression}, each: func() error { f.defaults[at] = expression; return nil }}
}

func (f *facts) readTypes() query {
	var oid, namespace uint32
	var t typeFacts
	into := []any{&oid, &t.name, &namespace, &t.kind, &t.category, &t.base, &t.mod, &t.notNull, &t.element, &t.defaults}
	return query{sql: typesSQL, into: into, each: func() error {
		t.native = f.schemas[namespace] == "pg_catalog"
		f.types[oid] = t
		return nil
	}}
}

func (f *facts) readIndexes(sql string) query {
	var i index
	var immediate bool
	var keys int16
	into := []any{&i.oid, &i.relation, &i.Name, &i.unique, &i.exclusion, &i.partition, &i.primary, &immediate, &i.NullsNotDistinct, &keys, &i.columns, &i.Predicate, &i.Keys}
	return query{sql: sql, into: into, each: func() error {
		read := i
		read.columns = i.columns[:keys] // what an index includes is no key
		read.Plain = i.Predicate == "" && len(i.Keys) == 0 && immediate && !i.exclusion
		f.indexes = append(f.indexes, read)
		i.columns, i.Keys = nil, nil
		return nil
	}}
}

func (f *facts) readConstraints() query {
	var c constraint
	into := []any{&c.oid, &c.relation, &c.domain, &c.name, &c.kind, &c.columns, &c.to, &c.toColumns, &c.onDelete, &c.onUpdate, &c.matchFull, &c.valid, &c.expression}
	return query{sql: constraintsSQL, into: into, each: func() error {
		f.constraints = append(f.constraints, c)
		c.columns, c.toColumns = nil, nil
		return nil
	}}
}

func (f *facts) readTriggers() query {
	var oid uint32
	var name string
	return query{sql: triggersSQL, into: []any{&oid, &name}, each: func() error { f.triggers[oid] = append(f.triggers[oid], name); return nil }}
}

func (f *facts) readDisabled() query {
	var on enforced
	return query{sql: disabledSQL, into: []any{&on.constraint, &on.relation}, each: func() error { f.disabled[on] = true; return nil }}
}

func (f *facts) readCopied() query {
	return query{sql: copiedSQL, into: []any{&f.copied}, each: func() error { return nil }}
}

func (f *facts) readMade(of []uint32) query {
	var at place
	var from int16
	return query{sql: madeSQL, args: []any{of}, into: []any{&at.relation, &at.number, &from}, each: func() error {
		f.made[at] = append(f.made[at], from)
		return nil
	}}
}

func (f *facts) readCopies() query {
	var c copied
	return query{sql: copiesSQL, into: []any{&c.relation, &c.name, &c.kind, &c.bare}, each: func() error { f.copies = append(f.copies, c); return nil }}
}

func (f *facts) readHidden(of []uint32) query {
	var oid uint32
	return query{sql: hiddenSQL, args: []any{of}, into: []any{&oid}, each: func() error { f.hidden[oid] = true; return nil }}
}

func (f *facts) readTouched(of []uint32) query {
	var oid uint32
	var at place
	return query{sql: touchedSQL, args: []any{of}, into: []any{&oid, &at.relation, &at.number}, each: func() error {
		f.touched[oid] = append(f.touched[oid], at)
		return nil
	}}
}

func (f *facts) readReads(of []uint32) query {
	var oid uint32
	var name plan.Name
	return query{sql: readsSQL, args: []any{of}, into: []any{&oid, &name.Schema, &name.Table}, each: func() error {
		f.reads[oid] = append(f.reads[oid], name)
		return nil
	}}
}
