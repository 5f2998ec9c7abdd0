#!/bin/bash
# Requests that are not right, one by one: lengths, versions, unknown APIs, each API's requests cut at every byte,
# arrays that lie, the largest that is let in, a byte a second; and a thousand connections of each kind that takes memory.
# Each ends as it should, the gateway lives and answers, and never takes more memory than its limits say.
# timeout: 200
. "$(dirname "$0")/lib.sh"
ulimit -n 8192 2>/dev/null || skip "cannot have enough descriptors"

pcap_port "$root/tests/data/quickstart.pcap"
streams='  - {name: all, listen: {udp: any}, decoder: datagram}'
run_until_idle
"$build/gateway/weir-gateway" --run-dir "$RUN" --listen 127.0.0.1:0 2>"$T/gateway.log" &
gateway_pid=$!
pids+=("$gateway_pid")
wait_until 10 "the gateway listens" grep -q 'listens on' "$T/gateway.log"
port=$(sed -n 's/^weir-gateway: listens on [^,]*:\([0-9]*\),.*/\1/p' "$T/gateway.log")

timeout $((150 * patience)) "$python" "$here/gateway_malformed.py" "$port" all "$root/tests/fuzz/corpus/gateway" >"$T/client.log" 2>&1 ||
	fail "gateway_malformed.py: $(tail -n 3 "$T/client.log")"
kill -0 "$gateway_pid" || fail "the gateway died"
peak=$(awk '/VmHWM/ {print $2}' "/proc/$gateway_pid/status")
note "$peak KiB at most"
# 64 MiB of requests, 64 MiB of answers, and what a thousand connections and the state block take.
if [ "$(nm "$build/gateway/weir-gateway" 2>/dev/null | grep -c __asan_init)" -eq 0 ]; then
	[ "$peak" -lt 200000 ] || fail "the gateway took $peak KiB"
fi
few_descriptors() { [ "$(find "/proc/$gateway_pid/fd" | wc -l)" -lt 30 ]; }
wait_until 10 "its descriptors are back" few_descriptors
kill -TERM "$gateway_pid"
code=0
wait "$gateway_pid" || code=$?
assert_eq "the gateway's exit status" "$code" 0
