#!/bin/bash
# confluent-kafka reads Weir's log in groups: restart from a commit, offsets for times, a member killed, two that share; admin.
# Cooperative members keep what they have. The new group protocol is refused in words. An older release reads everything.
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$engines/group.bash"

# cooperative-sticky: who stays is given and loses only what moves, while others come and go.
check_cooperative() {
	local stays comes settings=(0 partition.assignment.strategy=cooperative-sticky)
	start_member stays logs cooperative "$T/stays.tsv" "${settings[@]}"
	stays=$last_pid
	wait_for_lines "$(count_of logs)" stays
	assert_eq "its partitions" "$(assigned stays)" "[0,1]"
	start_member comes logs cooperative "$T/comes.tsv" "${settings[@]}"
	comes=$last_pid
	wait_until 30 "the second has one" has_one comes
	kill -TERM "$comes"
	wait_until 30 "that one alone comes back to the first" assigned_is stays "$(assigned comes)"
	kill -TERM "$stays"
	wait_until 20 "the first ends" gone "$stays"
	assert_exact logs "$T/stays.tsv" "$T/comes.tsv"
	note "cooperative-sticky: assigned to the first: $(sed -n 's/^assigned *//p' "$T/stays.err" | paste -sd' ')"
}
has_one() { [[ "$(assigned "$1")" =~ ^\[[01]\]$ ]]; }

# One who asks for the new group protocol is told that there is none, at once, instead of waiting for ever.
check_new_protocol() {
	"${inside[@]}" timeout $((30 * patience)) "$venv/bin/python" - "$broker" >"$T/new.out" 2>"$T/new.log" <<'END' ||
import sys
import confluent_kafka
consumer = confluent_kafka.Consumer({"bootstrap.servers": sys.argv[1], "group.id": "new", "group.protocol": "consumer"})
consumer.subscribe(["logs"])
while not (message := consumer.poll(1)) or not message.error():
    assert not message, "a record"
print(message.error().str())
consumer.close()
END
		fail "group.protocol=consumer: exit status $?: $(tail -n 1 "$T/new.log")"
	grep -q 'API version not supported: ConsumerGroupHeartbeat' "$T/new.out" || fail "group.protocol=consumer: $(cat "$T/new.out")"
	kill -0 "$gateway_pid" || fail "the gateway died"
	note "group.protocol=consumer: $(cat "$T/new.out")"
}

# librdkafka 2.6.0, as many programs still bring it.
check_older() {
	local stream
	venv=$("$engines/fetch-venv" confluent-2.6 "$engines/confluent-2.6.txt" 2>"$T/fetch.log") ||
		skip "confluent-kafka 2.6.0: $(tail -n 1 "$T/fetch.log")"
	program=("$venv/bin/python" "$examples/python/confluent_reader.py")
	assert_eq "the older librdkafka" "$("$venv/bin/python" -c 'import confluent_kafka; print(confluent_kafka.libversion()[0])')" 2.6.0
	for stream in logs packed rest; do
		reader read "$stream" "older-$stream" "$(count_of "$stream")" >"$T/$stream.older" 2>"$T/reader.err" || fail "$stream: $(say)"
		assert_exact "$stream" "$T/$stream.older"
	done
	check_times logs
	check_admin logs older-logs
}

need_python python
program=("$venv/bin/python" "$examples/python/confluent_reader.py")
beyond=-1
check_client
check_cooperative
[ "${ENGINES_AGAINST:-}" = kafka ] || check_new_protocol
check_older
