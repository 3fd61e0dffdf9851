package postgres

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/internal/erasure/plan"
)

// ledgerSchema holds what Rempart keeps in a store. It is no part of the live schema.
const ledgerSchema = "rempart"

// The catalogue's queries. Each is about relations of users only.
const (
	userSchema = `n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '` + ledgerSchema + `')`

	relationsSQL = `
SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, ` + hidden + `,
       EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND c.relkind IN ('r', 'p')),
       c.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid),
       c.relispartition, GREATEST(c.reltuples, 0)::pg_catalog.int8,
       ARRAY(SELECT pn.nspname::text FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
             JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace WHERE i.inhrelid = c.oid ORDER BY i.inhseqno),
       ARRAY(SELECT p.relname::text FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
             WHERE i.inhrelid = c.oid ORDER BY i.inhseqno)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE (c.relkind IN ('r', 'p', 'v', 'f') OR (c.relkind = 'm' AND c.relispopulated)) AND ` + userSchema + `
ORDER BY n.nspname, c.relname`

	// Domains are followed to what they are made of: of is the domain, oid the type at its end. Other types are their own.
	columnsSQL = `
WITH RECURSIVE base AS (
  SELECT t.oid AS of, i.oid, i.typtype, i.typbasetype, CASE WHEN i.typtype = 'd' AND t.typtypmod < 0 THEN i.typtypmod ELSE t.typtypmod END AS mod,
         t.typnotnull OR i.typnotnull AS nonnull, ARRAY[t.oid, i.oid] AS domains
  FROM pg_catalog.pg_type t JOIN pg_catalog.pg_type i ON i.oid = t.typbasetype WHERE t.typtype = 'd'
  UNION ALL
  SELECT o.of, i.oid, i.typtype, i.typbasetype, CASE WHEN i.typtype = 'd' AND o.mod < 0 THEN i.typtypmod ELSE o.mod END, o.nonnull OR i.typnotnull, o.domains || i.oid
  FROM base o JOIN pg_catalog.pg_type i ON i.oid = o.typbasetype WHERE o.typtype = 'd')
SELECT c.oid, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), b.typname::text, b.typcategory::text,
       COALESCE(e.typcategory::text, ''), COALESCE(e.typname::text, ''), t.typtype = 'd', a.attcollation NOT IN (0, 'pg_catalog."default"'::pg_catalog.regcollation),
       CASE WHEN m.of IS NULL THEN '' ELSE
         COALESCE((SELECT pg_catalog.string_agg(pg_catalog.pg_get_constraintdef(o.oid), ' ' ORDER BY o.conname) FROM pg_catalog.pg_constraint o WHERE o.contypid = ANY (m.domains)), '') END,
       CASE WHEN b.typname IN ('varchar', 'bpchar') AND COALESCE(m.mod, a.atttypmod) > 4 THEN COALESCE(m.mod, a.atttypmod) - 4 ELSE 0 END,
       a.attnotnull OR COALESCE(m.nonnull, false),
       COALESCE(pg_catalog.pg_get_expr(d.adbin, d.adrelid), pg_catalog.pg_get_expr(t.typdefaultbin, 0), ''),
       a.attgenerated <> '' OR a.attidentity = 'a',
       CASE WHEN a.attgenerated = '' THEN '{}' ELSE
         ARRAY(SELECT DISTINCT f.attname::text FROM pg_catalog.pg_depend o JOIN pg_catalog.pg_attribute f ON f.attrelid = o.refobjid AND f.attnum = o.refobjsubid
               WHERE o.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND o.refobjid = c.oid AND o.refobjsubid NOT IN (0, a.attnum)
                 AND (o.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND o.objid = d.oid
                      OR o.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND o.objid = c.oid AND o.objsubid = a.attnum) ORDER BY 1) END,
       bn.nspname = 'pg_catalog' OR b.typtype = 'e'
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN base m ON m.of = t.oid AND m.typtype <> 'd'
JOIN pg_catalog.pg_type b ON b.oid = COALESCE(m.oid, t.oid)
JOIN pg_catalog.pg_namespace bn ON bn.oid = b.typnamespace
LEFT JOIN pg_catalog.pg_type e ON e.oid = b.typelem AND b.typcategory = 'A'
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ` + userSchema + `
ORDER BY c.oid, a.attnum`

	// An index that is the piece, over one part, of an index over the whole makes nothing unique by itself. An expression
	// among the keys has no column. Operators compare keys as the index does. What is asked of unique indexes alone takes
	// the catalogue long, and is not asked of others.
	uniqueIndex = `(i.indisunique OR i.indisexclusion)`
	simpleIndex = `(i.indpred IS NULL AND i.indexprs IS NULL AND i.indimmediate AND NOT i.indisexclusion)`
	indexesSQL  = `
SELECT i.indrelid, x.relname::text, ` + uniqueIndex + ` AND NOT x.relispartition, i.indisprimary, ` + simpleIndex + `,
       COALESCE((pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct')::pg_catalog.bool, false),
       k.names,
       CASE WHEN ` + uniqueIndex + ` AND NOT ` + simpleIndex + ` THEN
         ARRAY(SELECT DISTINCT a.attname::text FROM pg_catalog.pg_depend d
             JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
             WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid
               AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = i.indrelid ORDER BY 1)
         ELSE '{}' END,
       k.expressions,
       COALESCE(pg_catalog.pg_get_expr(i.indpred, i.indrelid), ''),
       CASE WHEN ` + uniqueIndex + ` THEN
         ARRAY(SELECT COALESCE((SELECT pg_catalog.format('OPERATOR(%I.%s)', opn.nspname, op.oprname)
                FROM pg_catalog.pg_operator op JOIN pg_catalog.pg_namespace opn ON opn.oid = op.oprnamespace
                WHERE op.oid = COALESCE(
                  (SELECT o.conexclop[n] FROM pg_catalog.pg_constraint o WHERE i.indisexclusion AND o.conrelid = i.indrelid AND o.conindid = i.indexrelid AND o.contype = 'x'),
                  (SELECT am.amopopr FROM pg_catalog.pg_opclass oc JOIN pg_catalog.pg_amop am ON am.amopfamily = oc.opcfamily
                     AND am.amopstrategy = 3 AND am.amoplefttype = oc.opcintype AND am.amoprighttype = oc.opcintype
                   WHERE oc.oid = i.indclass[n - 1]))), '')
             FROM pg_catalog.generate_series(1, i.indnkeyatts) AS n ORDER BY n)
         ELSE '{}' END
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT pg_catalog.array_agg(COALESCE(a.attname::text, '') ORDER BY k.at) AS names,
         pg_catalog.array_agg(COALESCE(pg_catalog.quote_ident(a.attname), pg_catalog.pg_get_indexdef(i.indexrelid, k.at::pg_catalog.int4, false)) ORDER BY k.at) AS expressions
  FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY AS k (n, at)
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n
  WHERE k.at <= i.indnkeyatts) AS k
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
       CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgconstraint = o.oid AND t.tgrelid = o.confrelid AND t.tgenabled NOT IN ('O', 'A')) THEN 'DISABLED' ELSE '' END,
       CASE o.confupdtype WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE'
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
WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND ` + userSchema + `
ORDER BY t.tgrelid, t.tgname`

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
  SELECT c.oid AS of, c.oid AS rel FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'm' AND ` + userSchema + `
  UNION
  SELECT reads.of, d.refobjid FROM reads JOIN pg_catalog.pg_rewrite r ON r.ev_class = reads.rel
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass)
SELECT reads.of, n.nspname::text, c.relname::text
FROM reads JOIN pg_catalog.pg_class c ON c.oid = reads.rel JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') ORDER BY 1, 2, 3`
)

// catalogue reads the live schema of the database.
func (s *session) catalogue(ctx context.Context) (*plan.Schema, error) {
	r := &reader{at: map[uint32]int{}, schema: &plan.Schema{}}
	if err := s.several(ctx, r.relations(), r.columns(), r.indexes(), r.constraints(), r.triggers(), r.reads(), r.copies()); err != nil {
		return nil, err
	}
	return r.schema, nil
}

// reader gathers a Schema; at maps the object identifier of a relation to its place.
type reader struct {
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

func (r *reader) relations() query {
	var (
		oid            uint32
		kind           string
		t              plan.Table
		schemas, names []string
	)
	into := []any{&oid, &t.Schema, &t.Name, &kind, &t.RowSecurity, &t.Rules, &t.Inherited, &t.Partition, &t.Rows, &schemas, &names}
	return query{sql: relationsSQL, into: into, each: func() error {
		t.Kind, t.Parents = kinds[kind], nil
		for i, name := range names {
			t.Parents = append(t.Parents, plan.Name{Schema: schemas[i], Table: name})
		}
		r.at[oid] = len(r.schema.Tables)
		r.schema.Tables = append(r.schema.Tables, t)
		schemas, names = nil, nil
		return nil
	}}
}

// kinds are those of pg_class.relkind that the catalogue asks for.
var kinds = map[string]plan.Kind{"r": plan.Ordinary, "p": plan.Partitioned, "m": plan.Materialised, "v": plan.View, "f": plan.Foreign}

func (r *reader) columns() query {
	var (
		oid                             uint32
		base, category, element, within string
		c                               plan.Column
	)
	into := []any{&oid, &c.Name, &c.Type, &base, &category, &element, &within, &c.Domain, &c.Collated, &c.Rules, &c.Length, &c.NotNull, &c.Default, &c.Computed, &c.From, &c.Native}
	return query{sql: columnsSQL, into: into, each: func() error {
		c.Class, c.Fold = class(base, category, c.Native)
		c.JSON = base == "json" || base == "jsonb" || within == "json" || within == "jsonb"
		c.Inet, c.Bytes = base == "inet" || base == "cidr", base == "bytea" || within == "bytea"
		c.Searchable = textual(category, base) || textual(element, within)
		c.Several = strings.Contains("ACR", category) || slices.Contains([]string{"json", "jsonb", "xml", "bytea", "hstore", "tsvector", "tsquery"}, base)
		if t := r.table(oid); t != nil {
			t.Columns = append(t.Columns, c)
		}
		c.From = nil
		return nil
	}}
}

// textual says that a type can hold text: strings, composites, ranges but for those of numbers and times, and of the types
// that are of no other category (JSON, XML, hstore, those of extensions) all but those that never do.
func textual(category, base string) bool {
	switch category {
	case "S", "C":
		return true
	case "R":
		return !plainRange.MatchString(base)
	case "U":
		return base != "uuid" && base != "bytea" && !strings.HasPrefix(base, "pg_") && !strings.HasPrefix(base, "txid") && !strings.HasPrefix(base, "xid")
	default:
		return false
	}
}

// plainRange are the ranges and multiranges that PostgreSQL comes with.
var plainRange = regexp.MustCompile(`^(int4|int8|num|ts|tstz|date)(multi)?range$`)

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

func (r *reader) indexes() query {
	var (
		oid             uint32
		unique, primary bool
		u               plan.Unique
		keys, touched   []string
	)
	into := []any{&oid, &u.Name, &unique, &primary, &u.Plain, &u.NullsNotDistinct, &keys, &touched, &u.Keys, &u.Predicate, &u.Operators}
	return query{sql: indexesSQL, into: into, each: func() error {
		t := r.table(oid)
		if t == nil {
			return nil
		}
		if u.Predicate == "" {
			t.Indexes = append(t.Indexes, keys)
			t.Folded = append(t.Folded, folded(t, u.Keys[0])...)
		}
		if primary {
			t.PrimaryKey = keys
		}
		if unique {
			found := u
			if found.Columns = keys; !u.Plain { // an index of a constraint depends on no column by itself
				found.Columns = slices.Concat(keys, touched)
				slices.Sort(found.Columns)
				found.Columns = slices.DeleteFunc(slices.Compact(found.Columns), func(name string) bool { return name == "" })
			}
			t.Uniques = append(t.Uniques, found)
		}
		keys, touched, u.Keys, u.Operators = nil, nil, nil, nil
		return nil
	}}
}

// folded returns the column of which an expression is the text in lower case, as the catalogue writes it.
func folded(t *plan.Table, expression string) []string {
	for _, c := range t.Columns {
		for _, cast := range []string{"", "::text"} {
			if name := quote(c.Name); expression == "lower(("+name+")"+cast+")" || expression == "lower("+name+cast+")" ||
				expression == "lower(("+c.Name+")"+cast+")" || expression == "lower("+c.Name+cast+")" {
				return []string{c.Name}
			}
		}
	}
	return nil
}

func (r *reader) constraints() query {
	var (
		oid                 uint32
		kind                string
		expression          string
		columns, referredTo []string
		disabled            string
		fk                  plan.ForeignKey
	)
	into := []any{&oid, &fk.Name, &kind, &columns, &expression, &fk.Schema, &fk.Table, &referredTo, &fk.OnDelete, &disabled, &fk.OnUpdate, &fk.MatchFull}
	return query{sql: constraintsSQL, into: into, each: func() error {
		t := r.table(oid)
		switch {
		case t == nil:
		case kind == "f":
			found := fk
			if found.Columns, found.ToColumns = columns, referredTo; disabled != "" {
				found.OnUpdate = disabled
			}
			t.ForeignKeys = append(t.ForeignKeys, found)
		default:
			t.Checks = append(t.Checks, plan.Check{Name: fk.Name, Columns: columns, Expression: expression})
		}
		columns, referredTo = nil, nil
		return nil
	}}
}

func (r *reader) triggers() query {
	var (
		oid  uint32
		name string
	)
	return query{sql: triggersSQL, into: []any{&oid, &name}, each: func() error {
		if t := r.table(oid); t != nil {
			t.Triggers = append(t.Triggers, name)
		}
		return nil
	}}
}

func (r *reader) copies() query {
	var (
		oid        uint32
		name, kind string
		bare       bool
	)
	return query{sql: copiesSQL, into: []any{&oid, &name, &kind, &bare}, each: func() error {
		switch t := r.table(oid); {
		case kind == "l":
			r.schema.Slots = append(r.schema.Slots, name)
		case t == nil:
		case kind == "s":
			t.Subscribed = append(t.Subscribed, name)
		default:
			t.Published = append(t.Published, name)
			if bare {
				t.Bare = name
			}
		}
		return nil
	}}
}

func (r *reader) reads() query {
	var (
		oid  uint32
		name plan.Name
	)
	return query{sql: readsSQL, into: []any{&oid, &name.Schema, &name.Table}, each: func() error {
		if t := r.table(oid); t != nil {
			t.Reads = append(t.Reads, name)
		}
		return nil
	}}
}
