#!/bin/bash
# The same with two lanes on two queues of the port: each lane goes over to the new plan at its own burst, and still no
# packet is lost or doubled.
# timeout: 120
. "$(dirname "$0")/lib.sh"

make_wire
port "$af_packet,qpairs=2"
lanes="{count: 2, idle: adaptive}"
variant() { # N
	streams="  - {name: a, listen: {udp: 5000}, decoder: datagram, linger: $(($1 % 5 + 1))ms}"$'\n'
	[ $(($1 % 2)) -eq 0 ] || streams+="  - {name: new$1, listen: {udp: 5001}, decoder: datagram}"$'\n'
	streams+="  - {name: rest, listen: {udp: any}, decoder: datagram}"
	write_config
}
variant 0
start_weir "${in_rx[@]}"
send_numbered 30000 3000 --ports 5000,5001,5002 --senders 50
sender=$last_pid
for ((i = 1; i <= 15; i++)); do
	variant $i
	weir reload -c "$CONFIG" >>"$T/reload.log" 2>&1 || fail "reload $i"
	sleep "0.$((RANDOM % 30 + 20))"
done
end_of_load "$sender"
for i in 0 1; do
	assert_ge "packets of lane $i" "$(final ".ledger.lanes[$i].packets.stored")" 3000
done
(cd "$DATA" && for p in *-[01]; do numbers "$p"; done) >"$T/got"
assert_all_numbers 30000
for p in a-0 a-1 rest-0 rest-1; do
	numbers $p | sort -cu || fail "$p is out of order"
done
