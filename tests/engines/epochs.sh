#!/bin/bash
# A power cut takes records that were visible before they were durable (visible: written): the log is shorter, its leader epoch rises,
# and other records get the offsets of those that are gone. Clients that had read them, and stay connected, ask where that epoch
# ended (OffsetForLeaderEpoch), and go on from there: they miss no record of the log, where one that goes by offsets alone would.
# timeout: 240
. "$(dirname "$0")/lib.sh"
. "$engines/group.bash"

unset ENGINES_AGAINST
make_wire
inside=("${in_rx[@]}")
storage_more=", visible: written, sync: 1h"
streams='  - {name: live, listen: {udp: any}, decoder: datagram}'
port "$af_packet"
need_jars java/jars-4.txt
compile java
use_java
need_python python
epoch() { status '.partitions[0].leader_epoch'; }
end() { status '.partitions[0].visible_end'; }
asked() { status '.gateway.requests.OffsetForLeaderEpoch // 0'; }
have_read() { # OFFSET: the record in front of it
	local name
	for name in java confluent; do [ "$(tail -n 1 "$T/$name.tsv" | cut -f2)" = $(($1 - 1)) ] || return 1; done
}

start_weir "${in_rx[@]}"
start_gateway
start_reader java "${java[@]}" GroupReader "$broker" live java 0
start_reader confluent "$venv/bin/python" "$examples/python/confluent_reader.py" "$broker" read live confluent
send_and_wait 3000 3000 --first 0
settle
before=$(end)
wait_until 60 "both have read all" have_read "$before"
first_epoch=$(epoch)

# What a disk without power forgets: the state in memory, and the newer half of what was not flushed.
dataplane=$(status .pid)
kill -9 "$weir_pid" "$dataplane"
wait "$weir_pid" 2>/dev/null || true
rm -f "$(state_block)"
cut=$("$python" - "$DATA/live-0/00000000000000000000.log" $((before / 2)) <<'END'
import struct, sys
with open(sys.argv[1], "r+b") as log:
    data, at = log.read(), 0
    while (base := struct.unpack_from(">q", data, at)[0]) < int(sys.argv[2]):
        at += 12 + struct.unpack_from(">i", data, at + 8)[0]
    log.seek(at)
    log.write(bytes(len(data) - at))
print(base)
END
)
start_weir "${in_rx[@]}"
assert_ge "the epoch after it" "$(epoch)" $((first_epoch + 1))
assert_eq "where the log ends" "$(end)" "$cut"
# More than was lost, so that offsets alone would look well.
send_and_wait 3000 3000 --first 3000
settle
after=$(end)
assert_ge "offsets that are given again" "$after" $((before + 1))
wait_until 60 "both have read all" have_read "$after"
"$python" "$engines/records_of.py" "$DATA" live >"$T/live.want"
for name in java confluent; do
	head -n "$cut" "$T/$name.tsv" | cmp -s - <(head -n "$cut" "$T/live.want") || fail "$name: what it read before, and is still there"
	tail -n +$((before + 1)) "$T/$name.tsv" | cmp -s - <(tail -n +$((cut + 1)) "$T/live.want") ||
		fail "$name: after the power cut it did not read the log from $cut on, but from $(sed -n "$((before + 1))p" "$T/$name.tsv" | cut -f2)"
done
assert_ge "questions where the epoch ended" "$(asked)" 2
note "epoch $first_epoch ended at $before and, after the power cut, at $cut; epoch $(epoch) goes to $after; both clients asked where the old one ended, and went on from $cut"
