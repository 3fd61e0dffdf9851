# shellcheck shell=bash disable=SC2034 # the variables are for the scripts that source this
# What the scripts of this folder share: names, paths, and how a process is recorded. Sourced, never run.
#
# REMPART_CLUSTER         name of the cluster; default dev
# REMPART_STATE           folder of all clusters; default /var/lib/rempart
# REMPART_SLOT            0 to 63, decides the addresses; default: the first one that is free
# REMPART_USE_KUBECONFIG  1: use the cluster of KUBECONFIG, start none

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$repo/hack/kube
cluster=${REMPART_CLUSTER:-dev}
base=${REMPART_STATE:-/var/lib/rempart}
state=$base/$cluster
cache=${REMPART_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rempart}
pki=$state/pki
logs=$state/logs
kubeconfig=$state/kubeconfig
containerd_socket=$state/containerd/containerd.sock

# Everything of a cluster but its files lives in a network namespace of its own. So two clusters never meet on a port,
# a bridge or a table of kube-proxy, and all of these go with the namespace.
netns=rempart-$cluster
netns_file=/run/netns/$netns

export real_node=paris fake_node=virginia

say() { echo "$*" >&2; }

die() {
	say "$(basename "$0"): $*"
	exit 1
}

[[ $cluster =~ ^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$ ]] ||
	die "REMPART_CLUSTER \"$cluster\" must be a lower-case name of at most 20 letters, digits and dashes; choose another"
# The longest socket is containerd's second one; a path of a Unix socket has at most 107 bytes.
((${#containerd_socket} + 6 <= 107)) ||
	die "the folder $state is too long for Unix sockets; set REMPART_STATE to a shorter one"

# use_slot N: the addresses of a cluster follow from one number.
use_slot() {
	slot=$1
	pod_net=10.$((244 - slot))
	pod_cidr=$pod_net.0.0/16
	bridge_addr=$pod_net.0.1
	outer_addr=$pod_net.255.253 # our end of the cable into the namespace
	inner_addr=$pod_net.255.254
	link=rempart$slot
	service_net=10.$((96 + slot))
	service_cidr=$service_net.0.0/16
	dns_addr=$service_net.0.10
	api_url=https://$bridge_addr:6443
	: "$pod_cidr" "$outer_addr" "$inner_addr" "$link" "$service_cidr" "$dns_addr" "$api_url"
}

# started_at PID: the kernel's start time of a process, which with its number names it for good. A dead process that
# nobody has collected yet does not count.
started_at() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	# The name in parentheses may hold blanks; what follows it does not.
	read -r -a stat <<<"${stat##*) }"
	[[ ${stat[0]} != [ZX] ]] || return 1
	echo "${stat[19]}"
}

# close_inherited: a daemon that kept the pipes of whoever started the cluster would let them wait for ever.
close_inherited() {
	local fd
	for fd in /proc/self/fd/*; do
		fd=${fd##*/}
		((fd <= 2)) || eval "exec $fd>&-" 2>/dev/null || true
	done
}

# start NAME COMMAND...: runs a component in the namespace of the cluster, apart from the calling shell, and records it.
start() {
	local name=$1 pid
	shift
	(
		close_inherited
		exec setsid nsenter --net="$netns_file" "$@" </dev/null >>"$logs/$name.log" 2>&1
	) &
	pid=$!
	disown "$pid"
	echo "$pid $(started_at "$pid")" >"$state/pids/$name"
}

# alive NAME: whether the recorded process is still the one that was started.
alive() {
	local pid born
	read -r pid born <"$state/pids/$1" 2>/dev/null || return 1
	[[ -n $born && $(started_at "$pid") == "$born" ]]
}

readonly components=(etcd kube-apiserver kube-controller-manager kube-scheduler containerd kubelet kube-proxy kwok localprovisioner)

all_alive() {
	local name
	for name in "${components[@]}"; do alive "$name" || return 1; done
}

# until_true SECONDS WHAT COMMAND...: waits, and says what it waited for in vain.
until_true() {
	local limit=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		((SECONDS < limit)) || die "$what did not happen in time; look at the logs in $logs"
		sleep 0.2
	done
}

in_containerd() { ctr --address "$containerd_socket" --namespace k8s.io "$@"; }
