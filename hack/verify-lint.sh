#!/usr/bin/env bash
# The linters of .golangci.yml on everything, and those of .golangci-kal.yml on the API types.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

linter=$(tool golangci-lint-kube-api-linter)
"$linter" run --allow-parallel-runners -c .golangci-kal.yml ./api/v1alpha1
"$linter" run --allow-parallel-runners -c .golangci.yml ./...
