package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// provisionedBy is the annotation that tells who made a volume; the library sets it.
const provisionedBy = "pv.kubernetes.io/provisioned-by"

// watchSizes grants every larger size that a bound claim asks for. A directory has no size of its own, so that
// enlarging it is a matter of numbers only. A claim that could not be served is seen again at the next resync.
func watchSizes(ctx context.Context, client kubernetes.Interface, factory informers.SharedInformerFactory) error {
	grant := func(object any) {
		claim, ok := object.(*corev1.PersistentVolumeClaim)
		if !ok || !grows(claim) {
			return
		}
		if err := enlarge(ctx, client, claim); err != nil {
			klog.ErrorS(err, "Enlarging failed", "claim", klog.KObj(claim))
		}
	}
	_, err := factory.Core().V1().PersistentVolumeClaims().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    grant,
		UpdateFunc: func(_, now any) { grant(now) },
	})
	return err
}

func grows(claim *corev1.PersistentVolumeClaim) bool {
	wanted, has := claim.Spec.Resources.Requests[corev1.ResourceStorage], claim.Status.Capacity[corev1.ResourceStorage]
	return claim.Status.Phase == corev1.ClaimBound && wanted.Cmp(has) > 0
}

// enlarge writes the claim before its volume: a kubelet that sees a volume larger than its claim tries to resize
// a file system that is not there.
func enlarge(ctx context.Context, client kubernetes.Interface, claim *corev1.PersistentVolumeClaim) error {
	volume, err := client.CoreV1().PersistentVolumes().Get(ctx, claim.Spec.VolumeName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if volume.Annotations[provisionedBy] != provisionerName {
		return nil
	}
	size := claim.Spec.Resources.Requests.Storage().String()
	status := fmt.Appendf(nil, `{"status":{"capacity":{"storage":%q}}}`, size)
	if _, err := client.CoreV1().PersistentVolumeClaims(claim.Namespace).
		Patch(ctx, claim.Name, types.MergePatchType, status, metav1.PatchOptions{}, "status"); err != nil {
		return fmt.Errorf("writing the size of the claim: %w", err)
	}
	spec := fmt.Appendf(nil, `{"spec":{"capacity":{"storage":%q}}}`, size)
	if _, err := client.CoreV1().PersistentVolumes().
		Patch(ctx, volume.Name, types.MergePatchType, spec, metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("writing the size of the volume: %w", err)
	}
	return nil
}
