#!/bin/bash
# weir cat --follow shows events as they come, and a reader slows nothing.
. "$(dirname "$0")/lib.sh"

make_wire
port "$af_packet"
streams='  - {name: all, listen: {udp: 5000}, decoder: datagram}'
start_weir "${in_rx[@]}"
"$build/control/weir" cat "$DATA" all --follow --format value >"$T/follow" 2>"$T/follow.log" &
pids+=($!)
send_numbered 3000 3000
wait_until 20 "all packets are in" received_is 3000
shown() { [ "$(wc -l <"$T/follow")" -ge 3000 ]; }
wait_until 20 "cat --follow shows all of them" shown
cut -d' ' -f1 "$T/follow" | cmp - <(seq -f %08.0f 0 2999) || fail "cat --follow shows other events"
stop_weir
assert_balanced
