// Package widget makes the script that a page loads: launcher, panel, banner, composer and dialog of choices, with the
// configuration of one site baked in. The script's source is in src; hack/generate.sh bundles it into core.min.js, which is
// embedded here, so that no program that serves it links a bundler.
package widget

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// core is a JavaScript function of the configuration.
//
//go:embed core.min.js
var core []byte

// Build bakes a configuration into the script that one site's pages load. Equal configurations make equal bytes, so that it is
// equal for every visitor. It fails for a configuration that the widget could not follow, and for a language without a whole
// pack of interface texts.
func Build(c Config) ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("building the widget of site %q: %w", c.Site, err)
	}
	var languages []known
	for _, tag := range c.Languages {
		texts, err := Interface(tag)
		if err != nil {
			return nil, fmt.Errorf("building the widget of site %q: %w", c.Site, err)
		}
		languages = append(languages, known{tag, texts["launcher"], texts["retry"]})
	}
	literal, err := json.Marshal(c.literal(languages)) // escapes < and >, so that the literal can stand in any page
	if err != nil {
		return nil, fmt.Errorf("encoding the configuration: %w", err)
	}
	return bytes.Join([][]byte{c.named(bytes.TrimSpace(core)), []byte("("), literal, []byte(");\n")}, nil), nil
}

// Languages are those with interface texts, sorted.
func Languages() []string {
	return slices.Sorted(maps.Keys(packs))
}
