package kubectlgdpr

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"
)

// hidden asks on a terminal for a line that is not shown. An interruption gives the terminal its echo back.
func hidden(fd int, out io.Writer) func(ctx context.Context, prompt string) ([]byte, error) {
	return func(ctx context.Context, prompt string) ([]byte, error) {
		before, err := term.GetState(fd)
		if err != nil {
			return nil, fmt.Errorf("reading from the terminal: %w", err)
		}
		fmt.Fprint(out, prompt)
		line, err := await(ctx, func() ([]byte, error) { return term.ReadPassword(fd) })
		fmt.Fprintln(out)
		if ctx.Err() != nil {
			_ = term.Restore(fd, before) // all that can be done: the program is about to end
		}
		return line, err
	}
}

// await returns what a read gives, or that it was interrupted: a blocked read cannot be called off. The program is then
// about to end, and the read with it.
func await(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	type answer struct {
		text []byte
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := read()
		answers <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("interrupted: %w", context.Cause(ctx))
	case a := <-answers:
		return a.text, a.err
	}
}

// confirm asks a question and takes nothing but yes for an answer.
func confirm(ctx context.Context, w World, question string) error {
	fmt.Fprintf(w.Err, "%s Type yes to go on: ", question)
	line, err := await(ctx, func() ([]byte, error) { return bufio.NewReader(w.In).ReadBytes('\n') })
	switch answer := strings.ToLower(strings.TrimSpace(string(line))); {
	case answer == "yes":
		return nil
	case ctx.Err() != nil:
		return err
	case answer == "":
		return fmt.Errorf("there was no answer, so nothing was changed; a script says --yes")
	default:
		return fmt.Errorf("the answer was not yes, so nothing was changed")
	}
}
