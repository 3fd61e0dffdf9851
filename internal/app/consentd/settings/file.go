// Package settings is what consentd serves: a policy that the operator writes into a file, and keys that lie beside it.
package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/client"
)

// PolicyFile is the name of the file in the folder of the configuration.
const PolicyFile = "policy.json"

// File is policy.json. Beside what a ConsentPolicy says it has what the service cannot know: who the controller is, what the notice
// that is shown means, and who signs the tokens of clients.
type File struct {
	// TenantID is the ledger's tenant, a UUID. It belongs to namespace and name for ever.
	TenantID  string `json:"tenantID"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Controller is the organisation that decides about purposes and means (Article 4(7)).
	Controller v1alpha1.Organisation `json:"controller"`
	// Officer is how to reach it, and Authority the one that is competent. Both are for exports, and may be absent.
	Officer   v1alpha1.Officer `json:"officer,omitzero"`
	Authority string           `json:"authority,omitempty"`
	// JointControllers decide with it (Article 26).
	JointControllers []v1alpha1.Party `json:"jointControllers,omitempty"`
	// Countries in which the ledger and the register's stores are, by their codes of two letters. Without one there is no export.
	Countries []string `json:"countries,omitempty"`
	// MaterialDigest is sha256: and 64 hex digits.
	MaterialDigest string                     `json:"materialDigest"`
	Spec           v1alpha1.ConsentPolicySpec `json:"spec"`
	TokenIssuers   []client.Issuer            `json:"tokenIssuers"`
	// Operator is who makes requests of people's wishes to be erased; nobody when absent.
	Operator Operator `json:"operator,omitzero"`
}

// Operator is the ServiceAccount by which the operator is known, in a namespace of its own.
type Operator struct {
	Namespace      string `json:"namespace"`
	ServiceAccount string `json:"serviceAccount"`
}

// maxFile bounds policy.json; a ConfigMap holds no more.
const maxFile = 1 << 20

// ErrBroken is why a file is not served. It is wrapped with what is wrong; a policy holds nothing personal.
var ErrBroken = errors.New("not a policy that can be served")

// parse reads a file. A field that this version does not know may be a bound that somebody counts on, so it is refused.
func parse(text []byte) (File, error) {
	if len(text) > maxFile {
		return File{}, fmt.Errorf("%w: larger than %d bytes", ErrBroken, maxFile)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var file File
	if err := decoder.Decode(&file); err != nil {
		return File{}, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return File{}, fmt.Errorf("%w: something follows the document", ErrBroken)
	}
	return file, nil
}
