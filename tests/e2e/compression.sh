#!/bin/bash
# lz4 and zstd batches read back with the lz4 and zstd programs, and are smaller.
. "$(dirname "$0")/lib.sh"

capture=$root/tests/data/quickstart.pcap
pcap_port "$capture"
expect_from "$capture"
declare -A bytes
for codec in none lz4 zstd; do
	rm -rf "$DATA"
	streams="  - {name: all, listen: {udp: any}, decoder: datagram, compression: $codec}"
	write_config
	run_until_idle
	assert_balanced
	assert_stream all-0 1
	assert_verified
	weir cat "$DATA" all --count 5 >/dev/null || fail "weir cat of $codec batches"
	bytes[$codec]=$(cat "$DATA"/all-0/*.log | wc -c)
done
[ "${bytes[lz4]}" -lt "${bytes[none]}" ] || fail "lz4 saves nothing: ${bytes[lz4]} of ${bytes[none]} bytes"
[ "${bytes[zstd]}" -lt "${bytes[lz4]}" ] || fail "zstd saves less than lz4: ${bytes[zstd]} and ${bytes[lz4]} bytes"
