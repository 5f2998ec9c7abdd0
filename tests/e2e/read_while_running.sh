#!/bin/bash
# Reading next to a dataplane under load, while segments are rolled, retired and used again: weir verify finds
# nothing wrong, weir cat --follow sees offsets that only rise and values that belong to them. After a kill -9,
# before anything is repaired, verify speaks of a tail and of no fault.
# timeout: 150
. "$(dirname "$0")/lib.sh"

"$python" "$here/pcaps.py" numbered "$T/n.pcap" 2000 --size 200 --ports 5000,5001
pcap_port "$T/n.pcap,infinite_rx=1"
lanes="{count: 1, idle: adaptive}"
streams='  - {name: plain, listen: {udp: 5000}, segment_size: 2MiB, batch_size: 64KiB, retention: {size: 8MiB}}
  - {name: packed, listen: {udp: 5001}, segment_size: 1MiB, batch_size: 64KiB, compression: lz4, retention: {size: 4MiB}}'
start_weir
wait_until 20 "packets come in" received_is 10000

"$build/control/weir" cat "$DATA" plain --follow 2>"$T/follow.log" | head -n 100000 >"$T/follow" &
pids+=($!)
rolled() { status '[.partitions[] | .log_start > 0] | all' | grep -q true; }
wait_until 60 "retention takes segments from both" rolled
for _ in 1 2 3 4; do
	assert_verified
	assert_eq "verify knows that weir runs" "$(verified .running)" true
	assert_ge "verify sees records" "$(verified .totals.records)" 1
done
shown() { [ "$(wc -l <"$T/follow")" -ge 100000 ]; }
wait_until 60 "cat --follow shows 100000 records" shown
[ ! -s "$T/follow.log" ] || fail "cat --follow: $(head -n 1 "$T/follow.log")"
# The capture goes round and round: the number in a value follows from the one before.
jq -r '"\(.offset) \(.value[0:8])"' "$T/follow" | awk '
	NR > 1 && $1 <= offset { print "offset " $1 " after " offset; exit 1 }
	NR > 1 && $1 != offset + 1 { jumps++ }
	$2 % 2 { print "offset " $1 " holds " $2 ", of the other stream"; exit 1 }
	{ offset = $1 }
	END { print jumps + 0 " jumps over retired segments" }' || fail "cat --follow: wrong records"

dataplane=$(status .pid)
kill -STOP "$weir_pid"
kill -9 "$dataplane"
wait_until 10 "the last thread of the dataplane is gone" flock -n -s "$DATA/weir.lock" true
assert_verified
assert_eq "verify knows that nobody runs" "$(verified .running)" false
kill -CONT "$weir_pid"
started_again() { status_is ".run_state == \"running\" and .pid != $dataplane"; }
wait_until 60 "the dataplane is started again" started_again
assert_verified
stop_weir
assert_verified
assert_eq "tails after a clean stop" "$(verified .totals.tail_bytes)" 0
