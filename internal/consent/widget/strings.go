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

// known is a language of a site, with the words that the launcher needs before the notice came, or where it does not come: then
// it says so by its key for failures, "failed", in few words.
type known struct {
	Language string `json:"language"`
	Launcher string `json:"launcher"`
	Failed   string `json:"failed"`
}

// Interface returns the interface texts of a language tag by their keys, which come with the notice: those of its primary
// language. A page can pin an old build, so that a key is never renamed or removed; what a build does not know it ignores.
// It fails where there are none, or a key of English is missing.
func Interface(tag string) (map[string]string, error) {
	language, _, _ := strings.Cut(tag, "-")
	texts, ok := packs[language]
	if !ok {
		return nil, fmt.Errorf("language %q has no interface texts; there are %s", language, strings.Join(Languages(), " "))
	}
	for _, key := range slices.Sorted(maps.Keys(packs["en"])) {
		if texts[key] == "" {
			return nil, fmt.Errorf("language %q lacks the interface text %q", language, key)
		}
	}
	return texts, nil
}
