#!/bin/bash
# A second weir on the same data directory, or the same run directory, is refused with a clear message; the
# first goes on.
. "$(dirname "$0")/lib.sh"

pcap_port "$root/tests/data/quickstart.pcap"
start_weir
wait_until 20 "packets are in" received_is 2000
settle
refused() { # CONFIG PATTERN
	local code=0
	timeout $((30 * patience)) "$build/control/weir" run -c "$1" --for 3s >"$T/second.log" 2>&1 || code=$?
	assert_eq "exit status of a second weir" $code 1
	grep -q "$2" "$T/second.log" || fail "the message does not say $2"
}
refused "$CONFIG" "$RUN"
sed "s#^run_dir:.*#run_dir: $T/run2#; s#127.0.0.1:$http_port#127.0.0.1:$((http_port + 1))#" "$CONFIG" >"$T/second.yaml"
refused "$T/second.yaml" "$DATA"
(RUN=$T/run2 && rm -f "$(state_block)")
status_is '.run_state == "running"' || fail "the first weir was disturbed"
stop_weir
assert_balanced
assert_verified
