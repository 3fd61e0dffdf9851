#!/usr/bin/env bash
# Kills a component of the running cluster, as an accident would, and starts it again as it was started.
# Usage: hack/kube/restart.sh NAME, one of those of cluster.sh; REMPART_CLUSTER and REMPART_STATE as for up.sh.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=cluster.sh
. "$(dirname "${BASH_SOURCE[0]}")/cluster.sh"

name=${1:?which component}
alive "$name" || die "there is no $name in cluster \"$cluster\""
read -r pid _ <"$state/pids/$name"
mapfile -d '' -t command <"/proc/$pid/cmdline"
command[0]=$(readlink "/proc/$pid/exe")
kill -KILL "$pid"
until_true 60 "the end of $name" eval '! alive "$name"'
start "$name" "${command[@]}"
