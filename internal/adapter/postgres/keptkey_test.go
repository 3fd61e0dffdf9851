package postgres_test

import (
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// TestAKeyOfTheSchemaStaysOnlyWhereTheRowWasMasked: the verifier finds people by a key that cannot be masked too. Such a row is rightly
// there only as its masks leave it, on hold, or as long as its keep period runs.
func TestAKeyOfTheSchemaStaysOnlyWhereTheRowWasMasked(t *testing.T) {
	const accounts = `CREATE TABLE accounts (id bigint PRIMARY KEY, name text, alias text, town text DEFAULT 'x', made date);
INSERT INTO accounts VALUES (4711, 'Ada', 'ada', 'Paris', '2026-01-01'), (4712, 'Bob', 'bob', 'Rome', '2026-01-01');`
	const referred = accounts + `CREATE TABLE bills (id int PRIMARY KEY, account bigint NOT NULL REFERENCES accounts, at date NOT NULL); INSERT INTO bills VALUES (1, 4711, '2026-01-01');`
	const key = `{name: accounts, subjectKeys: [{column: id, identifier: AccountID}], `
	masked := "tables: [" + key + "columns: [{name: name}, {name: alias, mask: Pseudonym}, {name: town, mask: Default}], onErasure: MaskColumns}]"
	constant := "tables: [" + key + "columns: [{name: name}, {name: alias, mask: Constant, constant: gone}], onErasure: MaskColumns}]"
	detached := "tables: [" + key + "detach: [name], onErasure: Detach}]"
	kept := "tables: [" + key + "onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: made}}]"
	fallback := "tables: [" + key + "columns: [{name: name}, {name: alias}], onErasure: DeleteRows}, " +
		"{name: bills, ownedThrough: [{columns: [account]}], onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: at}}]"
	hold := []task.Hold{{Index: 1, Schema: "public", Table: "accounts", UntilOn: "2030-01-01"}}
	hold[0].Where = append(hold[0].Where, where("id", v1alpha1.HoldEqual, "4711"))
	cases := map[string]struct {
		sql, dataset, tampered string
		holds                  []task.Hold
		contradicted           bool
	}{
		"as masked":                               {sql: accounts, dataset: masked},
		"a null that came back":                   {sql: accounts, dataset: masked, tampered: "name = 'Ada'", contradicted: true},
		"a pseudonym that came back":              {sql: accounts, dataset: masked, tampered: "alias = 'ada'", contradicted: true},
		"a pseudonym that is gone":                {sql: accounts, dataset: masked, tampered: "alias = NULL", contradicted: true},
		"a default, which is like any other":      {sql: accounts, dataset: masked, tampered: "town = 'Paris'"},
		"another column":                          {sql: accounts, dataset: masked, tampered: "made = NULL"},
		"a constant, which is like any other":     {sql: accounts, dataset: constant, tampered: "alias = 'ada'"},
		"beside a constant":                       {sql: accounts, dataset: constant, tampered: "name = 'Ada'", contradicted: true},
		"detached":                                {sql: accounts, dataset: detached},
		"attached again":                          {sql: accounts, dataset: detached, tampered: "name = 'Ada'", contradicted: true},
		"kept":                                    {sql: accounts, dataset: kept},
		"kept without a day":                      {sql: accounts, dataset: kept, tampered: "made = NULL"},
		"kept too long":                           {sql: accounts, dataset: kept, tampered: "made = '2000-01-01'", contradicted: true},
		"held by a row that stays":                {sql: referred, dataset: fallback},
		"held by a row that stays, and back":      {sql: referred, dataset: fallback, tampered: "alias = 'ada'", contradicted: true},
		"on hold":                                 {sql: accounts, dataset: masked, holds: hold},
		"on hold, whatever is in it":              {sql: accounts, dataset: masked, holds: hold, tampered: "name = 'Ada L.'"},
		"in a table whose rows go":                {sql: accounts, dataset: "tables: [" + key + "onErasure: DeleteRows}]"},
		"back in a table whose rows go":           {sql: accounts, dataset: "tables: [" + key + "onErasure: DeleteRows}]", tampered: "id = 4711", contradicted: true},
		"back, emptied, in a table whose rows go": {sql: accounts, dataset: "tables: [" + key + "columns: [{name: name}], onErasure: DeleteRows}]", tampered: "id = 4711, name = NULL"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, c.sql, c.dataset)
			s.holds = c.holds
			who := person("accountID", "4711")
			if done := s.erase("run-1", who); !done.OK {
				t.Fatalf("%s: %s", done.Reason, done.Message)
			}
			if c.tampered != "" {
				s.sql("INSERT INTO accounts SELECT 4711, 'Ada', 'ada' WHERE NOT EXISTS (SELECT FROM accounts WHERE id = 4711)")
				s.sql("UPDATE accounts SET " + c.tampered + " WHERE id = 4711")
			}
			switch o := s.verify(who); {
			case !c.contradicted && !o.OK:
				t.Errorf("%s: %s", o.Reason, o.Message)
			case c.contradicted && o.Reason != task.Contradicted:
				t.Errorf("OK %v %s %s, want Contradicted", o.OK, o.Reason, o.Message)
			}
		})
	}
}
