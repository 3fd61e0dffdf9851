#!/usr/bin/env bash
# The main job of Rempart, on a real cluster, with a real database of more than 300,000 rows, a real mail server and a real
# receiver of webhooks, told step by step. Each sentence about an object is that object's own condition, read back.
# It stops, and fails, at the first step that does not do what it says.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=lib.sh
. hack/demo/lib.sh
# shellcheck source=consent.sh
. hack/demo/consent.sh

readonly demo=config/samples/demo
readonly person=jonas.jansen.2159@example.org phone=+33610002159

title "Rempart: the duties of the GDPR as Kubernetes resources"

step "A cluster and the operator"
cluster_and_operator
tell "Nodes: $(kc get nodes -o 'jsonpath={range .items[*]}{.metadata.name} in {.metadata.labels.topology\.kubernetes\.io/region}  {end}')"
kc get storageclass -o 'custom-columns=CLASS:.metadata.name,PROVISIONER:.provisioner,REGION:.allowedTopologies[*].matchLabelExpressions[*].values' | indent
tell "Two operators run, one leads; without them nothing in a guarded namespace is admitted."

step "Who answers for personal data, where it may be, who is told of a breach"
signing_secret
kc apply -f $demo/receivers.yaml -f $demo/people.yaml -f $demo/officer.yaml -f $demo/residency.yaml -f config/escalation/default_policy.yaml >/dev/null
kc -n rempart-demo rollout status deployment/mail deployment/hook --timeout=300s >/dev/null
await residencypolicy/eu-only Ready
await dataprotectionofficer/parley Ready
say_condition residencypolicy/eu-only Ready

step "1 · A register becomes a database in the European Union"
kc apply -f $demo/register.yaml >/dev/null
await -n parley dataregister/conversations Ready
say_condition -n parley dataregister/conversations Ready
kc -n parley get statefulset,service,pvc,networkpolicy,secret -l gdpr.rempart.dev/register=conversations -o custom-columns=KIND:.kind,NAME:.metadata.name --no-headers | indent
tell "The pod runs on $(kc -n parley get pods -l gdpr.rempart.dev/store=crm -o 'jsonpath={.items[0].spec.nodeName}'); the register says: $(kc -n parley get dataregister conversations -o 'jsonpath={.status.stores[0].country}, {.status.stores[0].region}, {.status.stores[0].zone}, {.status.stores[0].placement}')"
say_condition -n parley dataregister/conversations Accurate
tell "The application now creates its tables and lives for some years ..."
load_database
await -n parley dataregister/conversations Accurate
say_condition -n parley dataregister/conversations Accurate
kc apply -f $demo/consent.yaml >/dev/null # its database and service come up meanwhile

step "2 · What would leave the Union is refused"
refused "a volume in Virginia" pvc us-fast
refused "a volume in London, whose code starts with eu" pvc london-ssd
refused "a volume that nobody can place" pvc mystery
refused "a StatefulSet whose template names Virginia" statefulset us-fast
refused "a pod with an ephemeral volume in Virginia" ephemeral us-fast
refused "a register with a store in Virginia" register us-fast

step "3 · A person is erased"
subject_secret "$person" "$phone"
as support-agent apply -f - < <(sed "s/2026-11-24T08:00:00Z/$(date -u +%Y-%m-%dT%H:%M:%SZ)/" $demo/erasure.yaml) >/dev/null
await -n parley erasurerequest/demo-0001 Planned
say_condition -n parley erasurerequest/demo-0001 Planned
kc -n parley get erasurerequest demo-0001 -o 'jsonpath={range .status.targets[*].tables[*]}{.table} {.action} {.rows}{"\n"}{end}' | column -t | indent
others_before=$(checksum_of_others)
tell "The support agent tries to approve:"
if as support-agent -n parley patch erasurerequest demo-0001 --type=merge -p '{"spec":{"decision":{"verdict":"Approved"}}}' >/dev/null 2>"$work/refusal"; then
	die "the support agent could approve"
fi
indent <"$work/refusal"
tell "The privacy office approves:"
as privacy-office -n parley patch erasurerequest demo-0001 --type=merge -p '{"spec":{"decision":{"verdict":"Approved"}}}' | indent
await -n parley erasurerequest/demo-0001 Ready
for condition in Executed Verified Ready; do say_condition -n parley erasurerequest/demo-0001 $condition; done
kc -n parley get secret demo-0001-subject >/dev/null 2>&1 && die "the subject Secret is still there"
tell "The Secret that said who it was is gone; what is left is $(kc -n parley get erasurerequest demo-0001 -o 'jsonpath={.status.subjectRef}' | cut -c1-40)..."
kc -n parley get erasurerequest demo-0001 -o yaml | grep -qiE 'jansen|33610002159' && die "the request names the person"
[[ $(checksum_of_others) == "$others_before" ]] || die "rows of other people changed"
tell "Every row of the other 19,998 customers is byte for byte what it was."

step "4 · A breach starts its clock"
now=$(date -u +%s)
sed -e "s/2026-11-24T07:40:00Z/$(date -u -d "@$((now - 6 * 3600))" +%Y-%m-%dT%H:%M:%SZ)/" $demo/breach.yaml | as privacy-office apply -f - >/dev/null
await_status -n parley breachincident/exported-bucket '{.status.clock.source}' Provisional
tell "Suspected since six hours: the clock is provisional, severity $(kc -n parley get breachincident exported-bucket -o 'jsonpath={.status.severity.band} ({.status.severity.scoreHundredths} hundredths), suggests {.status.severity.suggestion}')."
as privacy-office -n parley patch breachincident exported-bucket --type=merge -p "{\"spec\":{\"verdict\":\"Confirmed\",\"awareTime\":\"$(date -u -d "@$((now - 5 * 3600))" +%Y-%m-%dT%H:%M:%SZ)\",\"awareReason\":\"Foreign reads logged\"}}" >/dev/null
await_status -n parley breachincident/exported-bucket '{.status.clock.source}' Declared
say_condition -n parley breachincident/exported-bucket Ready
tell "Aware five hours ago: to be told to the authority by $(kc -n parley get breachincident exported-bucket -o 'jsonpath={.status.clock.dueTime} (legal limit {.status.clock.legalDueTime})')."
await_delivered 2
kc -n parley get notifications -o 'custom-columns=STAGE:.spec.cause.stage,CHANNEL:.spec.channelRef.name,RESULT:.status.lastResult,ATTEMPTS:.status.attempts' | indent
tell "The mail server has $(mail_count) mail(s), the receiver $(hook_count) webhook(s), signature right: $(hook_signed)."
as privacy-office -n parley patch breachincident exported-bucket --type=merge -p '{"spec":{"acknowledgements":[{"stage":"dpo","note":"Seen"},{"stage":"management"}]}}' >/dev/null
await -n parley breachincident/exported-bucket Acknowledged
say_condition -n parley breachincident/exported-bucket Acknowledged
sed -e "s/exported-bucket/forgotten-laptop/; s/2026-11-24T07:40:00Z/$(date -u -d "@$((now - 80 * 3600))" +%Y-%m-%dT%H:%M:%SZ)/; s/verdict: Suspected/verdict: Confirmed\n  awareTime: \"$(date -u -d "@$((now - 75 * 3600))" +%Y-%m-%dT%H:%M:%SZ)\"/" $demo/breach.yaml | as privacy-office apply -f - >/dev/null
await -n parley breachincident/forgotten-laptop Overdue
tell "Another one, known since 75 hours and told to nobody:"
say_condition -n parley breachincident/forgotten-laptop Overdue
tell "Stages that fired: $(kc -n parley get breachincident forgotten-laptop -o 'jsonpath={.status.stages[*].name}')"

step "5 · Visitors are asked before anything is stored"
prepare_browser
await -n parley consentpolicy/chat Ready
say_condition -n parley consentpolicy/chat Ready
forward_consent
visit_shop
tell "What the ledger has of them:"
ledger_rows
await -n parley consentpolicy/chat Verified
say_condition -n parley consentpolicy/chat Verified
tell "Pictures of the widget: bin/demo/"

step "6 · What the officer sees"
kc get dataprotectionofficers | indent
kc -n parley get gdpr | indent

summary
