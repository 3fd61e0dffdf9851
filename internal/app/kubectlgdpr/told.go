package kubectlgdpr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
)

func toldCommand(w World) *cobra.Command {
	var target Target
	var sent, selector string
	command := &cobra.Command{
		Use: "told REQUEST... | -l SELECTOR", Short: "State when people were told what was done, or of a refusal (Article 12(3), (4)); until then the clock runs",
		Example: "  kubectl gdpr told web-2026-0117 web-2026-0118 -n shop --sent 2026-11-25T08:00:00Z\n  kubectl gdpr told -l batch=2026-11 -n shop",
		Args: func(command *cobra.Command, args []string) error {
			if (len(args) == 0) == (selector == "") {
				return errors.New("name ErasureRequests, or choose those that wait for it by --selector; \"kubectl gdpr status\" lists them")
			}
			for i := range args {
				if err := oneRequest(command, args[i:i+1]); err != nil {
					return err
				}
			}
			return nil
		},
		RunE: func(command *cobra.Command, args []string) error {
			at := w.Clock.Now().UTC().Truncate(time.Second)
			if sent != "" {
				var err error
				if at, err = time.Parse(time.RFC3339, sent); err != nil {
					return errors.New("--sent takes an instant with its offset from UTC, such as 2026-11-25T08:00:00Z")
				}
			}
			cluster, err := w.Connect(target)
			if err != nil {
				return err
			}
			if selector != "" {
				if args, err = cluster.untold(command.Context(), selector); err != nil {
					return err
				}
			}
			return cluster.allTold(command.Context(), w, args, at)
		}}
	targetFlags(command, &target, "requests")
	command.Flags().StringVar(&sent, "sent", "", "when the letters were sent, such as 2026-11-25T08:00:00Z; now when absent")
	command.Flags().StringVarP(&selector, "selector", "l", "", "labels of the requests, as kubectl takes them; of these, the ones that wait for it")
	return command
}

// untold are the requests with such labels of which the person is still to be told.
func (c Cluster) untold(ctx context.Context, selector string) ([]string, error) {
	chosen, err := labels.Parse(selector)
	if err != nil {
		return nil, errors.New("--selector takes labels, such as batch=2026-11 or 'batch in (a, b)'")
	}
	list := &v1alpha1.ErasureRequestList{}
	if err := c.list(ctx, "erasurerequests", list, client.InNamespace(c.Namespace), client.MatchingLabelsSelector{Selector: chosen}); err != nil {
		return nil, err
	}
	var names []string
	for i := range list.Items {
		if r := &list.Items[i]; erasure.Untold(r) || erasure.Unanswered(r) {
			names = append(names, r.Name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no ErasureRequest of namespace %s with these labels waits for its person to be told", c.Namespace)
	}
	slices.Sort(names)
	return names, nil
}

// allTold states it of each request, each once however often it is named. One that is refused keeps no other from being stated.
func (c Cluster) allTold(ctx context.Context, w World, names []string, at time.Time) error {
	var failed []string
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			continue
		}
		request, err := c.answer(ctx, name)
		if err == nil {
			err = c.told(ctx, w, request, at)
		}
		if err != nil {
			failed = append(failed, err.Error())
		}
	}
	if len(failed) > 0 {
		return errors.New(strings.Join(failed, "\n"))
	}
	return nil
}

// told states when the person was told, once.
func (c Cluster) told(ctx context.Context, w World, request *v1alpha1.ErasureRequest, at time.Time) error {
	before, sent := request.DeepCopy(), ptr.To(metav1.NewTime(at))
	var stated *metav1.Time
	if erasure.Answers(request.Status.End) {
		if notice := request.Spec.AnswerNotice; notice != nil {
			stated = notice.SentTime
		}
		request.Spec.AnswerNotice = &v1alpha1.ErasureAnswerNotice{SentTime: sent}
	} else {
		if notice := request.Spec.RefusalNotice; notice != nil {
			stated = notice.SentTime
		}
		request.Spec.RefusalNotice = &v1alpha1.ErasureRefusalNotice{SentTime: sent}
	}
	if stated != nil {
		return fmt.Errorf("%s says that the person was told at %s; that does not change", title(request), stamp(stated.Time))
	}
	if err := c.Client.Patch(ctx, request, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		if apierrors.IsConflict(err) {
			return errors.New("the request changed meanwhile, so nothing was stated; try again")
		}
		return fmt.Errorf("stating it: %w", err)
	}
	fmt.Fprintf(w.Out, "erasurerequest/%s told\n", request.Name)
	return nil
}
