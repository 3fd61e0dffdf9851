package postgres_test

import (
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// Rows of two tables may have the same number: a reference that does not say which table it means would take the comments
// on somebody's post for those on a person.
func TestAPolymorphicReferenceReachesTheRowsOfItsTableAlone(t *testing.T) {
	const people = `
CREATE TABLE people (id int PRIMARY KEY, email text);
CREATE TABLE posts (id int PRIMARY KEY, author int REFERENCES people, title text);
INSERT INTO people VALUES (1, 'ada@example.org'), (2, 'bob@example.org');
INSERT INTO posts VALUES (1, 2, 'of Bob'), (2, 1, 'of Ada');`
	const gone = `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}`
	shapes := map[string]struct{ kind, id, person, post string }{
		"Rails":                      {"commentable_type text", "commentable_id", "Person", "Post"},
		"Laravel, with back slashes": {"commentable_type varchar(80)", "commentable_id", `App\Models\User's`, `App\Models\Post`},
		"Django, with numbers":       {"content_type_id int", "object_id", "7", "8"},
		"Odoo":                       {"res_model text", "res_id", "res.partner", "blog.post"},
		"an enum":                    {"about_type about", "about_id", "person", "post"},
		"no suffix":                  {"source_type text", "source", "Person", "Post"},
		"Magento":                    {"entity_type_id int", "entity_id", "1", "2"},
		"capitals":                   {`"ownerType" text`, `ownerId`, "Person", "Post"},
	}
	for name, c := range shapes {
		t.Run(name, func(t *testing.T) {
			quoted := func(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
			kind := strings.Trim(strings.Fields(c.kind)[0], `"`)
			id := `"` + c.id + `"`
			sql := people + `CREATE TYPE about AS ENUM ('person', 'post');
CREATE TABLE comments (id int PRIMARY KEY, ` + c.kind + `, ` + id + ` int, body text);
INSERT INTO comments VALUES (1, ` + quoted(c.person) + `, 1, 'on Ada'), (2, ` + quoted(c.post) + `, 1, 'on the post of Bob'), (3, ` + quoted(c.person) + `, 2, 'on Bob'),
  (4, ` + quoted(c.post) + `, 2, 'on the post of Ada'), (5, NULL, 1, 'on nothing');`
			reference := func(table, where string) string {
				return `{columns: [` + c.id + `], table: ` + table + `, toColumns: [id]` + where + `}`
			}
			where := func(value string) string {
				return `, where: {column: ` + kind + `, values: [` + `"` + strings.ReplaceAll(value, `\`, `\\`) + `"]}`
			}
			foreign{sql: sql, dataset: gone + `
- {name: posts, onErasure: DeleteRows}
- {name: comments, references: [` + reference("people", "") + `], onErasure: DeleteRows}`,
				refused: "public.comments (" + c.id + ") seems to lead to several tables, since " + kind + " stands beside it", others: []string{"TABLE comments"}}.play(t)
			foreign{sql: sql, dataset: gone + `
- {name: posts, onErasure: DeleteRows}
- {name: comments, references: [` + reference("people", where(c.person)) + `, ` + reference("posts", where(c.post)) + `], onErasure: DeleteRows}`,
				erased: "0 public.comments DeleteRows 2\n0 public.people DeleteRows 1\n0 public.posts DeleteRows 1",
				others: []string{"SELECT * FROM comments WHERE id IN (2, 3, 5)", "SELECT * FROM posts WHERE id = 1", "SELECT * FROM people WHERE id = 2"}}.play(t)
		})
	}
}

func TestAReferenceByNameAloneIsNotTakenForPolymorphic(t *testing.T) {
	s := newStore(t, `
CREATE TABLE customers (id int PRIMARY KEY, email text);
CREATE TABLE carts (id int PRIMARY KEY, customer_id int, customer_type text);
CREATE TABLE visits (id int PRIMARY KEY, customer_id int REFERENCES customers, customer_type text);
INSERT INTO customers VALUES (1, 'ada@example.org'), (2, 'bob@example.org');
INSERT INTO carts VALUES (1, 1, 'private'), (2, 1, 'business'), (3, 2, 'private');
INSERT INTO visits VALUES (1, 1, 'private'), (2, 2, 'private');`, `
tables:
- {name: customers, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: carts, references: [{columns: [customer_id], table: customers, toColumns: [id], where: {column: customer_type, values: [private, business]}}], onErasure: DeleteRows}
- {name: visits, onErasure: DeleteRows}`)
	s.erased(`
		0 public.carts DeleteRows 2
		0 public.customers DeleteRows 1
		0 public.visits DeleteRows 1`, email("ada@example.org"))
	s.dataset.Tables[1].References[0].Where.Column = "kind"
	s.refused(task.ColumnMissing, "public.carts.kind", email("ada@example.org"))
}
