#!/bin/bash
# A capture of real senders through one queue: every payload is stored once, byte for byte, in order,
# in the stream that its port says; the ledger accounts for every frame.
. "$(dirname "$0")/lib.sh"

capture=$root/tests/data/quickstart.pcap
pcap_port "$capture"
streams='  - {name: syslog, listen: {udp: 514}, decoder: datagram}
  - {name: flows, listen: {udp: [2055, 4739]}, decoder: datagram}
  - {name: statsd, listen: {udp: 8125}, decoder: datagram}
  - {name: rest, listen: {udp: any}, decoder: datagram}'
run_until_idle
assert_balanced
assert_eq "packets received" "$(final .ledger.packets.received)" "$(packets_in "$capture")"
expect_from "$capture"
assert_eq "packets stored" "$(final .ledger.packets.stored)" "$(wc -l <"$T/expect.tsv")"
assert_stream syslog-0 '$5 == 514'
assert_stream flows-0 '$5 == 2055 || $5 == 4739'
assert_stream statsd-0 '$5 == 8125'
assert_stream rest-0 '$5 != 514 && $5 != 2055 && $5 != 4739 && $5 != 8125'
assert_verified
assert_eq "records verified" "$(verified .totals.records)" "$(wc -l <"$T/expect.tsv")"

# The same once more: the log goes on where it ended.
run_until_idle
assert_balanced
assert_verified
assert_eq "records after a second run" "$(verified .totals.records)" $(($(wc -l <"$T/expect.tsv") * 2))
