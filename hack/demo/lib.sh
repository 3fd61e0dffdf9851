# shellcheck shell=bash
# Words and verbs of the demo.

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
began=$SECONDS
steps=0
refusals=()

title() { printf '\n%s\n' "$1"; }
step() {
	steps=$((steps + 1))
	printf '\n── %s  (%d s)\n' "$1" $((SECONDS - began))
}
tell() { printf '   %s\n' "$*"; }
indent() { sed -u 's/^/   │ /'; }
die() {
	printf '\nThe demo failed: %s\n' "$*" >&2
	printf 'Look around: KUBECONFIG=%s kubectl get gdpr -A; kubectl -n rempart-system logs deployment/rempart-operator\n' "${KUBECONFIG:-}" >&2
	exit 1
}
trap 'die "line $LINENO of hack/demo/demo.sh: $BASH_COMMAND"' ERR
set -E

kc() { kubectl "$@"; }
# as USER ARGS...: what that user may do, and no more.
as() {
	local user=$1
	shift
	kubectl --as="$user" "$@"
}

cluster_and_operator() {
	hack/kube/up.sh 2>&1 >"$work/kubeconfig" | indent
	KUBECONFIG=$(cat "$work/kubeconfig")
	export KUBECONFIG
	PATH=$(hack/kube/build.sh envtest 2>/dev/null):$PATH
	# Its person is erased already.
	kc -n parley get erasurerequest demo-0001 >/dev/null 2>&1 && die "the demo ran on this cluster before; remove it by: make cluster-down"
	hack/kube/images.sh operator eraser consentd mailpit hook postgres 2>&1 | indent
	hack/demo/deploy.sh 2>&1 | indent
}

signing_secret() {
	kc create namespace rempart-demo --dry-run=client -o yaml | kc apply -f - >/dev/null
	local secret
	secret=$(head -c 24 /dev/urandom | base64)
	local namespace
	for namespace in rempart-demo rempart-system; do
		kc -n "$namespace" get secret management-hook-signing >/dev/null 2>&1 ||
			printf '%s' "$secret" | kc -n "$namespace" create secret generic management-hook-signing --from-file=secret=/dev/stdin >/dev/null
	done
}

# await [-n NAMESPACE] OBJECT CONDITION [SECONDS]: waits until the condition is True.
await() {
	local -a where=()
	if [[ $1 == -n ]]; then
		where=(-n "$2")
		shift 2
	fi
	kc "${where[@]}" wait "$1" --for="condition=$2" --timeout="${3:-300}s" >/dev/null 2>"$work/wait" || {
		cat "$work/wait" >&2
		kc "${where[@]}" get "$1" -o 'jsonpath={range .status.conditions[*]}{.type}={.status} {.reason}: {.message}{"\n"}{end}' >&2
		die "$1 did not become $2"
	}
}

# await_status [-n NAMESPACE] OBJECT JSONPATH VALUE
await_status() {
	local -a where=()
	if [[ $1 == -n ]]; then
		where=(-n "$2")
		shift 2
	fi
	kc "${where[@]}" wait "$1" --for="jsonpath=$2=$3" --timeout=300s >/dev/null || die "$1: $2 did not become $3"
}

# say_condition [-n NAMESPACE] OBJECT CONDITION: the object's own words.
say_condition() {
	local -a where=()
	if [[ $1 == -n ]]; then
		where=(-n "$2")
		shift 2
	fi
	tell "$1 says: $(kc "${where[@]}" get "$1" -o "jsonpath={range .status.conditions[?(@.type==\"$2\")]}{.type}={.status}, {.reason}: {.message}{end}")"
}

database_pod() { kc -n parley get pods -l gdpr.rempart.dev/store=crm -o 'jsonpath={.items[0].metadata.name}'; }
sql() { kc -n parley exec -i "$(database_pod)" -c postgres -- psql -q -v ON_ERROR_STOP=1 -U postgres -d crm -At "$@"; }

load_database() {
	if [[ -z $(sql -c "SELECT 1 FROM pg_tables WHERE schemaname = 'public' AND tablename = 'customers'") ]]; then
		sql <config/samples/demo/schema.sql
		sql <config/samples/demo/generate.sql >/dev/null
	fi
	tell "$(sql -c "SELECT sum(n_live_tup) FROM pg_stat_user_tables WHERE schemaname = 'public'") rows in $(sql -c "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") tables."
}

# The rows that belong to anybody else, as one checksum.
checksum_of_others() {
	sql <<-'SQL'
		SELECT md5(string_agg(sum, '' ORDER BY name)) FROM (
		  SELECT 'customers' AS name, md5(string_agg(t::text, '|' ORDER BY id)) AS sum FROM customers t WHERE id NOT IN (2159, 2160)
		  UNION ALL SELECT 'messages', md5(string_agg(t::text, '|' ORDER BY conversation_id, seq)) FROM messages t WHERE (sender_id IS NULL OR sender_id NOT IN (2159, 2160)) AND body <> '[erased]'
		  UNION ALL SELECT 'participants', md5(string_agg(t::text, '|' ORDER BY conversation_id, customer_id)) FROM participants t WHERE customer_id NOT IN (2159, 2160)
		  UNION ALL SELECT 'orders', md5(string_agg(t::text, '|' ORDER BY id)) FROM orders t WHERE customer_id NOT IN (2159, 2160)
		  UNION ALL SELECT 'invoices', md5(string_agg(t::text, '|' ORDER BY id)) FROM invoices t WHERE billing_email <> 'jonas.jansen.2159@example.org'
		  UNION ALL SELECT 'contact_forms', md5(string_agg(t::text, '|' ORDER BY id)) FROM contact_forms t WHERE email <> 'jonas.jansen.2159@example.org'
		  UNION ALL SELECT 'conversations', md5(string_agg(t::text, '|' ORDER BY id)) FROM conversations t WHERE opened_by IS NOT NULL AND opened_by NOT IN (2159, 2160)
		) AS sums
	SQL
}

subject_secret() {
	kc -n parley get secret demo-0001-subject >/dev/null 2>&1 && return
	# By files, since arguments are seen by everybody on the machine.
	mkdir "$work/subject"
	printf %s "$1" >"$work/subject/email"
	printf %s "$2" >"$work/subject/phone"
	as support-agent -n parley create secret generic demo-0001-subject --from-file="$work/subject" >/dev/null
}

# refused WHAT KIND CLASS: applies it and expects a refusal, which is shown.
refused() {
	local what=$1 kind=$2 class=$3
	if "object_$kind" "$class" | kc -n parley create -f - >/dev/null 2>"$work/refusal"; then
		die "$what was admitted"
	fi
	grep -q "$class" "$work/refusal" || die "$what was refused without naming the class: $(cat "$work/refusal")"
	tell "$what:"
	fold -s -w 108 "$work/refusal" | indent
	refusals+=("$what")
}

object_pvc() { printf '{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"try"},"spec":{"storageClassName":"%s","accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}' "$1"; }
claim() { printf '{"spec":{"storageClassName":"%s","accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}' "$1"; }
readonly container='{"name":"c","image":"docker.io/rempart/postgres:15","securityContext":{"allowPrivilegeEscalation":false,"runAsNonRoot":true,"runAsUser":999,"capabilities":{"drop":["ALL"]},"seccompProfile":{"type":"RuntimeDefault"}}}'
object_statefulset() { printf '{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"try"},"spec":{"serviceName":"try","selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[%s]}},"volumeClaimTemplates":[%s,"metadata":{"name":"data"}}]}}' "$container" "$(claim "$1")"; }
object_ephemeral() { printf '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"try"},"spec":{"containers":[%s],"volumes":[{"name":"scratch","ephemeral":{"volumeClaimTemplate":%s}}}]}}' "$container" "$(claim "$1")"; }
object_register() { sed "s/name: conversations/name: abroad/; s/storageClassName: eu-fast/storageClassName: $1/" config/samples/demo/register.yaml; }

from_cluster() { kc get --raw "/api/v1/namespaces/rempart-demo/services/$1/proxy/$2"; }
mail_count() { from_cluster mail:http api/v1/messages | grep -o '"total":[0-9]*' | cut -d: -f2; }
hook_count() { from_cluster hook:http messages | grep -o '"id"' | wc -l; }
hook_signed() { from_cluster hook:http messages | grep -q '"signed":false' && echo no || echo yes; }

# await_delivered COUNT: waits until so many notifications of the namespace were accepted.
await_delivered() {
	local deadline=$((SECONDS + 300))
	until (($(kc -n parley get notifications -o 'jsonpath={range .items[*]}{.status.deliveredTime}{"\n"}{end}' | grep -c .) >= $1)); do
		((SECONDS < deadline)) || die "fewer than $1 messages were delivered: $(kc -n parley get notifications)"
		sleep 1
	done
}

summary() {
	printf '\n── Summary  (%d s)\n' $((SECONDS - began))
	tell "Refused: ${#refusals[@]} attempts to keep personal data outside the Union."
	tell "Erased:  $(kc -n parley get erasurerequest demo-0001 -o 'jsonpath={range .status.targets[?(@.kind=="Store")]}{.rowsDeleted} rows deleted, {.rowsMasked} masked, {.rowsDetached} detached, {.rowsKept} kept{end}')"
	tell "Kept:    $(kc -n parley get erasurerequest demo-0001 -o 'jsonpath={range .status.targets[*].kept[*]}{.rows} of {.table}, {.article}, {.legalReference}, until {.untilOn}; {end}')"
	tell "Told:    $(mail_count) mail(s), $(hook_count) webhook(s)"
	tell "Clock:   $(kc -n parley get breachincident exported-bucket -o 'jsonpath=72 hours end {.status.clock.dueTime}')"
	tell "Next:    $(kc get dataprotectionofficer parley -o 'jsonpath={.status.nextDeadlineFor} {.status.nextDeadlineTime}')"
	printf '\n   Look around:  export KUBECONFIG=%s\n' "$KUBECONFIG"
	# shellcheck disable=SC2016 # the reader's shell expands it
	printf '                 export PATH=%s:$PATH\n' "$(hack/kube/build.sh envtest 2>/dev/null)"
	printf '                 kubectl get gdpr -A;  kubectl -n parley describe erasurerequest demo-0001\n'
	printf '   Tear down:    make cluster-down\n\n'
}
