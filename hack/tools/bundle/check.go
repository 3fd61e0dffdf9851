package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/operator-framework/api/pkg/manifests"
	"github.com/operator-framework/api/pkg/validation"
	"github.com/operator-framework/api/pkg/validation/errors"
)

// explained are the warnings that may stand: a part of the text, and why. One that no longer appears must go from here.
var explained = []struct{ text, why string }{}

// check judges a bundle as the catalogues do. An error fails, and so does a warning that nobody explained.
//
// Left out: the deprecated OperatorHub and community checks, which the ones here replaced, and the check of images for
// several architectures, which asks a container tool about published images.
func check(folder string, out io.Writer) error {
	bundle, err := manifests.GetBundleFromDir(folder)
	if err != nil {
		return fmt.Errorf("loading %s: %w", folder, err)
	}
	validators := validation.DefaultBundleValidators.WithValidators(
		validation.OperatorHubV2Validator,
		validation.StandardCapabilitiesValidator,
		validation.StandardCategoriesValidator,
		validation.ObjectValidator,
		validation.OperatorGroupValidator,
		validation.AlphaDeprecatedAPIsValidator,
		validation.GoodPracticesValidator,
	)
	objects := append(bundle.ObjectsToValidate(), map[string]string{"k8s-version": bundle.CSV.Spec.MinKubeVersion})
	failures := judge(validators.Validate(objects...), out)
	if failures > 0 {
		return fmt.Errorf("%s has %d faults", folder, failures)
	}
	fmt.Fprintf(out, "%s: %s is valid, %d objects, %d bytes\n", folder, bundle.Name, len(bundle.Objects), bundle.Size)
	return nil
}

// judge prints what the validators found and counts what may not stand.
func judge(results []errors.ManifestResult, out io.Writer) int {
	failures, used := 0, make([]bool, len(explained))
	for _, result := range results {
		for _, e := range result.Errors {
			failures++
			fmt.Fprintln(out, "error:", e.Error())
		}
		for _, w := range result.Warnings {
			at := slices.IndexFunc(explained, func(known struct{ text, why string }) bool { return strings.Contains(w.Error(), known.text) })
			if at < 0 {
				failures++
				fmt.Fprintln(out, "unexplained warning:", w.Error())
				continue
			}
			used[at] = true
			fmt.Fprintf(out, "explained warning: %s\n  because %s\n", w.Error(), explained[at].why)
		}
	}
	for i, known := range explained {
		if !used[i] {
			failures++
			fmt.Fprintf(out, "the explanation of %q is no longer needed; remove it from check.go\n", known.text)
		}
	}
	return failures
}
