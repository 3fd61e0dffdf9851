package plan

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

var update = flag.Bool("update", false, "rewrite golden files")

// tables makes a schema from lines such as "orders: id! customer_id>customers.id note". A mark ! makes a primary key, a
// mark * NOT NULL, > a foreign key.
func tables(lines ...string) *Schema {
	s := &Schema{}
	for _, line := range lines {
		name, columns, _ := strings.Cut(line, ":")
		t := Table{Schema: "public", Name: name, Kind: Ordinary}
		for field := range strings.FieldsSeq(columns) {
			field, to, refers := strings.Cut(field, ">")
			column := strings.TrimRight(field, "!*")
			key := strings.HasSuffix(field, "!")
			t.Columns = append(t.Columns, Column{Name: column, Type: "text", Class: Text, Native: true, NotNull: key || strings.HasSuffix(field, "*")})
			if key {
				t.PrimaryKey = append(t.PrimaryKey, column)
			}
			if refers {
				target, toColumn, _ := strings.Cut(to, ".")
				t.ForeignKeys = append(t.ForeignKeys, ForeignKey{Name: name + "_" + column, Columns: []string{column}, Schema: "public", Table: target, ToColumns: []string{toColumn}, OnDelete: "NO ACTION"})
			}
		}
		if len(t.PrimaryKey) > 0 {
			t.Uniques = append(t.Uniques, Unique{Name: name + "_pkey", Columns: t.PrimaryKey, Plain: true})
		}
		s.Tables = append(s.Tables, t)
	}
	return s
}

func dataset(t interface{ Fatal(...any) }, text string) *v1alpha1.Dataset {
	d := &v1alpha1.Dataset{}
	if err := yaml.UnmarshalStrict([]byte(text), d); err != nil {
		t.Fatal(err)
	}
	return d
}

// describe writes a plan for people.
func describe(p *Plan) string {
	var b strings.Builder
	path := func(i int) string { return p.Members[i].Table.Path() }
	groups := func(groups [][]int) string {
		var parts []string
		for _, g := range groups {
			var names []string
			for _, i := range g {
				names = append(names, path(i))
			}
			parts = append(parts, strings.Join(names, " with "))
		}
		return strings.Join(parts, ", then ")
	}
	fmt.Fprintf(&b, "collect: %s\n", groups(p.Collect))
	for _, m := range p.Members {
		fmt.Fprintf(&b, "%s: %s\n", m.Table.Path(), m.Action)
		for _, k := range m.Keys {
			fmt.Fprintf(&b, "  found by %s as %s\n", k.Column, k.Identifier)
		}
		for _, c := range m.Changes {
			fmt.Fprintf(&b, "  %s becomes %s %s\n", c.Column, c.Mask, c.Constant)
		}
		if f := m.Fallback; f != nil && f.Refusal != "" {
			fmt.Fprintf(&b, "  when held: impossible: %s\n", f.Refusal)
		} else if f != nil {
			text, _ := json.Marshal(f.Changes)
			fmt.Fprintf(&b, "  when held: %s %s\n", f.Action, text)
		}
	}
	for _, l := range p.Links {
		fmt.Fprintf(&b, "%s (%s) refers to %s (%s)", path(l.From), strings.Join(l.Columns, ", "), path(l.To), strings.Join(l.ToColumns, ", "))
		if l.Owning {
			b.WriteString(", owns")
		}
		if len(l.Clear) > 0 {
			fmt.Fprintf(&b, ", detached by nulling %s", strings.Join(l.Clear, ", "))
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "delete: %s\n%s\n", groups(p.Delete), p.Digest)
	for _, n := range slices.Concat(p.Notes, p.Costs) {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func shop() *Schema {
	return tables(
		"customers: id! email* last_conversation>conversations.id",
		"conversations: id! opened_by>customers.id title",
		"messages: id! conversation*>conversations.id sender>customers.id reply_to>messages.id body*",
		"invoices: id! customer*>customers.id issued",
	)
}

const shopDataset = `
tables:
- {name: customers, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email, mask: Pseudonym}], onErasure: DeleteRows}
- {name: conversations, ownedThrough: [{columns: [opened_by]}], columns: [{name: title}], onErasure: DeleteRows}
- {name: messages, ownedThrough: [{columns: [sender]}], columns: [{name: body, mask: Constant, constant: gone}], onErasure: MaskColumns}
- {name: invoices, onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: issued}}`

func TestPlanOfAShopWithACycle(t *testing.T) {
	schema := shop()
	schema.Table("public", "invoices").Column("issued").Class = Date
	schema.Table("public", "messages").Triggers = []string{"audit"}
	p, err := New(dataset(t, shopDataset), schema)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "shop", describe(p))
}

func TestTheOrderOfDeclarationMeansNothing(t *testing.T) {
	d, schema := dataset(t, shopDataset), shop()
	schema.Table("public", "invoices").Column("issued").Class = Date
	want, err := New(d, schema)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		shuffled := &v1alpha1.Dataset{Tables: rapid.Permutation(d.Tables).Draw(t, "tables")}
		again := &Schema{Tables: rapid.Permutation(schema.Tables).Draw(t, "schema")}
		got, err := New(shuffled, again)
		if err != nil || got.Digest != want.Digest {
			t.Fatalf("%v: the digest depends on order", err)
		}
	})
}

func TestTheDigestFollowsWhatMatters(t *testing.T) {
	d := dataset(t, shopDataset)
	of := func(change func(*Schema)) string {
		s := shop()
		s.Table("public", "invoices").Column("issued").Class = Date
		change(s)
		p, err := New(d, s)
		if err != nil {
			t.Fatal(err)
		}
		return p.Digest
	}
	first := of(func(*Schema) {})
	for name, change := range map[string]func(*Schema){
		"an index":           func(s *Schema) { s.Tables[2].Indexes = [][]string{{"sender"}} },
		"an unrelated table": func(s *Schema) { s.Tables = append(s.Tables, Table{Schema: "public", Name: "x", Kind: Ordinary}) },
	} {
		if of(change) != first {
			t.Errorf("%s changed the digest", name)
		}
	}
	for name, change := range map[string]func(*Schema){
		"a type":       func(s *Schema) { s.Tables[0].Columns[1].Type = "varchar" },
		"NOT NULL":     func(s *Schema) { s.Tables[2].Columns[2].NotNull = true },
		"a check":      func(s *Schema) { s.Tables[0].Checks = []Check{{Name: "c"}} },
		"a new column": func(s *Schema) { s.Tables[0].Columns = append(s.Tables[0].Columns, Column{Name: "x"}) },
		"on delete":    func(s *Schema) { s.Tables[2].ForeignKeys[0].OnDelete = "CASCADE" },
		"a trigger":    func(s *Schema) { s.Tables[0].Triggers = []string{"t"} },
	} {
		if of(change) == first {
			t.Errorf("%s did not change the digest", name)
		}
	}
}

func TestRefusalsNameWhatIsWrong(t *testing.T) {
	keys := `subjectKeys: [{column: email, identifier: Email}]`
	for name, c := range map[string]struct {
		dataset string
		reason  task.Reason
		part    string
	}{
		"table":            {`{name: clients, ` + keys + `, onErasure: DeleteRows}`, task.TableMissing, "public.clients"},
		"column":           {`{name: customers, subjectKeys: [{column: mail, identifier: Email}], onErasure: DeleteRows}`, task.ColumnMissing, "public.customers.mail"},
		"undeclared":       {`{name: customers, ` + keys + `, onErasure: DeleteRows}`, task.PlanImpossible, "Undeclared tables would forbid the delete: public."},
		"no owner":         {`{name: customers, ` + keys + `, onErasure: MaskColumns, columns: [{name: email, mask: Pseudonym}]}, {name: conversations, ownedThrough: [{columns: [title]}], onErasure: DeleteRows}`, task.PlanImpossible, "ownedThrough public.conversations (title) is no foreign key"},
		"reference":        {`{name: customers, ` + keys + `, references: [{columns: [email], table: absent, toColumns: [x]}], onErasure: Detach, detach: [last_conversation]}`, task.PlanImpossible, "public.absent"},
		"keep from text":   {`{name: invoices, subjectKeys: [{column: issued, identifier: Custom}], onErasure: Keep, keep: {reason: r, article: 17(3)(b), legalReference: l, period: P1Y, fromColumn: issued}}`, task.PlanImpossible, "neither a date nor a timestamp"},
		"masked reference": {`{name: customers, ` + keys + `, onErasure: MaskColumns, columns: [{name: email, mask: Pseudonym}, {name: id}]}`, task.PlanImpossible, "refers to it, without ON UPDATE CASCADE; leave it out"},
		"pseudonym in key": {`{name: customers, ` + keys + `, onErasure: MaskColumns, columns: [{name: email, mask: Pseudonym}, {name: last_conversation, mask: Pseudonym}]}`, task.PlanImpossible, "only the mask Null"},
	} {
		_, err := New(dataset(t, "tables: ["+c.dataset+"]"), shop())
		var f *task.Failure
		if !errors.As(err, &f) || f.Reason != c.reason || !strings.Contains(f.Message, c.part) || len(f.Names) == 0 {
			t.Errorf("%s: %v, want %s with %q", name, err, c.reason, c.part)
		}
	}
}

func TestWhoMadeARowIsNotedAsItsOwner(t *testing.T) {
	schema := tables("users: id! email", "orders: id! customer_id>users.id create_uid>users.id", "notes: id! author_id>users.id", "tasks: id! owner_id>users.id updatedBy>users.id last_edited_by_id>users.id creator_id>users.id")
	p, err := New(dataset(t, `
tables:
- {name: users, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: orders, onErasure: DeleteRows}
- {name: notes, onErasure: DeleteRows}
- {name: tasks, ownedThrough: [{columns: [owner_id]}], onErasure: DeleteRows}`), schema)
	if err != nil {
		t.Fatal(err)
	}
	var made []string
	for _, note := range p.Notes {
		if strings.Contains(note, "whoever") {
			made = append(made, note)
		}
	}
	want := []string{"rows of public.orders count as those of whoever made or treated them, by create_uid: name their owner in ownedThrough"}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Error(diff)
	}
	for name, is := range map[string]bool{"create_uid": true, "write_uid": true, "created_by": true, "updated_by_id": true, "last_edited_by_id": true, "modifiedBy": true, "deleted_by_id": true, "closed_by_id": true,
		"created_user_id": true, "creator_id": true, "user_id": false, "author_id": false, "customer_id": false, "create_id": true, "owner_id": false, "updated_at": false, "writer_club_id": false} {
		if maker.MatchString(name) != is {
			t.Errorf("%s: %v", name, !is)
		}
	}
}

func TestMatchFullKeysAreNulledWholeOrNotAtAll(t *testing.T) {
	schema := tables("a: x! y!", "b: id! x* y", "c: id! x y")
	for _, name := range []string{"b", "c"} {
		schema.Table("public", name).ForeignKeys = []ForeignKey{{Name: "k", Columns: []string{"x", "y"}, Schema: "public", Table: "a", ToColumns: []string{"x", "y"}, MatchFull: true}}
	}
	for name, want := range map[string][]string{"b": nil, "c": {"x", "y"}} {
		table := schema.Table("public", name)
		if got := clearable(table, table.ForeignKeys[0]); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// TestComponentsKeepTheirPromise checks the order of the graph's parts on graphs of any shape.
func TestComponentsKeepTheirPromise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 9).Draw(t, "nodes")
		edges := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) [2]int {
			return [2]int{rapid.IntRange(0, n-1).Draw(t, "from"), rapid.IntRange(0, n-1).Draw(t, "to")}
		}), 0, 24).Draw(t, "edges")
		reach := make([][]bool, n)
		for i := range reach {
			reach[i] = make([]bool, n)
			reach[i][i] = true
		}
		for range n {
			for _, e := range edges {
				for i := range n {
					reach[i][e[1]] = reach[i][e[1]] || reach[i][e[0]]
				}
			}
		}
		at := map[int]int{}
		for g, group := range components(n, edges) {
			for _, node := range group {
				at[node] = g
			}
		}
		if len(at) != n {
			t.Fatalf("%d of %d nodes", len(at), n)
		}
		for a := range n {
			for b := range n {
				together := reach[a][b] && reach[b][a]
				if together != (at[a] == at[b]) || (reach[a][b] && at[a] > at[b]) {
					t.Fatalf("nodes %d and %d are in the wrong groups or order", a, b)
				}
			}
		}
	})
}

// TestPlansOfAnySchemaAreSafe generates schemas and datasets and checks what every plan promises.
func TestPlansOfAnySchemaAreSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "tables")
		var lines []string
		var declared []string
		for i := range n {
			line := fmt.Sprintf("t%d: id! email name*", i)
			for j := range rapid.IntRange(0, 3).Draw(t, "links") {
				line += fmt.Sprintf(" f%d%s>t%d.id", j, rapid.SampledFrom([]string{"", "*"}).Draw(t, "null"), rapid.IntRange(0, n-1).Draw(t, "to"))
			}
			lines = append(lines, line)
			if i == 0 || rapid.IntRange(0, 5).Draw(t, "declared") > 0 {
				action := rapid.SampledFrom([]string{"onErasure: DeleteRows", "onErasure: MaskColumns, columns: [{name: email}]"}).Draw(t, "action")
				declared = append(declared, fmt.Sprintf("{name: t%d, subjectKeys: [{column: email, identifier: Email}], %s}", i, action))
			}
		}
		p, err := New(dataset(t, "tables: ["+strings.Join(declared, ", ")+"]"), tables(lines...))
		if err != nil {
			var f *task.Failure
			if !errors.As(err, &f) || f.Message == "" || len(f.Names) == 0 {
				t.Fatalf("a refusal without names: %v", err)
			}
			return
		}
		at := map[int]int{}
		for g, group := range p.Delete {
			for _, i := range group {
				at[i] = g
			}
		}
		for _, l := range p.Links {
			if p.Members[l.From].MayGo() && p.Members[l.To].MayGo() && at[l.From] > at[l.To] {
				t.Fatalf("%s is deleted after %s, to which it refers", p.Members[l.From].Table.Path(), p.Members[l.To].Table.Path())
			}
			for _, name := range l.Clear {
				if p.Members[l.From].Table.Column(name).NotNull {
					t.Fatal("a column that is NOT NULL would be nulled")
				}
			}
		}
		for i, m := range p.Members {
			if _, listed := at[i]; listed != m.MayGo() {
				t.Fatal("a table is deleted from exactly when its rows may go")
			}
		}
	})
}

func TestScanFindsNamesAndReferences(t *testing.T) {
	schema := tables("people: id! email", "leads: id! email", "visits: id! person>people.id", "words: id! text")
	got := Scan(dataset(t, `tables: [{name: people, subjectKeys: [{column: email, identifier: Email}, {column: id, identifier: CustomerID}], onErasure: DeleteRows}]`), schema)
	want := Findings{Tables: []string{"public.leads", "public.visits"}, Columns: []string{"public.leads.email"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestScanKnowsColumnsByReferenceDomainAndWord(t *testing.T) {
	schema := tables("customers: id! email", "orders: id! customer_id>customers.id", "visits: id! customer_id seconds", "leads: id! work_mail", "cards: id! a", "parcels: id! email_count mailbox")
	schema.Table("public", "customers").Column("email").Domain, schema.Table("public", "customers").Column("email").Type = true, "public.address"
	schema.Table("public", "cards").Column("a").Domain, schema.Table("public", "cards").Column("a").Type = true, "public.address"
	schema.Table("public", "parcels").Column("email_count").Class = Integer
	got := Scan(dataset(t, `
tables:
- {name: customers, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: orders, onErasure: DeleteRows}`), schema)
	want := Findings{Tables: []string{"public.cards", "public.leads", "public.visits"}, Columns: []string{"public.cards.a", "public.leads.work_mail", "public.visits.customer_id"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestScanKnowsWhoRefersToPeopleWhereTheSchemaHasNoForeignKeys(t *testing.T) {
	schema := tables("users: id! name", "emails: id! user_id email", "posts: id! sender room", "likes: id! user_id likable_id likable_type", "visits: id! sender", "media: id! user_id name", "pins: id! likable_id room")
	got := Scan(dataset(t, `
tables:
- {name: emails, subjectKeys: [{column: email, identifier: Email}], references: [{columns: [user_id], table: users, toColumns: [id]}], ownedThrough: [{columns: [user_id]}], onErasure: DeleteRows}
- {name: users, references: [{columns: [id], table: emails, toColumns: [user_id]}], ownedThrough: [{columns: [id]}], onErasure: DeleteRows}
- {name: posts, references: [{columns: [sender], table: users, toColumns: [id]}], onErasure: DeleteRows}
- {name: likes, references: [{columns: [likable_id], table: users, toColumns: [id], where: {column: likable_type, values: [User]}}], onErasure: DeleteRows}`), schema)
	want := Findings{Tables: []string{"public.media", "public.visits"}, Columns: []string{"public.likes.user_id", "public.media.user_id", "public.visits.sender"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The key of a table is what others refer to: it needs no declaration, and a plan would refuse its mask.
func TestScanTakesAKeyForNoReferenceToItself(t *testing.T) {
	schema := tables("buyers: buyer_id! email", "bills: bill_id! buyer_id>buyers.buyer_id", "traits: buyer_id!") // traits refer by their name alone
	got := Scan(dataset(t, `
tables:
- {name: buyers, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: bills, onErasure: DeleteRows}`), schema)
	want := Findings{Tables: []string{"public.traits"}, Columns: []string{"public.traits.buyer_id"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A foreign key with an address says by itself what becomes of it, in a table that is declared.
func TestScanAsksForNoForeignKeyToADeclaredTable(t *testing.T) {
	schema := tables("buyers: email!", "visits: id! email>buyers.email", "calls: id! email>buyers.email", "rings: id! email")
	got := Scan(dataset(t, `
tables:
- {name: buyers, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: visits, onErasure: DeleteRows}
- {name: rings, subjectKeys: [{column: id, identifier: Custom}], onErasure: DeleteRows}`), schema)
	want := Findings{Tables: []string{"public.calls"}, Columns: []string{"public.calls.email", "public.rings.email"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestScanTakesHeirsForPartsOfWhatIsDeclared(t *testing.T) {
	schema := tables("people: id! email", "files: id! owner>people.id email", "images: id! owner>people.id email", "films: id! owner>people.id email director_mail seen_by>people.id")
	schema.Table("public", "files").Inherited = true
	for _, heir := range []string{"images", "films"} {
		schema.Table("public", heir).Parents = []Name{{"public", "files"}}
	}
	got := Scan(dataset(t, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: files, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}`), schema)
	want := Findings{Tables: []string{"public.films"}, Columns: []string{"public.films.director_mail"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestScanTakesAnHeirOfSeveralForAPartOfEach(t *testing.T) {
	schema := tables("people: id! email", "calls: id! phone", "meetings: id! email phone place_mail")
	for _, whole := range []string{"people", "calls"} {
		schema.Table("public", whole).Inherited = true
	}
	schema.Table("public", "meetings").Parents = []Name{{"public", "people"}, {"public", "calls"}}
	declared := dataset(t, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: calls, subjectKeys: [{column: phone, identifier: Phone}], onErasure: DeleteRows}`)
	want := Findings{Tables: []string{"public.meetings"}, Columns: []string{"public.meetings.place_mail"}}
	for range 20 { // declared tables come in no order
		if diff := cmp.Diff(want, Scan(declared, schema)); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestAMereNameOfASubjectKeySaysNothingOfOtherTables(t *testing.T) {
	schema := tables("users: id! name", "queues: id! name", "logins: id! account")
	got := Scan(dataset(t, `tables: [{name: users, subjectKeys: [{column: name, identifier: AccountID}], onErasure: DeleteRows}]`), schema)
	if diff := cmp.Diff(Findings{}, got); diff != "" {
		t.Error(diff)
	}
}

func TestASummaryFitsAndSaysWhatItLeavesOut(t *testing.T) {
	for _, c := range []struct {
		notes []string
		most  int
		want  string
	}{
		{nil, 10, ""},
		{[]string{"a", "b"}, 10, "a; b"},
		{[]string{"aaaaaa", "bbbbbb", "cccccc"}, 20, "aaaaaa; and 2 more"},
		{[]string{strings.Repeat("a", 99), "b"}, 50, "2 notes that are too long to write here"},
	} {
		if got := Summary(c.notes, c.most); got != c.want || len(got) > c.most {
			t.Errorf("%q in %d bytes, want %q", got, c.most, c.want)
		}
	}
}
