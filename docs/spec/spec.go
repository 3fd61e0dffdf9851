// Package spec holds the documents of the specification that a program serves.
package spec

import (
	_ "embed"
	"fmt"

	"sigs.k8s.io/yaml"
)

//go:embed consentd.openapi.yaml
var consentd []byte

// Consentd returns the OpenAPI document of the consent service, in JSON.
func Consentd() ([]byte, error) {
	document, err := yaml.YAMLToJSON(consentd)
	if err != nil {
		return nil, fmt.Errorf("reading the OpenAPI document: %w", err)
	}
	return document, nil
}
