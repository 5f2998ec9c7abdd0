#!/bin/bash
# Kafka's Java client, the last 3.x and the newest 4.x: without a group, from offsets and times; groups that stop, share,
# lose a member, are static or cooperative, and outlive the gateway's death; what an administrator asks; the new group protocol.
# timeout: 400
. "$(dirname "$0")/lib.sh"

# Slowly, so that what happens to the group happens while it reads.
slowly=(40 max.poll.records=20 session.timeout.ms=6000 heartbeat.interval.ms=300)
eager=partition.assignment.strategy=org.apache.kafka.clients.consumer.RangeAssignor
cooperative=partition.assignment.strategy=org.apache.kafka.clients.consumer.CooperativeStickyAssignor

without_a_group() {
	local stream
	for stream in logs packed rest; do
		run_reader "$v-$stream" "${java[@]}" AssignReader "$broker" $stream
		assert_exact $stream "$T/$v-$stream.tsv"
	done
	run_reader "$v-offset" "${java[@]}" AssignReader "$broker" logs offset 777
	awk -F'\t' '$2 >= 777' "$T/logs.want" >"$T/from-offset.want"
	assert_exact from-offset "$T/$v-offset.tsv"
	run_reader "$v-time" "${java[@]}" AssignReader "$broker" logs time "$middle"
	# The first of its time, and all that follow.
	awk -F'\t' -v t="$middle" '$3 >= t {on[$1] = 1} on[$1]' "$T/logs.want" >"$T/from-time.want"
	assert_exact from-time "$T/$v-time.tsv"
}

offsets_and_times() {
	run_reader "$v-offsets" "${java[@]}" Offsets "$broker" logs 0 "$middle" "$latest" $((latest + 1))
	awk -F'\t' -v times="0 $middle $latest $((latest + 1))" '
		{ end[$1] = $2 + 1; if ($3 > top[$1]) { top[$1] = $3; at[$1] = $2 }
		  for (i = split(times, t, " "); i; i--) if ($3 >= t[i] && !(($1, i) in first)) first[$1, i] = $2 " " $3 }
		END { for (p in end) {
			print p, "beginning 0 -1"; print p, "earliest 0 -1"
			print p, "end", end[p], -1; print p, "latest", end[p], -1
			print p, "largest-time", at[p], top[p]
			for (i = split(times, t, " "); i; i--) {
				found = (p, i) in first ? first[p, i] : "-1 -1"
				print p, t[i], found; print p, "admin-" t[i], found } } }' "$T/logs.want" | sort >"$T/offsets.want"
	sort "$T/$v-offsets.tsv" | diff "$T/offsets.want" - >"$T/diff.out" || fail "offsets: $(head -n 3 "$T/diff.out")"
}

stop_and_go_on() {
	run_reader "$v-first" "${java[@]}" GroupReader "$broker" logs "$v-resume" 500 0 max.poll.records=100
	assert_eq "records before the stop" "$(wc -l <"$T/$v-first.tsv")" 500
	start_reader "$v-second" "${java[@]}" GroupReader "$broker" logs "$v-resume" 0
	wait_for_lines $(($(count_of logs) - 500)) "$v-second"
	end_reader "$last_pid"
	assert_exact logs "$T/$v-first.tsv" "$T/$v-second.tsv"
}

# Two members share; then the first one leaves, or is killed, and the second has it all.
share() { # NAME SIGNAL SETTING...
	local name=$v-$1 signal=$2 one two
	shift 2
	start_reader "$name-one" "${java[@]}" GroupReader "$broker" logs "$name" 0 "${slowly[@]}" "$@"
	one=$last_pid
	wait_for_lines 20 "$name-one"
	start_reader "$name-two" "${java[@]}" GroupReader "$broker" logs "$name" 0 "${slowly[@]}" "$@"
	two=$last_pid
	wait_for_lines 60 "$name-two"
	assert_eq "partitions of the second" "$(cut -f1 "$T/$name-two.tsv" | sort -u | wc -l)" 1
	end_reader "$one" "$signal"
	if [ "$signal" = KILL ]; then
		wait_until 60 "the second has all partitions" ends_are_in logs "$name-one" "$name-two"
		cut_last_line "$T/$name-one.tsv"
		end_reader "$two"
		assert_at_least_once logs "$T/$name-one.tsv" "$T/$name-two.tsv"
	else
		wait_for_lines "$(count_of logs)" "$name-one" "$name-two"
		end_reader "$two"
		assert_exact logs "$T/$name-one.tsv" "$T/$name-two.tsv"
	fi
}

# A member with a name of its own comes back in time: the other one sees nothing of it.
come_back() {
	local name=$v-static one two before
	start_reader "$name-two" "${java[@]}" GroupReader "$broker" logs "$name" 0 "${slowly[@]}" group.instance.id=two
	two=$last_pid
	start_reader "$name-one" "${java[@]}" GroupReader "$broker" logs "$name" 0 "${slowly[@]}" group.instance.id=one
	one=$last_pid
	wait_for_lines 20 "$name-one"
	wait_for_lines 20 "$name-two"
	sleep 1
	before=$(grep -c '^assigned' "$T/$name-two.log")
	end_reader "$one"
	start_reader "$name-one" "${java[@]}" GroupReader "$broker" logs "$name" 0 "${slowly[@]}" group.instance.id=one
	one=$last_pid
	wait_for_lines "$(count_of logs)" "$name-one" "$name-two"
	end_reader "$one"
	end_reader "$two"
	assert_eq "rebalances that the other member saw" "$(grep -c '^assigned' "$T/$name-two.log")" "$before"
	assert_eq "generations of the member that came back" \
		"$(grep '^assigned' "$T/$name-one.log" | tail -n 2 | sed 's/.* generation //' | sort -u | wc -l)" 1
	assert_exact logs "$T/$name-one.tsv" "$T/$name-two.tsv"
}

# The server dies under a group and comes back: nothing twice, nothing lost, no rebalance.
server_dies() {
	local name=$v-crash one
	start_reader "$name" "${java[@]}" GroupReader "$broker" logs "$name" 0 "${slowly[@]}"
	one=$last_pid
	wait_for_lines 200 "$name"
	end_gateway KILL
	sleep 1
	start_gateway
	wait_for_lines "$(count_of logs)" "$name"
	end_reader "$one"
	assert_exact logs "$T/$name.tsv"
	assert_eq "rebalances" "$(grep -c '^assigned' "$T/$name.log")" 1
}

# One who asks for the new group protocol is told what to do instead.
new_protocol() {
	local name=$v-new code=0
	"${inside[@]}" timeout $((60 * patience)) "${java[@]}" GroupReader "$broker" logs "$name" 10 0 group.protocol=consumer \
		>"$T/$name.tsv" 2>"$T/$name.log" || code=$?
	assert_eq "exit status with group.protocol=consumer" $code 1
	grep -q 'Exception in thread "main" .*UnsupportedVersionException: .*[sS]et group.protocol=classic' "$T/$name.log" ||
		fail "group.protocol=consumer: $(tail -n 1 "$T/$name.log")"
	kill -0 "$gateway_pid" || fail "the gateway died"
}

groups() { run_reader "$v-groups" "${java[@]}" Groups "$broker" "$@"; }
said() { cat "$T/$v-groups.tsv"; }
administration() {
	local name=$v-admin member
	start_reader "$name" "${java[@]}" GroupReader "$broker" logs "$name" 0 0 session.timeout.ms=6000 group.instance.id=worker
	member=$last_pid
	wait_for_lines "$(count_of logs)" "$name"
	groups list
	said | grep -qx "$name STABLE" || said | grep -qx "$name Stable" || fail "list: $(said)"
	groups describe "$name"
	assert_eq "the group" "$(said | head -n 1 | tr '[:upper:]' '[:lower:]')" "$name stable range"
	assert_eq "its member" "$(said | sed -n 2p | tr -d /)" "worker 127.0.0.1 [logs-0, logs-1]"
	end_reader "$member"
	wait_until 20 "the group is empty" group_is_empty "$name"
	groups offsets "$name"
	assert_eq "commits" "$(said)" "$(awk -F'\t' '{n[$1]++} END {for (p in n) print "logs-" p, n[p]}' "$T/logs.want" | sort)"
	groups set "$name" logs 1 1000
	groups forget "$name" logs 0
	groups offsets "$name"
	assert_eq "commits, one set, one forgotten" "$(said)" "logs-1 1000"
	groups delete "$name"
	groups list
	! said | grep -q "^$name " || fail "it is still there: $(said)"
}
read_only() {
	run_reader "$v-topics" "${java[@]}" Topics "$broker" logs
	assert_eq "refused" "$(grep -c refused "$T/$v-topics.tsv")" 4
	assert_eq "partitions" "$(grep -c '^partition . leader 1 replicas 1 in sync 1$' "$T/$v-topics.tsv")" 2
	grep -q '^config cleanup.policy=delete$' "$T/$v-topics.tsv" || fail "configs: $(grep ^config "$T/$v-topics.tsv")"
}
group_is_empty() { # GROUP: its static member's session is over
	groups describe "$1"
	[[ $(said | head -n 1 | tr '[:upper:]' '[:lower:]') == *" empty "* ]]
}

make_log
start_gateway
middle=$(cut -f3 "$T/logs.want" | sort -n | sed -n $(($(count_of logs) / 2))p)
latest=$(cut -f3 "$T/logs.want" | sort -n | tail -n 1)
for v in ${VERSIONS:-3 4}; do
	need_jars "java/jars-$v.txt"
	compile java
	use_java
	without_a_group
	offsets_and_times
	stop_and_go_on
	share kill KILL "$cooperative"
	administration
	# A real broker would do what it is asked.
	if [ "${ENGINES_AGAINST:-}" != kafka ]; then
		read_only
		new_protocol
	fi
	if [ "$v" = 4 ] || [ -n "${LONG:-}" ]; then
		share leave TERM "$eager"
		share moves TERM "$cooperative"
		come_back
		[ "${ENGINES_AGAINST:-}" = kafka ] || server_dies
	fi
done
