#!/bin/bash
# An idle weir, adaptive, costs at most 5 % of a core over all threads of all its processes.
. "$(dirname "$0")/lib.sh"

case $patience in 1) ;; *) skip "a sanitizer's own cost would be measured" ;; esac
make_wire
port "$af_packet"
start_weir "${in_rx[@]}"
ticks() { # of all threads of weir's processes, user and system
	local pid
	for pid in "$weir_pid" "$dataplane"; do cut -d' ' -f14,15 "/proc/$pid/stat"; done | awk '{n += $1 + $2} END {print n}'
}
dataplane=$(status .pid)
sleep 2
# Another program may hold the machine up, never make us do more: the best of three counts.
best=1000
for _ in 1 2 3; do
	before=$(ticks)
	sleep 5
	used=$(($(ticks) - before))
	[ $used -ge $best ] || best=$used
	[ $best -gt $(($(getconf CLK_TCK) * 5 / 20)) ] || break
done
note "$best ticks of $(($(getconf CLK_TCK) * 5))"
[ $best -le $(($(getconf CLK_TCK) * 5 / 20)) ] || fail "idle, yet $best of $(($(getconf CLK_TCK) * 5)) ticks in 5 s"
# And it wakes up again.
send_oneway
wait_until 10 "packets arrive after the sleep" received_is 2500
stop_weir
assert_balanced
assert_verified
