#!/usr/bin/env bash
# The operator's image is at most 60 MB. Looks at what was built; builds nothing.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

readonly most=$((60 * 1000 * 1000))
image=bin/images/operator.tar
[[ -f $image ]] || skip "$image is not built (make images)"
size=$(stat -c %s "$image")
((size <= most)) || die "$image has $size bytes; at most $most"
echo "$image: $((size / 1000000)) MB"
