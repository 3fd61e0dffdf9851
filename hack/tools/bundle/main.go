// Command bundle makes the OLM bundle from the manifests and judges it. operator-sdk, which does this elsewhere, cannot
// be had as a Go module (docs/adr/0005-bundle-tool.md).
//
//	kustomize build config/manifests | bundle generate -out bundle -version 0.1.0
//	bundle check bundle
//
// The same input gives the same files.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("say generate or check")
	}
	switch args[0] {
	case "generate":
		flags := flag.NewFlagSet("generate", flag.ContinueOnError)
		folder := flags.String("out", "bundle", "folder to write; what it held is removed")
		version := flags.String("version", "", "version of the release, without v (required)")
		if err := flags.Parse(args[1:]); err != nil {
			return fmt.Errorf("reading flags: %w", err)
		}
		return generate(in, *folder, *version)
	case "check":
		if len(args) != 2 {
			return fmt.Errorf("check wants the bundle's folder")
		}
		return check(args[1], out)
	default:
		return fmt.Errorf("unknown command %q; say generate or check", args[0])
	}
}

func generate(in io.Reader, folder, version string) error {
	input, err := read(in)
	if err != nil {
		return fmt.Errorf("reading the manifests: %w", err)
	}
	files, err := render(input, version)
	if err != nil {
		return fmt.Errorf("making the bundle: %w", err)
	}
	return write(folder, files)
}
