#!/usr/bin/env bash
# Installs Debian packages whose programs are missing, without starting their services.
# Usage: hack/packages.sh PROGRAM:PACKAGE...
set -euo pipefail

declare -a need=()
for pair in "$@"; do
	command -v "${pair%%:*}" >/dev/null || need+=("${pair#*:}")
done
((${#need[@]})) || exit 0

if ! command -v apt-get >/dev/null; then
	echo "missing ${need[*]}, and this is not Debian (no apt-get); install them and run this again" >&2
	exit 1
fi
if ((EUID != 0)); then
	echo "missing ${need[*]}, and only root may install them; run: sudo apt-get install ${need[*]}" >&2
	exit 1
fi

echo "installing ${need[*]}" >&2
# Debian asks this file before it starts a service.
policy=/usr/sbin/policy-rc.d
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [[ ! -e $policy ]]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod +x "$policy"
	trap 'rm -f "$log" "$policy"' EXIT
fi
install() { DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends "${need[@]}"; }
{ install || { apt-get -q update && install; }; } >"$log" 2>&1 || {
	tail -n 20 "$log" >&2
	echo "apt-get could not install ${need[*]}; its words are above" >&2
	exit 1
}
