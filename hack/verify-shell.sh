#!/usr/bin/env bash
# Shell scripts have no fault that shellcheck knows.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

command -v shellcheck >/dev/null || skip "shellcheck is not installed (Debian: apt-get install shellcheck)"
mapfile -t scripts < <({
	git ls-files --cached --others --exclude-standard '*.sh'
	git ls-files --cached --others --exclude-standard | while read -r file; do
		[[ $file == *.* && $file != .ci/* ]] || ! head -n 1 "$file" 2>/dev/null | grep -aqE '^#!.*\b(ba)?sh$' || echo "$file"
	done
} | LC_ALL=C sort -u)
shellcheck --severity=warning "${scripts[@]}"
