#!/bin/bash
# Clients that misbehave: half requests, lengths that lie, requests that nobody knows, a thousand and more
# connections, one that never reads what it asked for. Others are served as before, and memory stays bounded.
# timeout: 150
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/gateway_lib.sh"
command -v kcat >/dev/null || skip "no kcat"

"$python" "$here/pcaps.py" numbered "$T/n.pcap" 30000 --size 400 --ports 5000
pcap_port "$T/n.pcap"
streams='  - {name: bulk, listen: {udp: any}, decoder: datagram, segment_size: 4MiB, batch_size: 64KiB}'
run_until_idle
assert_balanced
records "$DATA/bulk-0" --format hex >"$T/want.hex"

ulimit -n 8192 2>/dev/null || skip "cannot have enough descriptors"
start_gateway --run-dir "$RUN"

clients_ready() { [ -e "$T/ready" ] || ! kill -0 "$clients" 2>/dev/null; }
background "$python" "$here/gateway_clients.py" "${broker##*:}" "$T/ready"
clients=$last_pid
wait_until 60 "the clients do what they do" clients_ready
kill -0 "$clients" 2>/dev/null || fail "gateway_clients.py: $(tail -n 3 "$T/background.log")"
# With a slow reader and hundreds of waiting Fetches beside it.
timeout $((30 * patience)) kcat -b "$broker" -C -q -t bulk -p 0 -o beginning -e -f '%s\n' 2>>"$T/kcat.log" >"$T/got" ||
	fail "kcat beside the others"
cut -c1-8 "$T/got" >"$T/got.numbers"
numbers bulk-0 | cmp -s - "$T/got.numbers" || fail "records beside the others: $(wc -l <"$T/got") of $(wc -l <"$T/want.hex")"
resident=$(awk '/VmRSS/ {print $2}' "/proc/$gateway_pid/status")
note "$resident KiB resident"
assert_memory "$resident" 100000
# They wait, they do not poll.
used=$(ticks_in 2)
note "$used of 200 ticks with 500 Fetches waiting"
[ "$used" -lt $((60 * patience)) ] || fail "the gateway uses $used of 200 ticks while all wait"
kill -TERM "$clients"
wait_until 10 "the clients end" gone "$clients"
kill -0 "$gateway_pid" || fail "the gateway died"
timeout $((30 * patience)) kcat -b "$broker" -Q -t bulk:0:-1 >/dev/null 2>>"$T/kcat.log" || fail "kcat afterwards"
wait_until 10 "its descriptors are back" few_descriptors 30
stop_gateway
