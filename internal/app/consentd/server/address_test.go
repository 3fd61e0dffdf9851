package server

import (
	"strings"
	"testing"
)

func TestAddressesAreReadAsTheLedgerComparesThem(t *testing.T) {
	for text, want := range map[string]string{
		"ada@example.org": "ada@example.org", " Ada.Lovelace+x@EXAMPLE.Org\n": "ada.lovelace+x@example.org", "o'neil_1/2=3@sub.example.co.uk": "o'neil_1/2=3@sub.example.co.uk",
		"ada@bücher.example": "ada@xn--bcher-kva.example", "ada@XN--BCHER-KVA.example": "ada@xn--bcher-kva.example", "\u212aate@example.org": "kate@example.org",
		strings.Repeat("a", 64) + "@example.org": strings.Repeat("a", 64) + "@example.org",
	} {
		if got, ok := addressOf(text); !ok || got != want {
			t.Errorf("%q: %q, %v", text, got, ok)
		}
	}
	for _, text := range []string{
		"", " ", "@", "ada", "ada@", "@example.org", "ada@example", "ada@@example.org", "ada@b@example.org", "ada@example..org", ".ada@example.org", "ada.@example.org", "a..da@example.org",
		"ada @example.org", "ada@exam ple.org", "ada@example.org\r\nBcc: b@example.org", "ada\n@example.org", "ada\x00@example.org", "ada@example.org\x00", "ada@example.org,eve@example.org", "ada@example.org;eve@example.org",
		"Ada <ada@example.org>", "<ada@example.org>", `"ada"@example.org`, `"a b"@example.org`, "ada(c)@example.org", "ada@[127.0.0.1]", "ada@-example.org", "ada@example-.org", "ada@exa_mple.org",
		"adà@example.org", "mıke@example.org", strings.Repeat("a", 65) + "@example.org", "a@" + strings.Repeat("a", 64) + ".org", "a@" + strings.Repeat("a.", 130) + "org", strings.Repeat("a", 600),
	} {
		if got, ok := addressOf(text); ok {
			t.Errorf("%q is taken for %q", text, got)
		}
	}
}

// FuzzAddressOf looks for an address that is another one when it is read again, or that could end a line of the dialogue or name a second address.
func FuzzAddressOf(f *testing.F) {
	f.Add("Ada@bücher.example")
	f.Add("ada@example.org\r\nRCPT TO:<eve@example.org>")
	f.Fuzz(func(t *testing.T, text string) {
		address, ok := addressOf(text)
		if !ok {
			return
		}
		if again, ok := addressOf(address); !ok || again != address {
			t.Errorf("%q becomes %q, and that %q", text, address, again)
		}
		if strings.Count(address, "@") != 1 || strings.ContainsFunc(address, func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune(`<>()[],;:\"`, c) }) {
			t.Errorf("%q is taken for %q", text, address)
		}
	})
}
