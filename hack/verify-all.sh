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

summary="" failed=0
for script in "$here"/verify-*.sh; do
	name=$(basename "$script" .sh)
	name=${name#verify-}
	[[ $name == all || ($# -gt 0 && " $* " != *" $name "*) ]] && continue
	echo "== $name"
	began=$SECONDS
	"$script"
	code=$?
	case $code in
	0) result=ok ;;
	77) result="not checked" ;;
	*)
		result=FAILED
		failed=$((failed + 1))
		;;
	esac
	summary+=$(printf '%-16s %-12s %4d s' "$name" "$result" $((SECONDS - began)))$'\n'
done
echo
echo "$summary"
[[ -n $summary ]] || {
	echo "verify-all.sh: no such check: $*" >&2
	exit 2
}
((failed == 0)) || echo "$failed failed"
exit $((failed > 0))
