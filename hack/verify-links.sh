#!/usr/bin/env bash
# Links in Markdown that lead into the repository lead somewhere.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

mapfile -t pages < <(git ls-files --cached --others --exclude-standard '*.md')
ours links "${pages[@]}"
