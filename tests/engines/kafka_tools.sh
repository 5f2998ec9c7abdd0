#!/bin/bash
# Kafka's own tools: consumers that read and measure, two verifiable ones of which one is killed, and what asks about
# topics, offsets, groups and the cluster.
# timeout: 240
. "$(dirname "$0")/lib.sh"

# What the tool printed is $T/NAME.txt.
tool() { # NAME CLASS ARGUMENT...
	kafka_tool "org.apache.kafka.tools.$2" --bootstrap-server "$broker" "${@:3}" >"$T/$1.txt" 2>&1 ||
		fail "$2 ${*:3}: $(grep -v '^[[:space:]]*at ' "$T/$1.txt" | tail -n 2 | cut -c1-300)"
}
groups() { tool "$1" consumer.group.ConsumerGroupCommand "${@:2}"; } # NAME ARGUMENT...
console() { # NAME ARGUMENT...: the console consumer, from the beginning
	kafka_tool org.apache.kafka.tools.consumer.ConsoleConsumer --bootstrap-server "$broker" --from-beginning \
		--timeout-ms 10000 --formatter-property print.partition=true --formatter-property print.offset=true \
		--formatter-property print.timestamp=true --formatter-property print.key=true \
		--formatter-property line.separator=$'\x1e\x1e\x1e' \
		"${@:2}" >"$T/$1.raw" 2>"$T/$1.log" || true # a timeout is a way to end
	"$python" -c '
import sys
for record in sys.stdin.buffer.read().split(b"\x1e\x1e\x1e")[:-1]:
    time, partition, offset, key, value = record.split(b"\t", 4)
    numbers = [field.split(b":")[1].decode() for field in (partition, offset, time)]
    print(*numbers, "-" if key == b"null" else key.hex(), value.hex(), sep="\t")' \
		<"$T/$1.raw" >"$T/$1.tsv"
}
want_ends() { awk -F'\t' '{n[$1] = $2 + 1} END {for (p in n) print "logs:" p ":" n[p]}' "$T/logs.want" | sort; }

make_log
start_gateway

# --- what asks about the cluster and its topics ---------------------------------------------------
tool versions BrokerApiVersionsCommand
grep -q 'Fetch(1): [0-9]' "$T/versions.txt" || fail "kafka-broker-api-versions: $(head -n 3 "$T/versions.txt")"
kafka_tool org.apache.kafka.tools.ClusterTool cluster-id --bootstrap-server "$broker" >"$T/cluster.txt" 2>&1 ||
	fail "kafka-cluster: $(tail -n 1 "$T/cluster.txt")"
grep -q '^Cluster ID: .' "$T/cluster.txt" || fail "kafka-cluster: $(cat "$T/cluster.txt")"
tool topic TopicCommand --describe --topic logs
assert_eq "kafka-topics --describe" "$(grep -c 'Partition: [01]	Leader: 1	Replicas: 1	Isr: 1' "$T/topic.txt")" 2
tool topics TopicCommand --list
assert_eq "kafka-topics --list" "$(grep -v '^__' "$T/topics.txt" | paste -sd,)" logs,packed,rest
kafka_tool kafka.admin.ConfigCommand --bootstrap-server "$broker" --describe --all --entity-type topics --entity-name logs \
	>"$T/configs.txt" 2>&1 || fail "kafka-configs: $(tail -n 1 "$T/configs.txt")"
grep -q 'cleanup.policy=delete' "$T/configs.txt" || fail "kafka-configs: $(head -n 3 "$T/configs.txt")"
tool latest GetOffsetShell --topic logs
assert_eq "kafka-get-offsets, the latest" "$(sort "$T/latest.txt")" "$(want_ends)"
tool earliest GetOffsetShell --topic logs --time earliest
assert_eq "kafka-get-offsets, the earliest" "$(sort "$T/earliest.txt" | paste -sd' ')" "logs:0:0 logs:1:0"

# --- what reads -----------------------------------------------------------------------------------
for stream in logs packed rest; do
	enough=()
	[ $stream = logs ] || enough=(--max-messages "$(count_of $stream)") # once until nothing more comes
	console $stream --topic $stream --group "console-$stream" "${enough[@]}"
	assert_exact $stream "$T/$stream.tsv"
done
tool performance ConsumerPerformance --topic packed --num-records "$(count_of packed)" --group measured --hide-header
assert_eq "records that kafka-consumer-perf-test read" "$(tail -n 1 "$T/performance.txt" | cut -d, -f5 | tr -d ' ')" "$(count_of packed)"

# Two verifiable consumers share; one is killed, and the other one goes on from its commits.
verifiable() { # NAME
	start_reader "$1" "$golden/kafka-tool" org.apache.kafka.tools.VerifiableConsumer --bootstrap-server "$broker" --topic logs \
		--group-id verifiable --session-timeout 6000 --verbose --command-config "$T/slowly.properties"
}
events() { # NAME JQ: of the lines that are whole
	jq -rR "fromjson? | $2" "$T/$1.tsv"
}
has_partitions() { # NAME COUNT: by its last assignment
	[ "$(events "$1" 'select(.name == "partitions_assigned") | .partitions | length' | tail -n 1)" = "$2" ]
}
committed() { # NAME: "partition offset" lines
	events "$1" 'select(.name == "offsets_committed" and .success) | .offsets[] | "\(.partition) \(.offset)"'
}
all_committed() {
	local got
	got=$(cat <(committed one) <(committed two) | sort -u | grep -cxFf <(want_ends | sed 's/logs:\(.*\):/\1 /'))
	[ "$got" -eq 2 ]
}
printf '%s\n' max.poll.records=1 heartbeat.interval.ms=300 >"$T/slowly.properties"
verifiable one
one=$last_pid
wait_until 30 "the first has both partitions" has_partitions one 2
verifiable two
two=$last_pid
wait_until 30 "the second has one" has_partitions two 1
wait_until 30 "the first has one" has_partitions one 1
end_reader "$one" KILL
wait_until 30 "the second has both" has_partitions two 2
wait_until 60 "all is committed" all_committed

# --- groups, as an administrator sees them ----------------------------------------------------------
groups list --list
grep -qx verifiable "$T/list.txt" || fail "--list: $(cat "$T/list.txt")"
groups group --describe --group verifiable
assert_eq "--describe: committed, end, lag" "$(awk '$1 == "verifiable" {print "logs:" $3 ":" $4 " " $5 - $4 " " $6}' "$T/group.txt" | sort)" \
	"$(want_ends | sed 's/$/ 0 0/')"
groups members --describe --members --group verifiable
assert_eq "--members: partitions" "$(awk '$1 == "verifiable" {print $NF}' "$T/members.txt")" 2
groups state --describe --state --group verifiable
grep -q '^verifiable .* range .* Stable .* 1 *$' "$T/state.txt" || fail "--state: $(tail -n 1 "$T/state.txt")"
groups reset --reset-offsets --to-earliest --topic logs --group verifiable --execute
grep -q "Assignments can only be reset if the group 'verifiable' is inactive" "$T/reset.txt" || fail "a reset of a group that reads: $(cat "$T/reset.txt")"
end_reader "$two"
for name in one two; do
	events $name 'select(.name == "record_data") | "\(.partition) \(.offset) \(.key | @base64) \(.value | @base64)"' >"$T/$name.read"
	# Whoever got partitions back may have gone on from a commit, never skipped any.
	awk '$1 in last && $2 > last[$1] + 1 { print; exit 1 } { last[$1] = $2 }' "$T/$name.read" ||
		fail "VerifiableConsumer $name skipped records"
	sort -u "$T/$name.read" >"$T/$name.records"
done
"$python" -c '
import base64, sys
for line in sys.stdin:
    partition, offset, _, key, value, _ = line.split("\t")
    print(partition, offset, *(base64.b64encode(bytes.fromhex(text)).decode() for text in (key, value)))' \
	<"$T/logs.want" | sort >"$T/records.want"
sort -u "$T/one.records" "$T/two.records" | diff "$T/records.want" - >"$T/diff.out" ||
	fail "VerifiableConsumer: $(head -n 2 "$T/diff.out" | cut -c1-200)"
note "VerifiableConsumer: $(wc -l <"$T/records.want") records, $(wc -l <"$T/one.records") by the one that was killed"

groups reset --reset-offsets --to-offset 100 --topic logs --group verifiable --execute
assert_eq "--reset-offsets" "$(awk '$1 == "verifiable" {print $2 ":" $3 ":" $4}' "$T/reset.txt" | sort | paste -sd' ')" "logs:0:100 logs:1:100"
groups forgotten --delete-offsets --topic logs:1 --group verifiable
groups group --describe --group verifiable
assert_eq "what is still committed" "$(awk '$1 == "verifiable" && $4 != "-" {print $3 ":" $4}' "$T/group.txt")" 0:100
groups deleted --delete --group verifiable
grep -q 'was successful' "$T/deleted.txt" || fail "--delete: $(cat "$T/deleted.txt")"
groups list --list
! grep -qx verifiable "$T/list.txt" || fail "--delete: it is still there"
