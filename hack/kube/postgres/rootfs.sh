#!/usr/bin/env bash
# Makes the file system of the image docker.io/rempart/postgres:15 in the folder given: Debian with PostgreSQL 15, bash
# and psql, run by user 999. Everything the server writes is in PGDATA, /tmp and /run/postgresql. Needs root.
#
# REMPART_DEBIAN_MIRROR  default: the mirror that this machine's apt uses
set -euo pipefail

root=${1:?folder to fill}
readonly suite=bookworm uid=999
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck disable=SC2016 # the name is apt's, not the shell's
mirror=${REMPART_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)}

inside() { chroot "$root" /usr/bin/env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"; }

# The folder becomes "/", which every user must be able to enter.
chmod 755 "$root"
debootstrap --variant=minbase "$suite" "$root" "$mirror"

# In two steps, since a package must neither start a server nor make a cluster while it is installed.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod +x "$root/usr/sbin/policy-rc.d"
mkdir -p "$root/etc/postgresql-common"
echo 'create_main_cluster = false' >"$root/etc/postgresql-common/createcluster.conf"
inside groupadd --system --gid "$uid" postgres
inside useradd --system --uid "$uid" --gid "$uid" --home-dir /var/lib/postgresql --shell /bin/bash postgres
inside apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends postgresql-15

install -m 555 "$here/entrypoint.sh" "$root/entrypoint.sh"
mkdir -p "$root/docker-entrypoint-initdb.d"
for folder in /var/lib/postgresql/data /run/postgresql; do
	mkdir -p "$root/$folder"
	chown "$uid:$uid" "$root/$folder"
done
chmod 1777 "$root/tmp"

# What no server needs, most of it by weight: the compiler for queries, documents, package lists, and set-uid programs.
rm -rf --one-file-system "$root"/usr/lib/postgresql/15/lib/{llvmjit*,bitcode} "$root"/usr/lib/*/libLLVM* "$root"/usr/lib/llvm-* \
	"$root"/usr/lib/*/libz3.so* "$root"/usr/share/{doc,man,info,locale,lintian}/* "$root"/var/{lib/apt/lists,cache,log}/* \
	"$root"/usr/sbin/policy-rc.d "$root"/etc/{ssl/private,resolv.conf,hostname} \
	"$root"/var/lib/dpkg/*-old "$root"/etc/*- "$root"/etc/machine-id "$root"/var/lib/systemd
find "$root" -xdev -type f -perm /6000 -exec chmod ug-s {} +
