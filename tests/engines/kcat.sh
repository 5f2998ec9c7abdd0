#!/bin/bash
# kcat, as Debian packages it: all of a stream, offsets and times, a group that goes on from its commit; then two members that
# share the partitions while Weir writes, one of them killed.
# timeout: 150
. "$(dirname "$0")/lib.sh"
command -v kcat >/dev/null || skip "no kcat"
kc() { "${inside[@]}" timeout $((60 * patience)) sh "$examples/kcat/read.sh" "$broker" "$@" 2>>"$T/kcat.log"; }
lines() { "$python" "$engines/kcat_lines.py"; }

make_log
start_gateway
kc list >"$T/list"
for stream in logs packed rest; do
	grep -q "topic \"$stream\" with 2 partitions" "$T/list" || fail "kcat -L: $(cat "$T/list")"
	kc from $stream beginning | lines >"$T/$stream.tsv"
	assert_exact $stream "$T/$stream.tsv"
done
time=$(sed -n '1000{p;q}' "$T/logs.want" | cut -f3)
for partition in 0 1; do
	first=$(awk -F'\t' -v p=$partition -v t="$time" '$1 == p && $3 >= t {print $2; exit}' "$T/logs.want")
	assert_eq "kcat -Q" "$(kc when logs $partition "$time")" "logs [$partition] offset ${first:--1}"
done
kc from logs "s@$time" | lines | sort -n -k1,1 -k2,2 >"$T/since.got"
awk -F'\t' -v t="$time" '$3 >= t && !($1 in from) {from[$1] = 1} $1 in from' "$T/logs.want" | cut -f1-5 >"$T/since.want"
cmp -s "$T/since.want" "$T/since.got" || fail "from a time on: $(wc -l <"$T/since.got") records, not $(wc -l <"$T/since.want")"

# A third, then the rest from the commit on.
count=$(count_of logs)
kc group logs thirds -c $((count / 3)) | lines >"$T/first.tsv"
kc group logs thirds -c $((count - count / 3)) | lines >"$T/second.tsv"
assert_exact logs "$T/first.tsv" "$T/second.tsv"
[ "${ENGINES_AGAINST:-}" != kafka ] || exit 0
end_gateway

# --- two members, while Weir writes ----------------------------------------------------------------

make_wire
rm -rf "$DATA"
rm -f "$CONFIG"
ports=
streams='  - {name: live, listen: {udp: any}, decoder: datagram, segment_size: 1MiB, batch_size: 16KiB}'
port "$af_packet,qpairs=2"
start_weir "${in_rx[@]}"
start_gateway
join() { # NAME
	"${inside[@]}" sh "$examples/kcat/read.sh" "$broker" group live pair >"$T/$1.raw" 2>"$T/$1.err" &
	pids+=("$!")
	disown $!
	last_pid=$!
}
# As kcat says it: "% Group pair rebalanced (memberid ...): assigned: live [0], live [1]".
assigned() { grep rebalanced "$T/$1.err" | tail -n 1 | sed -n 's/.*): assigned: //p'; }
share() { [[ "$(assigned a), $(assigned b)" =~ ^(live \[0\], live \[1\]|live \[1\], live \[0\])$ ]]; }
has_both() { [ "$(assigned b)" = "live [0], live [1]" ]; }
everything_in() { [ "$(cat "$T/a.raw" "$T/b.raw" | lines | wc -l)" -ge "$1" ]; }
visible() { status '.partitions | map(.visible_end // .durable_end) | add'; }

join a
member_a=$last_pid
join b
wait_until 30 "two share the partitions" share
send_and_wait 4000 4000 --first 0 --senders 50
settle
wait_until 20 "both have read" everything_in "$(visible)"
for member in a b; do
	lines <"$T/$member.raw" >"$T/$member.tsv"
	assert_eq "partitions that member $member read" "$(cut -f1 "$T/$member.tsv" | sort -u | wc -l)" 1
	assert_ge "records of member $member" "$(wc -l <"$T/$member.tsv")" 100
done
sleep 2 # both have committed what they have read
kill -9 "$member_a"
send_and_wait 4000 4000 --first 4000 --senders 50
wait_until 30 "the other takes over" has_both
settle
wait_until 20 "the other has read the rest" everything_in "$(visible)"
end_gateway
stop_weir
expect_streams live
for member in a b; do lines <"$T/$member.raw" >"$T/$member.tsv"; done
assert_exact live "$T/a.tsv" "$T/b.tsv"
