#!/bin/bash
# 300 idle consumers, 24 busy ones and some that stop reading in the middle of an answer, all at once on one gateway, on one core, beside
# a dataplane that stores a paced stream: each busy one gets every byte, the idle ones' heartbeats and waiting Fetches are
# answered in time, those that stopped get the rest, the gateway stays small, and the dataplane sheds no more than without.
# timeout: 120
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/gateway_lib.sh"

ulimit -n 8192 2>/dev/null || skip "cannot have enough descriptors"
make_wire
port "$af_packet"
streams='  - {name: busy, listen: {udp: 5000}, segment_size: 8MiB, batch_size: 64KiB}
  - {name: quiet, listen: {udp: 5001}}'
start_weir "${in_rx[@]}"
# 6,000 datagrams a second for so long.
send() { # SECONDS
	"$python" "$here/pcaps.py" numbered "$T/n.pcap" $((6000 * $1)) --size 400 --ports 5000 --mac "$rx_mac"
	"${in_tx[@]}" tcpreplay -q -i eth0 -p 6000 "$T/n.pcap" >>"$T/background.log" 2>&1 || fail "tcpreplay"
	settle
}
shed() { status '.ledger.packets.shed'; }

send 5
without=$(shed)
assert_ge "records before anybody reads" "$(status '[.partitions[] | .durable_end] | add')" 1000

core=$(taskset -cp $$ | sed 's/.*[ ,-]//')
start_gateway "${in_rx[@]}" taskset -c "$core" -- --run-dir "$RUN"
mkdir "$T/readers"
"${in_rx[@]}" "$python" "$here/gateway_readers.py" "${broker##*:}" busy quiet "$T/readers" "$patience" \
	>"$T/readers.out" 2>"$T/readers.log" &
readers=$!
pids+=("$readers")
readers_are() { [ -e "$T/readers/$1" ] || gone "$readers"; }
readers_live() { ! gone "$readers" || fail "the readers: $(tail -n 1 "$T/readers.log")"; }
wait_until 40 "the idle consumers have joined" readers_are idle
readers_live
assert_eq "the core of all its threads" "$(awk '/Cpus_allowed_list/ {print $2}' "/proc/$gateway_pid/task/"*/status | sort -u)" "$core"
note "$(ticks_in 3) of 300 ticks with 300 idle consumers"

touch "$T/readers/busy"
before=$(ticks)
send 10
readers_live
note "$(($(ticks) - before)) ticks while 24 read 10 s of the stream"
with=$(($(shed) - without))
descriptors=$(find "/proc/$gateway_pid/fd" | wc -l)
status '.partitions[] | select(.stream == "busy") | .durable_end' >"$T/readers/end.part"
mv "$T/readers/end.part" "$T/readers/end"
wait_until 30 "the readers come to their end" gone "$readers"
wait "$readers" || fail "the readers: $(tail -n 1 "$T/readers.log")"
note "$(tail -n 1 "$T/readers.log")"
resident=$(awk '/VmHWM/ {print $2}' "/proc/$gateway_pid/status")
note "$resident KiB resident and $descriptors descriptors at most; shed: $without without readers, $with with them"
assert_memory "$resident" 60000
# 628 connections, and the log's files.
[ "$descriptors" -lt 700 ] || fail "the gateway has $descriptors descriptors"
wait_until 10 "its descriptors are back" few_descriptors 40
[ "$with" -le "$without" ] || fail "the dataplane shed $with packets beside the readers, $without without"
stop_gateway

stop_weir
assert_balanced
assert_verified
cat "$DATA/busy-0/"*.log >"$T/log"
assert_eq "what the busy readers got: records, and hash of their batches" "$(sort "$T/readers.out" | uniq -c | sed 's/^ *//')" \
	"24 $(numbers busy-0 | wc -l) $(sha1sum <"$T/log" | cut -d' ' -f1)"
head -c "$(stat -c %s "$T/readers/stopped")" "$T/log" | cmp -s - "$T/readers/stopped" ||
	fail "what those got that stopped is not what the log begins with"
