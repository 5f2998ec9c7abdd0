#!/bin/bash
# Streams chosen by pcap filters: tagged frames match like untagged ones, the first match takes the packet,
# filters whose JIT code would be wrong still answer rightly, what no stream wants is unrouted.
. "$(dirname "$0")/lib.sh"

capture=$root/tests/data/quickstart.pcap
pcap_port "$capture"
streams='  - {name: tagged, filter: "udp and dst port 514 and src host 10.80.0.16", decoder: datagram}
  - {name: six, filter: "ip6 and udp dst port 514", decoder: datagram}
  - {name: odd, filter: "udp dst port 514 and src net 10.80.0.0/24 and udp[9] & 1 != 0", decoder: datagram}
  - {name: syslog, listen: {udp: 514}, decoder: datagram}
  - {name: shop, filter: "udp[8:4] = 0x73686f70 and ip", decoder: datagram}
  - {name: never, filter: "udp dst port 514", decoder: datagram}'
run_until_idle
assert_balanced
assert_verified
expect_from "$capture"
odd='substr($7, 4, 1) ~ /[13579bdf]/' # the last hex digit of the payload's second byte
assert_stream tagged-0 '$2 == "10.80.0.16" && $5 == 514'
assert_stream six-0 '$2 ~ /:/ && $5 == 514'
assert_stream odd-0 '$2 !~ /:/ && $2 != "10.80.0.16" && $5 == 514 && '"$odd"
assert_stream syslog-0 '$2 !~ /:/ && $2 != "10.80.0.16" && $5 == 514 && !('"$odd)"
assert_stream shop-0 '$2 !~ /:/ && $5 == 8125'
assert_stream never-0 0
assert_eq "unrouted" "$(final .ledger.packets.unrouted)" \
	"$(awk -F'\t' '$5 != 514 && !($5 == 8125 && $2 !~ /:/)' "$T/expect.tsv" | wc -l)"
