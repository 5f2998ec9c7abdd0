#!/bin/bash
# Spark reads Weir's log: in batches by offsets and by times, as a stream whose SQL result is exact though it is killed, and
# as a stream that MLlib sorts by what it learned.
# timeout: 900
. "$(dirname "$0")/lib.sh"
. "$engines/group.bash"
need_python spark
need_jars spark/jars.txt
SPARK_JARS=$(find "${jars%/*}" -name 'spark-sql-kafka-*' -o -name 'spark-token-provider-kafka-*' -o -name 'kafka-clients-*' \
	-o -name 'commons-pool2-*' | paste -sd,)
# The quick compiler alone: a short job spends its time on compiling.
export SPARK_JARS SPARK_LOCAL_DIRS=$T HOME=$T JDK_JAVA_OPTIONS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
make_log
start_gateway

spark() { # PROGRAM ARGUMENTS...
	"${inside[@]}" timeout -k 5 $((110 * patience)) "$venv/bin/python" "$examples/spark/$1.py" "$broker" "${@:2}" \
		>"$T/$1.out" 2>"$T/$1.log" || fail "$1: $(grep -aE 'Error|Exception' "$T/$1.log" | tail -n 3)"
}
part_is() { # NAME AWK_CONDITION: Spark's table has those records, and no others
	awk -F'\t' "$2" "$T/logs.want" | cmp -s - "$T/$1.tsv" ||
		fail "batch $1: $(wc -l <"$T/$1.tsv") records, $(awk -F'\t' "$2" "$T/logs.want" | diff - "$T/$1.tsv" | head -n 2)"
}

# Times: from within the capture, so that each partition is cut at both ends.
since=$(cut -f3 "$T/logs.want" | sort -n | sed -n "$(($(count_of logs) / 4))p")
until=$(cut -f3 "$T/logs.want" | sort -n | sed -n "$(($(count_of logs) / 2))p")
spark batch logs "$T" 100 201 "$since" "$until"
assert_exact logs "$T/all.tsv"
part_is offsets '$2 >= 100 && $2 < 201'
# As Kafka does it: from the first record of that time to the first of the other, whatever stands between.
part_is times "\$3 >= $since && !(\$1 in from) { from[\$1] = 1 } \$3 >= $until { to[\$1] = 1 } (\$1 in from) && !(\$1 in to)"

# The stream: killed after some batches, with all its processes; then what is left.
kills=$([ -n "${LONG:-}" ] && echo 2 || echo 1)
batches() { [ "$(grep -c '^batch' "$T/aggregate.out")" -ge 3 ]; }
for ((i = 0; i < kills; i++)); do
	: >"$T/aggregate.out"
	"${inside[@]}" setsid timeout $((90 * patience)) "$venv/bin/python" "$examples/spark/aggregate.py" "$broker" logs "$T" \
		>"$T/aggregate.out" 2>"$T/aggregate.log" &
	stream=$!
	pids+=("$stream")
	disown $stream
	wait_until 80 "three batches" batches
	kill -9 -- "-$stream"
	sum=$(awk -F'\t' '{ sum += $3 } END { print sum }' "$T/result.tsv")
	[ "$sum" -lt "$(count_of logs)" ] || fail "the stream was killed too late"
done
spark aggregate logs "$T" --available
! grep -q '^batch 0' "$T/aggregate.out" || fail "the stream began from the beginning"
"$engines/results_of.py" counts "$T/logs.want" | cmp -s - "$T/result.tsv" || fail "the stream's result is not exact"
note "killed after $sum records; the result is exact, $(wc -l <"$T/result.tsv") rows"

spark learn logs "$T"
"$engines/results_of.py" clusters "$T/logs.want" "$T/centres.tsv" | cmp -s - "$T/clusters.tsv" ||
	fail "clusters: $(paste -sd' ' "$T/clusters.tsv")"
note "$(wc -l <"$T/centres.tsv") clusters of $(cut -f2 "$T/clusters.tsv" | paste -sd' ') records"
