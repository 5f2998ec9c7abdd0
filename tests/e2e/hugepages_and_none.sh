#!/bin/bash
# With hugepages where the machine has some, and without: both work, and the start says which.
. "$(dirname "$0")/lib.sh"

capture=$root/tests/data/quickstart.pcap
pcap_port "$capture"
expect_from "$capture"
try() { # on|off
	hugepages=$1
	rm -rf "$DATA"
	write_config
	: >"$T/run.log"
	run_until_idle
	assert_balanced
	assert_stream all-0 1
	assert_verified
	grep -qi hugepages "$T/run.log" || fail "with hugepages: $1 the start does not say what it uses"
}
try off
free=$(awk '/HugePages_Free/ {print $2}' /proc/meminfo)
if [ "$free" -lt 256 ] || ! grep -q hugetlbfs /proc/mounts; then
	skip "runs without hugepages; no 256 free ones here (or no hugetlbfs) to try with"
fi
try on
