#!/bin/bash
# weir loadtest over net_af_packet: what the receiver's socket has no room for is counted, and named as the stage "nic".
# timeout: 180
. "$(dirname "$0")/lib.sh"

# Both ends of the wire in one namespace, so that the sender reaches Weir's HTTP beside it; nobody else is on it.
make_wire
"${in_rx[@]}" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n "$rx" link add from type veth peer name to
for end in from to; do
	"${in_rx[@]}" ethtool -K $end tx off gro off >/dev/null
	ip -n "$rx" link set $end up
done
# A socket with room for 16 packets.
port "net_af_packet0,iface=to,blocksz=4096,framesz=2048,framecnt=16"
lanes="{count: 1, idle: adaptive, rest: 5ms}"
streams='  - {name: all, listen: {udp: any}, decoder: datagram, retention: {size: 256MiB}}'
start_weir "${in_rx[@]}"
loadtest() { # ARGUMENTS...
	"${in_rx[@]}" timeout $((120 * patience)) "$build/control/weir" loadtest "$root/tests/data/quickstart.pcap" --trial 300ms \
		--to net_af_packet0,iface=from --against "http://127.0.0.1:$http_port" --json "$@" >"$T/loadtest.json" 2>"$T/loadtest.log"
}
# What the interface cannot send is told before anything is.
! loadtest --frame-sizes 1518,1519 || fail "frames of 1519 bytes pass an interface of 1500"
grep -q "frames of 1514 bytes at most, not 1515" "$T/loadtest.log" || fail "nothing says how long frames may be: $(cat "$T/loadtest.log")"
assert_eq "packets sent meanwhile" "$(status .ledger.packets.received)" 0
code=0
loadtest || code=$?
of() { jq -r "$1" "$T/loadtest.json"; }
none() { # WHAT JQ_FILTER: it finds nothing in the report
	local found
	found=$(jq -c "$2" "$T/loadtest.json") || fail "not the JSON of a load test"
	[ -z "$found" ] || fail "$1: ${found:0:500}"
}
if [ "$(of '.sizes[0].throughput.packets_per_second > 0')" = true ]; then
	assert_eq "weir loadtest" $code 0
	none "a rate that loses some" '.sizes[0] | .trials[.throughput.trial] | select(.lost != 0 or .sent != .received)'
else # a busy machine: not even a few hundred a second
	assert_eq "weir loadtest without a rate" $code 1
	grep -q "no rate was found" "$T/loadtest.log" || fail "it does not say that no rate was found: $(cat "$T/loadtest.log")"
fi
none "a packet that nobody counts" '.sizes[0].trials[] | select(.sent != .received + .missed or .lost != .missed)'
assert_eq "where it is lost at top speed" "$(of '.sizes[0].trials[1] | "\(.purpose) \(.bound.stage) \(.missed > 0)"')" "topspeed nic true"
none "a loss that is not the interface's" '.sizes[0].trials[] | select(.lost > 0 and .bound.stage != "nic")'
bound=$(of .sizes[0].throughput.bound.stage)
if [ "$bound" = sender ]; then # a busy machine: in the slowest trial that failed it had no processor, and nothing was lost
	late='.purpose == "search" and .bound.stage == "sender" and .lost == 0 and .packets_per_second < .98 * .asked_packets_per_second'
	[ "$(of "[.sizes[0].trials[] | select($late)] | length > 0")" = true ] || fail "the sender is named, but was in time: $(cat "$T/loadtest.log")"
else
	assert_eq "what bounds the rate" "$bound" nic
fi
settle
stop_weir
assert_balanced
assert_eq "packets received in all trials" "$(final .ledger.packets.received)" "$(of '[.sizes[].trials[].received] | add')"
