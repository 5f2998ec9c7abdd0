#!/bin/bash
# weir replay over shared memory (net_memif) into a running Weir: all that is sent is stored, byte for byte, from one
# sender after the other. Senders that are killed in the middle of a burst leave Weir running.
# timeout: 180
. "$(dirname "$0")/lib.sh"

capture=$root/tests/data/quickstart.pcap
socket=/weir-e2e-$$.memif # an abstract one
client="net_memif0,role=client,socket=$socket"
lanes="{count: 1, idle: spin}" # in a burst at nearly any time
port "net_memif0,role=server,socket=$socket"
start_weir
dataplane=$(status .pid)
for round in 1 2 3; do
	"$build/control/weir" replay "$capture" --to "$client" --rate 20kpps --json >"$T/replay.json" 2>>"$T/replay.log" ||
		fail "weir replay, round $round: exit status $?"
	assert_eq "packets sent" "$(jq .sent.packets "$T/replay.json")" "$(packets_in "$capture")"
done
settle
assert_eq "packets received" "$(status .ledger.packets.received)" $((3 * $(packets_in "$capture")))
expect_from "$capture"
cp "$T/expect.tsv" "$T/once.tsv"
cat "$T/once.tsv" "$T/once.tsv" >>"$T/expect.tsv"
assert_stream all-0 1

rounds=6
[ -z "${LONG:-}" ] || rounds=30
for ((round = 1; round <= rounds; round++)); do
	background "$build/replay/weir-replay" "$capture" --to "$client" --topspeed --loop forever
	before=$(status .ledger.packets.received)
	wait_until 20 "packets come in round $round" received_is $((before + 5000))
	kill -KILL "$last_pid"
	wait_until 10 "the sender ends" gone "$last_pid"
	assert_eq "the dataplane's pid" "$(status .pid)" "$dataplane"
done
# And one more that ends as it should.
settle
before=$(status .ledger.packets.received)
"$build/control/weir" replay "$capture" --to "$client" --rate 20kpps --json >"$T/replay.json" 2>>"$T/replay.log" ||
	fail "weir replay at the end: exit status $?"
settle
assert_eq "packets received at the end" "$(status .ledger.packets.received)" $((before + $(packets_in "$capture")))
stop_weir
assert_balanced
assert_verified

# Nobody there: said, and what would be right.
code=0
"$build/control/weir" replay "$capture" --to "$client" 2>"$T/nobody.log" >"$T/nobody.out" || code=$?
assert_eq "weir replay to nobody" $code 1
grep -q "role=server" "$T/nobody.log" || fail "weir replay to nobody says: $(cat "$T/nobody.log")"
