#!/usr/bin/env bash
# Runs the tests by layer, cheapest first, and says how each ended. Usage: hack/test.sh [unit|api|integration|browser|e2e]...
# What the layers need is built or installed first; see docs/how-to/test.md.
set -euo pipefail
cd "$(dirname "$0")/.."

# As images and the pinned components are built, so that what they share is compiled once.
export CGO_ENABLED=0 GOFLAGS=-trimpath

began=$SECONDS
declare -a ended=()
failed=0

say() { printf '\n== %s (%dm%02ds so far)\n' "$1" $(((SECONDS - began) / 60)) $(((SECONDS - began) % 60)); }

# layer NAME COMMAND...: runs the command; a failure is remembered, the next layer still runs.
layer() {
	local name=$1 since=$SECONDS
	shift
	say "$name"
	if "$@"; then
		ended+=("$name: passed in $((SECONDS - since)) s")
	else
		ended+=("$name: FAILED after $((SECONDS - since)) s")
		failed=1
	fi
}

# Packages with code and no need of a cluster or a browser. Of test/perf the benchmarks are no tests, what measures them is tested.
unit_packages() { go list ./... | grep -vE '/test/((api|integration|browser|e2e|perf/(admission|consent|erasure))(/|$)|perf$)'; }

unit() {
	hack/packages.sh /usr/lib/postgresql/15/bin/postgres:postgresql-15 || return 1
	# shellcheck disable=SC2046 # one word per package is what go test wants
	go test -timeout 30m $(unit_packages) || return 1
	local module
	for module in hack/tools test/servers; do # modules of their own; the others have no tests
		(cd "$module" && go test -timeout 30m ./...) || return 1
	done
}

# against_api_server PACKAGE: with the pinned etcd and kube-apiserver. One package at a time: each loads an API server, whose
# webhooks have five seconds.
against_api_server() {
	local assets
	assets=$(hack/kube/build.sh envtest) || return 1
	KUBEBUILDER_ASSETS=$assets go test -p 1 -timeout 30m "$1"
}

# browser: the widget in Debian's Chromium and Firefox, driven by pinned libraries. Systems without Debian's Firefox may do without one.
browser() {
	hack/packages.sh chromium:chromium node:nodejs npm:npm || return 1
	if grep -qs '^ID=debian$' /etc/os-release; then
		hack/packages.sh firefox-esr:firefox-esr || return 1
	elif ! command -v firefox-esr firefox >/dev/null; then
		ended+=("T25, the widget in Firefox: NOT RUN, there is no Firefox here")
	fi
	npm ci --prefix test/browser --ignore-scripts --no-audit --no-fund || return 1
	go test -count=1 -timeout 30m ./test/browser
}

# stories CONFIG: what users see, and then which of its rights the operator never used meanwhile.
stories() {
	KUBECONFIG=$1 PATH=$(hack/kube/build.sh envtest 2>/dev/null):$PATH go test -v -timeout 30m ./test/e2e/... || return 1
	(cd hack/tools && go run ./rbacaudit unused -log "$(dirname "$1")/logs/audit.log" \
		-except ../../test/e2e/rights-not-used.txt ../../config/rbac/role.yaml ../../config/rbac/*_role.yaml)
}

# end_to_end uses a cluster of its own, so that a developer's stays as it is. It is removed when the tests pass; when they
# fail it stays for a look, and the next run starts anew.
end_to_end() {
	export REMPART_CLUSTER=${REMPART_CLUSTER:-test}
	local config
	hack/kube/down.sh >/dev/null || return 1
	config=$(hack/kube/up.sh) || return 1
	stories "$config" || {
		echo "the cluster \"$REMPART_CLUSTER\" stays for a look: KUBECONFIG=$config; remove it by REMPART_CLUSTER=$REMPART_CLUSTER make cluster-down"
		return 1
	}
	hack/kube/down.sh
}

(($#)) || set -- unit api integration browser e2e
for name in "$@"; do
	case $name in
	unit) layer "unit tests, golden plays, adapters on real servers" unit ;;
	api) layer "samples, rules and defaults on a real API server" against_api_server ./test/api/... ;;
	integration) layer "controllers on a real API server" against_api_server ./test/integration/... ;;
	browser) layer "the consent widget in a browser" browser ;;
	e2e) layer "end to end on a real cluster" end_to_end ;;
	*)
		echo "test.sh: unknown layer \"$name\"; layers are unit api integration browser e2e" >&2
		exit 2
		;;
	esac
done

say "result"
printf '   %s\n' "${ended[@]}"
exit "$failed"
