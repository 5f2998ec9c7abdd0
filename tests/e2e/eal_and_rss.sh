#!/bin/bash
# What the plan and the config ask of DPDK gets there: eal_args, and RSS over the addresses only.
. "$(dirname "$0")/lib.sh"

pcap_port "$root/tests/data/quickstart.pcap"
config_more='eal_args: ["--log-level=lib.eal:debug"]'
run_until_idle
grep -q "EAL: .*memory\|EAL: Module" "$T/run.log" || fail "eal_args did not reach EAL: no line of its debug output"
assert_balanced

# A wrong one is EAL's to refuse; Weir says whose it was.
config_more='eal_args: ["--no-such-argument"]'
write_config
code=0
timeout $((30 * patience)) "$build/control/weir" run -c "$CONFIG" --for 5s >"$T/bad.log" 2>&1 || code=$?
[ $code -eq 1 ] || [ $code -eq 2 ] || fail "a wrong EAL argument: exit status $code"
grep -q -e "no-such-argument" "$T/bad.log" || fail "the message does not name the argument: $(cat "$T/bad.log")"

# net_null says that it can RSS, and tells what it was asked for.
rm -rf "$DATA"
config_more=
ports=
port "net_null0"
lanes="{count: 2, idle: adaptive}"
write_config
start_weir
socket=$(ss -xlp 2>/dev/null | grep "pid=$(status .pid)," | grep -o '/[^ ]*dpdk_telemetry[^ ]*' | head -n 1)
[ -n "$socket" ] || fail "the dataplane has no telemetry socket"
tool=$(command -v dpdk-telemetry.py || command -v dpdk-telemetry) || skip "no dpdk-telemetry.py"
echo /ethdev/info,0 | timeout 20 "$tool" -f "$(basename "$(dirname "$socket")")" >"$T/info.log" 2>&1
hash=$(grep -o 'rss_hf": [0-9]*' "$T/info.log" | grep -o '[0-9]*$' || true)
# RTE_ETH_RSS_IPV4, _FRAG_IPV4, _NONFRAG_IPV4_OTHER, _IPV6, _FRAG_IPV6, _NONFRAG_IPV6_OTHER, _IPV6_EX (rte_ethdev.h): the
# kinds of hash that leave the ports out, so that all of a sender's packets, fragments too, meet in one lane.
addresses=$((1 << 2 | 1 << 3 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 13 | 1 << 15))
[ "${hash:-0}" -ne 0 ] || fail "no RSS was asked for: $(cat "$T/info.log")"
assert_eq "kinds of hash beyond the addresses" $((hash & ~addresses)) 0
wait_until 10 "both lanes are polled" status_is '[.ledger.lanes[].packets.received] | all(. > 0)'
stop_weir
assert_balanced
