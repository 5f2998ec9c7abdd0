#!/bin/bash
# MirrorMaker 2 in a Connect worker copies a stream into a real Kafka: the copy is what the log holds, byte for byte, also after
# the worker was stopped and started again.
# timeout: 200
. "$(dirname "$0")/lib.sh"

# The worker keeps its offsets where it runs.
start_worker() {
	mkdir -p "$T/worker"
	cp "$examples/mirrormaker/worker.properties" "$T/worker/"
	sed "s/^source.cluster.bootstrap.servers=.*/source.cluster.bootstrap.servers=$broker/" \
		"$examples/mirrormaker/mirror.properties" >"$T/worker/mirror.properties"
	start_reader worker env --chdir="$T/worker" "${worker[@]}" org.apache.kafka.connect.cli.ConnectStandalone \
		worker.properties mirror.properties
}
copied_to_the_end() {
	kafka_tool org.apache.kafka.tools.GetOffsetShell --bootstrap-server "$kafka" --topic weir.logs 2>/dev/null |
		sort | cmp -s - <(ends_of logs | sort | awk '{print "weir.logs:" $1 ":" $2 + 1}')
}

unset ENGINES_AGAINST # Weir is the source here, and Kafka the target
make_log
start_gateway
start_kafka -
need_jars mirrormaker/jars.txt
use_java
worker=("${java[@]}")
start_worker
wait_until 60 "the copy is whole" copied_to_the_end
end_reader "$last_pid"
start_worker
sleep 8
kill -0 "$last_pid" || fail "the worker ended: $(tail -n 1 "$T/worker.log")"
end_reader "$last_pid"

need_jars java/jars-4.txt
compile java
use_java
run_reader copy "${java[@]}" AssignReader "$kafka" weir.logs
assert_exact logs "$T/copy.tsv"
! grep -q 'ERROR' "$T/worker.log" || fail "the worker: $(grep -m 1 ERROR "$T/worker.log" | cut -c1-200)"
end_kafka
