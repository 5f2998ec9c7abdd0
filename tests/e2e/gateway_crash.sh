#!/bin/bash
# Readers stay connected while the dataplane is killed and started again. When the gateway is killed kcat ends, and goes on
# from its offset with the next one. They get every record that is in the log, once and in order, of both partitions.
# timeout: 120
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/gateway_lib.sh"
command -v kcat >/dev/null || skip "no kcat"

serve() { start_gateway --run-dir "$RUN" --listen "127.0.0.1:$((http_port - 10000))"; }
make_wire
streams='  - {name: live, listen: {udp: any}, decoder: datagram, segment_size: 1MiB, batch_size: 16KiB}'
lanes="{count: 2, idle: adaptive}"
port "$af_packet,qpairs=2"
start_weir "${in_rx[@]}"
serve
read_from() { # PARTITION OFFSET
	kcat -b "$broker" -C -q -u -t live -p "$1" -o "$2" -f '%o %s\n' 2>>"$T/kcat.log" >>"$T/got.$1" &
	readers[$1]=$!
	pids+=("$!")
}
readers=()
read_from 0 beginning
read_from 1 beginning
send_and_wait 4000 4000 --first 0 --senders 50
settle

dataplane=$(status .pid)
kill -9 "$dataplane"
started_again() { status_is ".run_state == \"running\" and .pid != $dataplane"; }
wait_until 60 "the dataplane is started again" started_again
send_and_wait 4000 4000 --first 4000 --senders 50
settle

for partition in 0 1; do
	kill -0 "${readers[partition]}" || fail "the reader of partition $partition ended with the dataplane"
done
kill_gateway
for partition in 0 1; do wait_until 20 "kcat sees that nobody is there" gone "${readers[partition]}"; done
serve
for partition in 0 1; do read_from $partition $(($(tail -n 1 "$T/got.$partition" | cut -d' ' -f1) + 1)); done
send_and_wait 4000 4000 --first 8000 --senders 50
settle
has_all() { # PARTITION
	[ "$(wc -l <"$T/got.$1")" -ge "$(status ".partitions[] | select(.partition == $1) | .visible_end // .durable_end")" ]
}
for partition in 0 1; do
	wait_until 20 "partition $partition is read to its end" has_all $partition
	end_pid "${readers[partition]}"
done
stop_weir
for partition in 0 1; do
	numbers live-$partition | awk '{print NR - 1, $1}' >"$T/want"
	cut -c1-80 "$T/got.$partition" | awk '{print $1, substr($2, 1, 8)}' >"$T/read"
	cmp -s "$T/want" "$T/read" || fail "partition $partition: $(diff "$T/want" "$T/read" | head -n 3)"
	note "partition $partition: $(wc -l <"$T/read") records"
done
assert_ge "records in both" "$(cat "$T"/got.? | wc -l)" 6000
