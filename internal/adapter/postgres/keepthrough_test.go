package postgres_test

import (
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// billing has bills that the law keeps, of which the lines, and the taxes of these, have no date of their own.
const billing = `
CREATE TABLE buyers (id int PRIMARY KEY, email text, name text);
CREATE TABLE bills (num int PRIMARY KEY, buyer int REFERENCES buyers, issued_on date);
CREATE TABLE bill_lines (bill int NOT NULL REFERENCES bills, pos int NOT NULL, what text NOT NULL, PRIMARY KEY (bill, pos));
CREATE TABLE line_taxes (id int PRIMARY KEY, bill int NOT NULL, pos int NOT NULL, rate numeric, FOREIGN KEY (bill, pos) REFERENCES bill_lines);
INSERT INTO buyers VALUES (1, 'ada@example.org', 'Ada'), (2, 'bob@example.org', 'Bob');
INSERT INTO bills VALUES (10, 1, '2014-05-01'), (11, 1, '2024-05-01'), (12, 1, NULL), (20, 2, '2024-05-01');
INSERT INTO bill_lines SELECT num, pos, 'thing ' || pos FROM bills, generate_series(1, 2) AS pos;
INSERT INTO line_taxes SELECT bill * 10 + pos, bill, pos, 20 FROM bill_lines;`

const billingDataset = `
tables:
- {name: buyers, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: bills, onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: issued_on}}
- {name: bill_lines, onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: issued_on, through: [bill]}}
- {name: line_taxes, onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: issued_on, through: [bill, pos]}}`

func TestLinesAreKeptAsLongAsTheirBill(t *testing.T) {
	s := newStore(t, billing, billingDataset)
	others := []string{"TABLE buyers EXCEPT SELECT * FROM buyers WHERE id = 1", "SELECT * FROM bills WHERE num = 20",
		"SELECT * FROM bill_lines WHERE bill <> 10", "SELECT * FROM line_taxes WHERE bill <> 10"}
	before := s.sums(others)
	s.erased(`
		0 public.bill_lines DeleteRows 2
		0 public.bill_lines Keep 4 until 2034-05-01
		0 public.bills DeleteRows 1
		0 public.bills Keep 2 until 2034-05-01
		0 public.buyers DeleteRows 1
		0 public.line_taxes DeleteRows 2
		0 public.line_taxes Keep 4 until 2034-05-01`, email("ada@example.org"))
	if s.sums(others) != before {
		t.Error("rows that are kept changed")
	}
	s.want("0", "SELECT count(*) FROM bill_lines WHERE bill = 10")
	s.want("2", "SELECT count(*) FROM bills WHERE buyer IS NULL")
}

// Whoever has the lines deleted is told.
func TestLinesThatGoWithoutTheirBillAreSaid(t *testing.T) {
	const said = "rows of public.bill_lines go although those that they belong to are kept: public.bills; keep.through keeps them alike"
	const through = "Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: issued_on, through: "
	deleted := strings.NewReplacer(through+"[bill]}", "DeleteRows", through+"[bill, pos]}", "DeleteRows").Replace(billingDataset)
	for dataset, want := range map[string]bool{billingDataset: false, deleted: true} {
		if o := newStore(t, billing, dataset).plan(email("ada@example.org")); !o.OK || strings.Contains(o.Message, said) != want {
			t.Errorf("OK %v %s %q", o.OK, o.Reason, o.Message)
		}
	}
}

// The verifier judges a line by its bill too, and a declared reference leads to one as a foreign key does.
func TestALineThatNamesThePersonIsKeptWithItsBill(t *testing.T) {
	lines := `
CREATE TABLE bills (num int PRIMARY KEY, email text, issued_on date); CREATE TABLE bill_lines (id int PRIMARY KEY, kind text, of int, what text, email text);
INSERT INTO bills VALUES (10, 'ada@example.org', '2014-05-01'), (11, 'ada@example.org', '2024-05-01'), (20, 'bob@example.org', '2024-05-01');
INSERT INTO bill_lines VALUES (1, 'bill', 10, 'for ada@example.org', 'ada@example.org'), (2, 'bill', 11, 'for ada@example.org', 'ada@example.org'), (3, 'bill', 20, 'thing', 'bob@example.org');`
	const keep = `{reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: issued_on`
	s := newStore(t, lines, `
tables:
- {name: bills, subjectKeys: [{column: email, identifier: Email}], onErasure: Keep, keep: `+keep+`}}
- {name: bill_lines, subjectKeys: [{column: email, identifier: Email}], references: [{columns: [of], table: bills, toColumns: [num], where: {column: kind, values: [bill]}}], onErasure: Keep, keep: `+keep+`, through: [of]}}`)
	ada := email("ada@example.org")
	s.erased(`
		0 public.bill_lines DeleteRows 1
		0 public.bill_lines Keep 1 until 2034-05-01
		0 public.bills DeleteRows 1
		0 public.bills Keep 1 until 2034-05-01`, ada)
	s.sql("UPDATE bills SET issued_on = '2014-05-01' WHERE num = 11")
	if o := s.verify(ada); o.Reason != task.Contradicted || strings.Join(o.Names, " ") != "public.bill_lines public.bills" {
		t.Errorf("%+v", o)
	}
}

func TestWhatRowsAreKeptThroughIsSaidWell(t *testing.T) {
	for name, c := range map[string]struct{ old, new, part string }{
		"no reference":          {"through: [bill]}", "through: [pos]}", "keep.through public.bill_lines (pos) is not one reference to a table of the dataset"},
		"a column that is none": {"through: [bill]}", "through: [number]}", "columns that the store does not have: public.bill_lines.number"},
		"another period":        {"period: P10Y, fromColumn: issued_on, through: [bill]}", "period: P12Y, fromColumn: issued_on, through: [bill]}", "public.bill_lines (bill) is kept through public.bills, whose rows are not kept for the same period from the same column"},
		"another column":        {"fromColumn: issued_on, through: [bill]}", "fromColumn: paid_on, through: [bill]}", "public.bill_lines (bill) is kept through public.bills, whose rows are not kept"},
		"one that is not kept":  {"- {name: bills, onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: issued_on}}", "- {name: bills, onErasure: DeleteRows}", "whose rows are not kept"},
		"each other": {"- {name: bills, onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: issued_on}}",
			"- {name: bills, references: [{columns: [num], table: bill_lines, toColumns: [bill]}], onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: issued_on, through: [num]}}", "is kept through itself"},
	} {
		t.Run(name, func(t *testing.T) {
			dataset := strings.Replace(billingDataset, c.old, c.new, 1)
			if dataset == billingDataset {
				t.Fatal("nothing was replaced")
			}
			s := newStore(t, billing, dataset)
			o := s.plan(email("ada@example.org"))
			if o.OK || !strings.Contains(o.Message, c.part) {
				t.Errorf("OK %v %s %q, want %q", o.OK, o.Reason, o.Message, c.part)
			}
		})
	}
}
