#!/bin/bash
# A byte of one partition cannot be read (EIO): one answer breaks, then a Fetch of this and another partition is answered, the
# other one's records come, this one's as far as they can be read, then error 56; the log says so once. When the disk can read
# it again, the rest comes by itself.
# timeout: 120
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/gateway_lib.sh"

"$python" "$here/pcaps.py" numbered "$T/n.pcap" 3000 --size 1400 --ports 5000
pcap_port "$T/n.pcap"
segment_size=64MiB
streams='  - {name: live, listen: {udp: any}, decoder: datagram}'
run_until_idle
# The same records as another topic.
cp -r "$DATA/live-0" "$DATA/other-0"
rm "$DATA/other-0/partition.metadata"

echo "/live-0/00000000000000000000.log 2000000" >"$T/bad"
mount_disk 0 "$T/bad"
start_gateway --data "$T/disk" --groups "$T/groups"

# Fetches of both from two offsets on, until other's end and SECONDS more are over, or live's end: prints where it stands in
# both, how often its connection closed, and live's last error.
fetch_both() { # LIVE OTHER SECONDS
	"$python" - "$here" "${broker##*:}" "$@" <<'END'
import struct, sys, time
sys.path.insert(0, sys.argv[1])
import gateway_wire
gateway_wire.port = int(sys.argv[2])
at, errors, closed = {b"live": int(sys.argv[3]), b"other": int(sys.argv[4])}, {}, 0
s, until = gateway_wire.connect(), None

def request():
    body = struct.pack(">iiiibi", -1, 100, 1, 50 << 20, 0, 2)
    for name, offset in at.items():
        body += struct.pack(">h", len(name)) + name + struct.pack(">iiqqi", 1, 0, offset, -1, 1 << 20)
    return gateway_wire.frame(1, 6, body)

while at[b"live"] < 3000:
    now = time.monotonic()
    if until is None and at[b"other"] == 3000:
        until = now + float(sys.argv[5])
    if until is not None and now >= until:
        break
    s.sendall(request())
    got = gateway_wire.read_answer(s)
    if got is None:
        closed += 1
        if closed > 20:
            sys.exit(f"the connection closes again and again, at {at}")
        time.sleep(0.05)
        s = gateway_wire.connect()
        continue
    p = 4 + 4 + 4 + 4
    for _ in range(2):
        n = struct.unpack_from(">h", got, p)[0]
        name = got[p + 2:p + 2 + n]
        p += 2 + n + 4 + 4
        errors[name], p = struct.unpack_from(">h", got, p)[0], p + 2 + 24
        aborted, length = struct.unpack_from(">ii", got, p)
        p += 8
        end = p + length
        while p < end:
            base, size = struct.unpack_from(">qi", got, p)
            assert base == at[name], f"{name}: offset {base} instead of {at[name]}"
            at[name] = base + struct.unpack_from(">i", got, p + 23)[0] + 1
            p += 12 + size
        assert p == end
    time.sleep(0.05)
print(at[b"live"], at[b"other"], closed, errors[b"live"])
END
}

read -r live other closed error < <(fetch_both 0 0 2) || fail "the reader failed"
note "read up to $live of live, $other of other; the connection closed $closed times; error $error"
assert_eq "records of the other partition" "$other" 3000
assert_eq "connections closed" "$closed" 1
assert_eq "the error" "$error" 56
assert_ge "records in front of it" "$live" 1
[ "$live" -lt 3000 ] || fail "live was read to its end"
assert_eq "lines in the log" "$(grep -c 'cannot be read' "$T/gateway.log")" 1
grep -q 'live-0/00000000000000000000.log cannot be read at byte [0-9]*: Input/output error' "$T/gateway.log" ||
	fail "the log says something else: $(cat "$T/gateway.log")"

# Tried again, in vain, it is as before.
read -r again other closed error < <(fetch_both "$live" 0 12) || fail "the reader failed"
assert_eq "where live ends" "$again" "$live"
assert_eq "connections closed" "$closed" 0

rm "$T/bad"
read -r live other closed error < <(fetch_both "$live" 0 30) || fail "the reader failed"
assert_eq "records of the partition whose disk is well again" "$live" 3000
assert_eq "connections closed" "$closed" 0
