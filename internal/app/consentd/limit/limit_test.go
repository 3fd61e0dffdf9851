package limit_test

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/rempart-dev/rempart/internal/app/consentd/limit"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func of(address string) netip.Prefix { return limit.Network(netip.MustParseAddr(address)) }

func TestANetworkIsAHouseholdOrAnOffice(t *testing.T) {
	for _, c := range []struct{ address, want string }{
		{"203.0.113.77", "203.0.113.0/24"},
		{"::ffff:203.0.113.77", "203.0.113.0/24"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"},
		{"fe80::1%eth0", "fe80::/48"},
	} {
		if got := of(c.address).String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.address, got, c.want)
		}
	}
	if limit.Network(netip.Addr{}).IsValid() {
		t.Error("no address has a network")
	}
}

func TestAFloodFromOneNetworkIsRefusedAndNobodyElse(t *testing.T) {
	l := limit.New(10, 20)
	now, passed := noon, 0
	for range 10_000 { // within one second
		now = now.Add(100 * time.Microsecond)
		ok, wait := l.Allow("shop", of("203.0.113.7"), now)
		if ok {
			passed++
		} else if wait <= 0 || wait > time.Second {
			t.Fatalf("wait %v", wait)
		}
	}
	if passed < 29 || passed > 31 {
		t.Errorf("%d passed, want the burst of 20 and 10 for the second", passed)
	}
	for _, other := range []struct{ site, address string }{{"shop", "203.0.114.7"}, {"blog", "203.0.113.7"}, {"shop", "2001:db8::1"}} {
		if ok, _ := l.Allow(other.site, of(other.address), now); !ok {
			t.Errorf("%v was refused for the flood of another", other)
		}
	}
	if ok, _ := l.Allow("shop", of("203.0.113.99"), now.Add(time.Second)); !ok {
		t.Error("the flood is over and the network still refused")
	}
}

func TestNobodyIsRefusedWhoKeepsTheRate(t *testing.T) {
	l := limit.New(10, 5)
	for i := range 1000 {
		if ok, _ := l.Allow("shop", of("198.51.100.1"), noon.Add(time.Duration(i)*100*time.Millisecond)); !ok {
			t.Fatalf("request %d was refused", i)
		}
	}
}

func TestWhoOnlyLooksIsNotCounted(t *testing.T) {
	l := limit.New(1, 1)
	for range 10 {
		if l.Full("shop", of("198.51.100.1"), noon) {
			t.Fatal("full of looks")
		}
	}
	l.Allow("shop", of("198.51.100.1"), noon)
	if !l.Full("shop", of("198.51.100.1"), noon) || l.Full("shop", of("198.51.100.1"), noon.Add(time.Second)) || (*limit.Limiter)(nil).Full("", of("198.51.100.1"), noon) {
		t.Error("not what Allow would say")
	}
}

func TestTheWaitThatIsNamedIsEnough(t *testing.T) {
	l := limit.New(3, 1)
	now := noon
	for range 100 {
		if ok, wait := l.Allow("shop", of("198.51.100.1"), now); !ok {
			now = now.Add(wait)
			if again, _ := l.Allow("shop", of("198.51.100.1"), now); !again {
				t.Fatal("refused after the wait")
			}
		}
	}
}

func TestAFloodFromManyNetworksLeavesMostOthersAlone(t *testing.T) {
	l := limit.New(1, 1)
	for i := range 2000 {
		var four [4]byte
		binary.BigEndian.PutUint32(four[:], uint32(i)<<8)
		l.Allow("shop", limit.Network(netip.AddrFrom4(four)), noon)
	}
	refused := 0
	for i := range 1000 {
		var sixteen [16]byte
		sixteen[0] = 0x20
		binary.BigEndian.PutUint32(sixteen[1:], uint32(i))
		if ok, _ := l.Allow("blog", limit.Network(netip.AddrFrom16(sixteen)), noon); !ok {
			refused++
		}
	}
	if refused > 40 { // about 8 of 1000 are expected: (3000/32768)²
		t.Errorf("%d of 1000 strangers were refused", refused)
	}
}

func TestNoLimitIsNoLimit(t *testing.T) {
	l := limit.New(0, 0)
	for range 1000 {
		if ok, _ := l.Allow("shop", of("203.0.113.7"), noon); !ok {
			t.Fatal("refused")
		}
	}
}

func BenchmarkAllow(b *testing.B) {
	l := limit.New(1e6, 1e6)
	network := of("203.0.113.7")
	b.ReportAllocs()
	for b.Loop() {
		l.Allow("shop", network, noon)
	}
}
