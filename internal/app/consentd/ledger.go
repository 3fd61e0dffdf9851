package consentd

import (
	"context"
	"errors"
	"log/slog"
	"net/url"

	"github.com/rempart-dev/rempart/internal/app/consentd/server"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent/proof"
)

// open opens the ledger that the flags name. Its log is named by where the service is reached and the tenant.
func (o options) open(ctx context.Context, p *settings.Policy, keys settings.Keys, log *slog.Logger) (store, error) {
	base, err := url.Parse(server.Base(o.url, p))
	if err != nil {
		return nil, errors.New("naming the log: the service has no address")
	}
	origin := proof.Origin(base.Host, p.Tenant.String())
	if o.ledger == ledgerMemory {
		log.Warn("Keeping the ledger in memory: it is gone when the program ends")
		return openMemory(p, keys, origin)
	}
	return o.openPostgres(ctx, p, keys, origin, log)
}

// migrate makes roles and tables, or brings them up to date, and ends.
func migrate(ctx context.Context, o options, log *slog.Logger) error {
	if o.ledger == ledgerMemory {
		return errors.New("migrating: a ledger in memory has nothing to migrate")
	}
	if err := o.migratePostgres(ctx); err != nil {
		return err
	}
	log.Info("Migrated the ledger")
	return nil
}
