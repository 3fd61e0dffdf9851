package widget

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// inCore are the languages whose interface texts every build has.
var inCore = []string{"en", "fr"}

//go:embed src/strings/*.json
var files embed.FS

// packs are the interface texts by language and key. What a site says itself comes with its notice, not from here.
var packs = readPacks()

func readPacks() map[string]map[string]string {
	names, err := files.ReadDir("src/strings")
	if err != nil {
		panic(err) // embedded at build time
	}
	read := map[string]map[string]string{}
	for _, name := range names {
		data, err := files.ReadFile("src/strings/" + name.Name())
		if err != nil {
			panic(err) // embedded at build time
		}
		texts := map[string]string{}
		if err := json.Unmarshal(data, &texts); err != nil {
			panic(fmt.Sprintf("%s: %v", name.Name(), err)) // the package's tests read every file
		}
		read[strings.TrimSuffix(name.Name(), path.Ext(name.Name()))] = texts
	}
	return read
}

// pack returns the texts of a language in the order of their keys, joined by "|" as src/texts.js takes them, or an error if
// there are none, a key of English is missing, or a text has the separator.
func pack(language string) (string, error) {
	texts, ok := packs[language]
	if !ok {
		return "", fmt.Errorf("language %q has no interface texts; there are %s", language, strings.Join(Languages(), " "))
	}
	var joined []string
	for _, key := range slices.Sorted(maps.Keys(packs["en"])) {
		if texts[key] == "" {
			return "", fmt.Errorf("language %q lacks the interface text %q", language, key)
		}
		if strings.Contains(texts[key], "|") {
			return "", fmt.Errorf("language %q has a | in the interface text %q", language, key)
		}
		joined = append(joined, texts[key])
	}
	return strings.Join(joined, "|"), nil
}
