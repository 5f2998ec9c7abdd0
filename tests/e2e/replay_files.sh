#!/bin/bash
# weir replay into a capture file: what is sent is what was captured, in its order, however it is read, timed and
# changed; tshark finds every checksum right that was.
. "$(dirname "$0")/lib.sh"

capture=$root/tests/data/quickstart.pcap
out=$T/out.pcap
replay() { # CAPTURE... OPTIONS: the report is $T/replay.json
	timeout $((60 * patience)) "$build/control/weir" replay "$@" --to "net_pcap0,tx_pcap=$out" --json >"$T/replay.json" \
		2>>"$T/replay.log" || fail "weir replay $*: exit status $?"
}
sent() { jq -r "$1" "$T/replay.json"; }
frames() { "$python" "$here/pcaps.py" frames "$@"; } # hex lines
assert_frames() { # WHAT
	frames "$out" >"$T/got.frames"
	cmp -s "$T/want.frames" "$T/got.frames" || fail "$1: other frames ($(wc -l <"$T/want.frames") wanted, $(wc -l <"$T/got.frames") sent)"
}
# How many packets have a wrong checksum (0), or right ones (1).
checksums() { # STATUS CAPTURE
	tshark -n -r "$2" -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE -Y "udp.checksum.status == $1 || ip.checksum.status == $1" 2>/dev/null | wc -l
}

frames "$capture" >"$T/want.frames"
replay "$capture" --topspeed
assert_frames "at top speed"
assert_eq "packets" "$(sent .sent.packets)" "$(packets_in "$capture")"
replay "$capture" --speed 30
assert_frames "by captured gaps"
# 24.6 s of capture: never faster than that, and a busy machine may be slower.
jq -e '.sent.seconds > 0.8 and .pace.gap_error_ns.p50 >= 0 and .pace.kind == "captured"' "$T/replay.json" >/dev/null ||
	fail "by captured gaps: $(jq -c . "$T/replay.json")"
replay "$capture" --rate 4Mbps
jq -e '.sent | .bits_per_second < 4080000' "$T/replay.json" >/dev/null || fail "4 Mbps: $(jq -c .sent "$T/replay.json")"

# Twice from memory, twice from disk, as pcapng, and as two files that are merged.
frames "$capture" "$capture" >"$T/want.frames"
replay "$capture" --topspeed --loop 2
assert_frames "twice"
replay "$capture" --topspeed --loop 2 --memory 100KiB
assert_frames "twice from disk"
assert_eq "from disk" "$(sent .captures.in_memory)" false
editcap -F pcapng "$capture" "$T/quickstart.pcapng"
replay "$T/quickstart.pcapng" --topspeed --loop 2
assert_frames "pcapng"
"$python" "$here/pcaps.py" split "$capture" 2 "$T/part"
# (Of packets that were captured at the same time, those of the first file come first.)
frames "$capture" | sort >"$T/want.frames"
replay "$T/part0.pcap" "$T/part1.pcap" --topspeed
frames "$out" | sort >"$T/got.frames"
cmp -s "$T/want.frames" "$T/got.frames" || fail "two files: other frames"
assert_eq "captured time runs backwards" "$(sent .captures.backwards)" 0

# Two queues: each sender stays in order on one. (The driver takes one file for each.)
timeout 60 "$build/control/weir" replay "$capture" --queues 2 --topspeed --to "net_pcap0,tx_pcap=$T/q0.pcap,tx_pcap=$T/q1.pcap" \
	--json >"$T/replay.json" 2>>"$T/replay.log" || fail "two queues: exit status $?"
assert_ge "packets of queue 0" "$(packets_in "$T/q0.pcap")" 1
assert_ge "packets of queue 1" "$(packets_in "$T/q1.pcap")" 1
senders() { tshark -n -r "$1" -T fields -e ip.src -e ipv6.src | sort -u; }
assert_eq "senders that are on both queues" "$(comm -12 <(senders "$T/q0.pcap") <(senders "$T/q1.pcap") | grep -c . || true)" 0
frames "$T/q0.pcap" "$T/q1.pcap" | sort >"$T/got.frames"
cmp -s "$T/want.frames" "$T/got.frames" || fail "two queues: other frames"

# Other link types carry the same datagrams (but for those with a VLAN tag, which have no place there).
expect_from "$capture"
awk -F'\t' '$6 == "-"' "$T/expect.tsv" | cut -f2-5,7 >"$T/want.tsv"
for type in rawip linux-sll linux-sll2 null; do
	"$python" "$here/pcaps.py" relink "$capture" "$T/$type.pcap" "$type"
	replay "$T/$type.pcap" --topspeed
	expect_from "$out"
	cut -f2-5,7 "$T/expect.tsv" | cmp -s - "$T/want.tsv" || fail "$type: other datagrams"
done

# Changed on the way: right checksums stay right.
good=$(checksums 1 "$capture") bad=$(checksums 0 "$capture")
assert_ge "packets with a right checksum in the capture" "$good" 2000
replay "$capture" --topspeed --rewrite-dst 198.51.100.7:5140 --rewrite-mac 02:00:00:00:00:99 --spread-sources 100 --stamp --loop 2
assert_eq "wrong checksums" "$(checksums 0 "$out")" $((bad * 2))
assert_eq "right checksums" "$(checksums 1 "$out")" $((good * 2))
assert_eq "other destinations of IPv4" "$(tshark -n -r "$out" -Y 'ip && !(ip.dst == 198.51.100.7)' | wc -l)" 0
assert_eq "other ports" "$(tshark -n -r "$out" -Y 'ip && udp && !icmp && !(udp.dstport == 5140)' | wc -l)" 0
assert_eq "other frames' destinations" "$(tshark -n -r "$out" -Y 'eth && !(eth.dst == 02:00:00:00:00:99)' | wc -l)" 0
assert_eq "senders" "$(tshark -n -r "$out" -Y 'ip' -T fields -E occurrence=f -e ip.src | sort -u | wc -l)" 100
# Every stamp is there, once, in order, with a time of today.
"$python" "$here/pcaps.py" stamps "$out" >"$T/stamps"
assert_eq "stamps" "$(wc -l <"$T/stamps")" "$(sent .rewrite.stamped)"
assert_ge "stamps" "$(sent .rewrite.stamped)" 4000
cut -d' ' -f3 "$T/stamps" | cmp -s - <(seq 0 $(($(sent .rewrite.stamped) - 1))) || fail "stamps are not numbered from 0 on"
awk -v now="$(date +%s)" '{age = now - $4 / 1e9} age < -1 || age > 60 {exit 1}' "$T/stamps" || fail "stamps of another time"

# The pieces of a datagram have one sender, also over two queues, so that they can be joined.
"$python" "$here/pcaps.py" fragments "$T/fragments.pcap" 300
replay "$T/fragments.pcap" --topspeed --spread-sources 40
assert_eq "datagrams that can be joined" "$(tshark -n -r "$out" -Y 'udp.length == 2006' 2>/dev/null | wc -l)" 300
assert_ge "their senders" "$(tshark -n -r "$out" -T fields -e ip.src -e ipv6.src 2>/dev/null | sort -u | wc -l)" 60
timeout 60 "$build/control/weir" replay "$T/fragments.pcap" --queues 2 --topspeed --spread-sources 40 \
	--to "net_pcap0,tx_pcap=$T/q0.pcap,tx_pcap=$T/q1.pcap" >/dev/null 2>>"$T/replay.log" || fail "fragments by two queues: exit status $?"
for queue in "$T/q0.pcap" "$T/q1.pcap"; do
	assert_eq "pieces that cannot be joined" "$(tshark -n -r "$queue" -Y 'udp.length == 2006' 2>/dev/null | wc -l)" $(($(packets_in "$queue") / 2))
done

# What was captured only in part is left out, and said.
editcap -s 100 "$capture" "$T/cut.pcap"
replay "$T/cut.pcap" --topspeed
assert_eq "packets that are whole" "$(sent .sent.packets)" "$(tshark -n -r "$T/cut.pcap" -Y 'frame.cap_len == frame.len' | wc -l)"
assert_eq "packets in all" $(($(sent .captures.left_out.cut) + $(sent .sent.packets))) "$(packets_in "$capture")"
grep -q "left out" "$T/replay.log" || fail "nothing says that packets are left out"

# So is, from disk, what is longer than the buffers that were made before it was read.
"$python" "$here/pcaps.py" numbered "$T/long.pcap" 20 --size 20000
"$python" "$here/pcaps.py" numbered "$T/short.pcap" 5
replay "$T/long.pcap" "$T/short.pcap" --topspeed --memory 10KiB
assert_eq "packets that are short enough" "$(sent .sent.packets)" 5
assert_eq "packets that are too long" "$(sent .captures.left_out.too_long)" 20

# The longest frames that there can be lie whole in their buffers, one longer is left out.
"$python" "$here/pcaps.py" numbered "$T/longest.pcap" 200 --size $((65535 - 128 - 42))
"$python" "$here/pcaps.py" numbered "$T/longer.pcap" 10 --size $((65535 - 128 - 41))
replay "$T/longest.pcap" "$T/longer.pcap" --topspeed
frames "$T/longest.pcap" >"$T/want.frames"
assert_frames "the longest frames"
assert_eq "packets that are longer" "$(sent .captures.left_out.too_long)" 10
rm "$T/longest.pcap" "$T"/*.frames

# The end that was asked for, and Ctrl-C.
replay "$capture" --rate 1kpps --for 1s
assert_eq "end" "$(sent .end)" time_up
assert_ge "packets in a second" "$(sent .sent.packets)" 500
assert_ge "packets that there is time for" 1001 "$(sent .sent.packets)"
"$build/replay/weir-replay" "$capture" --rate 1kpps --loop forever --to "net_pcap0,tx_pcap=$out" --json >"$T/replay.json" 2>>"$T/replay.log" &
sender=$!
pids+=("$sender")
sleep $((2 * patience))
kill -INT "$sender" || fail "weir replay ended before it was interrupted"
kill -INT "$sender" 2>/dev/null || true # as timeout(1) does it: once more to the whole group
wait "$sender" || fail "weir replay after SIGINT: exit status $?"
assert_eq "end" "$(sent .end)" stopped
[ ! -e "/var/run/dpdk/weir-replay-$sender" ] || fail "EAL's folder is left behind"
assert_eq "packets by its own word, and in the file" "$(sent .sent.packets)" "$(packets_in "$out")"

# Five packets have four gaps between them, one has none.
"$python" "$here/pcaps.py" numbered "$T/five.pcap" 5
"$python" "$here/pcaps.py" numbered "$T/one.pcap" 1
replay "$T/five.pcap" --rate 10pps
jq -e '.sent.packets_per_second < 10.1' "$T/replay.json" >/dev/null || fail "five at 10 pps: $(jq -c .sent "$T/replay.json")"
replay "$T/one.pcap"
assert_eq "the rate of one packet" "$(sent '.sent.packets_per_second')" 0

# A device that takes no more (a ring that nobody reads): what it took, and in which time it did.
code=0
timeout $((60 * patience)) "$build/control/weir" replay "$capture" --to net_ring0 --topspeed --json >"$T/replay.json" 2>"$T/err.log" || code=$?
assert_eq "weir replay into a full ring" $code 1
assert_eq "end" "$(sent .end)" stalled
jq -e '.sent.packets > 100 and .sent.seconds < 4 and .device.given_up > 0' "$T/replay.json" >/dev/null || fail "a full ring: $(jq -c . "$T/replay.json")"

# A pause that looks like a hang is told of.
editcap -F pcap -t 1000000000 "$T/one.pcap" "$T/later.pcap"
replay "$T/one.pcap" "$T/later.pcap" --for 100ms
grep -q "lie 1,000,000,000 seconds" "$T/replay.log" || fail "nothing tells of the pause: $(tail -n 3 "$T/replay.log")"

# What is wrong is told, and how it would be right.
wrong() { # STATUS WORD ARGUMENTS...
	local code=0
	timeout 60 "$build/control/weir" replay "${@:3}" >"$T/out" 2>"$T/err.log" || code=$?
	assert_eq "weir replay ${*:3}" $code "$1"
	grep -q -- "$2" "$T/err.log" || fail "weir replay ${*:3}: '$2' is not in: $(cat "$T/err.log")"
}
wrong 2 "--to DEVICE" "$capture"
wrong 2 "such as 2Mpps" "$capture" --to net_null0 --rate 2
wrong 1 "nosuch.pcap: No such file" "$T/nosuch.pcap" --to net_null0
wrong 1 "expected a capture" "$root/LICENSE" --to net_null0
wrong 1 "net_nosuch0" "$capture" --to net_nosuch0
wrong 1 "nosuchif0" "$capture" --to net_af_packet0,iface=nosuchif0
wrong 1 "queues" "$capture" --to "net_pcap0,tx_pcap=$out" --queues 2

# None that can be sent: why, be it read before or while it is sent.
editcap -s 10 "$capture" "$T/none.pcap"
for memory in 1GiB 10KiB; do
	wrong 1 "none.pcap: no packet that can be sent; 2559 left out: captured only in part" "$T/none.pcap" --to net_null0 --topspeed --loop forever --memory $memory
done

# A pipe is read once, into memory, and no more than fits there.
exec 8< <(cat "$capture")
replay /dev/fd/8 --topspeed --loop 2
assert_eq "packets from a pipe, twice" "$(sent .sent.packets)" $(($(packets_in "$capture") * 2))
exec 8< <(cat "$capture" "$capture")
wrong 1 "expected a file" /dev/fd/8 --to net_null0 --memory 300KiB
exec 8< <(cat "$capture")
wrong 1 "expected files, no pipe" /dev/fd/8 "$capture" --to net_null0 --memory 10KiB
# One that does not end ends by Ctrl-C.
mkfifo "$T/fifo"
exec 8<>"$T/fifo"
head -c 30000 "$capture" >&8
wrong_after() { # STATUS WORD SECONDS ARGUMENTS...
	local code=0
	"$build/replay/weir-replay" "${@:4}" >"$T/out" 2>"$T/err.log" &
	sender=$!
	pids+=("$sender")
	sleep "$3"
	kill -INT "$sender" || fail "weir replay ${*:4} ended before it was interrupted: $(cat "$T/err.log")"
	wait "$sender" || code=$?
	assert_eq "weir replay ${*:4} after SIGINT" $code "$1"
	grep -q -- "$2" "$T/err.log" || fail "weir replay ${*:4}: '$2' is not in: $(cat "$T/err.log")"
}
wrong_after 1 "stopped while captures were read" $((1 * patience)) "$T/fifo" --to net_null0
exec 8<&-

# A name that is no UTF-8 does not cost the report.
head -c 5000 "$capture" >"$T"/$'odd\xff.pcap'
replay "$T"/$'odd\xff.pcap' --topspeed
assert_eq "the file, and its damage" "$(sent '.captures.files[0] + " " + .captures.damage' | grep -o 'odd?.pcap' | wc -l)" 2
