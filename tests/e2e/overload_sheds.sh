#!/bin/bash
# More than the log can take: lanes shed the newest, count each packet and event, and never stall; what is
# stored is whole.
. "$(dirname "$0")/lib.sh"

"$python" "$here/pcaps.py" numbered "$T/n.pcap" 4096 --size 1000 --senders 100
port "net_pcap0,rx_pcap=$T/n.pcap,infinite_rx=1"
lanes="{count: 1, idle: spin, slabs: 4}"
streams='  - {name: all, listen: {udp: any}, decoder: datagram, compression: zstd, segment_size: 64MiB, retention: {size: 256MiB}}'
write_config
timeout $((60 * patience)) "$build/control/weir" run -c "$CONFIG" --for 3s >"$T/run.out" 2>"$T/run.log" ||
	fail "weir run --for: exit status $?"
status . >"$T/final.json"
assert_balanced
assert_ge "packets shed" "$(final '.ledger.packets.causes["shed.no_slab"]')" 1
assert_ge "packets stored" "$(final .ledger.packets.stored)" 10000
lines=$(grep -ci shed "$T/run.log" || true)
[ "$lines" -le 6 ] || fail "$lines log lines about shedding in 3 s"
assert_verified
assert_eq "offsets given" "$(verified '[.partitions[].next_offset] | add')" "$(final .ledger.events.stored)"
