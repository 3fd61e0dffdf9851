package scan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/residency"
)

const (
	fieldOwner = client.FieldOwner("residency-scan.gdpr.rempart.dev")
	// component is the value of LabelComponent on reports.
	component = "residency-report"
	// page is how many reports, or objects of others, are read at once.
	page = 100
)

// The APIs of reports, the preferred one first.
var (
	openReports   = schema.GroupVersionKind{Group: "openreports.io", Version: "v1alpha1", Kind: "Report"}
	policyReports = schema.GroupVersionKind{Group: "wgpolicyk8s.io", Version: "v1alpha2", Kind: "PolicyReport"}
)

// publish writes the reports when the scan found something else, and with each sweep, which also finds an API of reports that
// came since. Reports are of one API only: those of the other are removed.
func (s *Scanner) publish(ctx context.Context, found *residency.Scan, now time.Time) error {
	if now.Sub(s.swept) < sweepEvery && found.Equal(s.published) {
		return nil
	}
	taken := false
	for _, kind := range []schema.GroupVersionKind{openReports, policyReports} {
		served, err := served(s.Client.RESTMapper(), kind)
		if err != nil {
			return err
		}
		if !served {
			continue
		}
		var reports []residency.Report
		if !taken {
			reports = found.Reports()
		}
		if err := s.write(ctx, kind, reports); err != nil {
			return err
		}
		taken = true
	}
	s.swept, s.published = now, found
	return nil
}

func served(mapper meta.RESTMapper, kind schema.GroupVersionKind) (bool, error) {
	_, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
	switch {
	case meta.IsNoMatchError(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("looking for an API of others: %w", err)
	default:
		return true, nil
	}
}

// write makes the reports of one API those that should be.
func (s *Scanner) write(ctx context.Context, kind schema.GroupVersionKind, reports []residency.Report) error {
	wanted := make(map[client.ObjectKey]*unstructured.Unstructured, len(reports))
	for _, report := range reports {
		object, err := objectOf(kind, report)
		if err != nil {
			return err
		}
		wanted[client.ObjectKeyFromObject(object)] = object
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	for next := ""; ; {
		if err := s.Reader.List(ctx, list, client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.ManagedByRempart, v1alpha1.LabelComponent: component},
			client.Limit(page), client.Continue(next)); err != nil {
			return fmt.Errorf("listing reports: %w", err)
		}
		for i := range list.Items {
			existing := &list.Items[i]
			desired, stays := wanted[client.ObjectKeyFromObject(existing)]
			switch {
			case !stays:
				if err := child.Delete(ctx, s.Client, existing); err != nil {
					return fmt.Errorf("removing a report: %w", err)
				}
			case same(desired, existing):
				delete(wanted, client.ObjectKeyFromObject(existing))
			}
		}
		if next = list.GetContinue(); next == "" {
			break
		}
	}
	var failed error
	for _, report := range reports {
		object, changed := wanted[client.ObjectKey{Namespace: report.Namespace, Name: report.Name}]
		if !changed {
			continue
		}
		err := s.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), fieldOwner, client.ForceOwnership)
		if client.IgnoreNotFound(err) != nil {
			failed = errors.Join(failed, fmt.Errorf("applying a report: %w", err)) // a namespace that goes; the others get theirs
		}
	}
	return failed
}

// objectOf makes an object of a report. The policy owns it: with the policy it goes.
func objectOf(kind schema.GroupVersionKind, report residency.Report) (*unstructured.Unstructured, error) {
	content, err := report.Content()
	if err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{Object: content}
	object.SetGroupVersionKind(kind)
	object.SetNamespace(report.Namespace)
	object.SetName(report.Name)
	object.SetLabels(map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedByRempart, v1alpha1.LabelComponent: component})
	if report.Policy != "" {
		object.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "ResidencyPolicy", Name: report.Policy, UID: types.UID(report.UID)}})
	}
	return object, nil
}

// same tells whether a report says already what it should.
func same(desired, existing *unstructured.Unstructured) bool {
	for _, field := range []string{"scope", "summary", "results"} {
		if !equality.Semantic.DeepEqual(desired.Object[field], existing.Object[field]) {
			return false
		}
	}
	return true
}
