#!/bin/bash
# Decoder lines: events between newlines, many to a packet; trailing CR cut, empty lines skipped; a packet
# without any is undecodable.
. "$(dirname "$0")/lib.sh"

capture=$root/tests/data/quickstart.pcap
for text in 'one\ntwo\nthree' 'cr\r\nlf\n' '\n\n\nafter empty ones\n\n' '\n' '\r\n' 'no end' 'a\rb\n' ''; do
	printf '%b' "$text" | xxd -p | tr -d '\n'
	echo
done | "$python" "$here/pcaps.py" payloads "$T/lines.pcap" --port 8125
mergecap -a -F pcap -w "$T/all.pcap" "$capture" "$T/lines.pcap"
pcap_port "$T/all.pcap"
streams='  - {name: metrics, listen: {udp: 8125}, decoder: lines}'
run_until_idle
assert_balanced
assert_verified

expect_from "$T/all.pcap"
awk -F'\t' '$5 == 8125 {print $7}' "$T/expect.tsv" | "$python" -c '
import sys
for packet in sys.stdin:
    for line in bytes.fromhex(packet.strip()).split(b"\n"):
        line = line[:-1] if line.endswith(b"\r") else line
        if line:
            print(line.hex())' >"$T/want.hex"
assert_values "$DATA/metrics-0" "$T/want.hex"
assert_eq "events stored" "$(final .ledger.events.stored)" "$(wc -l <"$T/want.hex")"
assert_eq "packets without an event" "$(final '.ledger.packets.causes["undecodable.no_event"]')" 3
[ "$(final .ledger.events.stored)" -gt "$(final .ledger.packets.stored)" ] || fail "no packet held several events"
