#!/usr/bin/env bash
# The operator's roles hold no wildcard, no way to become somebody else, no look at all Secrets. Whether each verb is
# used is asked of the audit log at the end of the end-to-end tests (hack/test.sh).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ours rbacaudit check config/rbac/role.yaml config/rbac/*_role.yaml
