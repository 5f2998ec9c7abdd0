#!/bin/bash
# SIGTERM drains, syncs and trims: every file is byte exact afterwards, and the next start goes on.
. "$(dirname "$0")/lib.sh"

"$python" "$here/pcaps.py" numbered "$T/n.pcap" 60000 --size 200
pcap_port "$T/n.pcap"
segment_size=2MiB
lanes="{count: 1, idle: adaptive, slabs: 256}"
check_files() {
	local name valid size next left end=0
	while read -r name valid size _ next; do
		assert_eq "bytes behind the last batch of ${name##*/}" $((size - valid)) 0
		assert_eq "odd bytes of the index" $(($(stat -c %s "${name%.log}.index") % 8)) 0
		assert_eq "odd bytes of the timeindex" $(($(stat -c %s "${name%.log}.timeindex") % 12)) 0
		end=$next
	done < <(records "$DATA/all-0" --format end)
	left=$(find "$DATA/all-0" -name '*.tmp')
	assert_eq "files left over" "$left" ""
	assert_eq "records" "$end" "$1"
}
for round in 1 2; do
	start_weir
	wait_until 20 "all packets are in" received_is 60000
	settle
	stop_weir
	assert_balanced
	assert_verified
	check_files $((round * 60000))
	rm -f "$(state_block)" # as after a reboot
done
numbers all-0 >"$T/got"
{ seq -f %08.0f 0 59999 && seq -f %08.0f 0 59999; } | cmp - "$T/got" || fail "numbers in the log"
