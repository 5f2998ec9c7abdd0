#!/bin/bash
# An idle weir, adaptive, costs at most 5 % of a core over all threads of all its processes.
. "$(dirname "$0")/lib.sh"

case $patience in 1) ;; *) skip "a sanitizer's own cost would be measured" ;; esac
make_wire
port "$af_packet"
start_weir "${in_rx[@]}"
# Nanoseconds on a processor of all threads of weir's processes. (Ticks would miss most of a short wake.)
used_ns() {
	local pid
	for pid in "$weir_pid" "$dataplane"; do cat /proc/"$pid"/task/*/schedstat; done | awk '{n += $1} END {printf "%d", n}'
}
[ -r /proc/self/schedstat ] || skip "this kernel has no schedstat"
dataplane=$(status .pid)
sleep 2
# Another program may hold the machine up, never make us do more: the best of three counts.
idle_at_most_5() { # PORT
	local best=1000000 before used
	for _ in 1 2 3; do
		before=$(used_ns)
		sleep 5
		used=$((($(used_ns) - before) / 5000)) # millionths of a core
		[ $used -ge $best ] || best=$used
		[ $best -gt 50000 ] || break
	done
	note "idle on $1: $((best / 10000)).$(printf %04d $((best % 10000))) % of a core"
	[ $best -le 50000 ] || fail "idle on $1, yet $((best / 10000)) % of a core"
}
idle_at_most_5 af_packet
# And it wakes up again.
send_oneway
wait_until 10 "packets arrive after the sleep" received_is 2500
stop_weir
assert_balanced
assert_verified

# A port without a descriptor to wait on: nothing would wake the lane, so it looks again and again.
rm -rf "$DATA" "$CONFIG"
ports=
pcap_port "$root/tests/data/quickstart.pcap"
start_weir
dataplane=$(status .pid)
wait_until 20 "packets are in" received_is 2559
sleep 2
idle_at_most_5 net_pcap
stop_weir
assert_balanced
