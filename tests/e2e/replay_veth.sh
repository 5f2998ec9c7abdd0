#!/bin/bash
# weir replay over net_af_packet into a running Weir: each packet that it says it sent is in the ledger, and each value
# in the log, byte for byte and in order.
. "$(dirname "$0")/lib.sh"

make_wire
# Nobody else is on the wire.
for space in "$tx" "$rx"; do ip netns exec "$space" sysctl -qw net.ipv6.conf.all.disable_ipv6=1; done
port "$af_packet"
start_weir "${in_rx[@]}"
start=$("${in_rx[@]}" cat /sys/class/net/eth0/statistics/rx_packets)
capture=$root/tests/data/quickstart.pcap
"${in_tx[@]}" "$build/control/weir" replay "$capture" --to net_af_packet0,iface=eth0 --rate 3000pps --json >"$T/replay.json" ||
	fail "weir replay: exit status $?"
on_the_wire=$(($("${in_rx[@]}" cat /sys/class/net/eth0/statistics/rx_packets) - start))
settle
stop_weir
assert_balanced
assert_verified

sent() { jq -r "$1" "$T/replay.json"; }
assert_eq "end" "$(sent .end)" "done"
assert_eq "packets sent" "$(sent .sent.packets)" "$(packets_in "$capture")"
assert_eq "bytes sent" "$(sent .sent.bytes)" "$(capinfos -TrMd "$capture" | cut -f2)"
assert_eq "packets by the kernel's count" "$(sent .device.interface.packets)" "$(sent .sent.packets)"
assert_eq "dropped by the sender's kernel" "$(sent .device.interface.dropped)" 0
assert_eq "packets on the wire" "$on_the_wire" "$(sent .sent.packets)"
assert_eq "received, and missed" $(($(final .ledger.packets.received) + $(final '.ports[0].missed'))) "$(sent .sent.packets)"
[ "$(final '.ports[0].missed')" -eq 0 ] || skip "the machine is too busy: the kernel dropped packets"
expect_from "$capture"
assert_stream all-0 1

# An interface that goes away while it sends: said, and no number is made of what cannot be known.
background "${in_tx[@]}" sh -c "sleep $((2 * patience)); ip link del eth0"
code=0
"${in_tx[@]}" timeout $((30 * patience)) "$build/control/weir" replay "$capture" --to net_af_packet0,iface=eth0 --rate 1kpps --for $((4 * patience))s --json \
	>"$T/replay.json" 2>"$T/gone.log" || code=$?
assert_eq "weir replay by an interface that went away" $code 1
grep -q "went away" "$T/gone.log" || fail "it does not say that the interface went away: $(cat "$T/gone.log")"
assert_eq "its interface's counts" "$(sent .device.interface)" null
