#!/usr/bin/env bash
# Builds container images without a registry and puts them into the containerd of a cluster.
#
#   hack/kube/images.sh build IMAGE...    builds what is missing or has changed
#   hack/kube/images.sh import IMAGE...   puts into the running cluster what it lacks or has otherwise
#   hack/kube/images.sh IMAGE...          both; without a running cluster it only builds
#
#   operator, eraser, consentd
#                        docker.io/rempart/NAME:dev, from cmd/NAME
#   mailpit, hook        docker.io/rempart/NAME:dev, receivers of messages
#   postgres             docker.io/rempart/postgres:15
#   pause, coredns       docker.io/rempart/NAME:1
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=cluster.sh
. "$(dirname "${BASH_SOURCE[0]}")/cluster.sh"

name_of() {
	case $1 in
	pause | coredns) echo "docker.io/rempart/$1:1" ;;
	postgres) echo docker.io/rempart/postgres:15 ;;
	*) echo "docker.io/rempart/$1:dev" ;;
	esac
}

# Images that follow the sources lie in the checkout, where they replace each other; the others in the cache.
tarball_of() {
	case $1 in
	operator | eraser | consentd) echo "$repo/bin/images/$1.tar" ;;
	postgres) echo "$cache/images/postgres-$(cat "$here"/postgres/*.sh | sha256sum | cut -c1-16).tar" ;;
	*) echo "$cache/images/$1-$(sha256sum <"$(binary_of "$1")" | cut -c1-16).tar" ;;
	esac
}

binary_of() {
	case $1 in
	mailpit) echo "$("$here/build.sh" servers 2>/dev/null)/mailpit" ;;
	pause | coredns | hook) echo "$("$here/build.sh" "$1" 2>/dev/null)/$1" ;;
	*) echo "$repo/bin/$1" ;;
	esac
}

# patiently WHAT COMMAND...: runs the command, with a sign of life every 20 seconds.
patiently() {
	local what=$1 since=$SECONDS beat=0
	shift
	"$@" &
	local job=$!
	while kill -0 "$job" 2>/dev/null; do
		sleep 0.2
		beat=$((beat + 1))
		if ((beat % 100 == 0)); then say "  still $what, $((SECONDS - since)) s so far"; fi
	done
	wait "$job"
}

program() {
	cd "$repo" && CGO_ENABLED=0 exec nice go build -trimpath -buildvcs=false -ldflags "-s -w" -o "bin/$1" "./cmd/$1"
}

build() {
	local image=$1 tarball sources
	case $image in
	operator | eraser | consentd)
		[[ -d $repo/cmd/$image ]] || die "there is no program cmd/$image"
		patiently "compiling cmd/$image" program "$image"
		;;
	pause | coredns | hook) "$here/build.sh" "$image" >/dev/null ;;
	mailpit) "$here/build.sh" servers >/dev/null ;;
	postgres) ;;
	*) die "unknown image \"$image\"; images are operator eraser consentd mailpit hook postgres pause coredns" ;;
	esac
	tarball=$(tarball_of "$image")
	mkdir -p "$(dirname "$tarball")"
	case $image in
	operator | eraser | consentd)
		# Compared by content: a build always touches the file.
		sources=$(sha256sum <"$repo/bin/$image")
		[[ -e $tarball && $(cat "$tarball.source" 2>/dev/null) == "$sources" ]] && return
		write "$image" "$tarball" -binary "$repo/bin/$image" -user 65532
		echo "$sources" >"$tarball.source"
		;;
	postgres) [[ -e $tarball && -e $tarball.digest ]] || postgres "$tarball" ;;
	*) [[ -e $tarball && -e $tarball.digest ]] || write "$image" "$tarball" -binary "$(binary_of "$image")" -user 65532 ;;
	esac
}

# write IMAGE TARBALL OPTION...: the digest beside the tarball tells whether a cluster has it already.
write() {
	local image=$1 tarball=$2 tool
	shift 2
	tool=$("$here/build.sh" image 2>/dev/null)
	"$tool/image" -name "$(name_of "$image")" -out "$tarball" "$@" >"$tarball.digest.part"
	mv "$tarball.digest.part" "$tarball.digest"
	say "built image $(name_of "$image") ($(du -h "$tarball" | cut -f1))"
}

# PostgreSQL is the one image that is more than a program. Its packages are fetched once per version of its scripts.
postgres() {
	local root log=$1.log since=$SECONDS
	((EUID == 0)) || die "building the image of PostgreSQL needs root (debootstrap); run this as root"
	command -v debootstrap >/dev/null || {
		command -v apt-get >/dev/null || die "debootstrap is missing and this is not Debian; install debootstrap"
		apt-get -q -y install --no-install-recommends debootstrap >"$log" 2>&1 ||
			die "apt-get could not install debootstrap (see $log); install it"
	}
	root=$(mktemp -d "$cache/images/postgres.XXXXXX")
	say "building image docker.io/rempart/postgres:15 from Debian packages, two to four minutes"
	patiently "building the file system of PostgreSQL" rootfs "$root" "$log" || {
		tail -n 15 "$log" >&2
		rm -rf --one-file-system "$root"
		die "building the file system of PostgreSQL failed (whole log: $log); check that this machine reaches a Debian mirror, or set REMPART_DEBIAN_MIRROR"
	}
	write postgres "$1" -root "$root" -user 999 -port 5432/tcp -entrypoint /entrypoint.sh -cmd postgres \
		-env PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin -env LANG=C.UTF-8 \
		-env PGDATA=/var/lib/postgresql/data
	rm -rf --one-file-system "$root"
	say "  built in $((SECONDS - since)) s"
}

rootfs() { "$here/postgres/rootfs.sh" "$1" >"$2" 2>&1; }

import() {
	local image=$1 tarball name mark
	tarball=$(tarball_of "$image")
	name=$(name_of "$image")
	mark=$state/images/$image
	if [[ $(cat "$mark" 2>/dev/null) == "$(cat "$tarball.digest")" && -n $(in_containerd images list -q "name==$name") ]]; then
		return
	fi
	in_containerd images import "$tarball" >/dev/null
	cp "$tarball.digest" "$mark"
	say "imported $name into cluster \"$cluster\""
}

action=both
case ${1:-} in
build | import)
	action=$1
	shift
	;;
esac
(($# > 0)) || {
	sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" | sed '$d' >&2
	exit 2
}
for image in "$@"; do
	[[ $action == import ]] || build "$image"
	if [[ $action == import ]] || { [[ $action == both ]] && alive containerd; }; then
		import "$image"
	elif [[ $action == both ]]; then
		say "cluster \"$cluster\" is not running; $(name_of "$image") is built but not imported"
	fi
done
