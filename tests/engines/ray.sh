#!/bin/bash
# A Ray job maps batches of Weir's log, read over confluent-kafka: every record, and totals of each partition.
# timeout: 600
. "$(dirname "$0")/lib.sh"
. "$engines/group.bash"
need_python ray
make_log
start_gateway
# Ray keeps to itself: files in our folder, no cluster's password, nothing sent home.
ray=(env HOME="$T" RAY_TMPDIR="$T/ray" RAY_AUTH_MODE=disabled RAY_USAGE_STATS_ENABLED=0)
"${inside[@]}" timeout -k 5 $((80 * patience)) "${ray[@]}" "$venv/bin/python" "$examples/ray/map_batches.py" \
	"$broker" logs "$T" >"$T/ray.log" 2>&1 || fail "the job: $(tail -n 3 "$T/ray.log")"
assert_exact logs "$T/records.tsv"
"$engines/results_of.py" totals "$T/logs.want" | cmp -s - "$T/totals.tsv" || fail "totals: $(paste -sd' ' "$T/totals.tsv")"
