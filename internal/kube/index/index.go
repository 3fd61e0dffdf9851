// Package index names what a controller looks up in the cache, so that a pass costs what its object has, and not what the
// cluster has.
package index

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Index lets the cache find objects of a kind by the values of a field. The name of the field is the index's own.
type Index struct {
	Object client.Object
	Field  string
	Values client.IndexerFunc
}

// On is an index of the objects of a kind.
func On(object client.Object, field string, values client.IndexerFunc) Index {
	return Index{Object: object, Field: field, Values: values}
}

// Add adds indexes to the cache.
func Add(ctx context.Context, cache client.FieldIndexer, indexes ...Index) error {
	for _, i := range indexes {
		if err := cache.IndexField(ctx, i.Object, i.Field, i.Values); err != nil {
			return fmt.Errorf("indexing %s: %w", i.Field, err)
		}
	}
	return nil
}
