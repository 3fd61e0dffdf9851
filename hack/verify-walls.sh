#!/usr/bin/env bash
# Imports point the way that docs/architecture.md says, and no program links what is on the other side of trust.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

go test -count=1 ./test/walls
