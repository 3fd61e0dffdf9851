// Command widget bundles and minifies the consent widget with esbuild: one function of the site's configuration, in which
// style sheet and the texts of French and English are inlined. No npm, no network.
//
//	widget -src FOLDER -out FILE
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	src := flag.String("src", "", "folder of main.js")
	out := flag.String("out", "", "file to write")
	flag.Parse()
	if err := run(*src, *out); err != nil {
		fmt.Fprintln(os.Stderr, "widget:", err)
		os.Exit(1)
	}
}

func run(src, out string) error {
	code, err := bundle(src)
	if err != nil {
		return err
	}
	return os.WriteFile(out, code, 0o644)
}

// bundle returns `REMPART=>{…}`, to be called with the configuration as a literal.
func bundle(src string) ([]byte, error) {
	root, err := filepath.Abs(src)
	if err != nil {
		return nil, err
	}
	result := api.Build(api.BuildOptions{
		EntryPoints:      []string{filepath.Join(root, "main.js")},
		AbsWorkingDir:    root,
		Bundle:           true,
		Format:           api.FormatESModule,
		Platform:         api.PlatformBrowser,
		Target:           api.ES2022,
		Charset:          api.CharsetUTF8,
		MinifySyntax:     true,
		MinifyWhitespace: true,
		LegalComments:    api.LegalCommentsNone,
		Banner:           map[string]string{"js": "(REMPART=>{"},
		Footer:           map[string]string{"js": "})"},
		Plugins:          []api.Plugin{styles, texts},
	})
	if len(result.Errors) > 0 || len(result.Warnings) > 0 {
		words := api.FormatMessages(append(result.Errors, result.Warnings...), api.FormatMessagesOptions{})
		return nil, errors.New(fmt.Sprint(words))
	}
	return named(result.OutputFiles[0].Contents)
}

// styles gives the minified text of a style sheet to the module that imports it.
var styles = api.Plugin{Name: "styles", Setup: func(build api.PluginBuild) {
	build.OnLoad(api.OnLoadOptions{Filter: `\.css$`}, func(args api.OnLoadArgs) (api.OnLoadResult, error) {
		source, err := os.ReadFile(args.Path)
		if err != nil {
			return api.OnLoadResult{}, err
		}
		small := api.Transform(string(source), api.TransformOptions{
			Loader: api.LoaderCSS, MinifyWhitespace: true, MinifySyntax: true,
		})
		text := string(small.Code)
		return api.OnLoadResult{Contents: &text, Loader: api.LoaderText, Errors: small.Errors}, nil
	})
}}

// texts gives the interface texts of a language, in the order of their keys and joined by "|", to the module that imports them.
var texts = api.Plugin{Name: "texts", Setup: func(build api.PluginBuild) {
	build.OnLoad(api.OnLoadOptions{Filter: `\.json$`}, func(args api.OnLoadArgs) (api.OnLoadResult, error) {
		source, err := os.ReadFile(args.Path)
		if err != nil {
			return api.OnLoadResult{}, err
		}
		byKey := map[string]string{}
		if err := json.Unmarshal(source, &byKey); err != nil {
			return api.OnLoadResult{}, err
		}
		var joined []string
		for _, key := range slices.Sorted(maps.Keys(byKey)) {
			joined = append(joined, byKey[key])
		}
		text := strings.Join(joined, "|")
		return api.OnLoadResult{Contents: &text, Loader: api.LoaderText}, nil
	})
}}
