#!/bin/bash
# Readers that read what is on a slow disk, or ask for times, do not keep the others from being served: they wait for one read
# at most, half a second here, by which the gateway finds out; then another thread reads, indexes too, and nobody waits.
# timeout: 150
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/gateway_lib.sh"
command -v kcat >/dev/null || skip "no kcat"

"$python" "$here/pcaps.py" numbered "$T/n.pcap" 3000 --size 1400 --ports 5000
pcap_port "$T/n.pcap"
segment_size=64MiB
streams='  - {name: live, listen: {udp: any}, decoder: datagram}'
run_until_idle

mount_disk 500
start_gateway --data "$T/disk" --groups "$T/groups"

# Another client asks as fast as it is answered, as long as a process lives. The longest wait, in ms:
longest_beside() { # PID
	"$python" - "$here" "${broker##*:}" "$1" <<'END'
import os, sys, time
sys.path.insert(0, sys.argv[1])
import gateway_wire
gateway_wire.port = int(sys.argv[2])
s, longest = gateway_wire.connect(), 0
def lives():
    try:
        return open(f"/proc/{sys.argv[3]}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
while lives():
    start = time.monotonic()
    s.sendall(gateway_wire.frame(18, 0, b""))
    if gateway_wire.read_answer(s) is None:
        sys.exit("closed")
    longest = max(longest, time.monotonic() - start)
    time.sleep(0.005)
print(int(longest * 1000))
END
}

reads=$(cat "$T/reads" 2>/dev/null || echo 0)
read_from() { # OFFSET
	kcat -b "$broker" -C -q -t live -p 0 -o "$1" -e -f '%o %s\n' >"$T/got" 2>>"$T/kcat.log" &
	reader=$!
	pids+=("$reader")
	longest=$(longest_beside "$reader")
	wait "$reader" || fail "kcat: exit status $?"
	reads_before=$reads
	reads=$(cat "$T/reads")
	note "from offset $1: $((reads - reads_before)) reads of the disk of 500 ms each, another client waited for $longest ms at most"
}

# Nobody knows yet how slow it is: one read is waited for, a piece of a segment or a head of a batch.
read_from 2500
awk '{print $1}' "$T/got" | cmp -s - <(seq 2500 2999) || fail "the reader from the middle got something else"
assert_ge "reads of the disk" $((reads - reads_before)) 2
[ "$longest" -lt $((500 + 500 * patience)) ] || fail "another client waited for $longest ms: for more than one read"
# Which offset belongs to a time: the other thread looks, and nothing of it is read in place.
reads_before=$reads
records "$DATA/live-0" | sed -n '2000p' >"$T/at"
kcat -b "$broker" -Q -t "live:0:$(cut -f2 "$T/at")" >"$T/time" 2>>"$T/kcat.log" &
reader=$!
pids+=("$reader")
longest=$(longest_beside "$reader")
wait "$reader" || fail "kcat -Q: exit status $?"
first=$(records "$DATA/live-0" | awk -v t="$(cut -f2 "$T/at")" '$2 >= t {print $1; exit}')
assert_eq "the offset of a time" "$(grep -o 'offset [0-9]*' "$T/time")" "offset $first"
reads=$(cat "$T/reads")
note "another client waited for $longest ms at most beside a look-up of $((reads - reads_before)) reads"
assert_ge "reads of the disk for a time" $((reads - reads_before)) 2
[ "$longest" -lt $((300 * patience)) ] || fail "another client waited for $longest ms beside a look-up of a time"

# How slow the disk is stays known while the other thread has to wait for it.
read_from 0
awk '{print $2}' "$T/got" | cut -c1-8 >"$T/got.numbers"
numbers live-0 | cmp -s - "$T/got.numbers" || fail "the reader got something else"
assert_ge "reads of the disk" $((reads - reads_before)) 10
[ "$longest" -lt $((300 * patience)) ] || fail "another client waited for $longest ms, for a disk that is known to be slow"
