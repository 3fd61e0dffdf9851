// Package whole writes objects that nobody may add to. Server-side apply leaves what others added: in an admission policy
// or a webhook configuration a condition or an exclusion more would open it. So these kinds are always replaced.
package whole

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Put makes an object what it should be, and nothing more, and tells whether that changed anything: the API server stores
// nothing when nothing differs from what it would store. Set carries what want says into live, an empty object of its type
// that is filled here. An object of that name that somebody else made is taken over: a stranger's would keep the guard from
// being there.
func Put[T client.Object](ctx context.Context, c client.Client, live, want T, set func(live, want T)) (bool, error) {
	err := c.Get(ctx, client.ObjectKeyFromObject(want), live)
	if apierrors.IsNotFound(err) {
		// One that came in the meantime is seen in a moment, and replaced.
		if err := client.IgnoreAlreadyExists(c.Create(ctx, want)); err != nil {
			return false, fmt.Errorf("creating %s: %w", want.GetName(), err)
		}
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", want.GetName(), err)
	}
	before := live.GetResourceVersion()
	set(live, want)
	if err := c.Update(ctx, live); err != nil {
		return false, fmt.Errorf("replacing %s: %w", want.GetName(), err)
	}
	return live.GetResourceVersion() != before, nil
}
