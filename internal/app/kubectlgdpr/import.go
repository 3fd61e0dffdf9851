package kubectlgdpr

import (
	"fmt"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/register/fides"
)

func importCommand(w World) *cobra.Command {
	var key string
	fromFides := &cobra.Command{
		Use: "fides FILE", Short: "Turn a dataset manifest of Fides into the dataset of a store, and name what has no place in it",
		Example: "  kubectl gdpr import fides dataset.yml > dataset.yaml\n  kubectl gdpr import fides manifests.yml --dataset shop",
		Args:    oneFile,
		RunE: func(_ *cobra.Command, args []string) error {
			manifest, err := contents(w, args[0])
			if err != nil {
				return err
			}
			return importFides(w, manifest, key)
		}}
	fromFides.Flags().StringVar(&key, "dataset", "", "fides_key of the dataset; needed when the file has several")
	return group("import", "Turn what describes personal data elsewhere into what Rempart reads", fromFides)
}

// importFides writes the dataset to standard output, and what has no place in it to standard error.
func importFides(w World, manifest []byte, key string) error {
	found, err := fides.Read(manifest, key)
	if len(found.Losses) > 0 {
		fmt.Fprintln(w.Err, "Not taken over:")
		for _, loss := range found.Losses {
			fmt.Fprintf(w.Err, "- %s\n", loss)
		}
	}
	if err != nil {
		return err
	}
	text, err := yaml.Marshal(struct {
		Dataset v1alpha1.Dataset `json:"dataset"`
	}{found.Dataset})
	if err != nil {
		return fmt.Errorf("writing the dataset: %w", err)
	}
	fmt.Fprintf(w.Out, "# For spec.stores[] of a DataRegister. Read it before you use it: what is not here is not erased.\n%s", text)
	return nil
}
