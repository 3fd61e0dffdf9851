// Command links checks the links of Markdown files that lead into the repository: the file is there, and so is the
// heading after #. Links to other hosts are not followed: a gate must not depend on the network.
//
//	links README.md docs/*.md
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
)

func main() {
	var faults []error
	for _, file := range os.Args[1:] {
		faults = append(faults, check(file)...)
	}
	if err := errors.Join(faults...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var (
	fenced  = regexp.MustCompile("(?ms)^[ \t]*(```|~~~).*?^[ \t]*(```|~~~)[ \t]*$")
	inline  = regexp.MustCompile("`[^`\n]*`")
	link    = regexp.MustCompile(`\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6}\s+(.+?)\s*#*$`)
	anchor  = regexp.MustCompile(`<a\s+(?:id|name)="([^"]+)"`)
	scheme  = regexp.MustCompile(`^[a-z][a-z0-9+.-]*:`)
)

// check returns what is wrong with the links of one file.
func check(file string) []error {
	text, err := os.ReadFile(file)
	if err != nil {
		return []error{err}
	}
	var faults []error
	prose := inline.ReplaceAllString(fenced.ReplaceAllString(string(text), ""), "")
	for _, match := range link.FindAllStringSubmatch(prose, -1) {
		if target := match[1]; !scheme.MatchString(target) {
			if err := follow(file, target); err != nil {
				faults = append(faults, fmt.Errorf("%s: link %q: %w", file, target, err))
			}
		}
	}
	return faults
}

// follow looks whether a relative link of a file leads somewhere.
func follow(file, target string) error {
	path, fragment, _ := strings.Cut(target, "#")
	there := file
	if path != "" {
		there = filepath.Join(filepath.Dir(file), filepath.FromSlash(path))
	}
	info, err := os.Stat(there)
	switch {
	case err != nil:
		return fmt.Errorf("there is no %s", there)
	case fragment == "" || info.IsDir() || !strings.HasSuffix(there, ".md"):
		return nil
	}
	text, err := os.ReadFile(there)
	if err != nil {
		return err
	}
	if !anchors(string(text))[fragment] {
		return fmt.Errorf("%s has no heading #%s", there, fragment)
	}
	return nil
}

// anchors are the fragments by which a page's headings are reached, as GitHub makes them.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	text = fenced.ReplaceAllString(text, "")
	for _, match := range heading.FindAllStringSubmatch(text, -1) {
		name := slug(match[1])
		for n := 1; found[name]; n++ {
			name = fmt.Sprintf("%s-%d", slug(match[1]), n)
		}
		found[name] = true
	}
	for _, match := range anchor.FindAllStringSubmatch(text, -1) {
		found[match[1]] = true
	}
	return found
}

func slug(title string) string {
	var name strings.Builder
	for _, letter := range strings.ToLower(title) {
		switch {
		case unicode.IsLetter(letter), unicode.IsDigit(letter), letter == '-', letter == '_':
			name.WriteRune(letter)
		case letter == ' ':
			name.WriteByte('-')
		}
	}
	return name.String()
}
