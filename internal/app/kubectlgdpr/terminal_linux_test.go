package kubectlgdpr

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// terminals stay open: a read that an interruption leaves behind must not meet another file under its number.
var terminals []*os.File

// terminal opens a terminal: what is typed goes into keyboard, what it shows comes out of it.
func terminal(t *testing.T) (keyboard, tty *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("this machine has no terminals")
	}
	number, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	terminals = append(terminals, keyboard, tty)
	return keyboard, tty
}

// echoes tells whether a terminal shows what is typed.
func echoes(t *testing.T, tty *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// asked asks for a line, and returns when the terminal shows no more.
func asked(ctx context.Context, t *testing.T, tty *os.File, prompt io.Writer) (answer func() ([]byte, error)) {
	t.Helper()
	var line []byte
	var err error
	done := make(chan struct{})
	go func() {
		line, err = hidden(int(tty.Fd()), prompt)(ctx, "email: ")
		close(done)
	}()
	for echoes(t, tty) {
		runtime.Gosched()
	}
	return func() ([]byte, error) { <-done; return line, err }
}

func TestWhatIsTypedIsNotShown(t *testing.T) {
	keyboard, tty := terminal(t)
	var prompt bytes.Buffer
	answer := asked(t.Context(), t, tty, &prompt)
	if _, err := keyboard.WriteString("ada@example.org\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := answer(); err != nil || string(line) != "ada@example.org" || prompt.String() != "email: \n" {
		t.Errorf("%q, %v, %q", line, err, prompt.String())
	}
	if !echoes(t, tty) {
		t.Error("the terminal did not get its echo back")
	}
	if _, err := tty.WriteString("the end"); err != nil {
		t.Fatal(err)
	}
	var shown []byte
	for buffer := make([]byte, 100); !strings.Contains(string(shown), "the end"); {
		n, err := keyboard.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		shown = append(shown, buffer[:n]...)
	}
	if strings.Contains(string(shown), "ada") {
		t.Errorf("the terminal shows %q", shown)
	}
}

func TestAnInterruptionGivesTheTerminalItsEchoBack(t *testing.T) {
	keyboard, tty := terminal(t)
	ctx, interrupt := context.WithCancel(t.Context())
	answer := asked(ctx, t, tty, io.Discard)
	interrupt()
	if _, err := answer(); err == nil || !strings.Contains(err.Error(), "interrupted") || !echoes(t, tty) {
		t.Errorf("%v, echo %v", err, echoes(t, tty))
	}
	if _, err := keyboard.WriteString("\n"); err != nil { // ends the read that is left behind
		t.Fatal(err)
	}
}
