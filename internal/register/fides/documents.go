package fides

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"sigs.k8s.io/yaml"
)

// documents returns the objects of a stream of YAML. A key that is there twice would lose its first value, and is refused.
func documents(manifest []byte) ([]node, error) {
	if !utf8.Valid(manifest) {
		return nil, errors.New("reading the manifest: it is no text in UTF-8")
	}
	var roots []node
	for i, text := range split(string(manifest)) {
		var document any
		if err := yaml.UnmarshalStrict([]byte(text), &document); err != nil {
			return nil, fmt.Errorf("reading document %d of the manifest: %w", i+1, err)
		}
		root, is := newNode("the manifest", document)
		switch {
		case is:
			roots = append(roots, root)
		case document != nil:
			return nil, fmt.Errorf("document %d of the manifest is no object with a list \"dataset\" of Fides datasets", i+1)
		}
	}
	return roots, nil
}

// split cuts a stream at its markers of documents, which no value can hold at the beginning of a line (YAML 1.2.2, 9.1.2). Directives
// before a document are no document.
func split(stream string) []string {
	var texts []string
	var text strings.Builder
	for line := range strings.Lines(strings.TrimPrefix(stream, "\ufeff")) {
		rest, begins := marker(line, "---")
		_, ends := marker(line, "...")
		switch {
		case begins || ends:
			texts = append(texts, text.String())
			text.Reset()
			text.WriteString(rest)
		case strings.HasPrefix(line, "%") && strings.TrimSpace(text.String()) == "":
		default:
			text.WriteString(line)
		}
	}
	return append(texts, text.String())
}

// marker tells whether a line begins with a marker, and returns what follows.
func marker(line, of string) (rest string, is bool) {
	rest, is = strings.CutPrefix(line, of)
	if !is || strings.Trim(rest[:min(1, len(rest))], " \t\r\n") != "" {
		return "", false
	}
	return rest, true
}
