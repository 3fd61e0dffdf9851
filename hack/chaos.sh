#!/usr/bin/env bash
# Kills whatever there is, at random times, on a real cluster of its own, while people are erased and visitors are asked; then
# checks that everything happened once. Usage: hack/chaos.sh [DURATION [SEED]]; see docs/how-to/measure.md.
set -euo pipefail
cd "$(dirname "$0")/.."

export CGO_ENABLED=0 GOFLAGS=-trimpath REMPART_CLUSTER=${REMPART_CLUSTER:-chaos}
unset REMPART_USE_KUBECONFIG # what is killed must be ours
duration=${1:-1h} seed=${2:-1}

hack/kube/down.sh >/dev/null
config=$(hack/kube/up.sh)
KUBECONFIG=$config PATH=$(hack/kube/build.sh envtest 2>/dev/null):$PATH \
	go test ./test/e2e -count=1 -v -timeout 24h -run '^TestWhateverIsKilledInTheClusterWhenever$' -chaos "$duration" -chaos-seed "$seed" || {
	echo "the cluster \"$REMPART_CLUSTER\" stays for a look: KUBECONFIG=$config; remove it by REMPART_CLUSTER=$REMPART_CLUSTER make cluster-down"
	exit 1
}
hack/kube/down.sh
