#!/usr/bin/env bash
# No file names a folder of the machine that it was written on.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Homes and checkouts. /tmp is the same everywhere.
pattern='(^|[^A-Za-z0-9_./-])/(work|root|home/[a-z]+|Users)/[A-Za-z0-9_.]'
if git grep -InE --untracked "$pattern" -- ':!go.sum' ':!**/go.sum' ':!hack/verify-paths.sh' >&2; then
	die "the lines above name folders of one machine"
fi
