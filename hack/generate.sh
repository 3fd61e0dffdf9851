#!/usr/bin/env bash
# Generates all that follows from the Go types and their markers: deep copies, apply configurations, CRDs, the operator's
# role and the roles of people; and bundles the consent widget. hack/generate.sh [FOLDER] works on another copy of the repository.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

controller_gen=$(tool controller-gen)
cd "${1:-$repo}"
header=headerFile=hack/boilerplate.go.txt
"$controller_gen" "object:$header" "applyconfiguration:$header" crd paths=./api/... output:crd:artifacts:config=config/crd/bases
"$controller_gen" rbac:roleName=rempart-operator paths="{./controllers/...,./internal/...}" output:rbac:artifacts:config=config/rbac
ours kindroles -crds config/crd/bases -out config/rbac/kinds.yaml
ours widget -src internal/consent/widget/src -out internal/consent/widget/core.min.js
