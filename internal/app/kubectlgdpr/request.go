package kubectlgdpr

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// atMostOneRequest takes the name of a request, or none. A word that is no name is not repeated: it may be a person.
func atMostOneRequest(_ *cobra.Command, args []string) error {
	if len(args) > 1 || len(args) == 1 && len(validation.IsDNS1123Subdomain(args[0])) > 0 {
		return errors.New("name one ErasureRequest, by the name that \"kubectl gdpr status\" lists; an identifier of the person is never an argument")
	}
	return nil
}

// oneRequest takes the name of a request.
func oneRequest(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errors.New("name one ErasureRequest; \"kubectl gdpr status\" lists them")
	}
	return atMostOneRequest(command, args)
}

// request reads a request.
func (c Cluster) request(ctx context.Context, name string) (*v1alpha1.ErasureRequest, error) {
	request := &v1alpha1.ErasureRequest{}
	return request, c.get(ctx, "erasurerequest", client.ObjectKey{Namespace: c.Namespace, Name: name}, request)
}

// untilPlanned reads a request again and again until it has a plan or an end, or only a person can help.
func (c Cluster) untilPlanned(ctx context.Context, w World, name string, timeout time.Duration) (*v1alpha1.ErasureRequest, error) {
	var request *v1alpha1.ErasureRequest
	err := wait.PollUntilContextTimeout(ctx, w.Pause, timeout, true, func(ctx context.Context) (bool, error) {
		read, err := c.request(ctx, name)
		if err != nil {
			return false, err
		}
		request = read
		return planned(request) || ended(request) || stalled(request), nil
	})
	switch {
	case ctx.Err() != nil:
		return nil, errors.New("interrupted; nothing was changed")
	case err != nil && request != nil && wait.Interrupted(err):
		return nil, fmt.Errorf("there is no plan after %s: %s", timeout, because(request))
	default:
		return request, err
	}
}

// planned tells whether the plan in status is the whole one, and that of the spec as it is.
func planned(request *v1alpha1.ErasureRequest) bool {
	return request.Status.PlanDigest != "" && meta.IsStatusConditionTrue(request.Status.Conditions, v1alpha1.ConditionPlanned)
}

func ended(request *v1alpha1.ErasureRequest) bool { return request.Status.End != "" }

func stalled(request *v1alpha1.ErasureRequest) bool {
	return meta.IsStatusConditionTrue(request.Status.Conditions, v1alpha1.ConditionStalled)
}

// state is the reason of Ready: where a request stands.
func state(request *v1alpha1.ErasureRequest) string {
	if ready := meta.FindStatusCondition(request.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		return ready.Reason
	}
	return v1alpha1.ReasonNotYetKnown
}

// message says why a request stands where it stands; empty when nobody has judged it.
func message(request *v1alpha1.ErasureRequest) string {
	if ready := meta.FindStatusCondition(request.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		return ready.Message
	}
	return ""
}

// because is the state with its message.
func because(request *v1alpha1.ErasureRequest) string {
	if text := message(request); text != "" {
		return state(request) + ": " + text
	}
	return state(request) + ": Rempart has not judged it yet; does it run?"
}

// title names a request.
func title(request *v1alpha1.ErasureRequest) string {
	return fmt.Sprintf("erasurerequest %s/%s", request.Namespace, request.Name)
}
