// Package widget makes the script that a page loads: launcher, panel, banner, composer and dialog of choices, with the
// configuration of one site baked in. The script's source is in src; hack/generate.sh bundles it into core.min.js, which is
// embedded here, so that no program that serves it links a bundler.
package widget

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// core is a JavaScript function of the configuration.
//
//go:embed core.min.js
var core []byte

// Script is what one site's pages load. Equal configurations make equal bytes, so that it is equal for every visitor.
type Script struct {
	Bytes []byte
	// SHA256 is the digest of the bytes in hexadecimal: the name of the immutable copy, and what the ledger records.
	SHA256 string
	// Integrity is the value of the attribute of the same name ("sha384-…").
	Integrity string
}

// Build bakes a configuration into the script. It fails for a configuration that the widget could not follow, and for a
// language without a whole pack of interface texts.
func Build(c Config) (Script, error) {
	if err := c.check(); err != nil {
		return Script{}, fmt.Errorf("building the widget of site %q: %w", c.Site, err)
	}
	baked := map[string]string{}
	for _, tag := range c.Languages {
		language, _, _ := strings.Cut(tag, "-")
		if slices.Contains(inCore, language) {
			continue
		}
		texts, err := pack(language)
		if err != nil {
			return Script{}, fmt.Errorf("building the widget of site %q: %w", c.Site, err)
		}
		baked[language] = texts
	}
	literal, err := json.Marshal(c.literal(baked)) // escapes < and >, so that the literal can stand in any page
	if err != nil {
		return Script{}, fmt.Errorf("encoding the configuration: %w", err)
	}
	script := bytes.Join([][]byte{bytes.TrimSpace(core), []byte("("), literal, []byte(");\n")}, nil)
	short, long := sha256.Sum256(script), sha512.Sum384(script)
	return Script{script, hex.EncodeToString(short[:]), "sha384-" + base64.StdEncoding.EncodeToString(long[:])}, nil
}

// Languages are those with interface texts, sorted.
func Languages() []string {
	return slices.Sorted(maps.Keys(packs))
}
