#!/bin/bash
# A second weir on the same data directory, or the same run directory, is refused with a clear message; the
# first goes on. So does its link, whoever connects to the dataplane's socket out of curiosity.
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
rm -f "$(RUN=$T/run2 state_block)"
status_is '.run_state == "running"' || fail "the first weir was disturbed"

for ((i = 0; i < 3; i++)); do # some that stay, and some that talk nonsense
	background socat -u "UNIX-CONNECT:$RUN/dataplane.sock,type=5" "CREATE:$T/hello.$i"
	said_hello() { [ -s "$T/hello.$i" ]; }
	wait_until 5 "the dataplane says hello to whoever connects" said_hello
	head -c 1500 /dev/urandom | socat -u - "UNIX-CONNECT:$RUN/dataplane.sock,type=5"
	"$build/dataplane/weir-dataplane" --run-dir "$RUN" 2>"$T/second.log" && fail "a second dataplane in the same run_dir"
done
sed -i '/max_streams/s/16/15/' "$CONFIG"
weir reload -c "$CONFIG" >"$T/reload.out" 2>&1 && fail "a reload that cannot be"
grep -q max_streams "$T/reload.out" || fail "the reload says: $(cat "$T/reload.out")"
sed -i 's/segment_size: 16MiB/&, sync: 7ms/' "$CONFIG"
sed -i '/max_streams/s/15/16/' "$CONFIG"
weir reload -c "$CONFIG" >"$T/reload.out" 2>&1 || fail "a reload beside guests: $(cat "$T/reload.out")"
! grep -a "lost the link" "$T/run.log" || fail "a guest took the dataplane from its control"
stop_weir
assert_balanced
assert_verified
