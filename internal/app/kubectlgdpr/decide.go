package kubectlgdpr

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
)

// refusals are the reasons of a refusal, in the order of the Regulation.
var refusals = []v1alpha1.RefusalReason{
	v1alpha1.RefusalManifestlyUnfounded, v1alpha1.RefusalExcessive, v1alpha1.RefusalIdentityNotProven, v1alpha1.RefusalFreedomOfExpression,
	v1alpha1.RefusalLegalObligation, v1alpha1.RefusalPublicTask, v1alpha1.RefusalPublicHealth, v1alpha1.RefusalArchiving, v1alpha1.RefusalLegalClaims,
}

func approveCommand(w World) *cobra.Command {
	var target Target
	var digest string
	var yes bool
	command := &cobra.Command{
		Use: "approve REQUEST", Short: "Show the plan of a request of erasure and approve exactly this plan",
		Example: "  kubectl gdpr approve web-2026-0117 -n shop\n  kubectl gdpr approve web-2026-0117 -n shop --digest sha256:… --yes",
		Args:    oneRequest,
		RunE: func(command *cobra.Command, args []string) error {
			cluster, err := w.Connect(target)
			if err != nil {
				return err
			}
			request, err := cluster.request(command.Context(), args[0])
			if err != nil {
				return err
			}
			if err := approvable(request, digest); err != nil {
				return err
			}
			if err := answerPlan(w, request, asTable); err != nil {
				return err
			}
			decision := v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureApproved, PlanDigest: request.Status.PlanDigest}
			return cluster.decide(command.Context(), w, request, decision, "Erase as this plan says? It cannot be undone.", yes)
		}}
	targetFlags(command, &target, "request")
	command.Flags().StringVar(&digest, "digest", "", "digest of the plan that was looked at; another one is not approved")
	command.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return command
}

func refuseCommand(w World) *cobra.Command {
	var target Target
	var reason, until string
	var decision v1alpha1.ErasureDecision
	var yes bool
	var language format
	var words, reasons []string
	for _, r := range refusals {
		reasons = append(reasons, string(r))
		words = append(words, fmt.Sprintf("%s (Article %s)", r, erasure.RefusalArticle(r)))
	}
	command := &cobra.Command{
		Use: "refuse REQUEST", Short: "Refuse a request of erasure, with a reason of the Regulation",
		Long:    "Refuse a request of erasure, and print the letter that tells the person why, and of their right to complain and to a judicial remedy (Article 12(4)). Rempart does not send it.\n\nReasons: " + strings.Join(words, ", ") + ".",
		Example: "  kubectl gdpr refuse web-2026-0117 -n shop --reason LegalClaims --law \"Commercial court of Lyon, 2026/17\" --until 2031-06-30",
		Args:    oneRequest,
		RunE: func(command *cobra.Command, args []string) error {
			decision.Verdict, decision.UntilOn = v1alpha1.ErasureRefused, v1alpha1.Date(until)
			for _, r := range refusals {
				if strings.EqualFold(string(r), reason) {
					decision.Reason = r
				}
			}
			if decision.Reason == "" {
				return fmt.Errorf("--reason takes one of these: %s", strings.Join(words, ", "))
			}
			cluster, err := w.Connect(target)
			if err != nil {
				return err
			}
			request, err := cluster.request(command.Context(), args[0])
			if err != nil {
				return err
			}
			if err := open(request); err != nil {
				return err
			}
			question := fmt.Sprintf("Refuse %s: %s? It cannot be undone, and the person must be told (Article 12(4)).", title(request), decision.Reason)
			if err := cluster.decide(command.Context(), w, request, decision, question, yes); err != nil {
				return err
			}
			fmt.Fprintf(w.Err, "Send this to the person, and then say so: kubectl gdpr told %s -n %s\n", request.Name, request.Namespace)
			return cluster.write(command.Context(), w, request, language)
		}}
	targetFlags(command, &target, "request")
	languageFlag(command, &language)
	command.Flags().StringVar(&reason, "reason", "", "reason of the refusal, see above")
	command.Flags().StringVar(&decision.Note, "note", "", "what demonstrates it; nothing about the person")
	command.Flags().StringVar(&decision.LegalReference, "law", "", "the law or the claim that it rests on")
	command.Flags().StringVar(&until, "until", "", "day on which the obligation or the limitation ends, such as 2031-06-30")
	command.Flags().BoolVar(&yes, "yes", false, "do not ask")
	complete(command, "reason", reasons)
	return command
}

// open tells whether a request can still be decided on, and if not why.
func open(request *v1alpha1.ErasureRequest) error {
	switch decision := request.Spec.Decision; {
	case ended(request):
		return fmt.Errorf("%s has ended as %s; there is nothing to decide", title(request), request.Status.End)
	case decision != nil:
		return fmt.Errorf("%s was decided on: %s; a decision does not change", title(request), decision.Verdict)
	default:
		return nil
	}
}

// approvable tells whether the plan of a request can be approved, and if not why.
func approvable(request *v1alpha1.ErasureRequest, digest string) error {
	if err := open(request); err != nil {
		return err
	}
	switch {
	case request.Spec.Execution == v1alpha1.ExecutionAutomatic, request.Spec.Execution == v1alpha1.ExecutionPlanOnly:
		return fmt.Errorf("%s has execution %s, which asks for no approval", title(request), request.Spec.Execution)
	case !planned(request):
		return fmt.Errorf("%s has no plan to approve: %s; wait for it with \"kubectl gdpr plan %s -n %s --wait\"", title(request), because(request), request.Name, request.Namespace)
	case digest != "" && digest != request.Status.PlanDigest:
		return fmt.Errorf("the plan of %s is not that of --digest; it is %s now: look at it again", title(request), request.Status.PlanDigest)
	default:
		return nil
	}
}

// decide asks whether it is meant, and writes the decision on the request as it was shown: if it changed since, nothing is
// decided.
func (c Cluster) decide(ctx context.Context, w World, request *v1alpha1.ErasureRequest, decision v1alpha1.ErasureDecision, question string, yes bool) error {
	if !yes {
		if err := confirm(ctx, w, question); err != nil {
			return err
		}
	}
	shown := request.DeepCopy()
	request.Spec.Decision = ptr.To(decision)
	err := c.Client.Patch(ctx, request, client.MergeFromWithOptions(shown, client.MergeFromWithOptimisticLock{}))
	switch {
	case apierrors.IsConflict(err):
		return errors.New("the request changed while you looked at it, so nothing was decided; look again")
	case err != nil:
		return fmt.Errorf("deciding: %w", err)
	}
	fmt.Fprintf(w.Out, "erasurerequest/%s %s\n", request.Name, strings.ToLower(string(decision.Verdict)))
	return nil
}
