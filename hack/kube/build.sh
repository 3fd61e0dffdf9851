#!/usr/bin/env bash
# Builds the pinned programs that tests, the demo and the Makefile run, once per version, into a cache outside the
# checkout, and prints the folder that holds them. Usage:
#
#   hack/kube/build.sh GROUP...     one line on standard output per group; progress goes to standard error
#
#   tools        controller-gen, kustomize, golangci-lint-kube-api-linter
#   envtest      etcd, kube-apiserver, kubectl (the value of KUBEBUILDER_ASSETS)
#   cluster      envtest, and the other components of a cluster
#   servers      kwok, mailpit
#   kustomize kwok      one of the above, without its neighbours
#   gatekeeper kyverno  the comparators of `make bench part=admission`; long to build, so nothing else asks for them
#   coredns pause localprovisioner hook image     one program of ours each
#
# REMPART_CACHE      where the cache lives; default ${XDG_CACHE_HOME:-~/.cache}/rempart
# KUBEBUILDER_ASSETS a folder with the binaries of the group envtest or cluster: used as it is, nothing is built
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${REMPART_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rempart}
began=$SECONDS

# Without a version the components refuse each other. The module of each binary is what its folder is named by.
readonly kube_version=1.37.2
readonly kube_flags="-s -w -X k8s.io/component-base/version.gitVersion=v$kube_version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37"

# name  module  package  (group by group)
members() {
	case $1 in
	tools) members kustomize && cat <<-END ;;
		controller-gen hack/tools sigs.k8s.io/controller-tools/cmd/controller-gen
		golangci-lint-kube-api-linter hack/tools sigs.k8s.io/kube-api-linter/cmd/golangci-lint-kube-api-linter
	END
	envtest) cat <<-END ;;
		etcd hack/kube/etcd go.etcd.io/etcd/server/v3
		kubectl hack/kube k8s.io/kubernetes/cmd/kubectl
		kube-apiserver hack/kube k8s.io/kubernetes/cmd/kube-apiserver
	END
	cluster) members envtest && cat <<-END ;;
		kube-controller-manager hack/kube k8s.io/kubernetes/cmd/kube-controller-manager
		kube-scheduler hack/kube k8s.io/kubernetes/cmd/kube-scheduler
		kubelet hack/kube k8s.io/kubernetes/cmd/kubelet
		kube-proxy hack/kube k8s.io/kubernetes/cmd/kube-proxy
	END
	servers) members kwok && cat <<-END ;;
		mailpit test/servers github.com/axllent/mailpit
	END
	kustomize) echo "kustomize hack/tools sigs.k8s.io/kustomize/kustomize/v5" ;;
	kwok) echo "kwok test/servers sigs.k8s.io/kwok/cmd/kwok" ;;
	gatekeeper) echo "gatekeeper test/perf/gatekeeper github.com/open-policy-agent/gatekeeper/v3" ;;
	kyverno) echo "kyverno test/perf/kyverno github.com/kyverno/kyverno/cmd/kyverno" ;;
	coredns) echo "coredns hack/kube/dns ." ;;
	pause) echo "pause hack/kube ./pause" ;;
	localprovisioner) echo "localprovisioner test/servers ./localprovisioner" ;;
	hook) echo "hook test/servers ./hook" ;;
	image) echo "image hack/tools ./image" ;;
	*)
		echo "build.sh: unknown group \"$1\"; groups are tools kustomize envtest cluster servers kwok gatekeeper kyverno coredns pause localprovisioner hook image" >&2
		return 2
		;;
	esac
}

# folder GROUP: where its binaries belong, named by all that decides what they are.
folder() {
	local module package base=$1
	read -r _ module package < <(members "$1")
	local -a files=("$repo/$module/go.mod" "$repo/$module/go.sum")
	case $1 in
	envtest | cluster)
		base=kube
		files=("$repo"/hack/kube/{,etcd/}go.{mod,sum})
		;;
	kustomize) base=tools ;;
	kwok) base=servers ;;
	coredns | pause | localprovisioner | hook | image)
		base=programs
		local -a sources=()
		mapfile -t sources < <(find "$repo/$module/$package" -maxdepth 1 -name '*.go' ! -name '*_test.go' | LC_ALL=C sort)
		files+=("${sources[@]}")
		;;
	esac
	echo "$cache/$base/$(cat "${files[@]}" | sha256sum | cut -c1-16)"
}

say() { echo "$*" >&2; }

clock() { printf '%dm%02ds' $(((SECONDS - $1) / 60)) $(((SECONDS - $1) % 60)); }

# compile NAME MODULE PACKAGE DIR LABEL: one `go build`, with a sign of life every 20 seconds. The binary appears whole.
compile() {
	local name=$1 module=$2 package=$3 dir=$4 label=$5 since=$SECONDS flags="-s -w" beat=0
	[[ $module == hack/kube && $package != ./* ]] && flags=$kube_flags
	say "building $name ($label)"
	(
		cd "$repo/$module"
		CGO_ENABLED=0 exec nice go build -trimpath -buildvcs=false -ldflags "$flags" -o "$dir/.$name.part" "$package"
	) &
	local build=$!
	# An interrupted build must not go on in the background.
	# shellcheck disable=SC2064 # the number of now is meant
	trap "kill $build 2>/dev/null || true" EXIT
	while kill -0 "$build" 2>/dev/null; do
		sleep 0.2
		beat=$((beat + 1))
		if ((beat % 100 == 0)); then say "  still building $name ($label), $(clock "$since") so far, $(clock "$began") in all"; fi
	done
	wait "$build" || {
		rm -f "$dir/.$name.part"
		say "build.sh: building $name from $module failed; the compiler's words are above"
		return 1
	}
	trap - EXIT
	mv "$dir/.$name.part" "$dir/$name"
	say "  built $name in $(clock "$since")"
}

# missing GROUP DIR: the members that the cache lacks.
missing() {
	local name module package
	while read -r name module package; do
		[[ -x $2/$name ]] || echo "$name $module $package"
	done < <(members "$1")
}

# given GROUP: whether KUBEBUILDER_ASSETS holds the whole group.
given() {
	[[ ($1 == envtest || $1 == cluster) && -n ${KUBEBUILDER_ASSETS:-} ]] || return 1
	[[ -z $(missing "$1" "$KUBEBUILDER_ASSETS") ]]
}

provide() {
	local group=$1 dir name module package count=0
	local -a todo=()
	if given "$group"; then
		say "$group: using KUBEBUILDER_ASSETS"
		echo "$KUBEBUILDER_ASSETS"
		return
	fi
	dir=$(folder "$group")
	mkdir -p "$dir"
	if [[ -n $(missing "$group" "$dir") ]]; then
		command -v go >/dev/null || {
			say "build.sh: Go is not installed; install Go 1.26 (https://go.dev/dl) and run this again"
			return 1
		}
		# Two runs at once would compile the same packages twice.
		exec 9>"$dir/.lock"
		flock -n 9 || {
			say "$group: another build is running; waiting for it"
			flock 9
		}
		mapfile -t todo < <(missing "$group" "$dir")
		for line in "${todo[@]}"; do
			read -r name module package <<<"$line"
			count=$((count + 1))
			compile "$name" "$module" "$package" "$dir" "$count of ${#todo[@]} missing in $group"
		done
		exec 9>&-
		say "$group: built ${#todo[@]} in $(clock "$began"), kept in $dir"
	else
		say "$group: cached in $dir"
	fi
	echo "$dir"
}

(($# > 0)) || {
	sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" | sed '$d' >&2
	exit 2
}
for group in "$@"; do
	members "$group" >/dev/null
	provide "$group"
done
