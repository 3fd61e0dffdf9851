#!/usr/bin/env bash
# Every kind has all that belongs to a kind: documented conditions, a sample, invalid examples, a specification, roles
# and, if it has rules of its own, a controller. docs/how-to/add-a-kind.md is the list in words.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

faults=0
lacks() {
	echo "$1 lacks $2" >&2
	faults=$((faults + 1))
}

# of KIND FOLDER: the manifests of a folder that hold an object of the kind.
of() {
	find "$2" -maxdepth 1 -name '*.yaml' -exec grep -lx "kind: $1" {} + 2>/dev/null
}

# Admission refuses an internal kind to everybody but the operator, so kubectl apply -k config/samples must not meet one.
internal=$(sed -n 's/^      resources: \[\(.*\)\]$/\1/p' config/admission/internal_kinds.yaml)
[[ -n $internal ]] || die "config/admission/internal_kinds.yaml names no kind, or in another form"

for crd in config/crd/bases/*.yaml; do
	kind=$(sed -n 's/^    kind: //p' "$crd")
	lower=${kind,,}
	samples=config/samples
	[[ ", $internal," != *", $(sed -n 's/^    plural: //p' "$crd"),"* ]] || samples=config/samples/internal
	[[ -f api/v1alpha1/${lower}_conditions.go ]] || lacks "$kind" "api/v1alpha1/${lower}_conditions.go"
	[[ -f docs/spec/$lower.md ]] || lacks "$kind" "docs/spec/$lower.md"
	[[ -n $(of "$kind" $samples) ]] || lacks "$kind" "a sample in $samples"
	[[ $samples == config/samples || -z $(of "$kind" config/samples) ]] || lacks "$kind" "its sample in $samples alone"
	[[ -n $(of "$kind" hack/invalid-examples) ]] || lacks "$kind" "an invalid example in hack/invalid-examples"
	grep -q "name: rempart-$lower-viewer" config/rbac/kinds.yaml || lacks "$kind" "its roles in config/rbac/kinds.yaml (make manifests)"
	grep -q "^- bases/$(basename "$crd")$" config/crd/kustomization.yaml || lacks "$kind" "its line in config/crd/kustomization.yaml"
done
for sample in config/samples/{,internal/}*.yaml; do
	name=$(basename "$sample") list=$(dirname "$sample")/kustomization.yaml
	[[ $name == kustomization.yaml ]] || grep -q "^- $name$" "$list" || lacks "$list" "the line \"- $name\""
done
((faults == 0)) || die "$faults things are missing"
