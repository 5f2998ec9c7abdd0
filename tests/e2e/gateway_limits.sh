#!/bin/bash
# Clients that misbehave: half requests, lengths that lie, requests that nobody knows, a thousand and more
# connections, one that never reads what it asked for. Others are served as before, and memory stays bounded.
# timeout: 150
. "$(dirname "$0")/lib.sh"
command -v kcat >/dev/null || skip "no kcat"

"$python" "$here/pcaps.py" numbered "$T/n.pcap" 30000 --size 400 --ports 5000
pcap_port "$T/n.pcap"
streams='  - {name: bulk, listen: {udp: any}, decoder: datagram, segment_size: 4MiB, batch_size: 64KiB}'
run_until_idle
assert_balanced
records "$DATA/bulk-0" --format hex >"$T/want.hex"

ulimit -n 8192 2>/dev/null || skip "cannot have enough descriptors"
"$build/gateway/weir-gateway" --run-dir "$RUN" --listen 127.0.0.1:0 2>"$T/gateway.log" &
gateway_pid=$!
pids+=("$gateway_pid")
wait_until 10 "the gateway listens" grep -q 'listens on' "$T/gateway.log"
broker=$(sed -n 's/^weir-gateway: listens on \([^,]*\),.*/\1/p' "$T/gateway.log")

clients_ready() { [ -e "$T/ready" ] || ! kill -0 "$clients" 2>/dev/null; }
few_descriptors() { [ "$(find "/proc/$gateway_pid/fd" | wc -l)" -lt 30 ]; }
background "$python" "$here/gateway_clients.py" "${broker##*:}" "$T/ready"
clients=$last_pid
wait_until 60 "the clients do what they do" clients_ready
kill -0 "$clients" 2>/dev/null || fail "gateway_clients.py: $(tail -n 3 "$T/background.log")"
# With a slow reader and hundreds of waiting Fetches beside it.
timeout $((30 * patience)) kcat -b "$broker" -C -q -t bulk -p 0 -o beginning -e -f '%s\n' 2>>"$T/kcat.log" >"$T/got" ||
	fail "kcat beside the others"
cut -c1-8 "$T/got" >"$T/got.numbers"
numbers bulk-0 | cmp -s - "$T/got.numbers" || fail "records beside the others: $(wc -l <"$T/got") of $(wc -l <"$T/want.hex")"
resident=$(awk '/VmRSS/ {print $2}' "/proc/$gateway_pid/status")
note "$resident KiB resident"
if [ "$(nm "$build/gateway/weir-gateway" 2>/dev/null | grep -c __asan_init)" -eq 0 ]; then
	[ "$resident" -lt 100000 ] || fail "the gateway takes $resident KiB"
fi
# They wait, they do not poll: processor time of two seconds, in hundredths.
ticks() { awk '{print $14 + $15}' "/proc/$gateway_pid/stat"; }
before=$(ticks)
sleep 2
used=$(($(ticks) - before))
note "$used of 200 ticks with 500 Fetches waiting"
[ "$used" -lt $((60 * patience)) ] || fail "the gateway uses $used of 200 ticks while all wait"
kill -TERM "$clients"
wait_until 10 "the clients end" gone "$clients"
kill -0 "$gateway_pid" || fail "the gateway died"
timeout $((30 * patience)) kcat -b "$broker" -Q -t bulk:0:-1 >/dev/null 2>>"$T/kcat.log" || fail "kcat afterwards"
wait_until 10 "its descriptors are back" few_descriptors
# What an answer is made of is not written over before the client has read it, and asks for more: until then its file is
# locked, which the dataplane respects.
"$python" - "$here" "${broker##*:}" "$DATA/bulk-0/00000000000000000000.log" <<'END' || fail "files of answers that nobody has read"
import fcntl, struct, sys, time
sys.path.insert(0, sys.argv[1])
import gateway_wire
gateway_wire.port = int(sys.argv[2])
def fetch(offset):
    return gateway_wire.frame(1, 4, struct.pack(">iiiibih", -1, 5000, 1, 20000, 0, 1, 4) + b"bulk" +
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
s.sendall(fetch(0))
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
s.sendall(fetch(0))
time.sleep(0.5)
s.close()
for _ in range(100):
    if not is_held():
        break
    time.sleep(0.05)
else:
    sys.exit("held, and the client is gone")
END
kill -TERM "$gateway_pid"
code=0
wait "$gateway_pid" || code=$?
assert_eq "the gateway's exit status" "$code" 0
