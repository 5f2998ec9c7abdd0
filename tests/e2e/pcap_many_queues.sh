#!/bin/bash
# Four files on four queues, four lanes: partition i holds what queue i brought, in its order.
. "$(dirname "$0")/lib.sh"

capture=$root/tests/data/quickstart.pcap
"$python" "$here/pcaps.py" split "$capture" 4 "$T/q"
port "net_pcap0,rx_pcap=$T/q0.pcap,rx_pcap=$T/q1.pcap,rx_pcap=$T/q2.pcap,rx_pcap=$T/q3.pcap"
lanes="{count: 4, idle: adaptive}"
run_until_idle
assert_balanced
assert_eq "lanes" "$(final '.ledger.lanes | length')" 4
for i in 0 1 2 3; do
	expect_from "$T/q$i.pcap"
	assert_stream "all-$i" 1
	assert_eq "lane $i stored" "$(final ".ledger.lanes[$i].packets.stored")" "$(wc -l <"$T/expect.tsv")"
done
assert_verified
