package erasure

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// steps are what a program without sets does per person: look for the keys of the rows, then change each row in a
// transaction of its own. The keys of a step are the parameters of its statement.
var steps = []struct{ find, change string }{
	{"SELECT a.id FROM attachments a JOIN messages m ON a.conversation_id = m.conversation_id AND a.message_seq = m.seq WHERE m.sender_id = $1", "DELETE FROM attachments WHERE id = $1"},
	{"SELECT conversation_id, seq FROM messages WHERE sender_id = $1", "UPDATE messages SET sender_id = NULL, body = '[erased]' WHERE conversation_id = $1 AND seq = $2"},
	{"SELECT id FROM conversations WHERE opened_by = $1", "UPDATE conversations SET opened_by = NULL, subject = NULL WHERE id = $1"},
	{"SELECT conversation_id, customer_id FROM participants WHERE customer_id = $1", "DELETE FROM participants WHERE conversation_id = $1 AND customer_id = $2"},
	{"SELECT l.order_id, l.line FROM order_lines l JOIN orders o ON o.id = l.order_id WHERE o.customer_id = $1", "DELETE FROM order_lines WHERE order_id = $1 AND line = $2"},
	{"SELECT id FROM invoices WHERE customer_id = $1 AND issued_on + interval '10 years' < date '2026-11-24'", "DELETE FROM invoices WHERE id = $1"},
	{"SELECT id FROM invoices WHERE customer_id = $1", "UPDATE invoices SET order_id = NULL, customer_id = NULL WHERE id = $1"},
	{"SELECT id FROM orders WHERE customer_id = $1", "DELETE FROM orders WHERE id = $1"},
	{"SELECT id FROM loyalty_cards WHERE customer_id = $1", "UPDATE loyalty_cards SET customer_id = NULL, card_number = replace(gen_random_uuid()::text, '-', '') WHERE id = $1"},
}

var byAddress = []struct{ find, change string }{
	{"SELECT id FROM contact_forms WHERE lower(email) = $1", "DELETE FROM contact_forms WHERE id = $1"},
	{"SELECT id FROM audit_log WHERE lower(actor) = $1", "UPDATE audit_log SET actor = replace(gen_random_uuid()::text, '-', ''), detail = NULL WHERE id = $1"},
}

// byRow erases with one commit per row over one connection.
func (b *bench) byRow(ctx context.Context, database string, addresses []string) (cost spent, err error) {
	cost.cpu, err = b.processor(ctx, database, func() error {
		start := time.Now()
		commits, err := b.rowByRow(ctx, database, addresses)
		cost.commits = commits
		cost.erase = time.Since(start)
		return err
	})
	return cost, err
}

func (b *bench) rowByRow(ctx context.Context, database string, addresses []string) (commits int, err error) {
	conn, err := pgx.Connect(ctx, b.server.URL(database))
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	for _, address := range addresses {
		customers, err := keys(ctx, conn, "SELECT id FROM customers WHERE lower(email) = $1", address)
		if err != nil {
			return commits, err
		}
		for _, customer := range customers {
			for _, s := range steps {
				rows, err := each(ctx, conn, s.find, s.change, customer[0])
				if commits += rows; err != nil {
					return commits, err
				}
			}
			if _, err := conn.Exec(ctx, "DELETE FROM customers WHERE id = $1", customer...); err != nil {
				return commits, err
			}
			commits++
		}
		for _, s := range byAddress {
			rows, err := each(ctx, conn, s.find, s.change, address)
			if commits += rows; err != nil {
				return commits, err
			}
		}
	}
	return commits, nil
}

// each changes the rows that are found, and says how many.
func each(ctx context.Context, conn *pgx.Conn, find, change string, by any) (int, error) {
	rows, err := keys(ctx, conn, find, by)
	if err != nil {
		return 0, err
	}
	for i, row := range rows {
		if _, err := conn.Exec(ctx, change, row...); err != nil {
			return i, fmt.Errorf("%s: %w", change, err)
		}
	}
	return len(rows), nil
}

func keys(ctx context.Context, conn *pgx.Conn, find string, by any) ([][]any, error) {
	rows, err := conn.Query(ctx, find, by)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
}
