# shellcheck shell=bash
# shellcheck disable=SC2034 # the tests use what is set here
# What every end-to-end test starts with: `. "$(dirname "$0")/lib.sh"`.
#
#   WEIR_BUILD  the build folder under test (default: build)
#   LONG=1      the long form of a test
#   KEEP=1      leave the test's folder for a look
#
# A test ends with exit 0, or through `fail TEXT` (exit 1) or `skip TEXT` (exit 77). Everything that a
# test starts is ended by its pid when it ends, however it ends.
set -euo pipefail
export LC_ALL=C.UTF-8

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${WEIR_BUILD:-$root/build}" && pwd) || exit 1
python=/usr/bin/python3 # Debian's own, which deps installs: what else is in the PATH may be slow to start
[ -x $python ] || python=python3
test_name=$(basename "$0" .sh)
T=$(mktemp -d "/tmp/weir-e2e-$test_name.XXXXXX")
DATA=$T/data
RUN=$T/run
CONFIG=$T/weir.yaml
spaces=() # network namespaces
pids=()   # background processes
mounts=()
weir_pid=
http_port=$((20000 + $$ % 12000)) # below those that the kernel gives to connections
# A slow build (sanitizers, or a busy machine) gets more time everywhere.
patience=${WEIR_PATIENCE:-1}
# Sanitizers: no way on after a finding, and DPDK's own left-overs at exit are not ours to free.
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:${ASAN_OPTIONS:-}
export UBSAN_OPTIONS=print_stacktrace=1:${UBSAN_OPTIONS:-}

fail() {
	echo "FAIL: $*"
	exit 1
}
skip() {
	echo "SKIP: $*"
	exit 77
}
note() { echo "$test_name: $*"; }

weir() { timeout $((60 * patience)) "$build/control/weir" "$@"; }

# --- cleanup ---------------------------------------------------------------------------------

end_pid() { # PID: TERM, 5 s, KILL
	local i
	kill "$1" 2>/dev/null || return 0
	for ((i = 0; i < 50; i++)); do
		kill -0 "$1" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -9 "$1" 2>/dev/null || true
}

# A dataplane outlives its control by design; what still names our folder is ours.
end_left_overs() {
	local dir pid
	for dir in /proc/[0-9]*; do
		pid=${dir#/proc/}
		if [ "$pid" != $$ ] && tr '\0' ' ' 2>/dev/null <"$dir/cmdline" | grep -qF "$T/" 2>/dev/null; then
			end_pid "$pid"
		fi
	done
}

# The shared memory block of $RUN, named as dataplane/api/state.c does: FNV-1a of the path.
state_block() {
	local h=$((0xcbf29ce484222325)) i c
	for ((i = 0; i < ${#RUN}; i++)); do
		printf -v c '%d' "'${RUN:i:1}"
		h=$(((h ^ c) * 0x100000001b3))
	done
	printf '/dev/shm/weir-%016x' "$h"
}

cleanup() {
	local status=$? pid space mount log
	trap - EXIT INT TERM
	set +e
	[ -n "$weir_pid" ] && end_pid "$weir_pid"
	for pid in "${pids[@]}"; do end_pid "$pid"; done
	end_left_overs
	wait 2>/dev/null
	for space in "${spaces[@]}"; do ip netns del "$space" 2>/dev/null; done
	for mount in "${mounts[@]}"; do umount "$mount" 2>/dev/null; done
	rm -f "$(state_block)"
	rm -rf "/var/run/dpdk/$(basename "$(state_block)")" # EAL leaves it
	# A process that a sanitizer stopped may have been started again: the test itself may not have noticed.
	if [ $status -eq 0 ] && grep -qaE 'ERROR: [A-Za-z]+Sanitizer|runtime error:' "$T"/*.log 2>/dev/null; then
		echo "FAIL: a sanitizer found something"
		status=1
	fi
	if [ $status -ne 0 ] && [ $status -ne 77 ]; then
		for log in "$T"/*.log; do
			[ -s "$log" ] && echo "--- ${log##*/}" && tail -n 25 "$log"
		done
	fi
	if [ -n "${KEEP:-}" ]; then
		echo "kept: $T"
	else
		rm -rf "$T"
	fi
	exit $status
}
trap cleanup EXIT
trap 'echo "stopped from outside at: $BASH_COMMAND (call ${FUNCNAME[*]:-of none}, lines ${BASH_LINENO[*]:-})"; exit 1' INT TERM

background() { # COMMAND...: killed when the test ends; its pid in $last_pid. No shell functions here
	"$@" >>"$T/background.log" 2>&1 &
	last_pid=$!
	pids+=("$last_pid")
}

wait_until() { # SECONDS WHAT COMMAND...: polls until the command succeeds
	local limit=$1 what=$2 end
	shift 2
	end=$((SECONDS + limit * patience))
	until "$@"; do
		[ $SECONDS -lt $end ] || fail "waited $((limit * patience)) s in vain: $what"
		sleep 0.05
	done
}

# --- network namespaces ------------------------------------------------------------------------

# Two namespaces with a veth pair: $tx (10.90.0.2, fd90::2) sends to $rx (10.90.0.1, fd90::1).
# The commands in them: "${in_tx[@]}" and "${in_rx[@]}".
make_wire() {
	tx=we$$t
	rx=we$$r
	spaces+=("$tx" "$rx")
	ip netns add "$tx" 2>/dev/null || skip "cannot make network namespaces (needs root)"
	ip netns add "$rx"
	in_tx=(ip netns exec "$tx")
	in_rx=(ip netns exec "$rx")
	ip link add eth0 netns "$tx" type veth peer name eth0 netns "$rx"
	local space
	for space in "$tx" "$rx"; do
		ip netns exec "$space" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
			net.ipv6.conf.eth0.accept_dad=0 net.ipv6.conf.eth0.addr_gen_mode=1 net.ipv6.conf.eth0.router_solicitations=0
		ip netns exec "$space" ethtool -K eth0 tx off gro off >/dev/null
		ip -n "$space" link set lo up
	done
	ip -n "$tx" addr add 10.90.0.2/24 dev eth0
	ip -n "$rx" addr add 10.90.0.1/24 dev eth0
	ip -n "$tx" addr add fd90::2/64 dev eth0
	ip -n "$rx" addr add fd90::1/64 dev eth0
	ip -n "$tx" link set eth0 up
	ip -n "$rx" link set eth0 up
	rx_mac=$(ip -n "$rx" -j link show eth0 | jq -r '.[0].address')
	# Nobody need answer for the receiver's address: its kernel may have lost the device.
	ip -n "$tx" neigh add 10.90.0.1 lladdr "$rx_mac" dev eth0
	ip -n "$tx" neigh add fd90::1 lladdr "$rx_mac" dev eth0
}
# A deep ring (64 MiB): a busy machine may leave us without a processor for a while. MTU 1500 fits a frame.
af_packet="net_af_packet0,iface=eth0,blocksz=65536,framesz=2048,framecnt=32768"

# --- configuration -----------------------------------------------------------------------------

# The parts of a config, each a YAML fragment; set what a test needs, then call write_config.
ports=
lanes="{count: 1, idle: adaptive}"
storage_more= # further keys of storage, ", key: value" each
segment_size=16MiB
hugepages=off
gateway="{listen: off}"
config_more= # further top-level lines
streams='  - {name: all, listen: {udp: any}, decoder: datagram}'

port() { # DEVICE [MORE]: adds one port
	local n
	n=$(grep -c 'device:' <<<"$ports" || true)
	ports+="  - {name: p$n, device: \"$1\"${2:-}}"$'\n'
}
pcap_port() { port "net_pcap0,rx_pcap=$1" "${2:-}"; }

write_config() {
	cat >"$CONFIG" <<-END
		run_dir: $RUN
		hugepages: $hugepages
		max_streams: 16
		ports:
		$ports
		lanes: $lanes
		storage: {path: $DATA, segment_size: $segment_size$storage_more}
		control: {listen: "127.0.0.1:$http_port"}
		gateway: $gateway
		$config_more
		streams:
		$streams
	END
}

# --- running weir ------------------------------------------------------------------------------

# Runs until no packet comes any more; the final status object is then $T/final.json.
run_until_idle() { # [PREFIX...]
	[ -s "$CONFIG" ] || write_config
	timeout -k 10 $((90 * patience)) "$@" "$build/control/weir" run -c "$CONFIG" --until-idle 700ms --json \
		>"$T/final.json" 2>>"$T/run.log" || fail "weir run --until-idle: exit status $?"
	jq -e . "$T/final.json" >/dev/null || fail "weir run --json printed no JSON object"
}

status() { # JQ_FILTER: of the status right now
	weir status -c "$CONFIG" --json 2>>"$T/status.log" | jq -r "$1"
}
status_is() { # JQ_CONDITION
	[ "$(status "$1" 2>/dev/null)" = true ]
}

start_weir() { # [PREFIX...]: in the background, until it says that it runs
	[ -s "$CONFIG" ] || write_config
	"$@" "$build/control/weir" run -c "$CONFIG" >>"$T/run.out" 2>>"$T/run.log" &
	weir_pid=$!
	wait_until 30 "weir runs" weir_runs_or_died
	kill -0 $weir_pid 2>/dev/null || fail "weir run ended at once"
}
weir_runs_or_died() {
	! kill -0 "$weir_pid" 2>/dev/null || status_is '.run_state == "running"'
}

stop_weir() { # SIGTERM, expects a clean stop; the final status is then $T/final.json
	local pid=$weir_pid code=0
	kill -TERM "$pid" || fail "weir run is not there any more"
	wait_until 30 "weir run ends after SIGTERM" gone "$pid"
	wait "$pid" || code=$?
	weir_pid=
	[ $code -eq 0 ] || fail "weir run ended with status $code after SIGTERM"
	status . >"$T/final.json"
	[ "$(final .run_state)" = stopped ] || fail "run_state after the stop: $(final .run_state)"
}
gone() { ! kill -0 "$1" 2>/dev/null || [ "$(ps -o stat= -p "$1" | cut -c1)" = Z ]; }

# The sender, all that it sent, and weir come to their end, and nothing is wrong.
end_of_load() { # SENDER_PID
	wait_until 60 "the sender ends" gone "$1"
	settle
	stop_weir
	assert_balanced
	assert_verified
}

final() { jq -r "$1" "$T/final.json"; }

received_is() { [ "$(status .ledger.packets.received)" -ge "$1" ]; }
# Waits until nothing more arrives.
settle() {
	local before=-1 now tries=0
	while :; do
		now=$(status '[.ledger.packets.received, (.partitions | map(.durable_end) | add), (.partitions | map(.log_end) | add)] | @csv')
		# The same twice, and all of it durable; a log that is never synced does not get there.
		if [ "$now" = "$before" ] && { [ "${now##*,}" = "$(cut -d, -f2 <<<"$now")" ] || [ $((tries += 1)) -ge 10 ]; }; then
			break
		fi
		before=$now
		sleep 0.6
	done
}

# --- assertions --------------------------------------------------------------------------------

assert_eq() { # WHAT GOT WANT
	[ "$2" = "$3" ] || fail "$1: got '$2', want '$3'"
}
assert_ge() { # WHAT GOT AT_LEAST
	[ "$2" -ge "$3" ] || fail "$1: got $2, want at least $3"
}

# The ledger balances by its own word and by our own sums: in total, and for every lane and port.
assert_balanced() { # [FILE]
	local file=${1:-$T/final.json} bad
	bad=$(jq -r '
		def sum: to_entries | map(select(.key | IN("received", "received_bytes", "causes") | not) | .value) | add;
		def causes: .causes | to_entries | group_by(.key | split(".")[0])
			| map({key: (.[0].key | split(".")[0]), value: (map(.value) | add)}) | from_entries;
		def events: .decoded - ([to_entries[] | select(.key != "decoded") | .value] | add);
		def packets(where):
			(if .received != sum then where + ": received \(.received), sum of the terms \(sum)" else empty end),
			(. as $p | causes | to_entries[] | select(.value != $p[.key])
				| where + ": \(.key) \($p[.key]), its causes \(.value)");
		(if .balanced != true then "balanced is \(.balanced)" else empty end),
		(.ledger.packets | packets("packets")),
		(.ledger.lanes[] | .lane as $l | .packets | packets("lane \($l)")),
		(.ledger.ports[] | .port as $p | .packets | packets("port \($p)")),
		(.ledger.events | events | select(. != 0) | "events: \(.) not accounted for"),
		(.ledger as $l | ([$l.lanes[].packets.received] | add) | select(. != $l.packets.received) | "lanes: received \(.)"),
		(.ledger as $l | ([$l.streams[].events.stored] | add) | select(. != $l.events.stored) | "streams: events stored \(.)"),
		(.ledger as $l | ([$l.streams[].packets.stored] | add) | select(. != $l.packets.stored) | "streams: packets stored \(.)")
	' "$file") || fail "not the JSON of a status: $file"
	[ -z "$bad" ] || fail "ledger: $bad"
}

# weir verify finds nothing wrong; its object is then $T/verify.json.
assert_verified() { # [DATA_DIR]
	weir verify "${1:-$DATA}" --json >"$T/verify.json" 2>>"$T/verify.log" ||
		fail "weir verify: exit status $?: $(jq -c .totals "$T/verify.json" 2>/dev/null)"
	assert_eq "verify: faults" "$(jq '.totals | .crc_failures + .offset_gaps + .index_errors + .format_errors' "$T/verify.json")" 0
}
verified() { jq -r "$1" "$T/verify.json"; }

# Records as another reader sees them (records.py shares no code with weir).
records() { "$python" "$here/records.py" "$@"; }

# The values in the log are exactly what the file of hex lines says, in order.
assert_values() { # PARTITION_DIR EXPECTED_HEX_FILE
	records "$1" --format hex >"$T/got.hex" || fail "records.py cannot read $1"
	cmp -s "$2" "$T/got.hex" || {
		diff "$2" "$T/got.hex" | head -n 6 | cut -c1-160 || true
		fail "values in ${1##*/} differ from the capture's ($(wc -l <"$2") expected, $(wc -l <"$T/got.hex") found)"
	}
}

# What tshark finds in a capture goes to $T/expect.tsv: frame src sport dst dport vlan payload.
expect_from() { "$python" "$here/pcaps.py" expect "$1" >"$T/expect.tsv"; }
# The payloads of those rows for which the awk condition holds: $2 source, $3 its port, $5 destination
# port, $6 VLAN id or "-".
assert_stream() { # PARTITION AWK_CONDITION
	awk -F'\t' "$2"' {print $7}' "$T/expect.tsv" >"$T/want.hex"
	assert_values "$DATA/$1" "$T/want.hex"
}
# Numbers at the head of the values of some partitions: the count of them, all different.
numbers() { # PARTITION...
	local partition
	for partition in "$@"; do records "$DATA/$partition" --format first; done
}

# --- real traffic ------------------------------------------------------------------------------

# Records what leaves $tx into $T/sent.pcap, until sent_all.
record_sent() {
	background "${in_tx[@]}" tcpdump -i eth0 -Q out --immediate-mode -U -s 0 -B 16384 -Z root -w "$T/sent.pcap"
	tcpdump_pid=$last_pid
	wait_until 10 "tcpdump listens" grep -q listening "$T/background.log"
}
sent_all() {
	sleep 0.5
	end_pid "$tcpdump_pid"
}
# The receiver got at least all frames of the record, and has put them away.
wait_for_sent() {
	wait_until 20 "all that was sent is in" came_in "$(packets_in "$T/sent.pcap")"
	settle
}
came_in() { # received, or dropped on the way
	[ $(($(status '.ledger.packets.received + .ports[0].missed') + $(kernel_dropped))) -ge "$1" ]
}
# What the receiver's kernel dropped before any socket could see it (its queue for veth was full). An XDP
# socket's own drops stand there once more.
kernel_dropped() {
	if grep -q net_af_xdp "$CONFIG"; then
		echo 0
		return
	fi
	"${in_rx[@]}" cat /sys/class/net/eth0/statistics/rx_dropped
}
# Frames that were sent and yet could not reach us, by the counters of those who dropped them: a few of them
# may be neighbour discovery and the like.
not_delivered() {
	local missed dropped
	missed=$(final '.ports[0].missed')
	dropped=$(kernel_dropped)
	[ $((missed + dropped)) -eq 0 ] || note "a busy machine: the socket missed $missed packets, the kernel dropped $dropped" >&2
	echo $((missed + dropped))
}
# The values are those of the capture in order; only as many are absent as the machine could not deliver.
assert_sent_values() { # PARTITION
	local absent
	absent=$(not_delivered)
	if [ "$absent" -eq 0 ]; then
		assert_stream "$1" 1
		return
	fi
	cut -f7 "$T/expect.tsv" >"$T/want.hex"
	records "$DATA/$1" --format hex >"$T/got.hex"
	assert_ge "frames not delivered, against values that are not there" "$absent" \
		$(($(wc -l <"$T/want.hex") - $(wc -l <"$T/got.hex")))
	! diff "$T/want.hex" "$T/got.hex" | grep -q '^>' || fail "values that nobody sent, or out of order"
	[ "$absent" -lt $(($(wc -l <"$T/want.hex") / 2)) ] || skip "the machine is too busy: most packets never reached us"
}
# Senders that need no answer from the other side.
send_oneway() {
	local i
	for i in 1 2 3 4 5 6 7 8 9 10; do
		"${in_tx[@]}" logger -n 10.90.0.1 -P 514 -d --rfc3164 -t app "message $i over IPv4"
		"${in_tx[@]}" logger -n fd90::1 -P 514 -d --rfc5424 -t app "message $i over IPv6"
		"${in_tx[@]}" socat -u "EXEC:echo datagram $i" UDP4-SENDTO:10.90.0.1:7000
	done
	"${in_tx[@]}" socat -u -b 1400 "FILE:$root/LICENSE" "UDP6-SENDTO:[fd90::1]:7001"
	"${in_tx[@]}" tcpreplay -q -i eth0 -p 3000 "$root/tests/data/quickstart.pcap" >>"$T/background.log" 2>&1
}
# The numbers in $T/got are those that were sent: all of them, each once. Only what the receiver's kernel dropped before
# any socket saw it, by its own counter, may be absent; Weir must not have missed one.
assert_all_numbers() { # SENT
	assert_eq "packets missed" "$(final '.ports[0].missed')" 0
	assert_eq "packets doubled" "$(sort "$T/got" | uniq -d | wc -l)" 0
	assert_ge "packets that are there, and those that the kernel dropped" $(($(wc -l <"$T/got") + $(kernel_dropped))) "$1"
	assert_ge "packets that were sent" "$1" "$(wc -l <"$T/got")"
}
# COUNT numbered packets, PPS a second, in the background: its pid in $last_pid.
send_numbered() { # COUNT PPS [PCAPS.PY OPTIONS...]
	"$python" "$here/pcaps.py" numbered "$T/numbered.pcap" "$1" --mac "$rx_mac" "${@:3}"
	background "${in_tx[@]}" tcpreplay -q -i eth0 -p "$2" "$T/numbered.pcap"
}
# A dataplane on DEVICE gets 2,000 packets, then stands still while OVERFLOW more come, then gets 2,000 more. They are for
# another machine's address, and there is no IPv6: nobody answers, so nothing else is on the wire. Sets $received, $missed,
# and $on_the_wire: what the receiving device counted.
force_drops() { # DEVICE OVERFLOW
	local dataplane start
	for start in "$tx" "$rx"; do ip netns exec "$start" sysctl -qw net.ipv6.conf.all.disable_ipv6=1; done
	port "$1"
	start_weir "${in_rx[@]}"
	dataplane=$(status .pid)
	start=$("${in_rx[@]}" cat /sys/class/net/eth0/statistics/rx_packets)
	rx_mac=02:00:00:00:00:99
	send_and_wait 2000 2000 --first 0
	wait_until 20 "the first packets are in" received_is 2000
	kill -STOP "$dataplane"
	send_and_wait "$2" 20000 --first 2000
	kill -CONT "$dataplane"
	wait_until 20 "what the ring held is in" received_is 2001
	settle
	send_and_wait 2000 2000 --first $((2000 + $2))
	settle
	on_the_wire=$(($("${in_rx[@]}" cat /sys/class/net/eth0/statistics/rx_packets) - start))
	stop_weir
	assert_balanced
	assert_verified
	received=$(final .ledger.packets.received)
	missed=$(final '.ports[0].missed')
	numbers all-0 | sort -cu || fail "packets are doubled or out of order"
	assert_eq "records" "$(numbers all-0 | wc -l)" "$received"
	assert_eq "the first 2,000 and the last" "$(numbers all-0 | awk -v last=$((2000 + $2)) '$1 < 2000 || $1 >= last' | wc -l)" 4000
	note "$received received, $missed missed, $on_the_wire on the wire"
}
send_and_wait() { # COUNT PPS [PCAPS.PY OPTIONS...]
	send_numbered "$@"
	wait_until 60 "the sender ends" gone "$last_pid"
}
packets_in() { capinfos -TrMc "$1" | cut -f2; } # CAPTURE
