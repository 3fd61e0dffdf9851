package kubectlgdpr

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/erasure/letter"
)

// languages that letters are written in.
var languages = []format{format(v1alpha1.LanguageEnglish), format(v1alpha1.LanguageFrench)}

// languageFlag gives a command the language of a letter; that of the officer when absent.
func languageFlag(command *cobra.Command, into *format) {
	command.Flags().Var(&choice{into, languages}, "language", "language of the letter, that of the officer when absent: "+join(languages))
}

func letterCommand(w World) *cobra.Command {
	var target Target
	var language format
	command := &cobra.Command{
		Use: "letter REQUEST", Short: "Write the letter that tells a person what was done on their request, or why it was refused (Article 12(3), (4))",
		Example: "  kubectl gdpr letter web-2026-0117 -n shop --language fr",
		Args:    oneRequest,
		RunE: func(command *cobra.Command, args []string) error {
			cluster, err := w.Connect(target)
			if err != nil {
				return err
			}
			request, err := cluster.answer(command.Context(), args[0])
			if err != nil {
				return err
			}
			return cluster.write(command.Context(), w, request, language)
		}}
	targetFlags(command, &target, "request")
	languageFlag(command, &language)
	return command
}

// answer reads a request of which the person is to be told: it was refused, or something was done.
func (c Cluster) answer(ctx context.Context, name string) (*v1alpha1.ErasureRequest, error) {
	request, err := c.request(ctx, name)
	if err != nil {
		return nil, err
	}
	switch end := request.Status.End; {
	case end == v1alpha1.EndRefused, end == "" && erasure.Refused(request), erasure.Answers(end):
		return request, nil
	case end == "":
		return nil, fmt.Errorf("%s was not refused and has not ended, so that there is no answer yet; where one is late, the person is told why (spec.extension, Article 12(3))", title(request))
	default:
		return nil, fmt.Errorf("%s has ended as %s, which is no answer to a person", title(request), end)
	}
}

// write prints the letter. Where the organisation cannot be read it leaves places to fill in, and says so.
func (c Cluster) write(ctx context.Context, w World, request *v1alpha1.ErasureRequest, language format) error {
	officer, err := c.officer(ctx, request)
	if err != nil {
		fmt.Fprintf(w.Err, "The letter has places to fill in, for %v.\n", err)
	}
	if language == "" && officer != nil {
		language = format(officer.Spec.Language)
	}
	_, err = fmt.Fprint(w.Out, letter.Of(request, officer, v1alpha1.Language(language)))
	return err
}

// officer of the first register of a request that has one, as the operator counts.
func (c Cluster) officer(ctx context.Context, request *v1alpha1.ErasureRequest) (*v1alpha1.DataProtectionOfficer, error) {
	registers := &v1alpha1.DataRegisterList{}
	if err := c.list(ctx, "dataregisters", registers, client.InNamespace(request.Namespace)); err != nil {
		return nil, err
	}
	chosen, _ := erasure.Choose(request, registers.Items)
	var failed error
	for i := range chosen {
		officer := &v1alpha1.DataProtectionOfficer{}
		if failed = c.get(ctx, "dataprotectionofficer", client.ObjectKey{Name: string(chosen[i].Spec.OfficerRef.Name)}, officer); failed == nil {
			return officer, nil
		}
	}
	if failed == nil {
		failed = errors.New("no register of the request names an officer")
	}
	return nil, failed
}
