#!/bin/bash
# A capture that ends in the middle of a record: what is whole is received, and weir ends as ever.
. "$(dirname "$0")/lib.sh"

size=$(stat -c %s "$root/tests/data/quickstart.pcap")
head -c $((size / 2 + 7)) "$root/tests/data/quickstart.pcap" >"$T/cut.pcap"
pcap_port "$T/cut.pcap"
run_until_idle
assert_balanced
whole=$({ tcpdump -nn -r "$T/cut.pcap" 2>/dev/null || true; } | wc -l)
assert_eq "packets received" "$(final .ledger.packets.received)" "$whole"
assert_verified

head -c 24 "$root/tests/data/quickstart.pcap" >"$T/cut.pcap" # a head and no record
rm -rf "$DATA"
rm -f "$(state_block)"
run_until_idle
assert_balanced
assert_eq "packets received of an empty capture" "$(final .ledger.packets.received)" 0
assert_verified
