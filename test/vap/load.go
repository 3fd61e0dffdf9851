package vap

import (
	"errors"
	"fmt"

	"github.com/rempart-dev/rempart/internal/guard"
)

var errNoPolicy = errors.New("config/admission has no such policy")

// Load compiles the policy of that name in config/admission.
func Load(name string) (*Policy, error) {
	guards, err := guard.Installed("rempart-system")
	if err != nil {
		return nil, err
	}
	policy := guards.Policy(name)
	if policy == nil {
		return nil, fmt.Errorf("%s: %w", name, errNoPolicy)
	}
	return Compile(policy)
}
