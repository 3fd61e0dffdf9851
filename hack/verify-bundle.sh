#!/usr/bin/env bash
# The OLM bundle is what config says, and OLM's validators have no objection to it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

version=$(sed -n 's/^  version: \(.*\)$/\1/p' bundle/manifests/rempart.clusterserviceversion.yaml)
[[ -n $version ]] || die "bundle/ has no ClusterServiceVersion with a version; run: make bundle"
hack/bundle.sh "$scratch/bundle" "$version"
diff -r bundle "$scratch/bundle" >"$scratch/diff" || {
	head -n 40 "$scratch/diff" >&2
	die "bundle/ is not what config says; run: make bundle"
}
