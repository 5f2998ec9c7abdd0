#!/bin/bash
# 50 reloads under load, changing linger, compression, filters and the set of streams: not one packet is
# lost or doubled, and what needs a restart is refused by name.
# timeout: 180
. "$(dirname "$0")/lib.sh"

make_wire
port "$af_packet"
codecs=(none lz4 zstd)
variant() { # N: the streams of reload N
	streams="  - {name: a, listen: {udp: 5000}, decoder: datagram, linger: $(($1 % 7 + 1))ms, compression: ${codecs[$1 % 3]}}"$'\n'
	if [ $(($1 % 2)) -eq 0 ]; then
		streams+="  - {name: b, listen: {udp: 5001}, decoder: datagram, batch_size: $((64 << $1 % 3))KiB}"$'\n'
	else
		streams+='  - {name: b, filter: "udp dst port 5001", decoder: datagram}'$'\n'
	fi
	if [ $(($1 % 3)) -ne 0 ]; then
		streams+="  - {name: extra$(($1 / 10)), listen: {udp: 5002}, decoder: datagram, retention: {size: 1GiB}}"$'\n'
	fi
	streams+='  - {name: rest, listen: {udp: any}, decoder: datagram}'
	storage_more=", sync: $(($1 % 4 * 2 + 1))ms"
	write_config
}
variant 0
start_weir "${in_rx[@]}"
send_numbered 60000 3000 --ports 5000,5001,5002,5003
sender=$last_pid
for ((i = 1; i <= 50; i++)); do
	variant $i
	weir reload -c "$CONFIG" >>"$T/reload.log" 2>&1 || fail "reload $i"
	[ "$(status .plan_generation)" -ge $((i + 1)) ] || fail "reload $i: generation $(status .plan_generation)"
	sleep "0.$((RANDOM % 25 + 10))"
	if [ $i -eq 25 ]; then
		sed 's/count: 1/count: 2/' "$CONFIG" >"$T/kept.yaml"
		cp "$CONFIG" "$T/good.yaml"
		mv "$T/kept.yaml" "$CONFIG"
		! weir reload -c "$CONFIG" >"$T/refused" 2>&1 || fail "a reload with other lanes.count was accepted"
		grep -q "lanes.count" "$T/refused" || fail "the refusal does not name lanes.count"
		assert_eq "generation after the refusal" "$(status .plan_generation)" 26
		mv "$T/good.yaml" "$CONFIG"
	fi
done
wait_until 60 "the sender ends" gone "$sender"
settle
stop_weir
assert_balanced
assert_verified
assert_eq "the dataplane" "$(final .starts)" 1
(cd "$DATA" && for p in *-0; do numbers "$p"; done) >"$T/got"
assert_ge "frames not delivered, against packets that are not there" "$(not_delivered)" $((60000 - $(wc -l <"$T/got")))
assert_eq "packets doubled" "$(sort "$T/got" | uniq -d | wc -l)" 0
for p in a-0 b-0 rest-0; do
	numbers $p | sort -cu || fail "$p is out of order"
done
