#!/bin/bash
# weir latency: of stamped packets over veth into Weir, those that no stream wants are the ones that it names as missing;
# the rest arrived in order, after they were sent.
. "$(dirname "$0")/lib.sh"

make_wire
for space in "$tx" "$rx"; do ip netns exec "$space" sysctl -qw net.ipv6.conf.all.disable_ipv6=1; done
port "$af_packet"
streams='  - {name: exact, listen: {udp: 5000}, decoder: datagram, headers: [rx_ns]}
  - {name: coarse, listen: {udp: 5001}, decoder: datagram}'
start_weir "${in_rx[@]}"
"$python" "$here/pcaps.py" numbered "$T/n.pcap" 6000 --ports 5000,5001,5002 --mac "$rx_mac"
"${in_tx[@]}" "$build/control/weir" replay "$T/n.pcap" --to net_af_packet0,iface=eth0 --rate 3000pps --stamp --json \
	>"$T/replay.json" || fail "weir replay: exit status $?"
settle
weir latency "$DATA" exact coarse --json >"$T/running.json" || fail "weir latency beside a running Weir: exit status $?"
stop_weir
assert_balanced
[ "$(final '.ports[0].missed')" -eq 0 ] || skip "the machine is too busy: the kernel dropped packets"
assert_eq "packets that no stream wants" "$(final .ledger.packets.unrouted)" 2000

latency() { # STREAM... : its object is $T/latency.json, its table $T/latency.txt
	weir latency "$DATA" "$@" --json >"$T/latency.json" || fail "weir latency $*: exit status $?"
	weir latency "$DATA" "$@" >"$T/latency.txt" || fail "weir latency $*: exit status $?"
}
of() { jq -r "$1" "$T/latency.json"; }
latency exact coarse
assert_eq "beside a running Weir, and after it" "$(jq -c 'del(.running)' "$T/running.json")" "$(of 'del(.running) | tojson')"
assert_eq "runs" "$(of '.runs | length')" 1
# 2, 5, 8, ... went to port 5002; of the last, nobody can know.
assert_eq "sent, stored, missing" "$(of '.runs[0] | "\(.sent) \(.stored) \(.missing)"')" "5999 4000 1999"
assert_eq "the first ones missing" "$(of '.runs[0].missing_ranges[:3] | tojson')" "[[2,2],[5,5],[8,8]]"
assert_eq "out of order, doubled" "$(of '.totals | "\(.reordered) \(.duplicates)"')" "0 0"
# Early is what came while the lane had read its clock and lost its processor.
[ "$(of .totals.early)" -le 40 ] || fail "$(of .totals.early) of 4000 packets arrived before they were sent"
assert_eq "arrival" "$(of .arrival)" mixed
of '.runs[0].latency_ns | select(.p50 > 0 and .min <= .p50 * 1.1 and .p50 <= .p90 and .p90 <= .p99 and .p99 <= .p99_9 and .p99_9 <= .max)' |
	grep -q max || fail "percentiles: $(of '.runs[0].latency_ns | tojson')"
grep -q "^missing of .*: 2, 5, 8, 11, .*\.\.\.$" "$T/latency.txt" || fail "the table does not name those that are missing"
latency exact-0
assert_eq "arrival by rx_ns" "$(of '.arrival + " \(.totals.stored)"')" "rx_ns 2000"
latency coarse
assert_eq "arrival by timestamp" "$(of '.arrival + " \(.totals.stored)"')" "timestamp_ms 2000"
grep -q "up to 1 ms too long" "$T/latency.txt" || fail "nothing says that a timestamp has milliseconds"

# The sender's clock goes as ours does: low latencies of its last packets are those of its first ones. Not the least: a lane that
# loses its processor behind its look at the clock has packets that are early by as long.
drift_us=$(records "$DATA/exact-0" --format tsv | "$python" -c '
import sys
ages = []
for line in sys.stdin:
    value, headers = line.rstrip("\n").split("\t")[3:5]
    ages.append(int(headers.split("=")[1]) - int(value[-16:], 16))
part = len(ages) // 4
low = lambda some: sorted(some)[len(some) // 10]
print(abs(low(ages[-part:]) - low(ages[:part])) // 1000)')
note "between the first and the last quarter of 2 s the clocks moved by $drift_us us"
[ "$drift_us" -lt 1000 ] || fail "between the first and the last quarter of 2 s the clocks moved by $drift_us us"

# What is wrong is told.
wrong() { # STATUS WORD ARGUMENTS...
	local code=0
	weir latency "${@:3}" >"$T/out" 2>"$T/err.log" || code=$?
	assert_eq "weir latency ${*:3}" $code "$1"
	grep -q -- "$2" "$T/err.log" || fail "weir latency ${*:3}: '$2' is not in: $(cat "$T/err.log")"
}
wrong 2 "data directory and a stream" "$DATA"
wrong 1 "nosuch" "$DATA" exact nosuch
wrong 1 "$T/nowhere" "$T/nowhere" exact
rm -rf "$DATA" "$CONFIG"
ports=
pcap_port "$T/n.pcap"
run_until_idle
wrong 1 "no stamp in 2000 records" "$DATA" exact
