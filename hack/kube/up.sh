#!/usr/bin/env bash
# Starts a real Kubernetes cluster on this machine and prints the path of its kubeconfig. A second run returns at once;
# what is left of a cluster that died is cleaned up first. Needs root on Debian. See docs/how-to/cluster.md.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=cluster.sh
. "$(dirname "${BASH_SOURCE[0]}")/cluster.sh"

# --- the cluster of somebody else ------------------------------------------------------------------------------------

if [[ ${REMPART_USE_KUBECONFIG:-} == 1 ]]; then
	[[ -n ${KUBECONFIG:-} ]] || die "REMPART_USE_KUBECONFIG is set but KUBECONFIG is not; set KUBECONFIG to the file of your cluster"
	command -v kubectl >/dev/null || PATH=$("$here/build.sh" envtest):$PATH
	kubectl --request-timeout=10s get --raw /readyz >/dev/null ||
		die "the cluster of KUBECONFIG ($KUBECONFIG) does not answer; start it, or unset REMPART_USE_KUBECONFIG to get one here"
	say "Using the cluster of KUBECONFIG."
	echo "$KUBECONFIG"
	exit 0
fi

# --- what must be there ----------------------------------------------------------------------------------------------

prerequisites() {
	local instead="or set REMPART_USE_KUBECONFIG=1 and KUBECONFIG to use a cluster of your own"
	[[ $(uname -s) == Linux ]] || die "a cluster needs Linux; run this on Linux, $instead"
	((EUID == 0)) || die "a kubelet needs root; run this as root, $instead"
	grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null ||
		die "the kernel has no overlayfs, which containers need; load the module \"overlay\", $instead"
	[[ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]] || modprobe br_netfilter 2>/dev/null ||
		die "the kernel has no br_netfilter, which Services need; load the module \"br_netfilter\", $instead"
	[[ -e /sys/fs/cgroup/cgroup.controllers || -d /sys/fs/cgroup/memory ]] ||
		die "no cgroups are mounted at /sys/fs/cgroup, which containers need; mount them, $instead"
	mkdir /sys/fs/cgroup/{memory/,}rempart-probe 2>/dev/null || true
	[[ -d /sys/fs/cgroup/rempart-probe || -d /sys/fs/cgroup/memory/rempart-probe ]] ||
		die "cgroups cannot be made under /sys/fs/cgroup (read-only?); run this where they can, such as a privileged container, $instead"
	rmdir /sys/fs/cgroup/{memory/,}rempart-probe 2>/dev/null || true
	packages "$instead"
}

packages() {
	local -a need=()
	local pair
	for pair in containerd:containerd runc:runc nft:nftables ip:iproute2 conntrack:conntrack openssl:openssl; do
		command -v "${pair%%:*}" >/dev/null || need+=("${pair#*:}")
	done
	[[ -x /usr/lib/cni/bridge ]] || need+=(containernetworking-plugins)
	((${#need[@]})) || return 0
	command -v apt-get >/dev/null ||
		die "missing ${need[*]} and this is not Debian (no apt-get); install them, $1"
	say "Installing ${need[*]}"
	install_packages "${need[@]}" || die "apt-get could not install ${need[*]} (its words are above); install them, $1"
}

install_packages() {
	# Services of the packages must not start: the cluster runs its own containerd. Debian asks this file; ours goes again.
	local policy=/usr/sbin/policy-rc.d ours=0
	if [[ ! -e $policy ]]; then
		ours=1
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod +x "$policy"
	fi
	local result=0
	{
		apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends "$@" ||
			{ apt-get -q update && apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends "$@"; }
	} >/tmp/rempart-apt.$$ 2>&1 || result=$?
	((result == 0)) || tail -n 20 /tmp/rempart-apt.$$ >&2
	rm -f /tmp/rempart-apt.$$
	if ((ours)); then rm -f "$policy"; fi
	return "$result"
}

# --- one run at a time, and only when needed -------------------------------------------------------------------------

if [[ -e $state/ready ]] && all_alive; then
	say "Cluster \"$cluster\" is already running."
	echo "$kubeconfig"
	exit 0
fi
prerequisites
mkdir -p "$base"
exec 9>"/run/lock/rempart-$cluster.lock"
flock -n 9 || {
	say "Another run is starting cluster \"$cluster\"; waiting for it."
	flock 9
}
if [[ -e $state/ready ]] && all_alive; then
	say "Cluster \"$cluster\" is already running."
	echo "$kubeconfig"
	exit 0
fi
if [[ -e $state || -e $netns_file ]]; then
	say "Cluster \"$cluster\" is half dead; cleaning up and starting anew."
	REMPART_LOCKED=1 "$here/down.sh"
	mkdir -p "$base"
fi

# Components live in the cache; nothing is built when all is there.
kube=$("$here/build.sh" cluster)
servers=$("$here/build.sh" kwok)
provisioner=$("$here/build.sh" localprovisioner)
"$here/images.sh" build pause coredns postgres
PATH=$kube:$PATH
export KUBECONFIG=$kubeconfig

# --- addresses -------------------------------------------------------------------------------------------------------

choose_slot() {
	local try
	for try in ${REMPART_SLOT:-$(seq 0 63)}; do
		use_slot "$try"
		if ! ip -4 route show table all | grep -qE "(^| )($pod_net|$service_net)\." && [[ ! -e /sys/class/net/$link ]]; then
			return
		fi
	done
	die "every pair of networks from 10.244/10.96 to 10.181/10.159 is in use${REMPART_SLOT:+, or that of REMPART_SLOT=$REMPART_SLOT}; take a cluster down (hack/kube/down.sh)"
}

network() {
	ip netns add "$netns"
	ip link add "$link" type veth peer name host0 netns "$netns"
	ip address add "$outer_addr/30" dev "$link"
	ip link set "$link" up
	ip route add "$pod_cidr" via "$inner_addr"
	ip route add "$service_cidr" via "$inner_addr"
	ip -n "$netns" link set lo up
	ip -n "$netns" address add "$inner_addr/30" dev host0
	ip -n "$netns" link set host0 up
	ip -n "$netns" route add default via "$outer_addr"
	# The bridge exists before the first pod: the API server's address is on it.
	ip -n "$netns" link add rempart0 type bridge
	ip -n "$netns" address add "$bridge_addr/24" dev rempart0
	ip -n "$netns" link set rempart0 up
	nsenter --net="$netns_file" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables'
}

# --- certificates ----------------------------------------------------------------------------------------------------

# A throw-away authority: it lives as long as the cluster.
authority() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj "/CN=rempart-$cluster" \
		-addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature \
		-keyout "$pki/ca.key" -out "$pki/ca.crt" 2>/dev/null
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$pki/service-accounts.key" 2>/dev/null
	openssl pkey -in "$pki/service-accounts.key" -pubout -out "$pki/service-accounts.pub"
}

# certificate NAME SUBJECT [NAMES]: with NAMES for a server, without for a client.
certificate() {
	local use=clientAuth extensions
	[[ -n ${3:-} ]] && use=serverAuth,clientAuth
	extensions="keyUsage=critical,digitalSignature
extendedKeyUsage=$use
${3:+subjectAltName=$3}"
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" \
		-keyout "$pki/$1.key" -out "$pki/$1.csr" 2>/dev/null
	openssl x509 -req -in "$pki/$1.csr" -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -CAcreateserial -days 365 \
		-extfile <(echo "$extensions") -out "$pki/$1.crt" 2>/dev/null
	rm "$pki/$1.csr"
}

certificates() {
	authority
	certificate etcd /CN=etcd "IP:$bridge_addr,IP:127.0.0.1"
	certificate etcd-client /CN=etcd-client
	certificate kube-apiserver /CN=kube-apiserver "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost,IP:127.0.0.1,IP:$bridge_addr,IP:$service_net.0.1"
	certificate kubelet "/O=system:nodes/CN=system:node:$real_node" "DNS:$real_node,IP:$bridge_addr"
	certificate apiserver-kubelet-client /CN=rempart:kube-apiserver
	certificate admin /O=system:masters/CN=admin
	certificate kube-controller-manager /CN=system:kube-controller-manager
	certificate kube-scheduler /CN=system:kube-scheduler
	certificate kube-proxy /CN=system:kube-proxy
	certificate kwok /CN=rempart:kwok
	certificate localprovisioner /CN=rempart:localprovisioner
}

# client NAME PATH: a kubeconfig for the certificate of that name. Data inside, so that the file can be copied.
client() {
	cat >"$2" <<-END
		apiVersion: v1
		kind: Config
		clusters:
		- name: rempart-$cluster
		  cluster: {server: "$api_url", certificate-authority-data: $(base64 -w0 "$pki/ca.crt")}
		users:
		- name: $1
		  user: {client-certificate-data: $(base64 -w0 "$pki/$1.crt"), client-key-data: $(base64 -w0 "$pki/$1.key")}
		contexts:
		- name: rempart-$cluster
		  context: {cluster: rempart-$cluster, user: $1}
		current-context: rempart-$cluster
	END
	chmod 600 "$2"
}

# --- configuration ---------------------------------------------------------------------------------------------------

configure() {
	local name
	for name in kubelet kube-controller-manager kube-scheduler kube-proxy kwok localprovisioner; do
		client "$name" "$state/config/$name.kubeconfig"
	done
	client admin "$kubeconfig"

	cat >"$state/config/audit.yaml" <<-END
		apiVersion: audit.k8s.io/v1
		kind: Policy
		omitStages: [RequestReceived]
		rules:
		- level: Metadata
	END

	cat >"$state/config/encryption.yaml" <<-END
		apiVersion: apiserver.config.k8s.io/v1
		kind: EncryptionConfiguration
		resources:
		- resources: [secrets]
		  providers:
		  - secretbox: {keys: [{name: "1", secret: "$(head -c 32 /dev/urandom | base64 -w0)"}]}
		  - identity: {}
	END
	chmod 600 "$state/config/encryption.yaml"

	cat >"$state/config/containerd.toml" <<-END
		version = 2
		root = "$state/containerd/root"
		state = "$state/containerd/state"
		disabled_plugins = [
		  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
		  "io.containerd.snapshotter.v1.devmapper", "io.containerd.tracing.processor.v1.otlp",
		]
		[grpc]
		  address = "$containerd_socket"
		[plugins."io.containerd.internal.v1.opt"]
		  path = "$state/containerd/opt"
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "docker.io/rempart/pause:1"
		  # Without CAP_SYS_RESOURCE no sandbox could start.
		  restrict_oom_score_adj = true
		  netns_mounts_under_state_dir = true
		[plugins."io.containerd.grpc.v1.cri".containerd]
		  snapshotter = "overlayfs"
		[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
		  runtime_type = "io.containerd.runc.v2"
		[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
		  Root = "$state/containerd/runc"
		[plugins."io.containerd.grpc.v1.cri".cni]
		  bin_dir = "/usr/lib/cni"
		  conf_dir = "$state/config/cni"
	END

	cat >"$state/config/cni/10-rempart.conflist" <<-END
		{"cniVersion": "0.4.0", "name": "rempart-$cluster", "plugins": [
		  {"type": "bridge", "bridge": "rempart0", "isGateway": true, "hairpinMode": true,
		   "ipam": {"type": "host-local", "dataDir": "$state/cni",
		            "ranges": [[{"subnet": "$pod_net.0.0/24", "rangeStart": "$pod_net.0.10"}]],
		            "routes": [{"dst": "0.0.0.0/0"}]}}]}
	END

	cat >"$state/config/kubelet.yaml" <<-END
		apiVersion: kubelet.config.k8s.io/v1beta1
		kind: KubeletConfiguration
		address: $bridge_addr
		authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: "$pki/ca.crt"}}
		authorization: {mode: Webhook}
		tlsCertFile: "$pki/kubelet.crt"
		tlsPrivateKeyFile: "$pki/kubelet.key"
		containerRuntimeEndpoint: "unix://$containerd_socket"
		cgroupDriver: cgroupfs
		cgroupsPerQOS: false
		enforceNodeAllocatable: []
		failCgroupV1: false
		failSwapOn: false
		oomScoreAdj: 0
		clusterDomain: cluster.local
		clusterDNS: ["$dns_addr"]
		resolvConf: ""
		podLogsDir: "$logs/pods"
		volumePluginDir: "$state/kubelet/volume-plugins"
		evictionHard: {memory.available: 1Mi, nodefs.available: "1%"}
		# Images come from no registry: one that is collected would never come back.
		imageGCHighThresholdPercent: 100
		imageGCLowThresholdPercent: 99
	END
}

# --- components ------------------------------------------------------------------------------------------------------

start_components() {
	start etcd etcd --name rempart --data-dir "$state/etcd" --unsafe-no-fsync --logger zap --log-level warn \
		--listen-client-urls "https://$bridge_addr:2379" --advertise-client-urls "https://$bridge_addr:2379" \
		--listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
		--initial-cluster rempart=http://127.0.0.1:2380 \
		--client-cert-auth --trusted-ca-file "$pki/ca.crt" --cert-file "$pki/etcd.crt" --key-file "$pki/etcd.key"

	start containerd containerd --config "$state/config/containerd.toml"

	start kube-apiserver kube-apiserver --bind-address "$bridge_addr" --advertise-address "$bridge_addr" --secure-port 6443 \
		--etcd-servers "https://$bridge_addr:2379" --etcd-cafile "$pki/ca.crt" \
		--etcd-certfile "$pki/etcd-client.crt" --etcd-keyfile "$pki/etcd-client.key" \
		--service-cluster-ip-range "$service_cidr" --client-ca-file "$pki/ca.crt" \
		--tls-cert-file "$pki/kube-apiserver.crt" --tls-private-key-file "$pki/kube-apiserver.key" \
		--kubelet-certificate-authority "$pki/ca.crt" --kubelet-preferred-address-types InternalIP \
		--kubelet-client-certificate "$pki/apiserver-kubelet-client.crt" \
		--kubelet-client-key "$pki/apiserver-kubelet-client.key" \
		--service-account-issuer https://kubernetes.default.svc.cluster.local \
		--service-account-key-file "$pki/service-accounts.pub" \
		--service-account-signing-key-file "$pki/service-accounts.key" \
		--authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction --allow-privileged \
		--audit-policy-file "$state/config/audit.yaml" --audit-log-path "$logs/audit.log" \
		--encryption-provider-config "$state/config/encryption.yaml"

	start kube-controller-manager kube-controller-manager --kubeconfig "$state/config/kube-controller-manager.kubeconfig" \
		--bind-address 127.0.0.1 --leader-elect=false --use-service-account-credentials \
		--flex-volume-plugin-dir "$state/kubelet/volume-plugins" \
		--allocate-node-cidrs --cluster-cidr "$pod_cidr" --service-cluster-ip-range "$service_cidr" \
		--root-ca-file "$pki/ca.crt" --service-account-private-key-file "$pki/service-accounts.key" \
		--cluster-signing-cert-file "$pki/ca.crt" --cluster-signing-key-file "$pki/ca.key"

	start kube-scheduler kube-scheduler --kubeconfig "$state/config/kube-scheduler.kubeconfig" \
		--bind-address 127.0.0.1 --leader-elect=false

	start kube-proxy kube-proxy --kubeconfig "$state/config/kube-proxy.kubeconfig" --hostname-override "$real_node" \
		--proxy-mode nftables --cluster-cidr "$pod_cidr" --conntrack-max-per-core 0 \
		--healthz-bind-address 127.0.0.1:10256 --metrics-bind-address 127.0.0.1:10249
}

start_kubelet() {
	start kubelet kubelet --config "$state/config/kubelet.yaml" --kubeconfig "$state/config/kubelet.kubeconfig" \
		--hostname-override "$real_node" --node-ip "$bridge_addr" \
		--root-dir "$state/kubelet" --cert-dir "$state/kubelet/pki" \
		--node-labels topology.kubernetes.io/region=eu-west-3,topology.kubernetes.io/zone=eu-west-3a
}

# What only needs the API: the fake node, the provisioner.
start_helpers() {
	start kwok "$servers/kwok" --kubeconfig "$state/config/kwok.kubeconfig" --config "$here/manifests/kwok-stages.yaml" \
		--manage-all-nodes=false --manage-single-node "$fake_node" --node-lease-duration-seconds 40 \
		--cidr "$pod_net.250.0/24" --node-ip "$pod_net.250.1"
	start localprovisioner "$provisioner/localprovisioner" --kubeconfig "$state/config/localprovisioner.kubeconfig" \
		--root "$state/volumes"
}

render() { sed -e "s|@NODE@|$1|g" -e "s|@DNS@|$dns_addr|g" "$2"; }

ready_node() { kubectl wait --for=condition=Ready --timeout=1s "node/$1"; }

give_up() {
	local code=$?
	((code == 0)) || say "The cluster is not up. Its logs are in $logs; hack/kube/down.sh removes what was started."
}

choose_slot
began=$SECONDS # what was built before is not the start's
say "Starting cluster \"$cluster\" (pods $pod_cidr, services $service_cidr)"
trap give_up EXIT
mkdir -p "$state"/{pids,logs/pods,pki,config/cni,containerd,kubelet,volumes,images}
chmod 700 "$pki" "$state/config"
echo "$slot" >"$state/slot"
network
certificates
configure
start_components
until_true 120 "containerd's start" in_containerd version
"$here/images.sh" import pause
start_kubelet
"$here/images.sh" import coredns postgres &
images=$!
until_true 240 "the API server's readiness" kubectl get --raw /readyz
say "  the API server answers after $((SECONDS - began)) s"
# Some default roles come a moment after readiness.
until_true 120 "applying hack/kube/manifests/cluster.yaml" kubectl apply -f "$here/manifests/cluster.yaml"
start_helpers
render "$real_node" "$here/manifests/coredns.yaml" | kubectl apply -f - >/dev/null
until_true 120 "node $real_node being Ready" ready_node "$real_node"
# After the real one, which so gets the first range of pod addresses.
render "$fake_node" "$here/manifests/fake-node.yaml" | kubectl apply -f - >/dev/null
until_true 120 "node $fake_node being Ready" ready_node "$fake_node"
wait "$images"
kubectl --namespace kube-system rollout status deployment/coredns --timeout=180s >/dev/null ||
	die "CoreDNS did not become ready; look at the logs in $logs"
for name in "${components[@]}"; do
	alive "$name" || die "$name ended right after its start; look at $logs/$name.log"
done
touch "$state/ready"
say "Cluster \"$cluster\" is up after $((SECONDS - began)) s. To use it: export KUBECONFIG=$kubeconfig"
echo "$kubeconfig"
