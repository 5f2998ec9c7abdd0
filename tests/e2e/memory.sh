#!/bin/bash
# What `weir plan` announces is what the dataplane holds, within 5 %: right after the start, after 100,000 senders, after
# gigabytes, after a reload that changes nothing, and all that time the same; with hugepages and without, of AF_PACKET's
# rings, of many streams, of compression.
# timeout: 180
. "$(dirname "$0")/lib.sh"

case $patience in 1) ;; *) skip "a sanitizer's own memory would be measured" ;; esac
memory_files=$T/memory # what the kernel keeps of them is the page cache's
mkdir "$memory_files"
mount -t tmpfs -o size=1G none "$memory_files" || skip "cannot mount a memory file system"
mounts+=("$memory_files")
DATA=$memory_files/data
senders=$root/tests/bench/make_pcap.py
free=$(awk '/HugePages_Free/ {print $2}' /proc/meminfo)

# KiB that no other process can have: hugepages, what is its own of other memory, the state block however many map it, and
# the kernel's rings of its sockets. Neither code and libraries, nor the page cache.
held_kib() {
	local own block
	# A read that does not come back (seen once, under full load) is tried again.
	timeout 10 cat "/proc/$dataplane/smaps" >"$T/smaps" || timeout 10 cat "/proc/$dataplane/smaps" >"$T/smaps" ||
		fail "/proc/$dataplane/smaps cannot be read"
	own=$(awk '/^(RssAnon|RssShmem|HugetlbPages):/ {n += $2} END {print n}' "/proc/$dataplane/status")
	block=$(du -k "$(state_block)" | cut -f1)
	awk -v n=$((own + block)) -v block="$(state_block)" '
		/^[0-9a-f]+-[0-9a-f]+ / {name = $6}
		/^Rss:/ && name == block {n -= $2}
		/^Rss:/ && name ~ /^socket:/ {n += $2}
		END {print n}' "$T/smaps"
}
announced() { # starts weir with the config as it is, and holds it against what was announced
	rm -rf "$DATA" "$CONFIG"
	write_config
	weir plan "$CONFIG" --json >"$T/plan.json" 2>>"$T/plan.log" || fail "weir plan: exit status $?"
	plan_kib=$(jq '.memory.total_bytes / 1024 | floor' "$T/plan.json")
	assert_eq "the parts add up to the whole" "$(jq '.memory | .total_bytes - ([to_entries[]
		| select(.key | endswith("_bytes") and (IN("total_bytes", "hugepages_free_bytes") | not)) | .value] | add)' "$T/plan.json")" 0
	start_weir "$@"
	dataplane=$(status .pid)
	hold "after the start"
	at_start=$held
}
hold() { # WHEN
	held=$(held_kib)
	note "$((plan_kib / 1024)) MiB announced, $((held / 1024)) MiB held $1"
	if [ $((held * 100)) -gt $((plan_kib * 105)) ] || [ $((held * 100)) -lt $((plan_kib * 95)) ]; then
		awk '/^[0-9a-f]+-/ {name = $6} /^Rss:/ {n[name] += $2} END {for (i in n) if (n[i] > 500) print n[i], i}' "$T/smaps"
		fail "$1: $held KiB held, $plan_kib KiB announced: $(jq -c .memory "$T/plan.json")"
	fi
}
same() { # WHEN: the same as at the start, but for what may come to the heap of a program
	hold "$1"
	[ $((held - at_start)) -le 512 ] || fail "$1: $((held - at_start)) KiB more than at the start"
}
stop() {
	stop_weir
	assert_balanced
	ports=
}
stored_bytes_are() { status_is "([.partitions[].log_end] | add) * 200 >= $1"; }

# One port gives 100,000 senders, once; a second one gives packets for ever, of which retention keeps the newest.
all_that_time() { # on|off
	hugepages=$1
	"$python" "$senders" "$T/senders.pcap" --senders 100000 --packets 100000
	"$python" "$senders" "$T/endless.pcap"
	pcap_port "$T/senders.pcap"
	port "net_pcap1,rx_pcap=$T/endless.pcap,infinite_rx=1"
	streams='  - {name: all, listen: {udp: any}, decoder: datagram, retention: {size: 256MiB}}'
	announced
	wait_until 60 "100,000 senders" status_is '.ledger.ports[0].packets.received == 100000'
	same "after 100,000 senders"
	weir reload -c "$CONFIG" >>"$T/reload.log" 2>&1 || fail "weir reload: exit status $?"
	wait_until 90 "two gigabytes" stored_bytes_are 2000000000
	same "after gigabytes and a reload"
	stop
}
all_that_time off
if [ "$free" -ge 256 ] && grep -q hugetlbfs /proc/mounts; then all_that_time on; else note "no hugepages here to try with"; fi
hugepages=off

# The kernel's rings, those that Weir asks for and those of a device string.
make_wire
for device in net_af_packet0,iface=eth0 "$af_packet"; do
	port "$device"
	announced "${in_rx[@]}"
	stop
done

# More streams, each with its partition; the port's pool with a buffer for each of its packets.
pcap_port "$T/senders.pcap" && ports=${ports/.pcap/.pcap,infinite_rx=1}
segment_size=1MiB
streams=$(for ((i = 0; i < 16; i++)); do
	echo "  - {name: s$i, listen: {udp: $((5140 + i))}, decoder: datagram, retention: {size: 16MiB}}"
done)
announced
wait_until 60 "some packets" received_is 1000000
hold "with 16 streams"
stop

# zstd's tables come with the first batch.
for level in 3 19; do
	pcap_port "$T/endless.pcap"
	streams="  - {name: all, listen: {udp: any}, decoder: datagram, compression: zstd, compression_level: $level}"
	announced
	wait_until 20 "a compressed batch" status_is '.partitions[0].visible_end > 0'
	hold "after compression by level $level"
	stop
done
