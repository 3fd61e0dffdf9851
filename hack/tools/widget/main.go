// Command widget bundles and minifies the consent widget with esbuild: one function of the site's configuration, in which
// the style sheet is inlined. It then looks for the way to write it that packs best, which takes minutes, and is done only when
// the widget changed. No npm, no network.
//
//	widget -src FOLDER -out FILE
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
	"github.com/tdewolff/minify/v2"
	minjs "github.com/tdewolff/minify/v2/js"
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
	plain, err := minified(code)
	if err != nil {
		return err
	}
	if made(plain, out) {
		return nil
	}
	small, err := smallest(plain, passes, os.Stderr)
	if err != nil {
		return err
	}
	script := fmt.Appendf(nil, "(%s)\n", small)
	if err := os.WriteFile(out, script, 0o644); err != nil {
		return fmt.Errorf("writing the script: %w", err)
	}
	if err := os.WriteFile(out+".sum", []byte(sum(plain, script)), 0o644); err != nil {
		return fmt.Errorf("writing what the script was made of: %w", err)
	}
	return nil
}

// made tells whether out is what the search made of this code: it takes minutes, so that it is not done again for nothing.
func made(plain []byte, out string) bool {
	script, err := os.ReadFile(out)
	if err != nil {
		return false
	}
	known, err := os.ReadFile(out + ".sum")
	return err == nil && string(known) == sum(plain, script)
}

// sum names a script and all that it is made of, in the form of sha256sum.
func sum(plain, script []byte) string {
	from := sha256.Sum256(fmt.Appendf(nil, "%v %g %s %s", passes, cold, site, plain))
	return fmt.Sprintf("%x  source\n%x  core.min.js\n", from, sha256.Sum256(script))
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
	return result.OutputFiles[0].Contents, nil
}

// minified shortens the names of variables and declares them together, which packs better than what esbuild makes of them.
func minified(code []byte) ([]byte, error) {
	var out bytes.Buffer
	if err := (&minjs.Minifier{Version: 2022}).Minify(minify.New(), &out, bytes.NewReader(code), nil); err != nil {
		return nil, fmt.Errorf("minifying: %w", err)
	}
	return out.Bytes(), nil
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
		text := strings.TrimSpace(string(small.Code))
		return api.OnLoadResult{Contents: &text, Loader: api.LoaderText, Errors: small.Errors}, nil
	})
}}
