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
		peppers, keks := [][]byte{ledgertest.Key(50)}, [][]byte{ledgertest.Key(51)}
		l, err := ledger.New(ledger.Config{Tenant: tenant, Peppers: peppers, KEKs: keks})
		if err != nil {
			tb.Fatal(err)
		}
		w := ledgertest.World{Ledger: l, Tenant: tenant, Peppers: peppers, KEKs: keks, Origin: proof.Origin("ledger.example", tenant.String()), PublicKey: l.PublicKey(), Now: clock.RealClock{}.Now}
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
		w.Rekey = func(tb testing.TB, peppers, keks [][]byte) ledgertest.World {
			if err := l.Rekey(peppers, keks); err != nil {
				tb.Fatal(err)
			}
			w.Peppers, w.KEKs = peppers, keks
			return w
		}
		return w
	})
}
