#!/usr/bin/env bash
# The repository is under Apache-2.0, every linked module's licence is one we may link, and NOTICE names them all.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

grep -q 'Apache License' LICENSE || die "LICENSE is not the Apache License"
grep -q 'SPDX-License-Identifier: Apache-2.0' hack/boilerplate.go.txt || die "hack/boilerplate.go.txt does not name the licence"
write=()
[[ ${1:-} != -write ]] || write=(-write)
ours licences -root . "${write[@]}" ./cmd/...
