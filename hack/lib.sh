# Common words of hack/*.sh. To be sourced; sets $repo and leaves the shell in it.
# shellcheck shell=bash
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$repo" || exit 1

# As images and the pinned components are built, so that what they share is compiled once.
export CGO_ENABLED=0 GOFLAGS=-trimpath

die() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# skip REASON: what was not checked is said, and is not a success in verify-all.sh's summary.
skip() {
	echo "not checked: $*"
	exit 77
}

# tool NAME: the path of a pinned tool, built when it is not there. REMPART_TOOLS_BIN is a folder that already has them.
tool() {
	if [[ -z ${REMPART_TOOLS_BIN:-} ]]; then
		REMPART_TOOLS_BIN=$("$repo/hack/kube/build.sh" tools)
	fi
	echo "$REMPART_TOOLS_BIN/$1"
}

# ours PACKAGE ARGUMENT...: runs one of our own tools. Paths in the arguments are as seen from the repository.
ours() {
	local package=$1 binary
	shift
	binary=$scratch/$package
	[[ -x $binary ]] || (cd "$repo/hack/tools" && go build -o "$binary" "./$package")
	"$binary" "$@"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
