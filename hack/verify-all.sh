#!/usr/bin/env bash
# Runs every hack/verify-*.sh and sums up. Each can be run alone. A script that ends with 77 could not check.
#
#   hack/verify-all.sh           all of them
#   hack/verify-all.sh links     only verify-links.sh
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -z ${REMPART_TOOLS_BIN:-} ]]; then
	REMPART_TOOLS_BIN=$("$here/kube/build.sh" tools) || exit 1
	export REMPART_TOOLS_BIN
fi

said=$(mktemp)
trap 'rm -f "$said"' EXIT
summary="" failed=0 passed=0 skipped=0
for script in "$here"/verify-*.sh; do
	name=$(basename "$script" .sh)
	name=${name#verify-}
	[[ $name == all || ($# -gt 0 && " $* " != *" $name "*) ]] && continue
	echo "== $name"
	began=$SECONDS
	"$script" 2>&1 | tee "$said"
	code=${PIPESTATUS[0]}
	case $code in
	0) result=ok passed=$((passed + 1)) ;;
	77) result=$(grep '^not checked: ' "$said") skipped=$((skipped + 1)) ;;
	*) result=FAILED failed=$((failed + 1)) ;;
	esac
	summary+=$(printf '%-10s %4d s  %s' "$name" $((SECONDS - began)) "$result")$'\n'
done
[[ -n $summary ]] || {
	echo "verify-all.sh: no such check: $*" >&2
	exit 2
}
printf '\n%s%d ok, %d not checked, %d failed\n' "$summary" $passed $skipped $failed
exit $((failed > 0))
