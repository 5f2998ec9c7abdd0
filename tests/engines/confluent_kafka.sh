#!/bin/bash
# confluent-kafka reads Weir's log in groups: restart from a commit, offsets for times, a member killed, two that share; admin.
# The new group protocol is refused in words. An older release reads everything.
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$engines/group.bash"

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
[ "${ENGINES_AGAINST:-}" = kafka ] || check_new_protocol
check_older
