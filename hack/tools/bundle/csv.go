package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/blang/semver/v4"
	"github.com/operator-framework/api/pkg/lib/version"
	"github.com/operator-framework/api/pkg/operators/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// internalKinds are created by the operator alone; consoles hide them.
var internalKinds = []string{"ErasureRun", "Notification"}

// fill completes the base with all that the manifests already say.
func (in *input) fill(release string) (*v1alpha1.ClusterServiceVersion, error) {
	parsed, err := semver.Parse(release)
	if err != nil {
		return nil, fmt.Errorf("version %q: %w", release, err)
	}
	csv := in.base.DeepCopy()
	csv.Name = packageName + ".v" + release
	csv.Namespace = "placeholder" // OLM's convention: it installs elsewhere
	csv.Spec.Version = version.OperatorVersion{Version: parsed}
	csv.Spec.CustomResourceDefinitions.Owned = in.owned()
	csv.Spec.InstallStrategy = v1alpha1.NamedInstallStrategy{
		StrategyName: v1alpha1.InstallStrategyNameDeployment,
		StrategySpec: in.strategy(),
	}
	if csv.Spec.WebhookDefinitions, err = in.webhookDefinitions(); err != nil {
		return nil, err
	}
	csv.Spec.RelatedImages = in.images()
	return csv, in.annotate(csv)
}

func (in *input) annotate(csv *v1alpha1.ClusterServiceVersion) error {
	examples, err := in.almExamples()
	if err != nil {
		return err
	}
	var internal []string
	for _, crd := range in.crds {
		if slices.Contains(internalKinds, crd.Spec.Names.Kind) {
			internal = append(internal, crd.Name)
		}
	}
	slices.Sort(internal)
	hidden, err := json.Marshal(internal)
	if err != nil {
		return err
	}
	if csv.Annotations == nil {
		csv.Annotations = map[string]string{}
	}
	csv.Annotations["alm-examples"] = examples
	csv.Annotations["operators.operatorframework.io/internal-objects"] = string(hidden)
	csv.Annotations["containerImage"] = in.deployments[0].Spec.Template.Spec.Containers[0].Image
	return nil
}

// owned describes the kinds in the words of their own schemas.
func (in *input) owned() []v1alpha1.CRDDescription {
	var all []v1alpha1.CRDDescription
	for _, crd := range in.crds {
		for _, v := range crd.Spec.Versions {
			all = append(all, v1alpha1.CRDDescription{
				Name: crd.Name, Version: v.Name, Kind: crd.Spec.Names.Kind,
				DisplayName: spaced(crd.Spec.Names.Kind), Description: description(v),
				StatusDescriptors: []v1alpha1.StatusDescriptor{{Path: "conditions", DisplayName: "Conditions",
					Description:  "What is true of the object now, and why",
					XDescriptors: []string{"urn:alm:descriptor:io.kubernetes.conditions"}}},
			})
		}
	}
	sortByName(all, func(d v1alpha1.CRDDescription) string { return d.Kind })
	return all
}

func description(v apiextensionsv1.CustomResourceDefinitionVersion) string {
	if v.Schema == nil || v.Schema.OpenAPIV3Schema == nil {
		return ""
	}
	first, _, _ := strings.Cut(v.Schema.OpenAPIV3Schema.Description, "\n\n")
	return strings.Join(strings.Fields(first), " ")
}

// spaced turns DataProtectionOfficer into Data Protection Officer.
func spaced(kind string) string {
	var words strings.Builder
	for i, letter := range kind {
		if i > 0 && unicode.IsUpper(letter) {
			words.WriteByte(' ')
		}
		words.WriteRune(letter)
	}
	return words.String()
}

// strategy is the Deployments and the rights of their ServiceAccounts.
func (in *input) strategy() v1alpha1.StrategyDetailsDeployment {
	var s v1alpha1.StrategyDetailsDeployment
	sortByName(in.deployments, func(d appsv1.Deployment) string { return d.Name })
	for _, deployment := range in.deployments {
		account := deployment.Spec.Template.Spec.ServiceAccountName
		everywhere, own := in.rulesFor(account)
		s.DeploymentSpecs = append(s.DeploymentSpecs, v1alpha1.StrategyDeploymentSpec{
			Name: deployment.Name, Label: deployment.Labels, Spec: deployment.Spec})
		s.ClusterPermissions = append(s.ClusterPermissions, permissions(account, everywhere)...)
		s.Permissions = append(s.Permissions, permissions(account, own)...)
	}
	return s
}

func permissions(account string, rules []rbacv1.PolicyRule) []v1alpha1.StrategyDeploymentPermissions {
	if len(rules) == 0 {
		return nil
	}
	return []v1alpha1.StrategyDeploymentPermissions{{ServiceAccountName: account, Rules: rules}}
}

// images are those that a disconnected cluster must mirror: the Deployments' own, and those that flags name.
func (in *input) images() []v1alpha1.RelatedImage {
	var images []v1alpha1.RelatedImage
	for _, deployment := range in.deployments {
		for _, container := range deployment.Spec.Template.Spec.Containers {
			images = append(images, v1alpha1.RelatedImage{Name: container.Name, Image: container.Image})
			for _, arg := range container.Args {
				flag, image, _ := strings.Cut(arg, "=")
				if name, is := strings.CutSuffix(strings.TrimLeft(flag, "-"), "-image"); is && image != "" {
					images = append(images, v1alpha1.RelatedImage{Name: name, Image: image})
				}
			}
		}
	}
	return images
}

// almExamples is one example of each kind as JSON: consoles offer it to fill in.
func (in *input) almExamples() (string, error) {
	sortByName(in.examples, func(u unstructured.Unstructured) string {
		return u.GetKind() + "\x00" + u.GetNamespace() + "\x00" + u.GetName()
	})
	var list []map[string]any
	seen := map[string]bool{}
	for _, example := range in.examples {
		if seen[example.GetKind()] {
			continue
		}
		seen[example.GetKind()] = true
		list = append(list, example.Object)
	}
	text, err := json.MarshalIndent(list, "", "  ")
	return string(text), err
}
