// Command widget bundles and minifies the consent widget with esbuild: one function of the site's configuration, in which
// the style sheet is inlined. No npm, no network.
//
//	widget -src FOLDER -out FILE
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

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
		Plugins:          []api.Plugin{styles},
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
