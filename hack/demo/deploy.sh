#!/usr/bin/env bash
# Deploys the operator of config/demo into the cluster of KUBECONFIG and waits until it serves.
set -euo pipefail
cd "$(dirname "$0")/../.."

kustomize=$(hack/kube/build.sh kustomize 2>/dev/null)/kustomize
digest=$(cut -d' ' -f1 bin/images/operator.tar.digest 2>/dev/null || echo unknown)
"$kustomize" build config/demo | sed "s|@DIGEST@|$digest|" | kubectl apply --server-side --force-conflicts -f - >/dev/null
kubectl -n rempart-system rollout status deployment/rempart-operator --timeout=300s
# The API server learns of the first certificate a moment later; until then nothing of ours is admitted.
serves() { kubectl apply --server-side --dry-run=server -f config/samples/demo/residency.yaml; }
for ((i = 0; i < 360; i++)); do
	if serves >/dev/null 2>&1; then exit 0; fi
	sleep 0.5
done
serves
