#!/usr/bin/env bash
# The linters of .golangci.yml on the Go code of every module, and those of .golangci-kal.yml on the API types.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

linter=$(tool golangci-lint-kube-api-linter)
"$linter" run --allow-parallel-runners -c .golangci-kal.yml ./api/v1alpha1
failed=0
while read -r module; do
	[[ -n $(cd "$module" && go list ./... 2>/dev/null) ]] || continue # it only pins what is built from elsewhere
	echo "module $module"
	(cd "$module" && "$linter" run --allow-parallel-runners -c "$repo/.golangci.yml" ./...) || failed=$((failed + 1))
done < <(git ls-files --cached --others --exclude-standard 'go.mod' '*/go.mod' | xargs -n 1 dirname)
((failed == 0)) || die "$failed modules have faults"
