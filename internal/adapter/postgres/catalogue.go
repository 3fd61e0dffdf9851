package postgres

import (
	"context"

	"github.com/rempart-dev/rempart/internal/erasure/plan"
)

// ledgerSchema holds what Rempart keeps in a store. It is no part of the live schema.
const ledgerSchema = "rempart"

// The catalogue's queries. Each is about relations of users only.
const (
	userSchema = `n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '` + ledgerSchema + `')`

	relationsSQL = `
SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.relrowsecurity,
       EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND c.relkind IN ('r', 'p')),
       c.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid),
       c.relispartition
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ` + userSchema + `
ORDER BY n.nspname, c.relname`

	columnsSQL = `
SELECT c.oid, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), b.typname::text, b.typcategory::text,
       COALESCE(e.typcategory::text, ''),
       CASE WHEN b.typname IN ('varchar', 'bpchar') AND m.mod > 4 THEN m.mod - 4 ELSE 0 END,
       a.attnotnull OR t.typnotnull,
       COALESCE(pg_catalog.pg_get_expr(d.adbin, d.adrelid), pg_catalog.pg_get_expr(t.typdefaultbin, 0), ''),
       a.attgenerated <> '' OR a.attidentity = 'a',
       bn.nspname = 'pg_catalog' OR b.typtype = 'e'
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
JOIN pg_catalog.pg_namespace bn ON bn.oid = b.typnamespace
LEFT JOIN pg_catalog.pg_type e ON e.oid = b.typelem AND b.typcategory = 'A'
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
CROSS JOIN LATERAL (SELECT CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END) AS m (mod)
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ` + userSchema + `
ORDER BY c.oid, a.attnum`

	indexesSQL = `
SELECT i.indrelid, x.relname::text, i.indisunique OR i.indisexclusion, i.indisprimary,
       i.indpred IS NULL AND i.indexprs IS NULL AND i.indimmediate AND NOT i.indisexclusion,
       COALESCE((pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct')::pg_catalog.bool, false),
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY AS k (n, at)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n
             WHERE k.at <= i.indnkeyatts ORDER BY k.at),
       ARRAY(SELECT DISTINCT a.attname::text FROM pg_catalog.pg_depend d
             JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
             WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid
               AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = i.indrelid ORDER BY 1)
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE i.indisvalid AND c.relkind IN ('r', 'p') AND ` + userSchema + `
ORDER BY i.indrelid, x.relname`

	constraintsSQL = `
SELECT o.conrelid, o.conname::text, o.contype::text,
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(o.conkey) WITH ORDINALITY AS k (n, at)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = k.n ORDER BY k.at),
       COALESCE(pg_catalog.pg_get_expr(o.conbin, o.conrelid), ''),
       COALESCE(fn.nspname::text, ''), COALESCE(f.relname::text, ''),
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(o.confkey) WITH ORDINALITY AS k (n, at)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = o.confrelid AND a.attnum = k.n ORDER BY k.at),
       CASE o.confdeltype WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE'
                          WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' ELSE '' END,
       o.confmatchtype = 'f'
FROM pg_catalog.pg_constraint o
JOIN pg_catalog.pg_class c ON c.oid = o.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_class f ON f.oid = o.confrelid LEFT JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace
WHERE o.contype IN ('f', 'c') AND (o.contype <> 'f' OR o.conparentid = 0) AND ` + userSchema + `
ORDER BY o.conrelid, o.conname`

	triggersSQL = `
SELECT t.tgrelid, t.tgname::text
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND ` + userSchema + `
ORDER BY t.tgrelid, t.tgname`
)

// catalogue reads the live schema of the database.
func (s *session) catalogue(ctx context.Context) (*plan.Schema, error) {
	r := &reader{session: s, at: map[uint32]int{}, schema: &plan.Schema{}}
	for _, read := range []func(context.Context) error{r.relations, r.columns, r.indexes, r.constraints, r.triggers} {
		if err := read(ctx); err != nil {
			return nil, err
		}
	}
	return r.schema, nil
}

// reader gathers a Schema; at maps the object identifier of a relation to its place.
type reader struct {
	*session
	at     map[uint32]int
	schema *plan.Schema
}

// table returns the relation with that identifier, or nil when it came into being meanwhile.
func (r *reader) table(oid uint32) *plan.Table {
	if i, ok := r.at[oid]; ok {
		return &r.schema.Tables[i]
	}
	return nil
}

func (r *reader) relations(ctx context.Context) error {
	var (
		oid  uint32
		kind string
		t    plan.Table
	)
	into := []any{&oid, &t.Schema, &t.Name, &kind, &t.RowSecurity, &t.Rules, &t.Inherited, &t.Partition}
	return r.rows(ctx, relationsSQL, nil, into, func() error {
		switch kind {
		case "r":
			t.Kind = plan.Ordinary
		case "p":
			t.Kind = plan.Partitioned
		default:
			t.Kind = plan.OtherKind
		}
		r.at[oid] = len(r.schema.Tables)
		r.schema.Tables = append(r.schema.Tables, t)
		return nil
	})
}

func (r *reader) columns(ctx context.Context) error {
	var (
		oid                     uint32
		base, category, element string
		c                       plan.Column
	)
	into := []any{&oid, &c.Name, &c.Type, &base, &category, &element, &c.Length, &c.NotNull, &c.Default, &c.Computed, &c.Native}
	return r.rows(ctx, columnsSQL, nil, into, func() error {
		c.Class, c.Fold = class(base, category, c.Native)
		c.JSON = base == "json" || base == "jsonb"
		c.Searchable = category == "S" || element == "S" || c.JSON || base == "xml" || base == "tsvector" || base == "hstore"
		if t := r.table(oid); t != nil {
			t.Columns = append(t.Columns, c)
		}
		return nil
	})
}

func class(base, category string, native bool) (class plan.Class, fold bool) {
	switch {
	case base == "citext":
		return plan.Text, true
	case !native:
		return plan.OtherClass, false
	case base == "name" || base == "char":
		return plan.OtherClass, false
	case category == "S":
		return plan.Text, false
	case base == "int2" || base == "int4" || base == "int8":
		return plan.Integer, false
	case base == "numeric":
		return plan.Numeric, false
	case base == "uuid":
		return plan.UUID, false
	case base == "date":
		return plan.Date, false
	case base == "timestamp" || base == "timestamptz":
		return plan.Timestamp, false
	default:
		return plan.OtherClass, false
	}
}

func (r *reader) indexes(ctx context.Context) error {
	var (
		oid             uint32
		unique, primary bool
		u               plan.Unique
		keys, touched   []string
	)
	into := []any{&oid, &u.Name, &unique, &primary, &u.Plain, &u.NullsNotDistinct, &keys, &touched}
	return r.rows(ctx, indexesSQL, nil, into, func() error {
		t := r.table(oid)
		if t == nil {
			return nil
		}
		t.Indexes = append(t.Indexes, keys)
		if primary {
			t.PrimaryKey = keys
		}
		if unique {
			found := u
			if found.Columns = keys; !u.Plain {
				found.Columns = touched
			}
			t.Uniques = append(t.Uniques, found)
		}
		keys, touched = nil, nil
		return nil
	})
}

func (r *reader) constraints(ctx context.Context) error {
	var (
		oid                 uint32
		kind                string
		expression          string
		columns, referredTo []string
		fk                  plan.ForeignKey
	)
	into := []any{&oid, &fk.Name, &kind, &columns, &expression, &fk.Schema, &fk.Table, &referredTo, &fk.OnDelete, &fk.MatchFull}
	return r.rows(ctx, constraintsSQL, nil, into, func() error {
		t := r.table(oid)
		switch {
		case t == nil:
		case kind == "f":
			found := fk
			found.Columns, found.ToColumns = columns, referredTo
			t.ForeignKeys = append(t.ForeignKeys, found)
		default:
			t.Checks = append(t.Checks, plan.Check{Name: fk.Name, Columns: columns, Expression: expression})
		}
		columns, referredTo = nil, nil
		return nil
	})
}

func (r *reader) triggers(ctx context.Context) error {
	var (
		oid  uint32
		name string
	)
	return r.rows(ctx, triggersSQL, nil, []any{&oid, &name}, func() error {
		if t := r.table(oid); t != nil {
			t.Triggers = append(t.Triggers, name)
		}
		return nil
	})
}
