#!/usr/bin/env bash
# Stops the cluster and removes all that it made: processes, mounts, network, cgroups, files. Safe to run twice, and on
# what is left of a cluster that died. REMPART_CLUSTER and REMPART_STATE as for up.sh.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=cluster.sh
. "$(dirname "${BASH_SOURCE[0]}")/cluster.sh"

if [[ ${REMPART_USE_KUBECONFIG:-} == 1 ]]; then
	say "The cluster of KUBECONFIG was not started here; it is left alone."
	exit 0
fi
if [[ ! -e $state && ! -e $netns_file ]]; then
	say "Cluster \"$cluster\" does not exist; nothing to do."
	exit 0
fi
((EUID == 0)) || die "the cluster belongs to root; run this as root"

# descendants PID: every process below one, the deepest last.
descendants() {
	local child
	local -a below=()
	read -r -a below < <(cat "/proc/$1/task/"*/children 2>/dev/null) || true
	for child in "${below[@]}"; do
		echo "$child"
		descendants "$child"
	done
}

# shims: containerd's helpers outlive containerd. They carry the address of its socket, which is ours alone.
shims() {
	local path word
	local -a words
	for path in /proc/[0-9]*; do
		mapfile -d '' -t words <"$path/cmdline" || continue
		[[ ${words[0]:-} == *containerd-shim* ]] || continue
		for word in "${words[@]}"; do
			if [[ $word == "$containerd_socket" ]]; then echo "${path#/proc/}"; fi
		done
	done 2>/dev/null
}

# containers: the ids of all that containerd knows, pods included. They name what others keep outside of our folder.
containers() {
	find "$state/containerd/state/io.containerd.runtime.v2.task/k8s.io" -mindepth 1 -maxdepth 1 -printf '%f\n' 2>/dev/null || true
}

# Killed, not asked: nothing of theirs is kept, and an API server takes a minute to say goodbye.
stop_components() {
	local name pid
	# What starts containers goes first.
	for name in kubelet "${components[@]}"; do
		alive "$name" || continue
		read -r pid _ <"$state/pids/$name"
		kill -KILL "$pid" 2>/dev/null || true
	done
	for name in "${components[@]}"; do
		for _ in {1..50}; do
			alive "$name" || break
			sleep 0.1
		done
	done
}

stop_containers() {
	local shim pid
	for shim in $(shims); do
		for pid in $(descendants "$shim"); do kill -KILL "$pid" 2>/dev/null || true; done
		kill -KILL "$shim" 2>/dev/null || true
	done
	for _ in {1..50}; do
		[[ -n $(shims) ]] || break
		sleep 0.1
	done
	# The shims' sockets lie in a folder of all containerds.
	find "$state/containerd/state" -name address -exec cat {} + 2>/dev/null |
		grep -o '/run/containerd/s/[0-9a-f]*' | xargs -r rm -f || true
}

unmount_all() {
	local target
	# The last mount comes off first.
	awk -v at="$state/" 'index($5, at) == 1 { print $5 }' /proc/self/mountinfo | tac | while read -r target; do
		umount "$target" 2>/dev/null || umount --lazy "$target" 2>/dev/null || true
	done
}

# remove_traces ID...: what runc and the network plug-ins leave of containers that were killed.
remove_traces() {
	local id group
	for id in "$@"; do
		for group in /sys/fs/cgroup/k8s.io/"$id" /sys/fs/cgroup/*/k8s.io/"$id"; do
			for _ in {1..20}; do
				[[ -d $group ]] || break
				find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
			done
		done
		rm -f "/var/lib/cni/results/"*"-$id-"*
	done
}

# Links to logs that are gone; kubelet writes them to this folder whatever it is told.
remove_links() {
	local file
	for file in /var/log/containers/*; do
		if [[ -L $file && $(readlink "$file") == "$logs"/* ]]; then rm -f "$file"; fi
	done
	rmdir /var/log/containers 2>/dev/null || true
}

# remove_shared: folders of all clusters, which the last one takes along.
remove_shared() {
	rmdir "$base" 2>/dev/null || return 0
	rm -f /var/lib/kubelet/device-plugins/{kubelet.sock,DEPRECATION}
	rmdir /var/lib/kubelet/device-plugins /var/lib/kubelet /run/containerd/s /run/containerd \
		/var/lib/cni/results /var/lib/cni /sys/fs/cgroup/k8s.io /sys/fs/cgroup/*/k8s.io 2>/dev/null || true
	if [[ -d /run/netns && -z $(ls -A /run/netns) ]]; then
		umount /run/netns 2>/dev/null || true
		rmdir /run/netns 2>/dev/null || true
	fi
}

say "Stopping cluster \"$cluster\""
stop_components
mapfile -t ids < <(containers)
stop_containers
unmount_all
if [[ -e $netns_file ]]; then
	# Both ends of the cable, the bridge and kube-proxy's tables go with the namespace.
	if [[ -r $state/slot ]]; then ip link delete "rempart$(<"$state/slot")" 2>/dev/null || true; fi
	ip netns delete "$netns"
fi
remove_traces "${ids[@]}"
remove_links
rm -rf --one-file-system "$state"
remove_shared
# A start that cleans up first still holds its lock.
[[ -n ${REMPART_LOCKED:-} ]] || rm -f "/run/lock/rempart-$cluster.lock"
say "Cluster \"$cluster\" is gone."
