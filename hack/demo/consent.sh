# shellcheck shell=bash
# The part of the demo that a browser plays; it needs the words of lib.sh, and its folder.
: "${work:?}"

# prepare_browser installs what the visitors need, and says so: it is most of a minute on a new machine.
prepare_browser() {
	hack/packages.sh chromium:chromium node:nodejs npm:npm openssl:openssl 2>&1 | indent
	[[ -d test/browser/node_modules/playwright-core ]] ||
		npm ci --prefix test/browser --ignore-scripts --no-audit --no-fund 2>&1 | indent
}

# forward_consent makes the service reachable on a free port of this machine, as an Ingress would, and sets $consent.
forward_consent() {
	forwarder=
	trap 'kill "$forwarder" 2>/dev/null; rm -rf "$work"' EXIT
	local deadline=$((SECONDS + 180))
	: >"$work/forward"
	until consent=$(sed -n 's|^Forwarding from \(127\.0\.0\.1:[0-9]*\).*|http://\1|p' "$work/forward" | head -n 1) && [[ -n $consent ]]; do
		((SECONDS < deadline)) || die "the consent service cannot be reached: $(cat "$work/forward")"
		# kubectl gives up where the pod that it chose does not run yet: then it is asked again.
		if [[ -z $forwarder ]] || ! kill -0 "$forwarder" 2>/dev/null; then
			kc -n parley port-forward --address=127.0.0.1 service/chat-consentd :80 >"$work/forward" 2>&1 &
			forwarder=$!
		fi
		sleep 0.2
	done
}

visit_shop() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=parley.example \
		-addext "subjectAltName=DNS:*.parley.example" -keyout "$work/shop.key" -out "$work/shop.crt" 2>/dev/null
	mkdir -p bin/demo
	local site='{.status.sites[0]'
	CHROMIUM=$(command -v chromium) CONSENT=$consent CERTIFICATE=$work/shop.crt KEY=$work/shop.key PICTURES=bin/demo \
		WIDGET=$(kc -n parley get consentpolicy chat -o "jsonpath=$site.url}") \
		INTEGRITY=$(kc -n parley get consentpolicy chat -o "jsonpath=$site.integrity}") \
		node hack/demo/shop/shop.mjs 2>&1 | indent
}

ledger_sql() {
	kc -n parley exec -i chat-ledger-0 -c postgres -- psql -q -v ON_ERROR_STOP=1 -U postgres -d consent -At -F ' | ' "$@"
}

# ledger_rows shows what the ledger has of the two visitors: no name, no address, no message.
ledger_rows() {
	ledger_sql -c "SELECT type, coalesce(purpose, '-'), CASE decision WHEN 1 THEN 'granted' WHEN 0 THEN 'denied' ELSE '-' END, method, collected_by,
		'notice ' || notice_version || ' ' || notice_lang, left(subject_ref::text, 8) || '...'
		FROM consent.events WHERE receipt_id IS NOT NULL ORDER BY recorded_at, event_id" | column -t -s '|' | indent
}
