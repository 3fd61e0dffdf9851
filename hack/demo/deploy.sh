#!/usr/bin/env bash
# Deploys the operator of config/demo into the cluster of KUBECONFIG and waits until it serves.
set -euo pipefail
cd "$(dirname "$0")/../.."

kustomize=$(hack/kube/build.sh tools 2>/dev/null)/kustomize
"$kustomize" build config/demo | kubectl apply --server-side --force-conflicts -f - >/dev/null
# The images keep their tag when they change: replace the pods that run an older one.
kubectl -n rempart-system rollout status deployment/rempart-operator --timeout=180s
# The first certificate takes the leader a moment; until its bundle is in place nothing of ours is admitted.
for ((i = 0; i < 120; i++)); do
	if kubectl create --dry-run=server -f config/samples/demo/residency.yaml >/dev/null 2>&1; then exit 0; fi
	sleep 0.5
done
kubectl create --dry-run=server -f config/samples/demo/residency.yaml
