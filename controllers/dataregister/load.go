package dataregister

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/erasure/job"
	"github.com/rempart-dev/rempart/internal/erasure/task"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/register"
)

// load reads each input once, so that every decision of this pass sees one instant.
func (r *Reconciler) load(ctx context.Context, dreg *v1alpha1.DataRegister) (register.Input, error) {
	in := register.Input{Register: dreg, ZoneOf: r.Places.ZoneOf, Found: r.Places.Found(dreg), Image: r.Image, Now: r.Clock.Now(), Stores: map[string]register.Facts{}, Executed: map[string]register.Executed{}}
	officer, err := child.Find(ctx, r.Client, "", string(dreg.Spec.OfficerRef.Name), &v1alpha1.DataProtectionOfficer{})
	if err != nil {
		return in, fmt.Errorf("reading the officer: %w", err)
	}
	in.OfficerFound = officer != nil
	if in.Regions, err = r.Places.AllowedRegions(dreg); err != nil {
		return in, fmt.Errorf("asking for the allowed regions: %w", err)
	}
	requests := &v1alpha1.ErasureRequestList{}
	if err := r.Client.List(ctx, requests, client.InNamespace(dreg.Namespace), client.UnsafeDisableDeepCopyOption(true)); err != nil { // only read
		return in, fmt.Errorf("listing requests: %w", err)
	}
	holds := &v1alpha1.LegalHoldList{}
	if err := r.Client.List(ctx, holds, client.InNamespace(dreg.Namespace)); err != nil {
		return in, fmt.Errorf("listing holds: %w", err)
	}
	for i := range dreg.Spec.Stores {
		s := &dreg.Spec.Stores[i]
		status := register.StoreStatus(dreg, string(s.Name))
		if status == nil {
			status = &v1alpha1.StoreStatus{Name: s.Name}
		}
		uids, held, scans := erasure.Executed(requests.Items, holds.Items, dreg.Name, status, in.Now)
		in.Executed[string(s.Name)] = register.Executed{UIDs: uids, Held: held, Scans: scans}
		if in.Stores[string(s.Name)], err = r.facts(ctx, dreg, s); err != nil {
			return in, err
		}
	}
	return in, nil
}

// facts reads what is known of one store.
func (r *Reconciler) facts(ctx context.Context, dreg *v1alpha1.DataRegister, s *v1alpha1.DataStore) (register.Facts, error) {
	var facts register.Facts
	var err error
	if s.Managed != nil {
		facts, err = r.managed(ctx, dreg, s)
	} else {
		facts, err = r.connected(ctx, dreg, s)
	}
	if err != nil {
		return facts, err
	}
	status := v1alpha1.StoreStatus{Name: s.Name}
	if recorded := register.StoreStatus(dreg, string(s.Name)); recorded != nil {
		status = *recorded
	}
	name := register.ScanName(dreg, status, register.Digest(dreg, s, facts.Credentials))
	if facts.Job, err = child.Find(ctx, r.Client, dreg.Namespace, name, &batchv1.Job{}); err != nil {
		return facts, fmt.Errorf("reading the scan: %w", err)
	}
	if facts.Job != nil && !job.Ours(facts.Job, dreg) {
		return facts, taken("Job", name)
	}
	return facts, nil
}

func taken(kind, name string) error {
	return &flow.Permanent{Reason: v1alpha1.ReasonNameTaken, Elsewhere: true,
		Message: fmt.Sprintf("%s %q exists and was not made by Rempart for this object; rename or remove it", kind, name)}
}

// managed reads what is there of a managed store.
func (r *Reconciler) managed(ctx context.Context, dreg *v1alpha1.DataRegister, s *v1alpha1.DataStore) (register.Facts, error) {
	facts := register.Facts{Class: r.Places.JudgeClass(dreg, string(s.Managed.Storage.StorageClassName))}
	var err error
	if facts.StatefulSet, err = child.Find(ctx, r.Client, dreg.Namespace, register.Name(dreg.Name, string(s.Name)), &appsv1.StatefulSet{}); err != nil {
		return facts, fmt.Errorf("reading the database: %w", err)
	}
	name := register.ClaimName(dreg.Name, string(s.Name))
	if facts.Claim, err = child.Find(ctx, r.Reader, dreg.Namespace, name, &corev1.PersistentVolumeClaim{}); err != nil {
		return facts, fmt.Errorf("reading the claim: %w", err)
	}
	if facts.Claim != nil && !register.Kept(facts.Claim, dreg.Name, string(s.Name)) {
		return facts, taken("PersistentVolumeClaim", name)
	}
	for _, role := range managedRoles {
		secret := metadataOf("Secret")
		if err := r.Reader.Get(ctx, client.ObjectKey{Namespace: dreg.Namespace, Name: register.SecretName(dreg.Name, string(s.Name), role)}, secret); err != nil {
			return facts, fmt.Errorf("reading credentials: %w", err)
		}
		facts.Credentials = append(facts.Credentials, string(secret.UID))
	}
	return facts, nil
}

// connected reads what a connection names. That the values are right is for the scan to say.
func (r *Reconciler) connected(ctx context.Context, dreg *v1alpha1.DataRegister, s *v1alpha1.DataStore) (register.Facts, error) {
	facts, roles := register.Facts{}, register.Roles(dreg, s)
	needs := []struct {
		secret string
		keys   []string
	}{
		{roles[task.Eraser], []string{corev1.BasicAuthUsernameKey, corev1.BasicAuthPasswordKey}},
		{roles[task.Verifier], []string{corev1.BasicAuthUsernameKey, corev1.BasicAuthPasswordKey}},
		{register.CASecret(s), []string{"ca.crt"}},
	}
	for _, need := range needs {
		if need.secret == "" {
			continue
		}
		secret, err := child.Find(ctx, r.Reader, dreg.Namespace, need.secret, &corev1.Secret{})
		if err != nil {
			return facts, fmt.Errorf("reading credentials: %w", err)
		}
		if secret == nil || lacks(secret, need.keys) {
			facts.CredentialsMissing = need.secret
			return facts, nil
		}
		facts.Credentials = append(facts.Credentials, string(secret.UID)+"/"+secret.ResourceVersion)
	}
	return facts, nil
}

func lacks(secret *corev1.Secret, keys []string) bool {
	for _, key := range keys {
		if len(secret.Data[key]) == 0 {
			return true
		}
	}
	return false
}

// observe reads what became of the children. What is not there yet is an answer, not an error.
func (r *Reconciler) observe(ctx context.Context, in register.Input) (map[string]register.Seen, error) {
	all := map[string]register.Seen{}
	for i := range in.Register.Spec.Stores {
		s := &in.Register.Spec.Stores[i]
		seen, err := r.place(ctx, in.Register, s)
		if err != nil {
			return nil, fmt.Errorf("looking for the place of a store: %w", err)
		}
		if scan := in.Stores[string(s.Name)].Job; scan != nil && job.Ended(scan) != job.Working {
			pods := &corev1.PodList{}
			if err := r.Reader.List(ctx, pods, client.InNamespace(scan.Namespace), client.MatchingLabels{batchv1.JobNameLabel: scan.Name}); err != nil {
				return nil, fmt.Errorf("reading the answers of a scan: %w", err)
			}
			seen.Outcomes = job.Answers(scan, pods.Items)
		}
		all[string(s.Name)] = seen
	}
	return all, nil
}

// place finds where a store is.
func (r *Reconciler) place(ctx context.Context, dreg *v1alpha1.DataRegister, s *v1alpha1.DataStore) (register.Seen, error) {
	switch {
	case s.External != nil:
		return register.Seen{Evidence: v1alpha1.PlacementDeclared, Places: []register.Place{r.Places.JudgeDeclared(dreg, s.External)}}, nil
	case s.Managed != nil:
		pod, err := child.Find(ctx, r.Reader, dreg.Namespace, register.PodName(dreg.Name, string(s.Name)), &corev1.Pod{})
		if pod == nil || err != nil {
			return register.Seen{}, err
		}
		return r.nodesOf(ctx, dreg, []corev1.Pod{*pod})
	}
	selector, err := r.selector(ctx, dreg.Namespace, s.WorkloadRef)
	if err != nil {
		return register.Seen{}, err
	}
	if selector == nil {
		return register.Seen{WorkloadMissing: true}, nil
	}
	matches, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return register.Seen{}, fmt.Errorf("reading a selector: %w", err)
	}
	pods := &corev1.PodList{}
	if err := r.Reader.List(ctx, pods, client.InNamespace(dreg.Namespace), client.MatchingLabelsSelector{Selector: matches}); err != nil {
		return register.Seen{}, err
	}
	return r.nodesOf(ctx, dreg, pods.Items)
}

// selector returns the selector of a workload; nil when there is no such workload.
func (r *Reconciler) selector(ctx context.Context, namespace string, ref *v1alpha1.WorkloadRef) (*metav1.LabelSelector, error) {
	if ref.Kind == v1alpha1.WorkloadDeployment {
		workload, err := child.Find(ctx, r.Reader, namespace, string(ref.Name), &appsv1.Deployment{})
		if workload == nil || err != nil {
			return nil, err
		}
		return workload.Spec.Selector, nil
	}
	workload, err := child.Find(ctx, r.Reader, namespace, string(ref.Name), &appsv1.StatefulSet{})
	if workload == nil || err != nil {
		return nil, err
	}
	return workload.Spec.Selector, nil
}

// nodesOf judges the nodes of pods that are on one.
func (r *Reconciler) nodesOf(ctx context.Context, dreg *v1alpha1.DataRegister, pods []corev1.Pod) (register.Seen, error) {
	seen := register.Seen{Evidence: v1alpha1.PlacementObserved}
	for i := range pods {
		if pods[i].Spec.NodeName == "" {
			continue
		}
		node, err := child.Find(ctx, r.Client, "", pods[i].Spec.NodeName, &corev1.Node{})
		if err != nil {
			return register.Seen{}, err
		}
		if node != nil {
			seen.Places = append(seen.Places, r.Places.JudgeNode(dreg, node))
		}
	}
	return seen, nil
}

// metadataOf reads the metadata of an object and nothing else: what a Secret holds stays in the API server.
func metadataOf(kind string) *metav1.PartialObjectMetadata {
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kind))
	return object
}
