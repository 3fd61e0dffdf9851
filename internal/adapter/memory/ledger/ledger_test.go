package ledger_test

import (
	"bytes"
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
		w := ledgertest.World{Ledger: l, Tenant: tenant, Origin: proof.Origin("ledger.example", tenant.String()), PublicKey: l.PublicKey(), Now: clock.RealClock{}.Now}
		w.Rotate = func(tb testing.TB) ledgertest.World {
			signer, public, err := proof.NewSigner(w.Origin, bytes.Repeat([]byte{1}, proof.SeedSize))
			if err == nil {
				err = l.Rotate(signer, public)
			}
			if err != nil {
				tb.Fatal(err)
			}
			w.PublicKey = public
			return w
		}
		return w
	})
}
