package residency

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// driversOf returns the names of the CSI drivers that each node runs, never nil for a node that says so.
func driversOf(nodes []storagev1.CSINode) map[string][]string {
	drivers := make(map[string][]string, len(nodes))
	for i := range nodes {
		names := make([]string, 0, len(nodes[i].Spec.Drivers))
		for _, driver := range nodes[i].Spec.Drivers {
			names = append(names, driver.Name)
		}
		drivers[nodes[i].Name] = names
	}
	return drivers
}

// judgeStatic judges the static classes by the volumes that no claim has. It comes after the classes: volumes rest on
// what is declared of theirs.
func (j *Judged) judgeStatic(volumes []corev1.PersistentVolume) {
	j.unbound = map[string][]VolumeVerdict{}
	for i := range volumes {
		volume := &volumes[i]
		if class := ClassOfVolume(volume); volume.Spec.ClaimRef == nil && class != "" {
			j.unbound[class] = append(j.unbound[class], j.JudgeVolume(volume))
		}
	}
	for name, verdict := range j.Classes {
		j.Classes[name] = j.byVolumes(verdict)
	}
}

// JudgeClass judges a class that the snapshot may not have.
func (j *Judged) JudgeClass(class *storagev1.StorageClass) ClassVerdict {
	return j.byVolumes(j.Rules.JudgeClass(class, j.Nodes))
}

// byVolumes makes of the verdict on a static class that of its volumes: one that is not allowed decides, and without any
// the class is allowed, for each volume is judged again when it is bound. Of other classes the verdict stays.
func (j *Judged) byVolumes(verdict ClassVerdict) ClassVerdict {
	if !isStatic(verdict.Provisioner) || (verdict.Verdict != v1alpha1.VerdictAllowed && verdict.Reason != ReasonStaticVolumes) {
		return verdict
	}
	if verdict.Reason == ReasonStaticVolumes {
		verdict.Verdict, verdict.Reason, verdict.Detail = v1alpha1.VerdictAllowed, ReasonEachVolume, ""
	}
	for _, volume := range j.unbound[verdict.Name] {
		if volume.Verdict != v1alpha1.VerdictAllowed && verdict.Verdict != v1alpha1.VerdictDenied && (verdict.Volume == nil || volume.Verdict == v1alpha1.VerdictDenied) {
			verdict.Verdict, verdict.Reason, verdict.Decisive, verdict.Detail, verdict.Volume = volume.Verdict, volume.Reason, volume.Decisive, volume.Detail, &volume
		}
		verdict.Places = append(slices.Clip(verdict.Places), volume.Places...)
	}
	if len(verdict.Places) > maxPlaces {
		verdict.Places = verdict.Places[:maxPlaces]
	}
	return verdict
}

func isStatic(provisioner string) bool { return facts().drivers[provisioner].Kind == kindStatic }
