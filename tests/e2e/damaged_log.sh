#!/bin/bash
# Segments that were truncated, bit-flipped, or hold old batches where a recycled file ended: recovery cuts
# at the last valid batch, never takes a stale one, rebuilds indexes, and goes on; verify finds the damage.
. "$(dirname "$0")/lib.sh"

"$python" "$here/pcaps.py" numbered "$T/n.pcap" 20000 --size 200
pcap_port "$T/n.pcap"
lanes="{count: 1, idle: adaptive, slabs: 256}"
segment_size=1MiB
streams='  - {name: all, listen: {udp: any}, decoder: datagram, batch_size: 32KiB}'
crash() { # fills the log, then kills both processes
	start_weir
	local pid
	pid=$(status .pid)
	wait_until 20 "all packets are in" received_is "$1"
	settle
	kill -9 "$weir_pid" "$pid"
	wait "$weir_pid" 2>/dev/null || true
	weir_pid=
	wait_until 10 "both are gone" gone "$pid"
}
tail_of_log() { # sets $file and $valid: the active segment and the end of its batches
	read -r file valid _ _ _ < <(records "$DATA/all-0" --format end | tail -n 1)
}
recovers() { # WHAT RECORDS_AT_LEAST RECORDS_AT_MOST
	ports=
	pcap_port "$T/one.pcap"
	write_config
	rm -f "$(state_block)"
	run_until_idle
	assert_balanced
	assert_verified
	local records
	records=$(verified .totals.records)
	assert_ge "$1: records" "$records" "$2"
	assert_ge "$1: records that may be there at most, $3, against" "$3" "$records"
	numbers all-0 >"$T/got"
	assert_eq "$1: numbers in order" "$(head -n $((records - 1)) "$T/got" | cmp - <(seq -f %08.0f 0 $((records - 2))) && echo same)" same
	ports=
	pcap_port "$T/n.pcap"
	rm -rf "$DATA" "$(state_block)"
	write_config
}
"$python" "$here/pcaps.py" numbered "$T/one.pcap" 1 --first 99999999

crash 20000
tail_of_log
# Old batches of the same file, and one that begins where it must not, right behind the end.
cp "$file" "$T/copy"
dd if="$T/copy" of="$file" bs=64k count=4 seek="$valid" oflag=seek_bytes conv=notrunc status=none
recovers "stale batches behind the end" 20001 20001

crash 20000
tail_of_log
truncate -s $((valid - 1000)) "$file"
recovers "a torn tail" 19000 20000

crash 20000
tail_of_log
printf '\xff' | dd of="$file" bs=1 seek=$((valid - 500)) conv=notrunc status=none
printf '\x00\x01' | dd of="$file" bs=1 seek=$((valid - 490)) conv=notrunc status=none
rm -f "$DATA"/all-0/*.index
recovers "flipped bits in the last batch, and no index" 19000 20000

# In a sealed segment nothing is repaired: verify tells, readers tell.
run_until_idle
first=$DATA/all-0/00000000000000000000.log
printf '\xff\xff' | dd of="$first" bs=1 seek=5000 conv=notrunc status=none
! weir verify "$DATA" --json >"$T/verify.json" 2>"$T/verify.log" || fail "verify takes flipped bits"
assert_ge "CRC failures found" "$(verified .totals.crc_failures)" 1
! weir cat "$DATA" all >/dev/null 2>"$T/cat.log" || fail "weir cat takes flipped bits"
truncate -s 3000 "$first"
! weir verify "$DATA" --json >"$T/verify.json" 2>>"$T/verify.log" || fail "verify takes a cut segment"
