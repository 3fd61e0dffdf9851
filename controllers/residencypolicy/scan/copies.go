package scan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/internal/residency"
)

// readCopies reads, with each sweep, the kinds of others that tell where copies of data are kept, as far as they are installed.
// Of a kind that cannot be read, what was read before stays, and the next scan tries again.
func (s *Scanner) readCopies(ctx context.Context, now time.Time) error {
	if now.Sub(s.read) < sweepEvery {
		return nil
	}
	read := make(map[schema.GroupVersionKind][]residency.Copy, len(residency.CopyKinds))
	var failed error
	for _, kind := range residency.CopyKinds {
		copies, err := s.copiesOf(ctx, kind)
		if err != nil {
			copies, failed = s.copies[kind], errors.Join(failed, err)
		}
		read[kind] = copies
	}
	s.copies = read
	if failed == nil {
		s.read = now
	}
	return failed
}

func (s *Scanner) copiesOf(ctx context.Context, kind schema.GroupVersionKind) ([]residency.Copy, error) {
	served, err := s.served(kind)
	if !served || err != nil {
		return nil, err
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	var copies []residency.Copy
	for next := ""; ; {
		if err := s.Reader.List(ctx, list, client.Limit(page), client.Continue(next)); err != nil {
			return nil, fmt.Errorf("listing %s objects: %w", kind.Kind, err)
		}
		for i := range list.Items {
			if found := residency.CopyOf(&list.Items[i]); found != nil {
				copies = append(copies, *found)
			}
		}
		if next = list.GetContinue(); next == "" {
			return copies, nil
		}
	}
}
