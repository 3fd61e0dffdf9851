package ledger_test

import (
	"bytes"
	"sync/atomic"
	"testing"
	"time"

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
		now := &wrong{}
		l, err := ledger.New(ledger.Config{Tenant: tenant, Peppers: peppers, KEKs: keks, Clock: now})
		if err != nil {
			tb.Fatal(err)
		}
		w := ledgertest.World{Ledger: l, Tenant: tenant, Peppers: peppers, KEKs: keks, Origin: proof.Origin("ledger.example", tenant.String()), PublicKey: l.PublicKey(), Now: now.Now}
		w.Ahead = func(_ testing.TB, by time.Duration) ledgertest.Ledger {
			now.ahead.Store(int64(by))
			return l
		}
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

// wrong is a clock that is ahead.
type wrong struct {
	clock.RealClock
	ahead atomic.Int64
}

func (w *wrong) Now() time.Time { return w.RealClock.Now().Add(time.Duration(w.ahead.Load())) }
