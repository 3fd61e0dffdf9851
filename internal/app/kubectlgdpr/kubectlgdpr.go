// Package kubectlgdpr is the plug-in of kubectl: it asks the same pure code as the operator where data may lie and when a
// period ends, and prints the answer with its reasons. It changes nothing, and no argument of it names a person.
package kubectlgdpr

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/utils/clock"
)

// Exit codes.
const (
	// Answered means that there is an answer, whatever it says.
	Answered = 0
	// Refused means that the question could not be answered: it is malformed, or the cluster could not be read.
	Refused = 1
)

// World is what the plug-in takes from around it.
type World struct {
	Out, Err io.Writer
	Clock    clock.PassiveClock
	// Connect opens the cluster that the flags name; only explain asks for it.
	Connect func(Target) (Cluster, error)
}

// Terminal is the world of a shell.
func Terminal() World {
	return World{Out: os.Stdout, Err: os.Stderr, Clock: clock.RealClock{}, Connect: connect}
}

// Main answers one question and returns the exit code.
func Main(ctx context.Context, args []string, w World) int {
	//nolint:contextcheck // cobra hands this context to the commands
	root := group("kubectl-gdpr", "Ask Rempart where data may lie and when a period ends", residencyCommand(w), deadlineCommand(w))
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
