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
expect_from "$T/sent.pcap"
assert_sent_values all-0
assert_verified
