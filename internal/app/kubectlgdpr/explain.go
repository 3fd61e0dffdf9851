package kubectlgdpr

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
)

// question is an object whose chain is asked for, and the world that it is judged in.
type question struct {
	Cluster
	kind, name string
	on         v1alpha1.Date
	now        time.Time
	// operator is the namespace of the operator, which nothing judges.
	operator string
}

// kinds are the objects that can be explained, by what kubectl calls them.
var kinds = map[string]struct {
	aliases []string
	explain func(ctx context.Context, q question) (residency.Explanation, error)
}{
	"storageclass": {[]string{"storageclasses", "sc"}, explainClass},
	"pv":           {[]string{"persistentvolume", "persistentvolumes"}, explainVolume},
	"pvc":          {[]string{"persistentvolumeclaim", "persistentvolumeclaims"}, explainClaim},
	"node":         {[]string{"nodes", "no"}, explainNode},
	"namespace":    {[]string{"namespaces", "ns"}, explainNamespace},
}

func explainCommand(w World) *cobra.Command {
	var target Target
	var date, operator string
	var form format
	command := &cobra.Command{
		Use: "explain KIND NAME", Short: "Follow an object of the cluster to its place and its verdict, link by link",
		Example: "  kubectl gdpr residency explain storageclass fast\n  kubectl gdpr residency explain pvc/data -n shop -o json",
		Args:    cobra.ArbitraryArgs,
		RunE: func(command *cobra.Command, args []string) error {
			on, err := day(date, w)
			if err != nil {
				return err
			}
			q := question{on: on, now: w.Clock.Now(), operator: operator}
			if q.kind, q.name, err = objectOf(args); err != nil {
				return err
			}
			if q.Cluster, err = w.Connect(target); err != nil {
				return err
			}
			found, err := kinds[q.kind].explain(command.Context(), q)
			if err != nil {
				return err
			}
			return answerExplain(w, q, found, form)
		}}
	targetFlags(command, &target, "claim")
	command.Flags().StringVar(&operator, "operator-namespace", "rempart-system", "namespace of the operator, in which nothing is judged")
	dateFlag(command, &date)
	outputFlag(command, &form, asJSON)
	return command
}

// objectOf reads "KIND NAME" or "KIND/NAME".
func objectOf(args []string) (kind, name string, err error) {
	if len(args) == 1 {
		if before, after, is := strings.Cut(args[0], "/"); is {
			args = []string{before, after}
		}
	}
	all := slices.Sorted(maps.Keys(kinds))
	if len(args) != 2 || args[1] == "" {
		return "", "", fmt.Errorf("name one object, as KIND NAME or KIND/NAME; kinds are %s", strings.Join(all, ", "))
	}
	asked := strings.ToLower(args[0])
	for _, kind := range all {
		if asked == kind || slices.Contains(kinds[kind].aliases, asked) {
			return kind, args[1], nil
		}
	}
	return "", "", fmt.Errorf("%q cannot be explained; kinds are %s", args[0], strings.Join(all, ", "))
}

// snapshot judges the cluster, with one namespace when it is named.
func (q question) snapshot(ctx context.Context, namespace string) (*residency.Snapshot, residency.Input, error) {
	in, err := q.world(ctx, namespace, q.on, q.operator)
	if err != nil {
		return nil, in, err
	}
	return residency.Build(in), in, nil
}

func explainClass(ctx context.Context, q question) (residency.Explanation, error) {
	snapshot, in, err := q.snapshot(ctx, "")
	if err != nil {
		return residency.Explanation{}, err
	}
	class := find(in.Classes, q.name)
	if class == nil {
		return residency.Explanation{}, absent(q.kind, q.name, "")
	}
	return snapshot.Judgements().ExplainClass(class), nil
}

func explainVolume(ctx context.Context, q question) (residency.Explanation, error) {
	snapshot, in, err := q.snapshot(ctx, "")
	if err != nil {
		return residency.Explanation{}, err
	}
	volume := find(in.Volumes, q.name)
	if volume == nil {
		return residency.Explanation{}, absent(q.kind, q.name, "")
	}
	return snapshot.Judgements().ExplainVolume(volume, q.now), nil
}

func explainNode(ctx context.Context, q question) (residency.Explanation, error) {
	snapshot, in, err := q.snapshot(ctx, "")
	if err != nil {
		return residency.Explanation{}, err
	}
	node := find(in.Nodes, q.name)
	if node == nil {
		return residency.Explanation{}, absent(q.kind, q.name, "")
	}
	return snapshot.Judgements().ExplainNode(node), nil
}

func explainNamespace(ctx context.Context, q question) (residency.Explanation, error) {
	snapshot, in, err := q.snapshot(ctx, q.name)
	if err != nil {
		return residency.Explanation{}, err
	}
	return snapshot.ExplainNamespace(&in.Namespaces[0]), nil
}

func explainClaim(ctx context.Context, q question) (residency.Explanation, error) {
	claim := &corev1.PersistentVolumeClaim{}
	if err := q.get(ctx, q.kind, client.ObjectKey{Namespace: q.Namespace, Name: q.name}, claim); err != nil {
		return residency.Explanation{}, err
	}
	snapshot, in, err := q.snapshot(ctx, q.Namespace)
	if err != nil {
		return residency.Explanation{}, err
	}
	o := residency.ClaimObject{Claim: claim, Now: q.now}
	if name, _ := snapshot.EffectiveClass(claim); name != nil {
		o.Class = find(in.Classes, *name)
	}
	o.Volume = find(in.Volumes, claim.Spec.VolumeName)
	return snapshot.ExplainClaim(o), nil
}

// find returns the object of a name; nil when there is none.
func find[T any, P interface {
	*T
	metav1.Object
}](items []T, name string) P {
	for i := range items {
		if P(&items[i]).GetName() == name {
			return &items[i]
		}
	}
	return nil
}

// explanation is the answer of explain.
type explanation struct {
	Kind      string    `json:"kind"`
	Namespace string    `json:"namespace,omitempty"`
	Name      string    `json:"name"`
	Steps     []step    `json:"steps"`
	Opinions  []opinion `json:"opinions"`
}

type step struct {
	Link  string `json:"link"`
	Found string `json:"found"`
}

// opinion is the verdict of one policy by one rule. Of a namespace there is none: Rule, Verdict and Reason are empty.
type opinion struct {
	Policy      string `json:"policy"`
	Enforcement string `json:"enforcement"`
	Rule        string `json:"rule,omitempty"`
	Verdict     string `json:"verdict,omitempty"`
	Reason      string `json:"reason,omitempty"`
	Steps       []step `json:"steps"`
	Message     string `json:"message"`
}

func answerExplain(w World, q question, found residency.Explanation, form format) error {
	answer := explanation{Kind: q.kind, Name: q.name, Steps: stepsOf(found.Steps), Opinions: []opinion{}}
	if q.kind == "pvc" {
		answer.Namespace = q.Namespace
	}
	for _, o := range found.Opinions {
		answer.Opinions = append(answer.Opinions, opinion{Policy: o.Policy.Title(), Enforcement: string(o.Policy.Enforcement), Rule: o.Rule,
			Verdict: string(o.Verdict), Reason: string(o.Reason), Steps: stepsOf(o.Steps), Message: o.Message})
	}
	if form == asJSON {
		return writeJSON(w.Out, answer)
	}
	if err := writeTable(w.Out, cellsOf("", answer.Steps)); err != nil {
		return err
	}
	for _, o := range answer.Opinions {
		fmt.Fprintf(w.Out, "\n%s (%s)", o.Policy, o.Enforcement)
		if o.Verdict != "" {
			fmt.Fprintf(w.Out, ", rule %s: %s, %s", o.Rule, o.Verdict, o.Reason)
		}
		fmt.Fprintln(w.Out)
		if err := writeTable(w.Out, cellsOf("  ", o.Steps)); err != nil {
			return err
		}
		fmt.Fprintf(w.Out, "  %s\n", o.Message)
	}
	return nil
}

func stepsOf(found []residency.Step) []step {
	steps := make([]step, 0, len(found))
	for _, s := range found {
		steps = append(steps, step{s.Link, s.Found})
	}
	return steps
}

func cellsOf(indent string, steps []step) [][]string {
	cells := make([][]string, 0, len(steps))
	for _, s := range steps {
		cells = append(cells, []string{indent + s.Link, s.Found})
	}
	return cells
}
