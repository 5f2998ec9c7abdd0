#!/bin/bash
# Retention by size and by age: whole segments from the front, never the active one; log_start says where
# the log begins, and the files agree.
. "$(dirname "$0")/lib.sh"

"$python" "$here/pcaps.py" numbered "$T/n.pcap" 80000 --size 200 --ports 5000,5001,5002
pcap_port "$T/n.pcap"
lanes="{count: 1, idle: adaptive, slabs: 512}"
streams='  - {name: size, listen: {udp: 5000}, decoder: datagram, segment_size: 1MiB, batch_size: 64KiB, retention: {size: 3MiB}}
  - {name: age, listen: {udp: 5001}, decoder: datagram, segment_size: 1MiB, batch_size: 64KiB, retention: {age: 2s}}
  - {name: keep, listen: {udp: 5002}, decoder: datagram, segment_size: 1MiB, batch_size: 64KiB}'
start_weir
wait_until 20 "all packets are in" received_is 80000
settle
of() { status ".partitions[] | select(.stream == \"$1\") | .$2"; }
enough() { [ "$(of "$1" bytes)" -le "$2" ]; }
wait_until 60 "retention by size" enough size $((4 << 20))
wait_until 60 "retention by age" enough age $((1 << 20))
assert_ge "segments kept by size" "$(of size segments)" 2
assert_eq "segments kept by age" "$(of age segments)" 1
assert_eq "log start of keep" "$(of keep log_start)" 0
for stream in size age; do
	start=$(of $stream log_start)
	assert_ge "log start of $stream" "$start" 1000
	first=$(cd "$DATA/$stream-0" && find . -name '[0-9]*.log' | sort | head -n 1)
	wait_until 10 "the files of $stream begin at log_start" test "$((10#$(basename "$first" .log)))" -eq "$start"
done
stop_weir
assert_balanced
assert_verified
for stream in size age keep; do
	assert_eq "end of $stream" "$(verified ".partitions[] | select(.stream == \"$stream\") | .next_offset")" \
		"$(seq 0 79999 | awk -v k="$stream" 'BEGIN {m["size"] = 0; m["age"] = 1; m["keep"] = 2} $1 % 3 == m[k]' | wc -l)"
done
assert_eq "first kept record" "$(weir cat "$DATA" size --count 1 --format value | cut -c1-8)" \
	"$(printf %08d $(($(final '.partitions[] | select(.stream == "size") | .log_start') * 3)))"
