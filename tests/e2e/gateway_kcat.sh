#!/bin/bash
# kcat, as Debian packages it, reads what Weir wrote: metadata, from the beginning, from an offset, from a time,
# offsets for times, while Weir writes, and over the directory alone; each value is the capture's, byte for byte.
# timeout: 150
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/gateway_lib.sh"
command -v kcat >/dev/null || skip "no kcat"

kc() { timeout $((30 * patience)) kcat -b "$broker" "$@" 2>>"$T/kcat.log"; }
# Values as lines of hex: each comes with its length in front (%R).
values() { # KCAT OPTIONS...
	kc -C -q "$@" -f '%R%s' | "$python" -c '
import struct, sys
data, at = sys.stdin.buffer.read(), 0
while at < len(data):
    size, = struct.unpack_from(">i", data, at)
    print(data[at + 4:at + 4 + size].hex())
    at += 4 + size'
}
assert_same() { # WHAT WANT_FILE GOT_FILE
	cmp -s "$2" "$3" || fail "$1: $(wc -l <"$2") values expected, $(wc -l <"$3") found; $(diff "$2" "$3" | head -n 2 | cut -c1-100)"
}
want_of() { # AWK_CONDITION
	awk -F'\t' "$1"' {print $7}' "$T/expect.tsv" >"$T/want.hex"
}
offset_at() { kc -Q -t "$1:0:$2" | sed -n 's/.* offset \(-\?[0-9]*\).*/\1/p'; } # TOPIC TIMESTAMP

# --- a capture, read back with the dataplane gone and its state block there ---------------------
capture=$root/tests/data/quickstart.pcap
streams='  - {name: logs, listen: {udp: 514}, decoder: datagram, batch_size: 4KiB}
  - {name: packed, listen: {udp: 8125}, decoder: datagram, compression: lz4}
  - {name: rest, listen: {udp: any}, decoder: datagram, segment_size: 1MiB}'
pcap_port "$capture"
run_until_idle
assert_balanced
expect_from "$capture"
start_gateway --run-dir "$RUN"

kc -L -J >"$T/list.json" || fail "kcat -L"
assert_eq "brokers" "$(jq -r '.brokers | map(.name) | join(",")' "$T/list.json")" "$broker"
assert_eq "topics" "$(jq -r '.topics | map(.topic) | sort | join(",")' "$T/list.json")" logs,packed,rest
assert_eq "partitions" "$(jq '[.topics[].partitions[] | select(.leader == 1)] | length' "$T/list.json")" 3
kc -L -t nowhere | grep -q 'Unknown topic' || fail "a topic that is not there"

check_all() {
	local topic condition
	while read -r topic condition; do
		want_of "$condition"
		[ -s "$T/want.hex" ] || fail "no packets of $topic in the capture"
		values -t "$topic" -o beginning -e >"$T/got.hex" || fail "kcat -C $topic"
		assert_same "$topic" "$T/want.hex" "$T/got.hex"
	done <<-'END'
		logs $5 == 514
		packed $5 == 8125
		rest $5 != 514 && $5 != 8125
	END
}
check_all
want_of '$5 == 514'
count=$(wc -l <"$T/want.hex")

# From an offset: also one in the middle of a batch, the last, the end, and beyond it.
for offset in 1 $((count / 2)) $((count - 1)) "$count"; do
	values -t logs -p 0 -o "$offset" -e >"$T/got.hex"
	tail -n +$((offset + 1)) "$T/want.hex" >"$T/part.hex"
	assert_same "from offset $offset" "$T/part.hex" "$T/got.hex"
done
values -t logs -p 0 -o -7 -e >"$T/got.hex"
tail -n 7 "$T/want.hex" >"$T/part.hex"
assert_same "the last seven" "$T/part.hex" "$T/got.hex"
values -t logs -p 0 -o $((count + 5)) -e -X auto.offset.reset=earliest >"$T/got.hex"
assert_same "beyond the end, reset to the beginning" "$T/want.hex" "$T/got.hex"
# However small the client's limits: one batch at least.
values -t logs -p 0 -o beginning -e -X fetch.message.max.bytes=1 >"$T/got.hex"
assert_same "one batch at a time" "$T/want.hex" "$T/got.hex"

# By time: what weir cat says of timestamps and keys.
weir cat "$DATA" logs | jq -r '"\(.offset) \(.timestamp) \(.key)"' >"$T/cat.txt"
kc -C -q -t logs -p 0 -o beginning -e -f '%o %T %k\n' >"$T/got.txt"
cmp -s "$T/cat.txt" "$T/got.txt" || fail "offsets, timestamps or keys: $(diff "$T/cat.txt" "$T/got.txt" | head -n 2)"
for line in 1 $((count / 2)) "$count"; do
	time=$(sed -n "${line}p" "$T/cat.txt" | cut -d' ' -f2)
	first=$(awk -v t="$time" '$2 >= t {print $1; exit}' "$T/cat.txt")
	assert_eq "offset for time $time" "$(offset_at logs "$time")" "$first"
	values -t logs -p 0 -o "s@$time" -e >"$T/got.hex"
	tail -n +$((first + 1)) "$T/want.hex" >"$T/part.hex"
	assert_same "from time $time" "$T/part.hex" "$T/got.hex"
done
assert_eq "offset for the earliest" "$(offset_at logs -2)" 0
assert_eq "offset for the latest" "$(offset_at logs -1)" "$count"
# kcat takes the end for a time that is still to come.
assert_eq "offset for a time to come" "$(offset_at logs 32503680000000)" -1

# Writing is refused, and said so.
if echo no | kc -P -t logs -p 0 -X message.timeout.ms=5000 2>"$T/produce.log"; then
	fail "the gateway took a record"
fi
grep -qi 'policy' "$T/kcat.log" "$T/produce.log" || fail "no word about the policy: $(tail -n 2 "$T/kcat.log")"
stop_gateway

# --- over the directory alone -------------------------------------------------------------------
start_gateway --data "$DATA"
check_all
stop_gateway
rm -f "$(state_block)"
start_gateway --data "$DATA"
check_all
want_of '$5 == 514'
assert_eq "the latest, from the directory" "$(offset_at logs -1)" "$count"

# --- the tail of a log that is written, by a gateway that was there before it ---------------------
stop_gateway
make_wire
rm -rf "$DATA"
rm -f "$CONFIG"
ports=
streams='  - {name: live, listen: {udp: any}, decoder: datagram, segment_size: 1MiB, batch_size: 16KiB}'
port "$af_packet"
start_weir "${in_rx[@]}"
start_gateway --run-dir "$RUN"
kc -C -q -u -t live -p 0 -o beginning -c 12000 -f '%R%s' >"$T/live.raw" &
reader=$!
pids+=("$reader")
kc -C -q -u -t live -p 0 -o end -c 12000 -X fetch.wait.max.ms=5000 -f '%o\n' >"$T/live.offsets" &
second=$!
pids+=("$second")
sleep 1
send_numbered 12000 4000 --first 0
wait_until 60 "the reader has them all" gone "$reader"
wait_until 10 "the reader at the end too" gone "$second"
settle
stop_weir
[ "$(kernel_dropped)" -eq 0 ] || skip "the machine is too busy: packets never reached us"
records "$DATA/live-0" --format hex | head -n 12000 >"$T/want.hex"
"$python" -c '
import struct, sys
data, at = open(sys.argv[1], "rb").read(), 0
while at < len(data):
    size, = struct.unpack_from(">i", data, at)
    print(data[at + 4:at + 4 + size].hex())
    at += 4 + size' "$T/live.raw" >"$T/got.hex"
assert_same "the tail" "$T/want.hex" "$T/got.hex"
seq 0 11999 | cmp -s - "$T/live.offsets" || fail "offsets at the tail: $(wc -l <"$T/live.offsets") of them"
assert_ge "segments written meanwhile" "$(find "$DATA/live-0" -name '*.log' | wc -l)" 2
values -t live -o beginning -e >"$T/got.hex"
records "$DATA/live-0" --format hex >"$T/want.hex"
assert_same "all segments" "$T/want.hex" "$T/got.hex"
stop_gateway
