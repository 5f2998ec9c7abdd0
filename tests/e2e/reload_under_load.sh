#!/bin/bash
# 50 reloads under load, changing idle, linger, compression, filters, sync, retention and the set of streams: each says
# what it changed, not one packet is lost or doubled, and what needs a restart is refused by name.
# timeout: 180
. "$(dirname "$0")/lib.sh"

make_wire
port "$af_packet"
codecs=(none lz4 zstd)
variant() { # N: the config of reload N
	streams="  - {name: a, listen: {udp: 5000}, decoder: datagram, linger: $(($1 % 7 + 1))ms, compression: ${codecs[$1 % 3]}}"$'\n'
	if [ $(($1 % 2)) -eq 0 ]; then
		streams+="  - {name: b, listen: {udp: 5001}, decoder: datagram, batch_size: $((64 << $1 % 3))KiB}"$'\n'
	else
		streams+='  - {name: b, filter: "udp dst port 5001", decoder: datagram}'$'\n'
	fi
	if [ $(($1 % 3)) -ne 0 ]; then
		streams+="  - {name: extra$(($1 / 10)), listen: {udp: 5002}, decoder: datagram, retention: {size: 1GiB}}"$'\n'
	fi
	streams+="  - {name: rest, listen: {udp: any}, decoder: datagram, retention: {size: $(($1 % 4 + 1))GiB}}"
	storage_more=", sync: $(($1 % 4 * 2 + 1))ms"
	lanes="{count: 1, idle: adaptive}"
	[ $(($1 % 10)) -ne 4 ] || lanes="{count: 1, idle: spin}"
	write_config
}
reports() { # N LINE: the report of reload N has that line
	grep -qxF "$2" "$T/report.$1" || fail "the report of reload $1 does not say '$2' but: $(cat "$T/report.$1")"
}
refused_by_name() { # KEY SED_SCRIPT: and the plan that runs is the one that ran
	local generation
	generation=$(status .plan_generation)
	cp "$CONFIG" "$T/good.yaml"
	sed -i "$2" "$CONFIG"
	! weir reload -c "$CONFIG" >"$T/refused" 2>&1 || fail "a reload with another $1 was accepted"
	grep -qF "$1" "$T/refused" || fail "the refusal does not name $1: $(cat "$T/refused")"
	mv "$T/good.yaml" "$CONFIG"
	assert_eq "generation after the refusal of $1" "$(status .plan_generation)" "$generation"
	weir reload -c "$CONFIG" >"$T/same" 2>&1 || fail "reload of what already runs"
	grep -qx "nothing to change" "$T/same" || fail "the refusal of $1 left something behind: $(cat "$T/same")"
}
variant 0
start_weir "${in_rx[@]}"
send_numbered 60000 3000 --ports 5000,5001,5002,5003
sender=$last_pid
for ((i = 1; i <= 50; i++)); do
	variant $i
	weir reload -c "$CONFIG" >"$T/report.$i" 2>>"$T/reload.log" || fail "reload $i"
	[ "$(status .plan_generation)" -ge $((i + 1)) ] || fail "reload $i: generation $(status .plan_generation)"
	sleep "0.$((RANDOM % 25 + 10))"
	[ $i -ne 24 ] || refused_by_name storage.visible "s|path: $DATA|path: $DATA-2, visible: written|; s/hugepages: off/hugepages: on/"
	[ $i -ne 24 ] || grep -q "hugepages: running off, new on; storage.visible: running durable, new written\|storage.path.*storage.visible" "$T/refused" ||
		fail "the refusal does not name all keys: $(cat "$T/refused")"
	[ $i -ne 25 ] || refused_by_name lanes.count 's/count: 1/count: 2/'
	[ $i -ne 26 ] || refused_by_name storage.path "s|path: $DATA|path: $DATA-2|"
	[ $i -ne 27 ] || refused_by_name ports 's/framecnt=32768/framecnt=16384/'
done
end_of_load "$sender"
assert_eq "the dataplane" "$(final .starts)" 1
reports 1 "streams.a.linger: 1ms -> 2ms"
reports 1 "streams.a.compression: none -> lz4"
reports 1 "streams.b.match: 5001 -> filter"
reports 1 "streams.extra0: added (5002)"
reports 1 "streams.rest.retention.size: 1GiB -> 2GiB"
reports 1 "storage.sync: 1ms -> 3ms"
reports 4 "lanes.idle: adaptive -> spin"
reports 5 "lanes.idle: spin -> adaptive"
reports 9 "streams.extra0: removed"
(cd "$DATA" && for p in *-0; do numbers "$p"; done) >"$T/got"
assert_all_numbers 60000
for p in a-0 b-0 rest-0; do
	numbers $p | sort -cu || fail "$p is out of order"
done
