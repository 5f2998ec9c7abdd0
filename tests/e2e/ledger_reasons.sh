#!/bin/bash
# One packet and more for each reason to drop that bytes can show: each is counted under its name.
. "$(dirname "$0")/lib.sh"

"$python" "$here/pcaps.py" reasons "$T/reasons.pcap" | sort >"$T/want"
pcap_port "$T/reasons.pcap"
streams='  - {name: good, listen: {udp: 5000}, decoder: datagram}'
run_until_idle
assert_balanced
jq -r '.ledger.packets | (.causes | to_entries[]), (to_entries[] | select(.key | IN("stored", "unrouted", "joined",
	"protocol", "filtered", "sampled_out", "not_allowed", "to_kernel", "answered", "duplicate", "lost_in_crash"))
	| .key += ".none") | select(.value > 0) | "\(.key) \(.value)"' "$T/final.json" | sort >"$T/got"
diff "$T/want" "$T/got" >"$T/ledger.log" || fail "the reasons counted differ from those in the capture"
assert_eq "value" "$(records "$DATA/good-0" --format hex | sort -u)" "$(printf good | xxd -p)"
assert_verified
