// Package browser tests the consent widget in a real browser: what a page, a device and a ledger see of it. Go serves the
// pages, and consentd with its ledger in memory; suite/ (JavaScript) drives Chromium by Playwright's library, and
// Firefox by Puppeteer's, and writes a line of JSON per test, which becomes a subtest here.
package browser

import (
	"bufio"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// outcome is a line of the suite.
type outcome struct {
	Test   string `json:"test"`
	Title  string `json:"title"`
	Error  string `json:"error"`
	Skip   string `json:"skip"`
	Seen   string `json:"seen"`
	Millis int    `json:"millis"`
}

func TestWidgetInABrowser(t *testing.T) {
	node := need(t, "node", "nodejs")
	chromium := need(t, "chromium", "chromium")
	for _, library := range []string{"playwright-core", "puppeteer-core", "axe-core"} {
		if _, err := os.Stat("node_modules/" + library); err != nil {
			t.Fatalf("%s is not here; run: npm ci --prefix test/browser", library)
		}
	}
	pages, host := newFront(t)
	suite := exec.CommandContext(t.Context(), node, "suite/run.mjs")
	suite.Env = append(os.Environ(), "PAGES="+pages, "SERVICE="+host, "CHROMIUM="+chromium, "FIREFOX="+firefox(t),
		"ONLY="+os.Getenv("ONLY"))
	suite.Stderr = os.Stderr
	out, err := suite.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := suite.Start(); err != nil {
		t.Fatal(err)
	}
	count := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var o outcome
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			t.Errorf("the suite wrote %q", lines.Text())
			continue
		}
		count++
		t.Run(o.Test+" "+o.Title, func(t *testing.T) {
			t.Logf("%d ms %s", o.Millis, o.Seen)
			switch {
			case o.Error != "":
				t.Error(o.Error)
			case o.Skip != "":
				t.Skip(o.Skip)
			}
		})
	}
	if err := suite.Wait(); err != nil {
		t.Errorf("running the suite: %v", err)
	}
	if count == 0 {
		t.Error("the suite ran no test")
	}
}

// need finds a program, or says which Debian package has it.
func need(t *testing.T, program, pkg string) string {
	t.Helper()
	found, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is not installed, and without it nothing is tested; run: hack/packages.sh %s:%s", program, program, pkg)
	}
	return found
}

// firefox finds the second browser. On Debian, which has it, it is needed; elsewhere its tests are skipped, and say so.
func firefox(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"firefox-esr", "firefox"} {
		if found, err := exec.LookPath(program); err == nil {
			return found
		}
	}
	if system, err := os.ReadFile("/etc/os-release"); err == nil && strings.Contains("\n"+string(system), "\nID=debian\n") {
		return need(t, "firefox-esr", "firefox-esr")
	}
	return ""
}

// serve listens on a free port of this machine until the test ends, and returns the origin.
func serve(t *testing.T, name string, handler http.HandlerFunc) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(listener) }() // ends with the test
	t.Cleanup(func() { _ = server.Close() })
	_, port, _ := strings.Cut(listener.Addr().String(), ":")
	return "http://" + name + ":" + port
}
