#!/bin/bash
# Segments of all shapes, written by the log writer alone, in a real Kafka: see check-ours.
# timeout: 300
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=${WEIR_BUILD:-$here/../../build}

if ! "$here/fetch-kafka" >/dev/null; then
	echo "SKIP: no Kafka to be had"
	exit 77
fi
data=$(mktemp -d /tmp/weir-golden-data.XXXXXX)
trap 'rm -rf "$data"' EXIT
timeout 120 "$build/tests/golden/write_segments" "$data" "${SEED:-$RANDOM}" >/dev/null
"$here/check-ours" "$data"
