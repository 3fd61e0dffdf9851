package ledger

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rempart-dev/rempart/internal/consent"
)

const (
	// formsOf are the forms under which names are known, the newest first: $4 numbers people, $5 forms.
	formsOf = `SELECT p.at, p.form, l.subject_ref FROM unnest($2::text[], $3::bytea[], $4::int[], $5::int[]) AS p (kind, link, at, form)
CROSS JOIN LATERAL (SELECT subject_ref FROM consent.subject_links WHERE tenant_id = $1 AND kind = p.kind AND link = p.link LIMIT 1) AS l ORDER BY p.at, p.form`

	// anyOlder tells whether one of the forms of names is known.
	anyOlder = `SELECT EXISTS (SELECT FROM unnest($2::text[], $3::bytea[]) AS p (kind, link)
CROSS JOIN LATERAL (SELECT FROM consent.subject_links WHERE tenant_id = $1 AND kind = p.kind AND link = p.link LIMIT 1) AS l)`

	// renewLink puts the newest form $4 of a person's name in the place of an older one, $5. That does not go before the newest is there, and
	// is the same person's; of two who come at once, one does it. Who does it keeps the person from being forgotten or joined meanwhile.
	renewLink = `
WITH put AS (INSERT INTO consent.subject_links (tenant_id, subject_ref, kind, link, pepper_id)
  SELECT $1::uuid, $2::uuid, $3::text, $4::bytea, $6::text FROM consent.subject_links WHERE tenant_id = $1 AND kind = $3 AND link = $5 AND subject_ref = $2
  ON CONFLICT (tenant_id, kind, link) DO NOTHING RETURNING 1)
DELETE FROM consent.subject_links WHERE tenant_id = $1 AND kind = $3 AND link = $5 AND subject_ref = $2 AND (EXISTS (SELECT FROM put)
  OR EXISTS (SELECT FROM consent.subject_links n WHERE n.tenant_id = $1 AND n.kind = $3 AND n.link = $4 AND n.subject_ref = $2))`
)

// form is a form under which a person's name is known, and whose it is: 0 is that of the newest pepper.
type form struct {
	at, number int
	subject    uuid.UUID
}

// forms looks names up under all peppers. References have none.
func (l *Ledger) forms(ctx context.Context, t tx, people []consent.Person) (found []form, err error) {
	var kinds []string
	var links [][]byte
	var at, numbers []int32
	for i, person := range people {
		if person.Kind == "" || person.Kind == consent.KindSubject {
			continue
		}
		for number, link := range l.links(person) {
			kinds, links, at, numbers = append(kinds, person.Kind), append(links, link), append(at, int32(i)), append(numbers, int32(number))
		}
	}
	if len(links) == 0 {
		return nil, nil
	}
	err = t.send(ctx, func(b *pgx.Batch) {
		b.Queue(formsOf, id(l.Tenant), kinds, links, at, numbers).Query(func(rows pgx.Rows) error {
			var i, number int32
			var subject pgtype.UUID
			_, err := pgx.ForEachRow(rows, []any{&i, &number, &subject}, func() error {
				found = append(found, form{int(i), int(number), subject.Bytes})
				return nil
			})
			return err
		})
	})
	return found, err
}

// renew lets an older form of a person's name, of all its forms, give way to the newest.
func (l *Ledger) renew(b *pgx.Batch, subject uuid.UUID, kind string, links [][]byte, older int) {
	b.Queue(renewLink, id(l.Tenant), id(subject), kind, links[0], links[older], l.peppers[0].id)
}

// settle gives people who are found by an older form of a name the newest one. Where two forms of one name lead to two people, they become
// the one who was known under the older pepper: somebody wrote who did not have that. Moved says that there was something to do, and that
// there may be more. Where one pepper is all, there is nothing.
func (l *Ledger) settle(ctx context.Context, t tx, people ...consent.Person) (moved bool, err error) {
	if len(l.peppers) < 2 {
		return false, nil
	}
	found, err := l.forms(ctx, t, people)
	if err != nil {
		return false, err
	}
	var held []pgtype.UUID
	var older []form
	for i, person := range people {
		var mine []form
		for _, f := range found {
			if f.at == i {
				mine = append(mine, f)
			}
		}
		if len(mine) == 0 || mine[len(mine)-1].number == 0 {
			continue
		}
		subject := mine[len(mine)-1].subject
		if other := slices.IndexFunc(mine, func(f form) bool { return f.subject != subject }); other >= 0 {
			return true, l.unite(ctx, t, person, subject, mine[other].subject) // what was found of others may be of before
		}
		for _, f := range mine {
			if f.number > 0 {
				older = append(older, f)
			}
		}
		held = append(held, id(subject))
	}
	if len(held) == 0 {
		return false, nil
	}
	if err := l.lock(ctx, t, held); err != nil {
		return true, err
	}
	return true, t.send(ctx, func(b *pgx.Batch) {
		for _, f := range older {
			l.renew(b, f.subject, people[f.at].Kind, l.links(people[f.at]), f.number)
		}
	})
}

// unite makes one person of two to whom forms of one name lead.
func (l *Ledger) unite(ctx context.Context, t tx, person consent.Person, subject, other uuid.UUID) error {
	if err := l.lock(ctx, t, []pgtype.UUID{id(subject), id(other)}); err != nil {
		return err
	}
	found, err := l.forms(ctx, t, []consent.Person{person})
	if err != nil {
		return err
	}
	leads := func(to uuid.UUID) bool {
		return slices.ContainsFunc(found, func(f form) bool { return f.subject == to })
	}
	if !leads(subject) || !leads(other) {
		return errMoved // others were quicker
	}
	return l.join(ctx, t, subject, other)
}

// settleAll settles until there is nothing to do, in the transaction of who asks.
func (l *Ledger) settleAll(ctx context.Context, t tx, people ...consent.Person) error {
	for moved := true; moved; {
		var err error
		if moved, err = l.settle(ctx, t, people...); err != nil {
			return err
		}
	}
	return nil
}

// settled is settle in transactions of its own, for what only reads.
func (l *Ledger) settled(ctx context.Context, people ...consent.Person) error {
	for moved := len(l.peppers) > 1; moved; {
		err := retry(ctx, func() error {
			return l.transaction(ctx, l.App, beginWrite, func(t tx) (err error) {
				moved, err = l.settle(ctx, t, people...)
				return err
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}
