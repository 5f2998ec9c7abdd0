#!/bin/bash
# DPDK's own telemetry socket answers, with weir's counters registered.
. "$(dirname "$0")/lib.sh"

pcap_port "$root/tests/data/quickstart.pcap"
start_weir
wait_until 20 "packets are in" received_is 2559
tool=$(command -v dpdk-telemetry.py || command -v dpdk-telemetry) || skip "no dpdk-telemetry.py"
pid=$(status .pid)
socket=$(ss -xlp 2>/dev/null | grep "pid=$pid," | grep -o '/[^ ]*dpdk_telemetry[^ ]*' | head -n 1)
[ -n "$socket" ] || fail "the dataplane has no telemetry socket"
prefix=$(basename "$(dirname "$socket")")
ask() { echo "$1" | timeout 20 "$tool" -f "$prefix" 2>&1; }
ask / >"$T/commands.log"
commands=$(tr -d '\n' <"$T/commands.log" | grep -o '"/weir[^"]*"' | tr -d '"')
[ -n "$commands" ] || fail "no /weir commands are registered"
received=0
for command in $commands; do
	ask "$command" >"$T/answer.log"
	grep -q "\"$command\"" "$T/answer.log" || fail "no answer to $command"
	! grep -q 2559 "$T/answer.log" || received=1
done
assert_eq "a command that tells the packets received" $received 1
stop_weir
assert_balanced
