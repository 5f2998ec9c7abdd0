#!/bin/bash
# Requests that are not right, one by one: lengths, versions, unknown APIs, each API's requests cut at every byte,
# arrays that lie, the largest that is let in, a byte a second; and a thousand connections of each kind that takes memory.
# Each ends as it should, the gateway lives and answers, and never takes more memory than its limits say.
# timeout: 200
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/gateway_lib.sh"
ulimit -n 8192 2>/dev/null || skip "cannot have enough descriptors"

pcap_port "$root/tests/data/quickstart.pcap"
streams='  - {name: all, listen: {udp: any}, decoder: datagram}'
run_until_idle
start_gateway --run-dir "$RUN"

timeout $((150 * patience)) "$python" "$here/gateway_malformed.py" "${broker##*:}" all "$root/tests/fuzz/corpus/gateway" >"$T/client.log" 2>&1 ||
	fail "gateway_malformed.py: $(tail -n 3 "$T/client.log")"
note "$(tail -n 1 "$T/client.log")"
kill -0 "$gateway_pid" || fail "the gateway died"
peak=$(awk '/VmHWM/ {print $2}' "/proc/$gateway_pid/status")
note "$peak KiB at most"
# 64 MiB of requests, 64 MiB of answers, and what a thousand connections and the state block take.
assert_memory "$peak" 200000
wait_until 10 "its descriptors are back" few_descriptors 30
stop_gateway
