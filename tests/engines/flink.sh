#!/bin/bash
# Flink, in a cluster of its own process: a bounded job; one without an end, killed and restored from its checkpoint: each
# record once; SQL over JSON values in windows of event time.
# timeout: 200
. "$(dirname "$0")/lib.sh"

output() { # NAME: what is finished, all in $T/NAME.parts
	mapfile -t parts < <(find "$T/$1.out" -name "part-*" 2>/dev/null)
	[ ${#parts[@]} -gt 0 ]
}
finished_lines() { # NAME COUNT
	output "$1" && [ "$(cat "${parts[@]}" | wc -l)" -ge "$2" ]
}
reader() { # NAME bounded|unbounded [PAUSE_MS [CHECKPOINT]]: as a command in "${command[@]}"
	command=("${java[@]}" FlinkReader "$broker" logs "$T/$1.out" "$T/$1.checkpoints" "${@:2}")
}

has_committed() {
	kafka_tool org.apache.kafka.tools.consumer.group.ConsumerGroupCommand --bootstrap-server "$broker" --describe \
		--group flink-unbounded >"$T/group.txt" 2>&1
	[ "$(awk '$1 == "flink-unbounded" && $4 > 0' "$T/group.txt" | wc -l)" -eq 2 ]
}

make_log events
start_gateway
need_jars flink/jars.txt
compile flink
use_java

reader bounded bounded
run_reader bounded "${command[@]}"
output bounded
assert_exact logs "${parts[@]}"

# Long form: what was restored is killed, too.
kills=$([ -n "${LONG:-}" ] && echo 3 || echo 1)
from=() finished=0
for ((i = 1; i <= kills; i++)); do
	reader killed unbounded 12 "${from[@]}"
	start_reader killed "${command[@]}"
	wait_until 60 "some checkpoints" finished_lines killed $((finished + 300))
	[ "$i" -gt 1 ] || wait_until 30 "commits of a checkpoint, for others to see" has_committed
	end_reader "$last_pid" KILL
	! finished_lines killed "$(count_of logs)" || fail "it was done before it was killed"
	finished=$(cat "${parts[@]}" | wc -l)
	note "killed with $finished records in finished files"
	from=("$(find "$T/killed.checkpoints" -name _metadata -printf '%T@ %h\n' | sort -n | tail -n 1 | cut -d' ' -f2)")
done
reader killed unbounded 0 "${from[@]}"
start_reader restored "${command[@]}"
wait_until 60 "all is in finished files" finished_lines killed "$(count_of logs)"
end_reader "$last_pid"
output killed
assert_exact logs "${parts[@]}"

run_reader sql "${java[@]}" FlinkSql "$broker" events
"$python" - "$T/events.want" >"$T/windows.want" <<-'PYTHON'
	import collections, json, sys
	windows = collections.defaultdict(lambda: [0, None])
	for line in open(sys.argv[1]):
	    event = json.loads(bytes.fromhex(line.split("\t")[4]))
	    time = event["@timestamp"][11:23]
	    start = f"{time[:10]}{int(time[10:]) // 20 * 20:02d}"
	    window = windows[start, event["level"]]
	    window[0] += 1
	    if "qty" in event.get("fields", {}):
	        window[1] = (window[1] or 0) + event["fields"]["qty"]
	for (start, level), (count, total) in sorted(windows.items()):
	    print(start, level, count, "null" if total is None else total)
PYTHON
sort "$T/sql.tsv" | diff "$T/windows.want" - >"$T/diff.out" || fail "SQL: $(head -n 4 "$T/diff.out")"
note "SQL: $(wc -l <"$T/windows.want") windows"
