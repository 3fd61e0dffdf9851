package kubectlgdpr

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	k8syaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/grant"
)

func grantsCommand(w World) *cobra.Command {
	var target Target
	var file, store, eraser, verifier string
	command := &cobra.Command{
		Use: "grants {REGISTER | -f FILE}", Short: "Print the SQL that gives eraser and verifier what a store's dataset needs, and no more",
		Example: "  kubectl gdpr grants -f register.yaml | psql -v ON_ERROR_STOP=1 crm\n  kubectl gdpr grants crm -n shop --store theirs",
		RunE: func(command *cobra.Command, args []string) error {
			if given := len(args); given > 1 || (file == "") == (given == 0) {
				return errors.New("name one DataRegister of the cluster, or a file with one by -f, and not both")
			}
			read := func() (*v1alpha1.DataRegister, error) { return registerOfFile(w, file) }
			if file == "" {
				read = func() (*v1alpha1.DataRegister, error) { return registerOf(command.Context(), w, target, args[0]) }
			}
			register, err := read()
			if err != nil {
				return err
			}
			chosen, err := granted(register, store)
			if err != nil {
				return err
			}
			script, err := grant.Script(string(chosen.Connection.Database), chosen.Dataset, eraser, verifier)
			if err != nil {
				return err
			}
			fmt.Fprint(w.Out, script)
			return nil
		}}
	targetFlags(command, &target, "register")
	flags := command.Flags()
	flags.StringVarP(&file, "filename", "f", "", "file with the DataRegister in YAML or JSON; - is standard input")
	flags.StringVar(&store, "store", "", "store of the register; needed when several are not managed")
	flags.StringVar(&eraser, "eraser", "rempart_eraser", "name of the role that erases")
	flags.StringVar(&verifier, "verifier", "rempart_verifier", "name of the role that only reads")
	return command
}

func registerOf(ctx context.Context, w World, target Target, name string) (*v1alpha1.DataRegister, error) {
	cluster, err := w.Connect(target)
	if err != nil {
		return nil, err
	}
	register := &v1alpha1.DataRegister{}
	return register, cluster.get(ctx, "dataregister", client.ObjectKey{Namespace: cluster.Namespace, Name: name}, register)
}

// registerOfFile reads the one DataRegister of a file, which may have other objects too.
func registerOfFile(w World, file string) (*v1alpha1.DataRegister, error) {
	text, err := contents(w, file)
	if err != nil {
		return nil, err
	}
	var found *v1alpha1.DataRegister
	documents := k8syaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
		register, err := registerIn(document)
		switch {
		case err != nil:
			return nil, fmt.Errorf("reading %s: %w", file, err)
		case register != nil && found != nil:
			return nil, fmt.Errorf("%s has several DataRegisters; give a file with one", file)
		case register != nil:
			found = register
		}
	}
	if found == nil {
		return nil, fmt.Errorf("%s has no DataRegister of %s", file, v1alpha1.SchemeGroupVersion)
	}
	return found, nil
}

// registerIn returns the register of a document; nil when it is another object.
func registerIn(document []byte) (*v1alpha1.DataRegister, error) {
	var kind struct{ APIVersion, Kind string }
	var object map[string]any
	if err := yaml.Unmarshal(document, &object); err != nil {
		return nil, errors.New("it has a document that is no object in YAML or JSON")
	}
	if err := yaml.Unmarshal(document, &kind); err != nil {
		return nil, errors.New("it has a document of which apiVersion or kind is no text")
	}
	if kind.Kind != "DataRegister" || kind.APIVersion != v1alpha1.SchemeGroupVersion.String() {
		return nil, nil
	}
	register := &v1alpha1.DataRegister{}
	return register, yaml.UnmarshalStrict(document, register)
}

// oneFile takes the name of one file, or - for standard input.
func oneFile(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("name one file, or - for standard input; %d were named", len(args))
	}
	return nil
}

// contents of a file; - is standard input.
func contents(w World, file string) ([]byte, error) {
	read := func() ([]byte, error) { return os.ReadFile(file) }
	if file == "-" {
		read = func() ([]byte, error) { return io.ReadAll(w.In) }
	}
	text, err := read()
	if err != nil {
		return nil, fmt.Errorf("reading what to work on: %w", err)
	}
	return text, nil
}

// granted chooses the store: one that Rempart does not run, and that has a dataset.
func granted(register *v1alpha1.DataRegister, name string) (*v1alpha1.DataStore, error) {
	var candidates []*v1alpha1.DataStore
	var names []string
	for i := range register.Spec.Stores {
		store := &register.Spec.Stores[i]
		if name != "" && string(store.Name) != name {
			continue
		}
		switch {
		case store.Connection != nil && store.Dataset != nil:
			candidates, names = append(candidates, store), append(names, string(store.Name))
		case name != "" && store.Connection == nil:
			return nil, fmt.Errorf("store %q is managed: Rempart makes its roles, ledger and grants itself", name)
		case name != "":
			return nil, fmt.Errorf("store %q has no dataset, so nothing is erased in it; add one", name)
		}
	}
	switch {
	case len(candidates) == 1:
		return candidates[0], nil
	case len(candidates) > 1:
		return nil, fmt.Errorf("register %q has several stores to prepare; name one by --store: %s", register.Name, strings.Join(names, ", "))
	case name != "":
		return nil, fmt.Errorf("register %q has no store %q", register.Name, name)
	default:
		return nil, fmt.Errorf("register %q has no store to prepare: one with a connection and a dataset", register.Name)
	}
}
