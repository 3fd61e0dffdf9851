#!/usr/bin/env bash
# PROJECT, which is kept by hand, says what config/crd/bases, controllers and config/webhook say.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# One line per kind: Kind group version scope controller webhooks
declared() {
	awk '
		function flush() { if (kind != "") print kind, group "." domain, version, scope, controller, hooks; kind = ""; scope = "Cluster"; controller = "no"; hooks = "no" }
		BEGIN { kind = ""; scope = "Cluster"; controller = "no"; hooks = "no" }
		/^- api:/ { flush() }
		/^    namespaced: true/ { scope = "Namespaced" }
		/^  controller: true/ { controller = "controller" }
		/^  domain:/ { domain = $2 }
		/^  group:/ { group = $2 }
		/^  kind:/ { kind = $2 }
		/^  version:/ { version = $2 }
		/^  webhooks:/ { hooks = "webhooks" }
		END { flush() }
	' PROJECT
}

actual() {
	local crd kind controller hooks plural
	for crd in config/crd/bases/*.yaml; do
		kind=$(sed -n 's/^    kind: //p' "$crd")
		plural=$(sed -n 's/^    plural: //p' "$crd")
		controller=no hooks=no
		[[ ! -d controllers/${kind,,} ]] || controller=controller
		! grep -rqE "resources: .*\b$plural\b" config/webhook || hooks=webhooks
		echo "$kind $(sed -n 's/^  group: //p' "$crd") $(sed -n 's/^  - .*name: \(v[0-9a-z]*\)$/\1/p; s/^    name: \(v[0-9a-z]*\)$/\1/p' "$crd" | head -n 1) $(sed -n 's/^  scope: //p' "$crd") $controller $hooks"
	done
}

declared | LC_ALL=C sort >"$scratch/declared"
actual | LC_ALL=C sort >"$scratch/actual"
diff "$scratch/declared" "$scratch/actual" >&2 || die "PROJECT (<) does not say what is there (>); columns: kind, group, version, scope, controller, webhooks"
for line in "domain: rempart.dev" "repo: $(go list -m)" 'version: "3"'; do
	grep -qx "$line" PROJECT || die "PROJECT lacks the line: $line"
done
