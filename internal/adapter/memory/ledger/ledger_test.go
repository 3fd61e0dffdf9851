package ledger_test

import (
	"testing"

	"github.com/google/uuid"
	"k8s.io/utils/clock"

	"github.com/rempart-dev/rempart/internal/adapter/ledgertest"
	"github.com/rempart-dev/rempart/internal/adapter/memory/ledger"
	"github.com/rempart-dev/rempart/internal/consent/proof"
)

func TestTheTwinDoesWhatALedgerDoes(t *testing.T) {
	ledgertest.Run(t, func(tb testing.TB) ledgertest.World {
		tenant := uuid.New()
		l, err := ledger.New(ledger.Config{Tenant: tenant})
		if err != nil {
			tb.Fatal(err)
		}
		return ledgertest.World{Ledger: l, Tenant: tenant, Origin: proof.Origin("ledger.example", tenant.String()), PublicKey: l.PublicKey(), Now: clock.RealClock{}.Now}
	})
}
