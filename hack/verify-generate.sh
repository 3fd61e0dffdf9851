#!/usr/bin/env bash
# Generation changes nothing: what is generated is up to date with its sources. Works on a copy.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

copy=$scratch/copy
mkdir "$copy"
tar -c --exclude=./.git --exclude=./bin --exclude=./dist . | tar -x -C "$copy"
hack/generate.sh "$copy"
for folder in api config internal/consent/widget; do
	diff -r "$folder" "$copy/$folder" >"$scratch/diff" || {
		head -n 40 "$scratch/diff" >&2
		die "$folder is not what its sources say; run: make generate manifests"
	}
done
