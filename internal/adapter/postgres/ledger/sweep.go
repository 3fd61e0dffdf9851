package ledger

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

const sweepPage = `SELECT last, gone FROM consent.sweep($1, $2, $3)`

// peopleAtOnce is how many people are looked at in one transaction.
const peopleAtOnce = 1000

// SweepPeople deletes names, keys and tokens of people of whom nothing is recorded any more, or never was, and who are waited for by no token and no
// wish; and tokens that ended a day ago. Events, log and proofs are not touched. Returns how many people went. Who comes back is somebody new.
func (l *Ledger) SweepPeople(ctx context.Context) (gone int64, err error) {
	if l.Config.Prune == nil {
		return 0, errors.New("sweeping the ledger: no role for it is configured")
	}
	ended := instant(l.now().Add(-tokensKept))
	for last := (pgtype.UUID{Valid: true}); last.Valid; {
		var next pgtype.UUID
		var n int64
		err := retry(ctx, func() error {
			return l.transaction(ctx, l.Config.Prune, beginWrite, func(t tx) error {
				return t.send(ctx, func(b *pgx.Batch) {
					b.Queue(noLimits)
					b.Queue(sweepPage, last, peopleAtOnce, ended).QueryRow(func(row pgx.Row) error { return row.Scan(&next, &n) })
				})
			})
		})
		if err != nil {
			return gone, wrap("sweeping the ledger", err)
		}
		last, gone = next, gone+n
	}
	return gone, nil
}
