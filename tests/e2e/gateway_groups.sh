#!/bin/bash
# Consumer groups: what was acknowledged outlives kill -9 of the gateway, members go on without a rebalance, a full disk
# refuses commits and nothing else, hundreds of members are one group, two gateways never share a file of groups.
# timeout: 200
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/gateway_lib.sh"

"$python" "$here/pcaps.py" numbered "$T/n.pcap" 2000 --size 100 --ports 5000
pcap_port "$T/n.pcap"
lanes="{count: 2, idle: adaptive}"
ports=${ports//n.pcap/n.pcap,rx_pcap=$T/n.pcap}
streams='  - {name: live, listen: {udp: any}, decoder: datagram}'
run_until_idle

listen=127.0.0.1:$((http_port - 10000))
serve() { start_gateway --data "$DATA" --listen $listen "$@"; } # [OPTIONS...]
members() { "$python" "$here/gateway_group_members.py" "$1" "${listen##*:}" "${@:2}"; }

# --- acknowledged means durable, and members stay -------------------------------------------------
kills=$([ -n "${LONG:-}" ] && echo 50 || echo 10)
serve
background "$python" "$here/gateway_group_members.py" commits "${listen##*:}" "$T/acknowledged" $((kills + 6))
committer=$last_pid
committing() { [ -s "$T/acknowledged" ]; }
wait_until 20 "the first commit" committing
for ((i = 0; i < kills; i++)); do
	sleep "0.$((RANDOM % 900 + 50))"
	kill_gateway
	serve
done
wait_until 60 "the committer ends" gone "$committer"
members committed >"$T/committed"
grep -c . "$T/acknowledged" >/dev/null || fail "nothing was acknowledged"
if grep -q error "$T/acknowledged"; then fail "a commit was refused: $(grep -m1 error "$T/acknowledged")"; fi
if grep heartbeat "$T/acknowledged" | grep -qv 'heartbeat 0$'; then fail "a member had to join again: $(grep heartbeat "$T/acknowledged" | sort | uniq -c)"; fi
assert_ge "heartbeats after a death" "$(grep -c heartbeat "$T/acknowledged")" "$kills"
for partition in 0 1; do
	last=$(awk -v p=$partition '$1 == p {last = $2} END {print last}' "$T/acknowledged")
	assert_eq "committed in partition $partition" "$(awk -v p=$partition '$1 == p {print $2}' "$T/committed")" "$last"
done
note "$kills kills, $(grep -cv heartbeat "$T/acknowledged") commits acknowledged, none lost, no rebalance"

# --- a second gateway on the same file ------------------------------------------------------------
code=0
timeout 20 "$build/gateway/weir-gateway" --data "$DATA" --listen 127.0.0.1:0 2>"$T/second.log" || code=$?
assert_eq "a second gateway" "$code" 1
grep -q 'another gateway has it; --groups FILE' "$T/second.log" || fail "a second gateway: $(cat "$T/second.log")"

# --- hundreds of members --------------------------------------------------------------------------
members many 300 >"$T/many.log" 2>&1 || fail "300 members: $(cat "$T/many.log")"
stop_gateway

# --- lag, while nobody is connected ---------------------------------------------------------------
mkdir "$T/run2" # of a gateway that serves a directory alone: only it knows where the log ends
serve --run-dir "$T/run2"
ends() { weir groups --run-dir "$T/run2" --json | jq -c '[.groups[] | select(.group == "durable") | .offsets[].visible_end]'; }
ends_are() { [ "$(ends)" = "$(jq -c '[.partitions[].visible_end]' "$T/final.json")" ]; }
wait_until 10 "the report tells where the log ends" ends_are
before=$(ends)
run_until_idle
wait_until 10 "the report tells where the log ends now" ends_are
[ "$before" != "$(ends)" ] || fail "the log has not grown: $before"
stop_gateway

# --- a full disk ------------------------------------------------------------------------------------
mkdir "$T/small"
mount -t tmpfs -o size=1536k tmpfs "$T/small" 2>/dev/null || skip "cannot mount"
mounts+=("$T/small")
mkfifo "$T/go"
serve --groups "$T/small/groups"
members refused <"$T/go" >"$T/refused.out" 2>&1 &
committer=$!
pids+=("$committer")
exec 5>"$T/go"
is_refused() { grep -q 'commits: 15' "$T/refused.out" || ! kill -0 $committer 2>/dev/null; }
wait_until 30 "a full disk refuses a commit" is_refused
grep -q 'commits are refused: .*full' "$T/gateway.log" || fail "no word about the full disk: $(tail -n 3 "$T/gateway.log")"
mount -o remount,size=64m "$T/small"
echo go >&5
wait "$committer" || fail "commits on a disk that has room again: $(cat "$T/refused.out")"
grep -q 'commits are taken again' "$T/gateway.log" || fail "no word that commits are taken again"
stop_gateway
