#!/bin/bash
# kill -9 of the dataplane at random moments under load, 10 times (50 with --long): whatever was published as
# durable is there afterwards, the same bytes at the same offsets; the ledger says what was lost.
# timeout: 300
. "$(dirname "$0")/lib.sh"

kills=$((${LONG:+40} + 10))
make_wire
port "$af_packet"
segment_size=1MiB
streams='  - {name: a, listen: {udp: 5000}, decoder: datagram}
  - {name: b, listen: {udp: 5001}, decoder: datagram, compression: lz4}'
start_weir "${in_rx[@]}"
send_numbered $((kills * 20000)) 6000 --size 300 --ports 5000,5001
sender=$last_pid
durable() { status ".partitions[] | select(.stream == \"$1\") | .durable_end"; }
restarted() { status_is ".run_state == \"running\" and .pid != $1"; }
hash_of() { records "$DATA/$1-0" --from "$2" --to "$3" --format hash; }

declare -A seen=([a]=0 [b]=0) before was
: >"$T/ranges"
for ((i = 1; i <= kills; i++)); do
	sleep "$((RANDOM % 2)).$((RANDOM % 9 + 1))"
	pid=$(status .pid)
	# Held at a random moment, so that what it has published can be read before it dies.
	kill -STOP "$pid"
	for stream in a b; do
		before[$stream]=$(durable $stream)
		was[$stream]=$(hash_of $stream "${seen[$stream]}" "${before[$stream]}")
	done
	kill -9 "$pid"
	if [ $((i % 3)) -eq 0 ]; then # and control with it: a new one starts at once, without having learnt to wait
		kill -9 "$weir_pid"
		wait "$weir_pid" 2>/dev/null || true
		start_weir "${in_rx[@]}"
	fi
	wait_until 30 "the dataplane is back after kill $i" restarted "$pid"
	for stream in a b; do
		end=$(durable $stream)
		assert_ge "durable end of $stream after kill $i" "$end" "${before[$stream]}"
		assert_eq "durable records of $stream after kill $i" \
			"$(hash_of $stream "${seen[$stream]}" "${before[$stream]}")" "${was[$stream]}"
		# And they never change any more: looked at again in the end.
		echo "$stream ${seen[$stream]} ${before[$stream]} ${was[$stream]}" >>"$T/ranges"
		seen[$stream]=${before[$stream]}
	done
done
end_pid "$sender"
settle
stop_weir
assert_balanced
assert_verified
while read -r stream from to count hash; do
	assert_eq "records $from to $to of $stream" "$count" $((to - from))
	assert_eq "hash of $stream $from to $to" "$(hash_of "$stream" "$from" "$to")" "$count $hash"
done <"$T/ranges"
for stream in a b; do
	numbers "$stream-0" >"$T/got"
	sort -cu "$T/got" || fail "stream $stream: packets are doubled or out of order"
	assert_ge "packets in $stream" "$(wc -l <"$T/got")" $((kills * 500))
done
assert_eq "crashes" "$(final .crashes)" "$kills"
note "$kills kills, $(final .ledger.packets.stored) packets stored, $(final .ledger.packets.lost_in_crash) lost in crashes"
