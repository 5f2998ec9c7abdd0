#!/bin/bash
# weir loadtest over shared memory (net_memif): the rate that it finds lost nothing by the ledger, all that it sent is
# in the ledger, latency comes from stamps, the drawing is one. Throttled, it names what throttles.
# timeout: 240
. "$(dirname "$0")/lib.sh"

capture=$root/tests/data/quickstart.pcap
socket=/weir-e2e-$$.memif # an abstract one
client="net_memif0,role=client,socket=$socket"
port "net_memif0,role=server,socket=$socket"
path=$PATH
retention="retention: {size: 256MiB}"
# Of the capture, a part is for nobody: that is no loss.
streams="  - {name: syslog, listen: {udp: 514}, decoder: datagram, $retention}"

loadtest() { # ARGUMENTS...: its report is $T/loadtest.json; its exit status in $code
	code=0
	timeout $((150 * patience)) env PATH="$path" "$build/control/weir" loadtest --to "$client" --against "http://127.0.0.1:$http_port" --json "$@" \
		>"$T/loadtest.json" 2>"$T/loadtest.log" || code=$?
}
of() { jq -r "$1" "$T/loadtest.json"; }
none() { # WHAT JQ_FILTER: it finds nothing in the report
	local found
	found=$(jq -c "$2" "$T/loadtest.json") || fail "not the JSON of a load test"
	[ -z "$found" ] || fail "$1: ${found:0:500}"
}

start_weir
loadtest "$capture" --trial 300ms --frame-sizes 64,512 --data "$DATA" --plot "$T/plot.svg"
assert_eq "weir loadtest" $code 0
assert_eq "complete" "$(of .complete)" true
assert_eq "sizes" "$(of '.sizes | map(.frame_size) | tojson')" "[null,64,512]"
none "no rate, or one with losses" '.sizes[] | select((.throughput.packets_per_second > 0 and .throughput.lost == 0) | not) | .throughput'
none "the trial of the rate" '.sizes[] | . as $s | .trials[.throughput.trial] | select((.passed and .sent == .received and .ledger.stored > 0) | not)'
# Shared memory loses nothing on its way; what was left out stands under its name.
none "a ledger that is not what was sent" '.sizes[].trials[] | select(.sent != .received or .received != (.ledger | add))'
none "no packet for nobody" '.sizes[0].trials[] | select((.ledger.unrouted > 0) | not)'
assert_eq "shares of the rate" "$(of '.sizes | map(.latency[].share_ratio) | unique | tojson')" "[0.5,1]"
none "no latency" '.sizes[].latency[] | select((.stamps.stored > 0 and .stamps.latency_ns.p50 > 0 and .stamps.reordered == 0) | not)'
# Long frames have room for a stamp each; those that the device did not take at the end are not sent.
none "stamps of more than was sent" '.sizes[] | select(.frame_size == 512) | . as $s | .latency[] | select(.stamps.stamped != $s.trials[.trial].sent)'
none "no burst" '.sizes[] | select((.burst.packets > 0) | not)'
none "a frame of another size" '.sizes[] | select(.frame_size) | select(.frames.bytes != .frames.packets * (.frame_size - 4))'
none "no stage" '.sizes[].throughput.bound | select(.stage == "none" or .why == "")'
settle
assert_eq "packets received in all trials" "$(status .ledger.packets.received)" "$(of '[.sizes[].trials[].sent] | add')"
"$python" -c 'import sys, xml.etree.ElementTree as e
assert e.parse(sys.argv[1]).getroot().tag == "{http://www.w3.org/2000/svg}svg"' "$T/plot.svg" || fail "the drawing is no SVG"
for word in captured "64 bytes" "512 bytes" p99.9 "arrived to durable" "sent to arrived"; do
	grep -q "$word" "$T/plot.svg" || fail "the drawing does not tell of '$word'"
done
names=$(of '([paths | map(select(type == "string"))[-1:][]] | unique) - [.sizes[].trials[].ledger | keys[]] | .[]')
for name in $names; do
	grep -qw -- "$name" "$root/docs/json.md" || fail "docs/json.md does not tell of '$name'"
done

# The same as a table, and by Control-C what was found until then.
"$build/control/weir" loadtest "$capture" --to "$client" --against "http://127.0.0.1:$http_port" --trial 2s >"$T/table.txt" 2>"$T/table.log" &
last_pid=$!
pids+=("$last_pid")
trials_done() { [ "$(status .ledger.packets.received)" -gt $(($1 + 10000)) ]; }
before=$(status .ledger.packets.received)
wait_until 20 "trials go on" trials_done "$before"
sleep 5 # in the third trial, or the fourth
kill -INT "$last_pid"
code=0
wait "$last_pid" || code=$?
assert_eq "weir loadtest after SIGINT" $code 1
grep -q "^weir loadtest: stopped" "$T/table.log" || fail "it does not say that it was stopped: $(cat "$T/table.log")"
grep -q "^NOT COMPLETE" "$T/table.txt" || fail "the table does not say that it is not complete"
grep -q "^  captured  *[0-9]" "$T/table.txt" || fail "the table does not have what was found"

# A status that cannot be read now and then is asked for again.
background "$python" "$here/flaky_http.py" $((http_port + 1)) "http://127.0.0.1:$http_port"
answers() { curl -sf "http://127.0.0.1:$((http_port + 1))/api/status" >/dev/null; }
wait_until 20 "the other way to the status" answers
loadtest "$capture" --trial 100ms --against "http://127.0.0.1:$((http_port + 1))"
assert_eq "weir loadtest by a status that is away now and then" $code 0

# What is wrong is told.
wrong() { # WORD ARGUMENTS...
	loadtest "$capture" --trial 100ms "${@:2}"
	assert_eq "weir loadtest ${*:2}" $code 1
	grep -q -- "$1" "$T/loadtest.log" || fail "weir loadtest ${*:2}: '$1' is not in: $(cat "$T/loadtest.log")"
}
wrong "Failed to connect\|Couldn't connect" --against http://127.0.0.1:1
wrong "no syslog-0" --data "$root/tests"
path=/nowhere
wrong "apt-get install gnuplot-nox" --plot "$T/none.svg"
path=$PATH
# A drawing that has no place is told of before the first trial, a disk that is full afterwards.
received=$(status .ledger.packets.received)
wrong "nowhere/plot.svg: No such file" --plot "$T/nowhere/plot.svg"
assert_eq "packets received" "$(status .ledger.packets.received)" "$received"
wrong "/dev/full: No space left" --plot /dev/full
"$python" "$here/pcaps.py" numbered "$T/other.pcap" 100 --ports 9
capture=$T/other.pcap
wrong "stored none; unrouted 10000" --against "http://127.0.0.1:$http_port"
stop_weir
assert_balanced
assert_verified

# A file system that is soon full: there is no rate for that.
"$python" "$here/pcaps.py" numbered "$T/n.pcap" 4096 --size 1000 --senders 100
mkdir "$T/small"
mount -t tmpfs -o size=40m tmpfs "$T/small" || skip "cannot mount here"
mounts+=("$T/small")
rm "$CONFIG"
DATA=$T/small/data
segment_size=1MiB
streams="  - {name: all, listen: {udp: any}, decoder: datagram}"
start_weir
loadtest "$T/n.pcap" --trial 300ms
assert_eq "weir loadtest onto a file system that is full" $code 1
grep -q "no rate was found" "$T/loadtest.log" || fail "it does not say that no rate was found: $(cat "$T/loadtest.log")"
assert_eq "the rate" "$(of .sizes[].throughput.packets_per_second)" 0
assert_eq "the stage" "$(of .sizes[].throughput.bound.stage)" disk
grep -q "no room on the disk" "$T/loadtest.json" || fail "nothing says that there is no room"
mount -o remount,size=1g "$T/small"
settle
stop_weir
assert_balanced
assert_verified
