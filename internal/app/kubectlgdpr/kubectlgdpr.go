// Package kubectlgdpr is the plug-in of kubectl. It asks the same pure code as the operator where data may lie, when a period
// ends and whether a certificate holds, and prints the answer with its reasons; and it makes requests of erasure, shows their
// plans and writes what a person decides. No argument of it names a person.
package kubectlgdpr

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"k8s.io/utils/clock"
)

// Exit codes.
const (
	// Answered means that there is an answer, whatever it says.
	Answered = 0
	// Refused means that there is none, and that nothing was changed: the question is malformed, or the cluster refused it.
	Refused = 1
)

// World is what the plug-in takes from around it.
type World struct {
	In       io.Reader
	Out, Err io.Writer
	Clock    clock.PassiveClock
	// Pause is the time between two looks at what is waited for.
	Pause time.Duration
	// Random makes names that nobody else has.
	Random io.Reader
	// Connect opens the cluster that the flags name, for the commands that need one.
	Connect func(Target) (Cluster, error)
	// Hidden asks for a line and does not show what is typed; nil when In is no terminal.
	Hidden func(ctx context.Context, prompt string) ([]byte, error)
}

// Terminal is the world of a shell.
func Terminal() World {
	w := World{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Clock: clock.RealClock{}, Pause: time.Second, Random: rand.Reader, Connect: connect}
	if fd := int(os.Stdin.Fd()); term.IsTerminal(fd) {
		w.Hidden = hidden(fd, os.Stderr)
	}
	return w
}

// Main answers one question and returns the exit code.
func Main(ctx context.Context, args []string, w World) int {
	//nolint:contextcheck // cobra hands this context to the commands
	root := group("kubectl-gdpr", "Ask Rempart where data may lie and when a period ends, have people erased, and verify it",
		residencyCommand(w), deadlineCommand(w), eraseCommand(w), planCommand(w), approveCommand(w), refuseCommand(w), letterCommand(w), toldCommand(w), statusCommand(w),
		grantsCommand(w), importCommand(w), verifyCommand(w), evidenceCommand(w))
	root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl gdpr"}
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetOut(w.Out)
	root.SetErr(w.Err)
	root.SetArgs(args)
	command, err := root.ExecuteContextC(ctx)
	if err != nil {
		fmt.Fprintf(w.Err, "error: %v\nSee \"%s --help\".\n", err, command.CommandPath())
		return Refused
	}
	return Answered
}

// group is a command that only holds others. Alone it prints its help; a word that it does not know is refused.
func group(use, short string, children ...*cobra.Command) *cobra.Command {
	command := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs, RunE: func(command *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("unknown command %q", args[0])
		}
		return command.Help()
	}}
	command.AddCommand(children...)
	return command
}

// leaf is a command that answers from its flags alone.
func leaf(use, short, example string, run func() error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Example: example, Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return run() }}
}
