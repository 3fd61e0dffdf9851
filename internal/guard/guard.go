// Package guard knows what the API server holds for Rempart: admission policies, their bindings, and the webhook
// configurations, as config/ installs them.
package guard

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/config"
)

// labels that config/default puts on all that it installs.
var labels = map[string]string{"app.kubernetes.io/name": "rempart", "app.kubernetes.io/part-of": "rempart"}

// home is the namespace that the manifests are written for.
const home = "rempart-system"

// Guards are the objects that guard, sorted by kind. Names are unique within a kind.
type Guards struct {
	Policies   []*admissionregistrationv1.ValidatingAdmissionPolicy
	Bindings   []*admissionregistrationv1.ValidatingAdmissionPolicyBinding
	Validating []*admissionregistrationv1.ValidatingWebhookConfiguration
	Mutating   []*admissionregistrationv1.MutatingWebhookConfiguration
}

// Installed reads the guards of this release for an operator in a namespace.
func Installed(namespace string) (*Guards, error) {
	guards := &Guards{}
	err := fs.WalkDir(config.Guards, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Base(name) == "kustomization.yaml" {
			return err
		}
		text, err := config.Guards.ReadFile(name)
		if err != nil {
			return err
		}
		if err := guards.read(strings.ReplaceAll(string(text), home, namespace)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the guards of this release: %w", err)
	}
	return guards, nil
}

// read adds the documents of a file. A field that the API does not have is an error.
func (g *Guards) read(text string) error {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader([]byte(text))))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := g.take(document); err != nil {
			return err
		}
	}
}

func (g *Guards) take(document []byte) error {
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(document, &kind); err != nil {
		return err
	}
	switch kind.Kind {
	case "ValidatingAdmissionPolicy":
		return add(&g.Policies, document)
	case "ValidatingAdmissionPolicyBinding":
		return add(&g.Bindings, document)
	case "ValidatingWebhookConfiguration":
		return add(&g.Validating, document)
	case "MutatingWebhookConfiguration":
		return add(&g.Mutating, document)
	default:
		return fmt.Errorf("%s is no guard", kind.Kind)
	}
}

func add[T any, P interface {
	*T
	metav1.Object
}](list *[]P, document []byte) error {
	object := P(new(T))
	if err := yaml.UnmarshalStrict(document, object); err != nil {
		return err
	}
	object.SetLabels(maps.Clone(labels))
	*list = append(*list, object)
	return nil
}

// Policy returns an admission policy by name; nil when there is none.
func (g *Guards) Policy(name string) *admissionregistrationv1.ValidatingAdmissionPolicy {
	i := slices.IndexFunc(g.Policies, func(p *admissionregistrationv1.ValidatingAdmissionPolicy) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return g.Policies[i]
}
