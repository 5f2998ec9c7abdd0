#!/bin/bash
# kill -9 of control under load, 20 times: the dataplane goes on undisturbed, each new control finds it
# again, and nothing is lost. One that hangs holds nobody up.
# timeout: 180
. "$(dirname "$0")/lib.sh"

make_wire
port "$af_packet"
start_weir "${in_rx[@]}"
dataplane=$(status .pid)
send_numbered 60000 2500
sender=$last_pid
for ((i = 1; i <= 20; i++)); do
	sleep "0.$((RANDOM % 6 + 1))"
	kill -9 "$weir_pid"
	wait "$weir_pid" 2>/dev/null || true
	kill -0 "$dataplane" || fail "the dataplane died with its control (kill $i)"
	before=$(status .ledger.packets.received)
	[ $((i % 3)) -ne 0 ] || sleep 0.4 # some time without any control
	start_weir "${in_rx[@]}"
	assert_eq "dataplane after control's death $i" "$(status .pid)" "$dataplane"
	assert_ge "packets received after control's death $i" "$(status .ledger.packets.received)" "$before"
done
# One that hangs holds up nobody who asks for the status, however often.
kill -STOP "$weir_pid"
for ((i = 1; i <= 25; i++)); do
	asked=$(timeout 5 "$build/control/weir" status -c "$CONFIG" --json | jq .control.pid) || fail "status $i of a control that hangs"
	assert_eq "pid of the control that hangs" "$asked" "$weir_pid"
done
kill -CONT "$weir_pid"
end_of_load "$sender"
assert_eq "starts of the dataplane" "$(final .starts)" 1
numbers all-0 >"$T/got"
assert_all_numbers 60000
sort -cu "$T/got" || fail "packets are out of order"
