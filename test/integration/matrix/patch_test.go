package matrix

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
)

var (
	strategic = verb{method: "PATCH", content: "application/strategic-merge-patch+json"}
	operated  = verb{method: "PATCH", content: "application/json-patch+json"}
)

// patches are the further ways to send an update: as a strategic merge patch, where the API server has one, and as a list of
// operations. Both are rehearsed.
func (b *bench) patches(q *request, o object) []way {
	ways := []way{{"operations", func(ctx context.Context) outcome {
		live, err := b.live(ctx, o)
		if err != nil {
			return outcome{err: err}
		}
		body, err := json.Marshal(operations("", o, live))
		if err != nil {
			return outcome{err: err}
		}
		return b.do(ctx, q.As, operated.rehearsed(), o, q.At, body)
	}}}
	if clientgoscheme.Scheme.Recognizes(schema.FromAPIVersionAndKind(text(o, "apiVersion"), text(o, "kind"))) {
		ways = append(ways, way{"strategic patch", func(ctx context.Context) outcome { return b.send(ctx, q.As, strategic.rehearsed(), o, q.At) }})
	}
	return ways
}

// operations turn a live object into one with a part merged in.
func operations(path string, part, live object) []object {
	list := []object{}
	for _, key := range slices.Sorted(maps.Keys(part)) {
		if path == "" && (key == "kind" || key == "apiVersion") || path == "/metadata" && (key == "name" || key == "namespace") {
			continue
		}
		at := path + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
		inner, isPart := part[key].(object)
		within, isLive := live[key].(object)
		_, there := live[key]
		switch {
		case part[key] == nil && there:
			list = append(list, object{"op": "remove", "path": at})
		case part[key] == nil:
		case isPart && isLive:
			list = append(list, operations(at, inner, within)...)
		default:
			list = append(list, object{"op": "add", "path": at, "value": part[key]})
		}
	}
	return list
}
