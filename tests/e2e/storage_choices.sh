#!/bin/bash
# Each way to write, to sync, to roll and to show: the values are those of the capture, and the durable end is where it
# should be.
# timeout: 240
. "$(dirname "$0")/lib.sh"

capture=$root/tests/data/quickstart.pcap
lanes="{count: 1, idle: adaptive, slabs: 1024}" # nothing is shed: the port brings it all at once
expect_from "$capture"
try() { # NAME STORAGE_KEYS [STREAM_KEYS]
	rm -rf "$DATA" "$CONFIG"
	ports=
	pcap_port "$capture"
	storage_more=$2
	streams="  - {name: all, listen: {udp: any}, decoder: datagram${3:-}}"
	run_until_idle
	assert_balanced
	assert_stream all-0 1
	assert_verified
	assert_eq "$1: durable after a clean stop" "$(final '.partitions[0].durable_end')" "$(final '.partitions[0].log_end')"
}
small=", batch_size: 4KiB"
try "sync: 0" ", sync: 0" "$small"
try "sync: 1h" ", sync: 1h" "$small"
try "sync: off" ", sync: off" "$small"
try "direct: off" ", direct: off"
try "direct: off, in small batches" ", direct: off, sync: 0" "$small"
try "direct: on, in small batches" ", direct: on, sync: 1ms" "$small"
try "prepare: 0" ", prepare: 0"
try "rolls by size" "" ", batch_size: 4KiB, segment_size: 128KiB"
assert_ge "segments of 128 KiB" "$(final '.partitions[0].segments')" 3

# What readers see of batches that are written and not yet synced.
"$python" "$here/pcaps.py" numbered "$T/n.pcap" 1000
visible() { # WHICH COUNT
	rm -rf "$DATA" "$CONFIG"
	ports=
	pcap_port "$T/n.pcap"
	storage_more=", sync: 1h, visible: $1"
	streams="  - {name: all, listen: {udp: any}, decoder: datagram, linger: 1ms}"
	start_weir
	wait_until 20 "all packets are in" received_is 1000
	wait_until 20 "all of it is sealed" status_is '.partitions[0].log_end == 1000'
	sleep 0.3
	assert_eq "visible: $1: durable while it waits for its sync" "$(status '.partitions[0].durable_end')" 0
	assert_eq "visible: $1: events to read" "$(weir cat "$DATA" all --format value | wc -l)" "$2"
	stop_weir
	assert_eq "visible: $1: events to read after the stop" "$(weir cat "$DATA" all --format value | wc -l)" 1000
}
visible written 1000
visible durable 0

# When an event becomes durable. Each is sent once the one before is sealed (and, with sync: 0, durable), so that
# the count does not go by how many a slow disk syncs together.
make_wire
syncs_of_five() { # SYNC CONDITION_AFTER_EACH, N is the number sent: the syncs are then in $syncs
	local i
	rm -rf "$DATA" "$CONFIG"
	ports=
	port "$af_packet"
	storage_more=", sync: $1"
	streams="  - {name: all, listen: {udp: 514}, decoder: datagram, linger: 1ms}"
	start_weir "${in_rx[@]}"
	for i in 1 2 3 4 5; do
		"${in_tx[@]}" logger -n 10.90.0.1 -P 514 -d -t sync "message $i"
		wait_until 20 "sync: $1: event $i is where it should be" status_is "${2//N/$i}"
	done
	stop_weir
	assert_balanced
	assert_eq "sync: $1: durable after a clean stop" "$(final '.partitions[0].durable_end')" 5
	syncs=$(final '[.cores[].syncs] | add')
}
syncs_of_five 0 '.partitions[0].durable_end == N'
assert_ge "sync: 0: syncs of five events, each after the one before" "$syncs" 5
syncs_of_five 1h '.partitions[0].log_end == N and .partitions[0].durable_end == 0'
[ "$syncs" -le 2 ] || fail "sync: 1h: $syncs syncs of five events, want 2 at most"
syncs_of_five off '.partitions[0].log_end == N'
[ "$syncs" -le 2 ] || fail "sync: off: $syncs syncs of five events, want 2 at most"

# A segment that is old is closed, though it is not full, and the next one is begun by the next event.
rm -rf "$DATA" "$CONFIG"
ports=
port "$af_packet"
storage_more=", sync: 1ms"
streams="  - {name: all, listen: {udp: any}, decoder: datagram, segment_age: 1s}"
start_weir "${in_rx[@]}"
for i in 1 2 3; do
	"${in_tx[@]}" logger -n 10.90.0.1 -P 514 -d -t age "message $i"
	sleep 1.4
done
settle
assert_ge "segments by age" "$(status '.partitions[0].segments')" 2
stop_weir
assert_balanced
assert_verified

# At a load that leaves the disk time (20 batches and 3 rolls a second), a roll finds the next file prepared:
# nothing waits.
rm -rf "$DATA" "$CONFIG"
ports=
port "$af_packet"
storage_more=
streams="  - {name: all, listen: {udp: any}, decoder: datagram, linger: 50ms, segment_size: 1MiB, retention: {size: 2MiB}}"
start_weir "${in_rx[@]}"
send_numbered 9000 3000 --size 1000
end_of_load "$last_pid"
assert_ge "rolls" "$(final '[.cores[].rolls] | add')" 7
assert_eq "rolls that waited" "$(final '[.cores[].segment_waits] | add')" 0
