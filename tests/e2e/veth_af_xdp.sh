#!/bin/bash
# The same over net_af_xdp, where the kernel sees nothing of the traffic any more.
. "$(dirname "$0")/lib.sh"

make_wire
port "net_af_xdp0,iface=eth0"
start_weir "${in_rx[@]}"
record_sent
send_oneway
sent_all
wait_for_sent
stop_weir
assert_balanced
assert_eq "missed by the port" "$(final '.ports[0].missed')" 0
expect_from "$T/sent.pcap"
assert_stream all-0 1
assert_verified
