# shellcheck shell=bash
# shellcheck disable=SC2154 # lib.sh sets them
# Akka Streams and Pekko Streams are alike: NAME is the folder below docs/engines, PREFIX that of its classes.
check_streams() { # NAME PREFIX
	local partition one two name=$1
	make_log
	start_gateway
	need_jars "$1/jars.txt"
	compile "$1"
	cp "$examples/$1/application.conf" "$T/classes/"
	use_java
	for partition in 0 1; do
		run_reader "assigned-$partition" "${java[@]}" "$2Assigned" "$broker" logs $partition $((partition * 100)) \
			$(($(grep -c "^$partition" "$T/logs.want") - partition * 100))
	done
	awk -F'\t' '$1 == 0 || $2 >= 100' "$T/logs.want" >"$T/assigned.want"
	assert_exact assigned "$T/assigned-0.tsv" "$T/assigned-1.tsv"

	# Stopped and started again: no record twice, none lost.
	start_reader first "${java[@]}" "$2Group" "$broker" logs "$name-restart" 500
	wait_for_lines 500 first
	end_reader "$last_pid"
	! lines_at_least "$(count_of logs)" first || fail "it was done before it was stopped"
	start_reader second "${java[@]}" "$2Group" "$broker" logs "$name-restart"
	wait_for_lines "$(count_of logs)" first second
	sleep 1
	end_reader "$last_pid"
	assert_exact logs "$T/first.tsv" "$T/second.tsv"

	# Two share; one is killed.
	start_reader one "${java[@]}" "$2Group" "$broker" logs "$name-share" 200
	one=$last_pid
	wait_for_lines 20 one
	start_reader two "${java[@]}" "$2Group" "$broker" logs "$name-share" 200
	two=$last_pid
	wait_for_lines 20 two
	assert_eq "partitions of the second" "$(cut -f1 "$T/two.tsv" | sort -u | wc -l)" 1
	end_reader "$one" KILL
	cut_last_line "$T/one.tsv"
	wait_until 60 "the second has all partitions" ends_are_in logs one two
	end_reader "$two"
	assert_at_least_once logs "$T/one.tsv" "$T/two.tsv"
}
