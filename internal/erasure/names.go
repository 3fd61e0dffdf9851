package erasure

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// RunName is the name of a run: the same requests at the same store, each at the same attempt, always give the same
// name, so that a stale cache cannot make a second run. It fits into a label.
func RunName(register types.UID, kind v1alpha1.TargetKind, store v1alpha1.PartName, mode v1alpha1.RunMode, requests []v1alpha1.RunRequest) string {
	lines := make([]string, 0, len(requests))
	for _, r := range requests {
		lines = append(lines, fmt.Sprintf("%s/%d", r.UID, valueOf(r.Attempt)))
	}
	slices.Sort(lines)
	what := string(store)
	if kindOf(kind) == v1alpha1.TargetConsentLedger {
		what = string(kind) + ":" + what
	}
	sum := sha256.Sum256([]byte(string(register) + "\n" + what + "\n" + string(mode) + "\n" + strings.Join(lines, "\n")))
	hash := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:]))[:12]
	return fmt.Sprintf("%s-%s-%s", store, strings.ToLower(string(mode)), hash)
}

// JobName is the name of the n-th Job of a run, from 1. The run's UID is in it: a run that was made again cannot meet the
// Job of an earlier one.
func JobName(run *v1alpha1.ErasureRun, attempt int32) string {
	return fmt.Sprintf("er-%s-%s-g%d", short(run.UID), run.Spec.Store, attempt)
}

// TaskSecretName is the name of the Secret with the task of a run.
func TaskSecretName(run *v1alpha1.ErasureRun) string {
	return fmt.Sprintf("er-%s-%s-task", short(run.UID), run.Spec.Store)
}

// short cuts a UID to the eight characters that names carry.
func short(uid types.UID) string {
	text := strings.ReplaceAll(string(uid), "-", "")
	return text[:min(8, len(text))]
}

// PlanDigest is the digest of all plans of a request: what a person approves. It is empty until every target has a plan, or is
// left to a person: who approves approves that too. One that left its register after its plan counts as it was planned, so that an
// approval covers the rest.
func PlanDigest(targets []v1alpha1.ErasureTarget) string {
	lines := make([]string, 0, len(targets))
	for _, t := range targets {
		plan := t.PlanDigest
		if t.Result == v1alpha1.TargetManual && plan == "" {
			plan = string(t.Result)
		}
		if plan == "" {
			return ""
		}
		lines = append(lines, placeOf(&t).key()+"="+plan)
	}
	if len(lines) == 0 {
		return ""
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// valueOf reads an optional number; absent is zero.
func valueOf[T int32 | int64](p *T) T {
	if p == nil {
		return 0
	}
	return *p
}
