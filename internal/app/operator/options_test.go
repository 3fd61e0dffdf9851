package operator

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
)

func parsed(t *testing.T, args ...string) options {
	t.Helper()
	o, err := parse(append([]string{"operator", "--namespace=rempart-system", "--eraser-image=eraser:test"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestDeniedRangesAreReadWithCommasAndRepeated(t *testing.T) {
	o := parsed(t, "--egress-denied-cidrs=51.15.0.0/16, 2001:bc8::/32", "--egress-denied-cidrs=", "--egress-denied-cidrs=8.8.8.8/32")
	want := []netip.Prefix{netip.MustParsePrefix("51.15.0.0/16"), netip.MustParsePrefix("2001:bc8::/32"), netip.MustParsePrefix("8.8.8.8/32")}
	if !slices.Equal(o.egressDenied, want) {
		t.Errorf("got %v", o.egressDenied)
	}
	if text := o.egressDenied.String(); text != "51.15.0.0/16,2001:bc8::/32,8.8.8.8/32" {
		t.Errorf("the flag prints %q", text)
	}
}

func TestARangeWithATypingMistakeStopsTheStart(t *testing.T) {
	for _, bad := range []string{"51.15.0.0", "51.15.0.0/33", "51.15.1.0/16", "51.15/16", "example.eu/16", "::ffff:51.15.0.0/112", "51.15.0.0/16;8.8.8.8/32"} {
		_, err := parse([]string{"operator", "--namespace=n", "--eraser-image=i", "--egress-denied-cidrs=" + bad})
		if !errors.Is(err, errUsage) {
			t.Errorf("%q was accepted (%v)", bad, err)
		}
	}
}

func TestTheOperatorRenewsItsCertificateUnlessToldThatSomebodyElseDoes(t *testing.T) {
	if !parsed(t).rotates() {
		t.Error("the operator does not renew by default")
	}
	if parsed(t, "--webhook-cert-secret=").rotates() {
		t.Error("the operator renews a certificate that has no Secret")
	}
}
