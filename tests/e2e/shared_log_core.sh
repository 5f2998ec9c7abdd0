#!/bin/bash
# Two lanes share one log core.
. "$(dirname "$0")/lib.sh"

[ "$(nproc)" -ge 2 ] || skip "needs 2 cores"
capture=$root/tests/data/quickstart.pcap
"$python" "$here/pcaps.py" split "$capture" 2 "$T/q"
port "net_pcap0,rx_pcap=$T/q0.pcap,rx_pcap=$T/q1.pcap"
lanes="{count: 2, idle: adaptive, log_cores: [0]}"
run_until_idle
assert_balanced
for i in 0 1; do
	expect_from "$T/q$i.pcap"
	assert_stream "all-$i" 1
done
assert_verified
