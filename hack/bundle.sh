#!/usr/bin/env bash
# Generates the OLM bundle from config/manifests, and checks it. hack/bundle.sh [FOLDER] [VERSION]
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

out=${1:-bundle}
version=${2:-${VERSION:-0.1.0}}
"$(tool kustomize)" build config/manifests >"$scratch/manifests.yaml"
ours bundle generate -out "$out" -version "${version#v}" <"$scratch/manifests.yaml"
ours bundle check "$out"
