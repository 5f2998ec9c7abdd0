#!/bin/bash
# kcat reads at the tail, and from the beginning as slowly as its pipe lets it, while Weir writes as fast as it
# can, rolls, retires segments and uses their files again: whatever comes is the record of that offset.
# timeout: 150
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/gateway_lib.sh"
command -v kcat >/dev/null || skip "no kcat"

"$python" "$here/pcaps.py" numbered "$T/n.pcap" 2000 --size 200 --ports 5000,5001
pcap_port "$T/n.pcap,infinite_rx=1"
lanes="{count: 1, idle: adaptive}"
streams='  - {name: plain, listen: {udp: 5000}, segment_size: 8MiB, batch_size: 64KiB, retention: {size: 768MiB}}
  - {name: packed, listen: {udp: 5001}, segment_size: 2MiB, batch_size: 64KiB, compression: lz4, retention: {size: 64MiB}}'
start_weir
wait_until 20 "packets come in" received_is 10000
start_gateway --run-dir "$RUN"
rolled() { status '[.partitions[] | .log_start > 0] | all' | grep -q true; }
wait_until 60 "retention takes segments from both" rolled

read_on() { # TOPIC WHERE COUNT OUT [SLOW_BYTES_PER_SECOND]
	# Small queues in the client, so that it waits in our socket and not in its memory.
	timeout $((50 * patience)) kcat -b "$broker" -C -q -u -t "$1" -p 0 -o "$2" -c "$3" -X auto.offset.reset=latest \
		-X queued.min.messages=1000 -X queued.max.messages.kbytes=128 -X check.crcs=true -f '%o %S %s\n' 2>>"$T/kcat.log" |
		if [ -n "${5:-}" ]; then "$python" -c '
import sys, time
while True:
    part = sys.stdin.buffer.read(int(sys.argv[1]) // 20)
    if not part:
        break
    sys.stdout.buffer.write(part)
    time.sleep(0.05)' "$5"; else cat; fi >"$4"
}
# The capture goes round and round, and packets may be shed, so a number does not follow from its offset; but it
# is the stream's own, sizes are right, CRCs are (check.crcs), and offsets follow each other but where a reader was
# overtaken by retention and began anew.
assert_right() { # FILE ODD LEAST
	awk -v odd="$2" '
		NR > 1 && $1 <= offset { print "offset " $1 " after " offset; exit 1 }
		NR > 1 && $1 != offset + 1 { jumps++ }
		{ offset = $1 }
		substr($3, 1, 8) % 2 != odd || $2 != 200 { print "offset " $1 " holds " substr($3, 1, 8) ", " $2 " bytes"; exit 1 }
		END { print jumps + 0 " jumps over retired segments in " NR " records"; exit jumps > 60 }' "$1" || fail "${1##*/}: wrong records"
	assert_ge "records in ${1##*/}" "$(wc -l <"$1")" "$3"
}
read_on plain end 200000 "$T/plain.tail" &
readers=("$!")
read_on packed end 200000 "$T/packed.tail" &
readers+=("$!")
read_on plain beginning 40000 "$T/plain.slow" 2000000 &
readers+=("$!")
read_on packed beginning 40000 "$T/packed.slow" 2000000 &
readers+=("$!")
for reader in "${readers[@]}"; do wait "$reader" || fail "a reader ended with an error: $(tail -n 1 "$T/kcat.log")"; done
assert_right "$T/plain.tail" 0 200000
assert_right "$T/packed.tail" 1 200000
assert_right "$T/plain.slow" 0 40000
assert_right "$T/packed.slow" 1 40000

# The largest timestamp, times and the ends, beside the writer.
for t in -1 -2 1 $(($(date +%s) * 1000 - 1000)); do
	kcat -b "$broker" -Q -t "plain:0:$t" -t "packed:0:$t" >>"$T/times" 2>>"$T/kcat.log" </dev/null || fail "kcat -Q $t"
done
kill -0 "$gateway_pid" || fail "the gateway died"
stop_weir

# Where retention stopped is where the log starts, for clients too; and in front of it is out of range.
for stream in plain packed; do
	read -r start end < <(final ".partitions[] | select(.stream == \"$stream\") | \"\(.log_start) \(.visible_end)\"")
	assert_ge "the log start of $stream" "$start" 1
	for pair in "-2 $start" "-1 $end"; do
		kcat -b "$broker" -Q -t "$stream:0:${pair% *}" >"$T/end" 2>>"$T/kcat.log" || fail "kcat -Q $pair"
		assert_eq "offset of ${pair% *} in $stream" "$(cat "$T/end")" "$stream [0] offset ${pair#* }"
	done
	for pair in "$start 0" "$((start - 1)) 1" "$end 0" "$((end + 1)) 1"; do
		assert_eq "error of a Fetch of $stream at ${pair% *}, log from $start to $end" \
			"$("$python" - "$here" "${broker##*:}" $stream "${pair% *}" <<'END'
import struct, sys
sys.path.insert(0, sys.argv[1])
import gateway_wire
gateway_wire.port, topic = int(sys.argv[2]), sys.argv[3].encode()
s = gateway_wire.connect()
s.sendall(gateway_wire.frame(1, 5, struct.pack(">iiiibih", -1, 0, 1, 20000, 0, 1, len(topic)) + topic +
                             struct.pack(">iiqqi", 1, 0, int(sys.argv[4]), -1, 20000)))
answer = gateway_wire.read_answer(s)
print(struct.unpack_from(">h", answer, 4 + 4 + 4 + 4 + 2 + len(topic) + 4 + 4)[0])
END
			)" "${pair#* }"
	done
done

# --- nobody writes now ----------------------------------------------------------------------------
# What an answer is made of is not written over before the client has read it, and asks for more: until then its file is
# locked, which the dataplane respects.
oldest=$(find "$DATA/plain-0" -name '*.log' | sort | sed -n 1p)
"$python" - "$here" "${broker##*:}" "$oldest" <<'END' || fail "files of answers that nobody has read"
import fcntl, struct, sys, time
sys.path.insert(0, sys.argv[1])
import gateway_wire
gateway_wire.port = int(sys.argv[2])
base = int(sys.argv[3].rsplit("/", 1)[1].split(".")[0])
def fetch(offset):
    return gateway_wire.frame(1, 4, struct.pack(">iiiibih", -1, 5000, 1, 20000, 0, 1, 5) + b"plain" +
                              struct.pack(">iiqi", 1, 0, offset, 20000))
def is_held():
    with open(sys.argv[3]) as log:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
if is_held():
    sys.exit("held, and nobody reads it")
s = gateway_wire.connect()
s.sendall(fetch(base))
time.sleep(1.5)
if not is_held():
    sys.exit("not held, and the client has not read its answer")
answer = gateway_wire.read_answer(s)
if not is_held():
    sys.exit("not held, and nobody knows yet that the client has read its answer")
s.sendall(fetch(1 << 40))
gateway_wire.read_answer(s)
if is_held():
    sys.exit("held, and the client asked for more")
s.sendall(fetch(base))
time.sleep(0.5)
s.close()
for _ in range(100):
    if not is_held():
        break
    time.sleep(0.05)
else:
    sys.exit("held, and the client is gone")
END
stop_gateway
