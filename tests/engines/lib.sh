# shellcheck shell=bash
# shellcheck disable=SC2034 # the tests use what is set here
# What every test of a reader starts with: `. "$(dirname "$0")/lib.sh"`, on top of tests/e2e/lib.sh.
#
#   make_log; start_gateway                  Weir's log of a real capture, served at $broker
#   run_reader NAME COMMAND...               the reader, in a network namespace with only "lo" and the gateway
#   assert_exact STREAM "$T/NAME.tsv"...     every record exactly once, byte for byte, in order per partition
#
# A reader prints one line a record: partition, offset, timestamp, key in hex or "-", value in hex, and, if it can,
# the headers as "name=hex,..." or "-"; tabs between.
#
#   ENGINES_AGAINST=kafka   a real broker holds the same segments and serves them instead: is the test itself right?
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
engines=$root/tests/engines
examples=$root/docs/engines
golden=$root/tests/golden
cache=${XDG_CACHE_HOME:-$HOME/.cache}/weir
gateway_pid=
kafka_pid=

# Where every engine must run, none may be skipped.
skip() {
	[ -z "${CI:-}" ] || fail "nothing may be skipped here: $*"
	echo "SKIP: $*"
	exit 77
}

# --- Weir's log ------------------------------------------------------------------------------------

# Two lanes of a capture of real senders, thrice. logs: keys and headers, many batches, some segments;
# packed: lz4, many events to a packet; rest: no keys. With events: JSON objects, too.
make_log() { # [events]
	local capture=$root/tests/data/quickstart.pcap captures
	captures=("$capture" "$capture" "$capture")
	[ -z "${1:-}" ] || captures+=("$root/tests/data/json.pcap")
	mergecap -a -F pcap -w "$T/all.pcap" "${captures[@]}"
	"$python" "$here/pcaps.py" split "$T/all.pcap" 2 "$T/queue"
	streams='  - {name: logs, listen: {udp: 514}, headers: [src, dst, rx_ns], batch_size: 4KiB, segment_size: 128KiB}
  - {name: packed, listen: {udp: 8125}, decoder: lines, compression: lz4, batch_size: 16KiB}
'
	[ -z "${1:-}" ] || streams+=$'  - {name: events, listen: {udp: 9000}}\n'
	streams+='  - {name: rest, listen: {udp: any}, key: none}'
	lanes="{count: 2, idle: adaptive}"
	port "net_pcap0,rx_pcap=$T/queue0.pcap,rx_pcap=$T/queue1.pcap"
	run_until_idle
	assert_balanced
	assert_verified
	expect_streams logs packed rest "$@"
	make_inside
}

# What an independent reader finds in the log: $T/STREAM.want.
expect_streams() { # STREAM...
	local stream
	for stream in "$@"; do
		"$python" "$engines/records_of.py" "$DATA" "$stream" >"$T/$stream.want"
		[ -s "$T/$stream.want" ] || fail "no records in $stream"
	done
}
count_of() { wc -l <"$T/$1.want"; } # STREAM

# --- servers ---------------------------------------------------------------------------------------

# The namespace of servers and readers.
make_inside() {
	local space=wg$$
	ip netns add "$space" 2>/dev/null || skip "cannot make network namespaces (needs root)"
	spaces+=("$space")
	ip -n "$space" link set lo up
	inside=(ip netns exec "$space")
}

# Serves $DATA at $broker; again after end_gateway: at the same address.
start_gateway() { # [OPTIONS...]
	if [ "${ENGINES_AGAINST:-}" = kafka ]; then
		[ -n "$kafka_pid" ] || start_kafka
		broker=$kafka
		return
	fi
	broker=127.0.0.1:9192
	: >"$T/gateway.out"
	"${inside[@]}" "$build/gateway/weir-gateway" --listen $broker --run-dir "$RUN" "$@" 2>"$T/gateway.out" &
	gateway_pid=$!
	pids+=("$gateway_pid")
	wait_until 10 "the gateway listens" gateway_listens_or_died
	grep -q 'listens on' "$T/gateway.out" || fail "the gateway: $(cat "$T/gateway.out")"
}
gateway_listens_or_died() { grep -q 'listens on' "$T/gateway.out" || ! kill -0 "$gateway_pid" 2>/dev/null; }
end_gateway() { # [SIGNAL]
	[ -n "$gateway_pid" ] || return 0
	kill "-${1:-TERM}" "$gateway_pid"
	wait "$gateway_pid" || [ "${1:-TERM}" != TERM ] || fail "the gateway's exit status: $?"
	cat "$T/gateway.out" >>"$T/gateway.log"
	gateway_pid=
}

# A real broker at $kafka that holds copies of our segments of some streams (default: all), or none ("-").
start_kafka() { # [STREAM...]
	local list=("$@") stream name
	kafka=127.0.0.1:9092
	"$golden/fetch-kafka" >/dev/null || skip "no Kafka to be had"
	[ $# -gt 0 ] || mapfile -t list < <(find "$DATA" -maxdepth 1 -name '*-0' -printf '%f\n' | sed 's/-0$//')
	mkfifo "$T/kafka.end"
	[ "${list[*]}" != - ] || list=()
	if [ ${#list[@]} -gt 0 ]; then
		start_broker
		for stream in "${list[@]}"; do
			kafka_tool org.apache.kafka.tools.TopicCommand --bootstrap-server $kafka --create --topic "$stream" \
				--partitions "$(find "$DATA" -maxdepth 1 -name "$stream-*" | wc -l)" >/dev/null
		done
		end_kafka
		for stream in "${list[@]}"; do
			for name in "$DATA/$stream-"*; do
				take_over "$name" "$T/kafka/log/${name##*/}"
			done
		done
		rm -f "$T"/kafka/log/{.kafka_cleanshutdown,*-offset-checkpoint}
	fi
	start_broker
}
take_over() { # OUR_PARTITION ITS_PARTITION: our segments in place of its own; it makes the indexes anew
	[ -d "$2" ] || fail "the broker has no directory ${2##*/}"
	find "$2" -maxdepth 1 -regextype posix-extended -regex '.*/[0-9]{20}\..*' -delete
	rm -f "$2/leader-epoch-checkpoint"
	find "$1" -maxdepth 1 -regextype posix-extended -regex '.*/[0-9]{20}\.log' -exec cp -t "$2" {} +
}
start_broker() {
	rm -f "$T/kafka.up"
	# It runs as long as the command that waits for the pipe to be opened.
	WEIR_BROKER_INSIDE=1 WEIR_BROKER_TIMEOUT=900 "${inside[@]}" "$golden/kafka-broker" "$T/kafka" \
		sh -c 'touch "$1.up"; cat "$1.end"' sh "$T/kafka" >>"$T/kafka.log" 2>&1 &
	kafka_pid=$!
	pids+=("$kafka_pid")
	wait_until 90 "the broker runs" kafka_runs_or_died
	[ -e "$T/kafka.up" ] || fail "the broker did not start"
}
kafka_runs_or_died() { [ -e "$T/kafka.up" ] || ! kill -0 "$kafka_pid" 2>/dev/null; }
end_kafka() {
	: >"$T/kafka.end"
	wait "$kafka_pid" || fail "the broker's exit status: $?"
	kafka_pid=
}
kafka_tool() { # CLASS ARGUMENT...: one of Kafka's own, newest
	"${inside[@]}" timeout $((120 * patience)) "$golden/kafka-tool" "$@" </dev/null
}

# --- readers ---------------------------------------------------------------------------------------

# Jars that LIST (below docs/engines) names, and what they depend on: the class path of them is $jars.
need_jars() { # LIST
	command -v javac >/dev/null || skip "no Java compiler"
	jars=$("$engines/fetch-jars" "$examples/$1" 2>"$T/fetch.log") || skip "the jars of $1: $(tail -n 1 "$T/fetch.log")"
	jars="$jars/*"
}
# Compiles the examples in FOLDER (below docs/engines) with $jars.
compile() { # FOLDER
	rm -rf "$T/classes"
	javac -nowarn -d "$T/classes" -cp "$jars" "$examples/RecordLine.java" "$examples/$1"/*.java >"$T/javac.out" 2>&1 ||
		fail "javac $1: $(head -n 5 "$T/javac.out")"
}
# A Java program as a command: "${java[@]}" CLASS ARGUMENT... Small and quick to start.
use_java() {
	java=(java -Xms64m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1
		-Dorg.slf4j.simpleLogger.defaultLogLevel="${log_level:-warn}" -cp "$T/classes:$jars")
}

# A reader that ends by itself; its lines in $T/NAME.tsv, its words in $T/NAME.log.
run_reader() { # NAME COMMAND...
	"${inside[@]}" timeout -k 5 $((120 * patience)) "${@:2}" >"$T/$1.tsv" 2>"$T/$1.log" </dev/null ||
		fail "$1: exit status $?: $(grep -v '^[[:space:]]*at ' "$T/$1.log" | tail -n 2 | cut -c1-300)"
}
# One in the background, until end_reader; its pid in $last_pid. What it wrote before under this name stays.
start_reader() { # NAME COMMAND...
	: >>"$T/$1.tsv"
	"${inside[@]}" "${@:2}" >>"$T/$1.tsv" 2>>"$T/$1.log" </dev/null &
	last_pid=$!
	pids+=("$last_pid")
	disown "$last_pid" # no word of the shell about a reader that was killed
}
end_reader() { # PID [SIGNAL]
	kill "-${2:-TERM}" "$1" || fail "a reader ended by itself"
	wait_until 30 "the reader ends" gone "$1"
}
# A kill may cut the last line.
cut_last_line() { [ -z "$(tail -c 1 "$1")" ] || sed -i '$d' "$1"; } # FILE
# The last record of each partition is there.
ends_are_in() { # STREAM NAME...
	local name files=()
	for name in "${@:2}"; do files+=("$T/$name.tsv"); done
	[ "$(cut -f1,2 "${files[@]}" | sort -u | grep -cxFf <(ends_of "$1"))" -ge "$(ends_of "$1" | wc -l)" ]
}
ends_of() { awk -F'\t' '{last[$1] = $2} END {for (p in last) print p "\t" last[p]}' "$T/$1.want"; } # STREAM
# Readers still run, and wrote COUNT lines at least, all together.
wait_for_lines() { # COUNT NAME...
	wait_until 60 "$1 lines of ${*:2}" lines_at_least "$1" "${@:2}"
}
lines_at_least() { # COUNT NAME...
	local name lines=0
	for name in "${@:2}"; do lines=$((lines + $(wc -l <"$T/$name.tsv"))); done
	[ $lines -ge "$1" ]
}

# FILES together hold every record of STREAM, each exactly once and the same, each file in order per partition.
assert_exact() { # STREAM FILE...
	"$python" "$engines/compare.py" "$T/$1.want" "${@:2}" >"$T/compare.out" || fail "$1: $(head -n 3 "$T/compare.out")"
	note "$1: $(cat "$T/compare.out")"
}
# The same after a reader was killed between its output and its commit: what comes again must be the same.
assert_at_least_once() { # STREAM FILE...
	"$python" "$engines/compare.py" --repeats "$T/$1.want" "${@:2}" >"$T/compare.out" || fail "$1: $(head -n 3 "$T/compare.out")"
	note "$1: $(cat "$T/compare.out")"
}
