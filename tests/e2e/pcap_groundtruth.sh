#!/bin/bash
# All captures at hand: those in tests/data, and the collection beside the checkout if there is one
# (WEIR_CAPTURES): the values in the log are those that tshark extracts, which are those of the collection's
# own lists. Captures of malformed packets are only counted: no crash, and the ledger balances.
# timeout: 240
. "$(dirname "$0")/lib.sh"

captures=${WEIR_CAPTURES:-$root/../shared/captures}
well=() bad=()
if [ -f "$captures/MANIFEST.tsv" ]; then
	mapfile -t well < <(awk -F'\t' 'NR > 1 && $6 ~ /EN10MB/ && $16 !~ /malformed or cut/ {print $1}' "$captures/MANIFEST.tsv")
	mapfile -t bad < <(awk -F'\t' 'NR > 1 && ($6 !~ /EN10MB/ || $16 ~ /malformed or cut/) {print $1}' "$captures/MANIFEST.tsv")
fi
lanes="{count: 1, idle: adaptive, slabs: 256}"
storage_more=", prepare: 0"

# One run over all of them, one behind the other.
(cd "$captures" 2>/dev/null && mergecap -a -F pcap -w "$T/well.pcap" "${well[@]}" "$root"/tests/data/*.pcap) ||
	mergecap -a -F pcap -w "$T/well.pcap" "$root"/tests/data/*.pcap
pcap_port "$T/well.pcap"
run_until_idle
assert_balanced
assert_eq "packets received" "$(final .ledger.packets.received)" "$(packets_in "$T/well.pcap")"
assert_eq "packets shed" "$(final .ledger.packets.shed)" 0
expect_from "$T/well.pcap"
assert_stream all-0 1
assert_verified
for file in "$root"/tests/data/*.pcap; do packets=$((${packets:-0} + $(packets_in "$file"))); done
[ ${#well[@]} -gt 0 ] || skip "only the captures of tests/data, which are right: no collection at $captures (WEIR_CAPTURES)"

total=$(packets_in "$T/well.pcap")
awk -F'\t' -v last=$((total - packets)) '$1 <= last' "$T/expect.tsv" >"$T/collection.tsv"
"$python" "$here/groundtruth.py" "$T/collection.tsv" "$captures" "${well[@]}" >"$T/groundtruth.log" 2>&1 ||
	fail "$(tail -n 1 "$T/groundtruth.log")"
note "$(cat "$T/groundtruth.log")"

for file in "${bad[@]}"; do
	editcap -F pcap -T ether "$captures/$file" "$T/bad-$(basename "$file")"
done
mergecap -a -F pcap -w "$T/bad.pcap" "$T"/bad-*.pcap
rm -rf "$DATA"
ports=
pcap_port "$T/bad.pcap"
write_config
run_until_idle
assert_balanced
assert_eq "bad packets received" "$(final .ledger.packets.received)" "$(packets_in "$T/bad.pcap")"
assert_verified
