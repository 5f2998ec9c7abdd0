#!/bin/bash
# Storage that is full, not writable, or holds foreign files: a clear message or a counted drop.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" -eq 0 ] || skip "needs root for mounts"
"$python" "$here/pcaps.py" numbered "$T/n.pcap" 50000 --size 1000
pcap_port "$T/n.pcap"
lanes="{count: 1, idle: adaptive, slabs: 16}"
refused() { # WHAT PATTERN
	local code=0
	timeout $((30 * patience)) "$build/control/weir" run -c "$CONFIG" --for 5s >"$T/run.log" 2>&1 || code=$?
	assert_eq "$1: exit status" $code 1
	grep -qi -e "$2" "$T/run.log" || fail "$1: the message does not say '$2'"
}

# A file where the directory should be; a directory that cannot be written.
DATA=$T/file
echo text >"$DATA"
write_config
refused "a file in place of the data directory" "$DATA"
mkdir "$T/ro"
mount -t tmpfs -o size=1m tmpfs "$T/ro" || skip "cannot mount here"
mounts+=("$T/ro")
mount -o remount,ro "$T/ro"
DATA=$T/ro/data
write_config
refused "a read-only file system" "$T/ro"

# A file system of a few MB: what fits is stored, the rest is shed and counted. With more room it goes on.
mkdir "$T/small"
mount -t tmpfs -o size=8m tmpfs "$T/small"
mounts+=("$T/small")
DATA=$T/small/data
segment_size=1MiB
write_config
start_weir
wait_until 20 "all packets are in" received_is 50000
wait_until 10 "the partition tells that it cannot take events" status_is '.partitions[0].storage_failed'
grep -qi "no space" "$T/run.log" || fail "no line about the lack of space"
mount -o remount,size=64m "$T/small"
wait_until 10 "it goes on with more room" status_is '.partitions[0] | .storage_failed == false and .durable_end == .log_end'
stop_weir
assert_balanced
assert_eq "packets received" "$(final .ledger.packets.received)" 50000
assert_ge "packets shed" "$(final .ledger.packets.shed)" 1000
assert_ge "packets stored" "$(final .ledger.packets.stored)" 1000
assert_verified
assert_eq "records" "$(verified .totals.records)" "$(final .ledger.events.stored)"

# Stopped while there is no room: exit status 1 and the reason; the next start books what did not get to disk.
rm -rf "$DATA"
mount -o remount,size=8m "$T/small"
code=0
timeout $((60 * patience)) "$build/control/weir" run -c "$CONFIG" --until-idle 700ms >"$T/run.out" 2>"$T/full.log" || code=$?
assert_eq "exit status of a stop without space" $code 1
grep -qi "no space" "$T/full.log" || fail "no line about the lack of space"
mount -o remount,size=64m "$T/small"
"$python" "$here/pcaps.py" numbered "$T/n.pcap" 10 --size 1000
run_until_idle
assert_balanced
assert_ge "packets lost" "$(final .ledger.packets.lost_in_crash)" 1
assert_verified
assert_eq "records" "$(verified .totals.records)" "$(final .ledger.events.stored)"

# Foreign files in the data directory are left alone.
DATA=$T/data
mkdir -p "$DATA/all-0" "$DATA/somebody-else"
for name in notes.txt all-0/readme all-0/123.log all-0/0000.index somebody-else/x; do echo mine >"$DATA/$name"; done
segment_size=64MiB
write_config
rm -f "$(state_block)"
run_until_idle
assert_balanced
assert_verified
for name in notes.txt all-0/readme all-0/123.log all-0/0000.index somebody-else/x; do
	assert_eq "foreign file $name" "$(cat "$DATA/$name")" mine
done
