package kubectlgdpr

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/rempart-dev/rempart/internal/erasure/subject"
)

// maxInput is the most that is read from standard input, in bytes: more than six identifiers of the greatest length.
const maxInput = 16 << 10

// readKinds reads --kind: keys of a subject Secret, in any case, each once.
func readKinds(words []string) ([]string, error) {
	known := subject.KnownKeys()
	var kinds []string
	for _, word := range words {
		at := slices.IndexFunc(known, func(key string) bool { return strings.EqualFold(key, word) })
		if at < 0 || slices.Contains(kinds, known[at]) {
			return nil, fmt.Errorf("--kind takes each of these once: %s; what it names is read from the prompt or from standard input", strings.Join(known, ", "))
		}
		kinds = append(kinds, known[at])
	}
	if len(kinds) == 0 {
		return nil, fmt.Errorf("--kind names no kind of identifier; it is one of: %s", strings.Join(known, ", "))
	}
	return kinds, nil
}

// readPerson reads one identifier of each kind, as the data of a subject Secret. No error of it repeats what was read.
func readPerson(ctx context.Context, w World, kinds []string) (map[string][]byte, error) {
	lines, err := identifiers(ctx, w, kinds)
	if err != nil {
		return nil, err
	}
	person := map[string][]byte{}
	for i, kind := range kinds {
		value := bytes.TrimSpace(lines[i])
		given, err := subject.Read(map[string][]byte{kind: value})
		if err == nil {
			err = given.Possible()
		}
		if err != nil {
			return nil, err
		}
		person[kind] = value
	}
	return person, nil
}

// identifiers returns a line for each kind: typed twice at a terminal, since it is not shown, else from standard input.
func identifiers(ctx context.Context, w World, kinds []string) ([][]byte, error) {
	if w.Hidden == nil {
		return piped(ctx, w.In, kinds)
	}
	var lines [][]byte
	for _, kind := range kinds {
		line, err := w.Hidden(ctx, kind+" of the person (not shown): ")
		if err != nil {
			return nil, unread(ctx, kind)
		}
		again, err := w.Hidden(ctx, kind+" once more: ")
		switch {
		case err != nil:
			return nil, unread(ctx, kind)
		case !bytes.Equal(bytes.TrimSpace(line), bytes.TrimSpace(again)):
			return nil, fmt.Errorf("the %s was not the same twice; nothing was made", kind)
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func unread(ctx context.Context, kind string) error {
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted; nothing was made")
	}
	return fmt.Errorf("the %s could not be read from the terminal; nothing was made", kind)
}

// piped reads a line for each kind, and no more.
func piped(ctx context.Context, in io.Reader, kinds []string) ([][]byte, error) {
	text, err := await(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(in, maxInput+1)) })
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("interrupted; nothing was made")
	case err != nil:
		return nil, fmt.Errorf("standard input could not be read; nothing was made")
	case len(text) > maxInput:
		return nil, fmt.Errorf("standard input is too long: it has one line for each --kind, of at most 1024 bytes")
	case len(bytes.TrimSpace(text)) == 0:
		return nil, fmt.Errorf("standard input is empty; it has one line for each --kind: %s", strings.Join(kinds, ", "))
	}
	lines := bytes.Split(bytes.TrimRight(text, "\r\n"), []byte("\n"))
	if len(lines) != len(kinds) {
		return nil, fmt.Errorf("standard input has several lines, or too few: it has %d of them, and one is wanted for each --kind: %s", len(lines), strings.Join(kinds, ", "))
	}
	return lines, nil
}

// shortest is the fewest letters and digits of an identifier that is looked for within a longer text; a shorter one is
// found there by chance.
const shortest = 6

// betrays tells whether a text holds an identifier of the person, in whatever case and punctuation.
func betrays(text string, person map[string][]byte) bool {
	bare := letters(text)
	for _, value := range person {
		secret := letters(string(value))
		if secret != "" && (bare == secret || len(secret) >= shortest && strings.Contains(bare, secret)) {
			return true
		}
	}
	return false
}

// letters keeps letters and digits, folded.
func letters(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}
