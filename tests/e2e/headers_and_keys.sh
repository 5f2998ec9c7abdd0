#!/bin/bash
# Keys are the sender's address and port as text, or none; headers only where the config asks.
. "$(dirname "$0")/lib.sh"

capture=$root/tests/data/quickstart.pcap
pcap_port "$capture"
streams='  - {name: syslog, listen: {udp: 514}, decoder: datagram, headers: [src, dst, vlan, rx_ns]}
  - {name: statsd, listen: {udp: 8125}, decoder: datagram, key: none}
  - {name: rest, listen: {udp: any}, decoder: datagram}'
before=$(date +%s%3N)
run_until_idle
after=$(date +%s%3N)
assert_balanced
assert_verified
expect_from "$capture"

sender='($2 ~ /:/ ? "[" $2 "]" : $2) ":" $3'
target='($4 ~ /:/ ? "[" $4 "]" : $4) ":" $5'
awk -F'\t' '$5 == 514 {print '"$sender"' "\tsrc=" '"$sender"' ",dst=" '"$target"' ($6 == "-" ? "" : ",vlan=" $6)}' \
	"$T/expect.tsv" >"$T/want"
records "$DATA/syslog-0" >"$T/syslog.tsv"
awk -F'\t' '{sub(/,rx_ns=[0-9]+$/, "", $5); print $3 "\t" $5}' "$T/syslog.tsv" >"$T/got"
cmp -s "$T/want" "$T/got" || { diff "$T/want" "$T/got" >"$T/keys.log" || fail "keys or headers of syslog"; }
awk -F'\t' '$5 != 514 && $5 != 8125 {print '"$sender"'}' "$T/expect.tsv" >"$T/want"
records "$DATA/rest-0" | awk -F'\t' '{print $3 $5}' >"$T/got"
cmp -s "$T/want" "$T/got" || { diff "$T/want" "$T/got" >"$T/keys.log" || fail "keys of rest, or headers nobody asked for"; }
assert_eq "keys and headers of statsd" "$(records "$DATA/statsd-0" | awk -F'\t' '$3 != "" || $5 != ""' | wc -l)" 0

# Arrival is the host's clock, and rx_ns tells what milliseconds cannot.
wrong=$(awk -F'\t' -v a="$before" -v b="$after" '{
	match($5, /rx_ns=[0-9]+/); ms = substr($5, RSTART + 6, RLENGTH - 6 - 6)
	if ($2 < a || $2 > b || ms != $2) n++ } END {print n + 0}' "$T/syslog.tsv")
assert_eq "timestamps outside the run, or unlike rx_ns" "$wrong" 0
