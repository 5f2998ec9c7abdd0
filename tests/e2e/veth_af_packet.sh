#!/bin/bash
# Between two network namespaces over net_af_packet, from programs not written here: what was sent is what is
# stored. The receiving kernel's own answers, which af_packet hands back too, are not received.
. "$(dirname "$0")/lib.sh"

make_wire
port "$af_packet"
start_weir "${in_rx[@]}"
record_sent
send_oneway
background "${in_rx[@]}" iperf3 -s -1
wait_until 10 "iperf3 listens" "${in_rx[@]}" sh -c 'ss -ltn | grep -q :5201'
"${in_tx[@]}" iperf3 -c 10.90.0.1 -u -l 600 -b 8M -t 3 >"$T/iperf.log"
sent_all
wait_for_sent
stop_weir
assert_balanced
expect_from "$T/sent.pcap"
assert_sent_values all-0
assert_verified
assert_ge "datagrams of iperf3" "$(awk -F'\t' '$5 == 5201' "$T/expect.tsv" | wc -l)" 4000
assert_eq "keys that are the receiver's own address" "$(records "$DATA/all-0" | awk -F'\t' '$3 ~ /^10\.90\.0\.1:/' | wc -l)" 0
