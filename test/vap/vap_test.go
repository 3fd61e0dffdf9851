package vap

import (
	"testing"

	"github.com/rempart-dev/rempart/internal/guard"
)

func TestEveryExpressionCompiles(t *testing.T) {
	guards, err := guard.Installed("rempart-system")
	if err != nil {
		t.Fatal(err)
	}
	for _, policy := range guards.Policies {
		if _, err := Compile(policy); err != nil {
			t.Errorf("%s: %v", policy.Name, err)
		}
	}
}
