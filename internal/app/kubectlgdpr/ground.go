package kubectlgdpr

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// word is a value of a flag that takes one of a few, and what it means.
type word struct{ name, meaning string }

// grounds are the points of Article 17(1), in the order of the Regulation.
var grounds = []word{
	{string(v1alpha1.GroundPointA), "no longer necessary"},
	{string(v1alpha1.GroundPointB), "consent is withdrawn"},
	{string(v1alpha1.GroundPointC), "objection, Article 21"},
	{string(v1alpha1.GroundPointD), "processed unlawfully"},
	{string(v1alpha1.GroundPointE), "a law asks for the erasure"},
	{string(v1alpha1.GroundPointF), "collected from a child for a service offered to it, Article 8(1)"},
}

// objections are those of Article 21 that open erasure.
var objections = []word{
	{string(v1alpha1.ObjectionDirectMarketing), "absolute, Article 21(2) and (3)"},
	{string(v1alpha1.ObjectionParticularSituation), "weighed against compelling legitimate grounds, Article 21(1)"},
}

func names(words []word) []string {
	var list []string
	for _, w := range words {
		list = append(list, w.name)
	}
	return list
}

// described lists words with their meanings.
func described(words []word) string {
	var list []string
	for _, w := range words {
		list = append(list, fmt.Sprintf("%s (%s)", w.name, w.meaning))
	}
	return strings.Join(list, ", ")
}

// pick is the one of the words that was given, in any case. What was given is not repeated: it may be the person.
func pick(flag, given string, words []word) (string, error) {
	at := slices.IndexFunc(words, func(w word) bool { return strings.EqualFold(w.name, given) })
	if at < 0 {
		return "", fmt.Errorf("--%s takes one of these: %s", flag, described(words))
	}
	return words[at].name, nil
}

// complete offers words to the shell that completes a flag.
func complete(command *cobra.Command, flag string, words []string) {
	if err := command.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the command has no such flag, or has words for it already: a mistake of ours, which any run shows
	}
}

// partNames is the pattern of names within a register.
var partNames = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// rely takes what the request relies on. An objection is a ground of its own, that of point (c).
func (o *wish) rely(ground, objection string) error {
	if ground != "" {
		found, err := pick("ground", ground, grounds)
		if err != nil {
			return err
		}
		o.ground = v1alpha1.ErasureGround(found)
	}
	if objection != "" {
		found, err := pick("objection", objection, objections)
		switch {
		case err != nil:
			return err
		case o.ground != "" && o.ground != v1alpha1.GroundPointC:
			return fmt.Errorf("--objection belongs to the ground %s, and --ground is %s; leave out the one that the person did not rely on", v1alpha1.GroundPointC, o.ground)
		}
		o.ground, o.objection = v1alpha1.GroundPointC, v1alpha1.ErasureObjection(found)
	}
	for i, purpose := range o.purposes {
		if !partNames.MatchString(purpose) || slices.Contains(o.purposes[:i], purpose) {
			return errors.New("--purpose takes names of purposes of the registers, each once: lower-case letters, digits and - within, 63 at most")
		}
	}
	return nil
}
