#!/bin/bash
# In spin mode and under load the polling core makes no system call at all.
# timeout: 400
. "$(dirname "$0")/lib.sh"

case $patience in 1) ;; *) skip "sanitizers make system calls of their own" ;; esac
[ "$(nproc)" -ge 2 ] || skip "needs 2 cores: on one the polling core is the log core"
"$python" "$here/pcaps.py" numbered "$T/n.pcap" 4096 --size 128 --senders 1000
port "net_pcap0,rx_pcap=$T/n.pcap,infinite_rx=1"
lanes="{count: 1, idle: spin}"
streams='  - {name: all, listen: {udp: any}, decoder: datagram, retention: {size: 1GiB}}'
segment_size=256MiB
write_config
cpu=$(weir plan "$CONFIG" --json | jq '.lanes[0].rx_cpu') # before both cores spin: it takes a while then
start_weir
dataplane=$(status .pid)
# The polling thread is the worker that may run on the processor that the plan says and nowhere else.
tid=$(grep -lx "Cpus_allowed_list:[[:space:]]*$cpu" /proc/"$dataplane"/task/*/status | while read -r file; do
	task=${file%/status}
	if grep -q worker "$task/comm"; then echo "${task##*/}"; fi
done)
[ "$(wc -w <<<"$tid")" -eq 1 ] || fail "no one worker thread on processor $cpu: '$tid'"
before=$(status .ledger.packets.received)
timeout -s INT 2 strace -p "$tid" -o "$T/strace.out" 2>"$T/strace.log" || true
grep -q attached "$T/strace.log" || skip "strace may not attach here: $(tail -n 1 "$T/strace.log")"
after=$(status .ledger.packets.received)
assert_ge "packets received meanwhile" $((after - before)) 100000
grep -v -e '^---' -e '^+++' "$T/strace.out" >"$T/calls.log" || true
assert_eq "system calls of the polling thread in 2 s" "$(wc -l <"$T/calls.log")" 0
stop_weir
assert_balanced
