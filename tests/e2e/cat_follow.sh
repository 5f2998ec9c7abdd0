#!/bin/bash
# weir cat --follow shows events as they come, and a reader slows nothing.
. "$(dirname "$0")/lib.sh"

make_wire
port "$af_packet"
streams='  - {name: all, listen: {udp: 5000}, decoder: datagram}'
start_weir "${in_rx[@]}"
background stdbuf -oL "$build/control/weir" cat "$DATA" all --follow --format value
send_numbered 3000 3000
wait_until 20 "all packets are in" received_is 3000
shown() { [ "$(grep -c '^0000[0-9]* abc' "$T/background.log")" -ge 3000 ]; }
wait_until 20 "cat --follow shows all of them" shown
grep -o '^0000[0-9]*' "$T/background.log" | cmp - <(seq -f %08.0f 0 2999) || fail "cat --follow shows other events"
stop_weir
assert_balanced
