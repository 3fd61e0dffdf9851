package webhook

import (
	"context"
	"testing"
	"time"
)

// withDeadline is shorter than the guard's own limit, so that the test is quick.
func withDeadline(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), 100*time.Millisecond)
}
