package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func guard(t testing.TB, allow ...string) *Guard {
	t.Helper()
	g, err := New(Options{Allow: allow})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// hostileURLs are written so that a careless reader takes them for something else.
var hostileURLs = []string{
	// addresses of the node, the cluster, the cloud
	"https://127.0.0.1/", "https://127.1.2.3/", "https://0.0.0.0/", "https://10.0.0.1/", "https://10.96.0.1:443/", "https://172.16.0.1/",
	"https://172.31.255.255/", "https://192.168.1.1/", "https://169.254.169.254/latest/meta-data/", "https://100.64.0.1/", "https://100.100.100.200/",
	"https://192.0.0.192/", "https://168.63.129.16/", "https://198.18.0.1/", "https://192.0.2.1/", "https://203.0.113.7/", "https://192.88.99.1/",
	"https://224.0.0.1/", "https://255.255.255.255/", "https://240.0.0.1/",
	// IPv6 forms
	"https://[::1]/", "https://[::]/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/", "https://[fc00::1]/", "https://[fd00:ec2::254]/",
	"https://[ff02::1]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:8.8.8.8]/", "https://[::ffff:a9fe:a9fe]/", "https://[::127.0.0.1]/",
	"https://[64:ff9b::7f00:1]/", "https://[64:ff9b:1::a00:1]/", "https://[2002:7f00:1::]/", "https://[2002:a9fe:a9fe::1]/", "https://[2001:0:1::1]/",
	"https://[2001:db8::1]/", "https://[fec0::1]/", "https://[100::1]/",
	// other spellings of IPv4
	"https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://017700000001/", "https://127.1/",
	"https://127.0.1/", "https://1.2.3/", "https://127.0.0.1./", "https://0/", "https://10.1/", "https://1.2.3.4.5/", "https://256.1.1.1/", "https://foo.0x1/",
	// encoded parts
	"https://%31%32%37.0.0.1/", "https://127%2e0%2e0%2e1/", "https://example.eu%00.evil.eu/", "https://example.eu%2f@127.0.0.1/", "https://①②⑦.⓪.⓪.①/",
	"https://example。eu/", "https://еxample.eu/", "https://exam\u00adple.eu/",
	// user information, fragments, confusing separators
	"https://user@example.eu/", "https://user:pass@example.eu/", "https://example.eu@127.0.0.1/", "https://example.eu:443@127.0.0.1/",
	"https://example.eu#@127.0.0.1/", "https://example.eu/#fragment", "https://example.eu\\@127.0.0.1/", "https:\\\\example.eu/", "https:/example.eu", "https:example.eu",
	"//example.eu/", "example.eu", "", "https://", "https:///path", "https://.example.eu/", "https://example..eu/", "https://-example.eu/", "https://exa mple.eu/",
	// ports
	"https://example.eu:22/", "https://example.eu:6443/", "https://example.eu:10250/", "https://example.eu:2379/", "https://example.eu:80/", "https://example.eu:0/",
	"https://example.eu:99999/", "https://example.eu:/", "https://example.eu:0443/", "https://example.eu:+443/", "https://example.eu:443:443/",
	// schemes
	"http://example.eu/", "ftp://example.eu/", "file:///etc/passwd", "gopher://example.eu/", "unix:///run/containerd.sock", "javascript:alert(1)", "HTTPS+unix://x/", "data:,x",
	// header injection
	"https://example.eu/\r\nHost: evil", "https://example.eu\r\n/", "https://example.eu/\tx", "https://example.eu/\x00", " https://example.eu/",
	// too long
	"https://example.eu/" + strings.Repeat("a", 2100), "https://" + strings.Repeat("a.", 150) + "eu/", "https://" + strings.Repeat("a", 64) + ".eu/",
}

func TestHostileURLsAreRefused(t *testing.T) {
	if len(hostileURLs) < 80 {
		t.Fatalf("only %d URLs", len(hostileURLs))
	}
	g := guard(t, "hook.rempart-demo.svc:8080")
	for _, raw := range hostileURLs {
		if u, err := g.CheckURL(raw); err == nil {
			t.Errorf("%q was accepted as %s", raw, u)
		}
	}
}

func TestGoodURLsAreAcceptedAndRebuilt(t *testing.T) {
	g := guard(t, "hook.rempart-demo.svc:8080", "10.0.0.5:8443")
	for raw, want := range map[string]string{
		"https://hooks.example.eu/gdpr":          "https://hooks.example.eu:443/gdpr",
		"https://Hooks.Example.EU./a%2Fb?x=1":    "https://hooks.example.eu:443/a%2Fb?x=1",
		"https://xn--bcher-kva.example/":         "https://xn--bcher-kva.example:443/",
		"https://8.8.8.8/":                       "https://8.8.8.8:443/",
		"https://[2606:4700:4700::1111]/":        "https://[2606:4700:4700::1111]:443/",
		"http://hook.rempart-demo.svc:8080/gdpr": "http://hook.rempart-demo.svc:8080/gdpr",
		"https://10.0.0.5:8443/":                 "https://10.0.0.5:8443/",
	} {
		if u, err := g.CheckURL(raw); err != nil || u.String() != want {
			t.Errorf("%s: %v, %v", raw, u, err)
		}
	}
}

func TestAddressesAreJudgedAfterResolution(t *testing.T) {
	g, err := New(Options{Deny: []netip.Prefix{netip.MustParsePrefix("51.15.0.0/16")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"127.0.0.1:443", "[::1]:443", "10.1.2.3:443", "169.254.169.254:443", "[fd00::1]:443", "100.64.9.9:587", "[64:ff9b::a00:1]:443",
		"[2002:a00:1::]:443", "[::ffff:10.0.0.1]:443", "[fe80::1%lo]:443", "224.1.1.1:443", "255.255.255.255:443", "0.0.0.0:443", "[::]:443", "8.8.8.8:25",
		"51.15.1.1:443", "junk", "[4000::1]:443"} {
		if err := g.control("tcp", bad, nil); !errors.Is(err, ErrBlocked) {
			t.Errorf("%s may be dialled (%v)", bad, err)
		}
	}
	for _, good := range []string{"8.8.8.8:443", "[2606:4700:4700::1111]:443", "1.1.1.1:587", "9.9.9.9:465"} {
		if err := g.control("tcp", good, nil); err != nil {
			t.Errorf("%s may not be dialled: %v", good, err)
		}
	}
}

func TestANameThatResolvesToAPrivateAddressIsBlocked(t *testing.T) {
	listener := listen(t)
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	g := guard(t)
	for _, addr := range []string{"localhost:443", "localhost:587", "localhost:" + port, listener.Addr().String()} {
		if conn, err := g.DialContext(t.Context(), "tcp", addr); !errors.Is(err, ErrBlocked) {
			t.Errorf("%s: %v", addr, err)
			if conn != nil {
				conn.Close()
			}
		}
	}
	for _, network := range []string{"udp", "unix", "ip"} {
		if _, err := g.DialContext(t.Context(), network, "example.eu:443"); !errors.Is(err, ErrBlocked) {
			t.Errorf("%s: %v", network, err)
		}
	}
}

func TestTheOperatorsListOpensOneHostAndPort(t *testing.T) {
	listener := listen(t)
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	g := guard(t, "LOCALHOST.:"+port)
	conn, err := g.DialContext(t.Context(), "tcp", "localhost:"+port)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if _, err := g.DialContext(t.Context(), "tcp", "127.0.0.1:"+port); !errors.Is(err, ErrBlocked) {
		t.Errorf("another spelling: %v", err)
	}
	for _, bad := range []string{"localhost", ":25", "localhost:", "https://localhost:25", "*:25", "10.0.0.0/8:25", "local host:25"} {
		if _, err := New(Options{Allow: []string{bad}}); err == nil {
			t.Errorf("the entry %q was accepted", bad)
		}
	}
}

func TestRedirectsAndProxiesAreNotFollowed(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	reached := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached++
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	g := guard(t, server.Listener.Addr().String())
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := g.Client(nil).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	if answer.StatusCode != http.StatusTemporaryRedirect || reached != 1 {
		t.Errorf("status %d after %d requests", answer.StatusCode, reached)
	}
}

func TestFailuresHaveAClassAndNoAddress(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = nil
	secure.StartTLS()
	defer secure.Close()
	g := guard(t, secure.Listener.Addr().String())
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, secure.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, untrusted := g.Client(&tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}).Do(request)
	closed := listen(t)
	closed.Close()
	_, refused := guard(t, closed.Addr().String()).DialContext(t.Context(), "tcp", closed.Addr().String())
	done, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	for want, err := range map[Class]error{
		ClassTLSFailed:  untrusted,
		ClassRefused:    refused,
		ClassUnresolved: &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}},
		ClassBlocked:    &net.OpError{Op: "dial", Err: ErrBlocked},
		ClassTimeout:    done.Err(),
	} {
		if got := ClassOf(err); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

// FuzzCheckURL looks for a URL that is accepted and yet would be dialled at an address that is not public, or that
// changes its meaning when it is read again.
func FuzzCheckURL(f *testing.F) {
	for _, seed := range hostileURLs {
		f.Add(seed)
	}
	f.Add("https://hooks.example.eu/gdpr?x=1")
	f.Add("https://[2606:4700:4700::1111]:443/")
	g := guard(f)
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := g.CheckURL(raw)
		if err != nil {
			return
		}
		again, err := g.CheckURL(u.String())
		if err != nil || again.String() != u.String() {
			t.Fatalf("%q became %q, then %v (%v)", raw, u, again, err)
		}
		if u.Scheme != "https" || u.User != nil || u.Port() != "443" && u.Port() != "465" && u.Port() != "587" {
			t.Fatalf("%q was accepted", raw)
		}
		if addr, err := netip.ParseAddr(u.Hostname()); err == nil && !Public(addr) {
			t.Fatalf("%q names a private address", raw)
		}
	})
}
