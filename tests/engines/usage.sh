#!/bin/bash
# Every example, called without arguments, says how it is called, and ends with exit status 2. And javac warns of none.
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$engines/group.bash"
check_usage() { # FILE COMMAND...
	local code=0
	timeout $((60 * patience)) "${@:2}" >"$T/usage.out" 2>"$T/usage.log" </dev/null || code=$?
	assert_eq "exit status of $1 without arguments ($(tail -n 1 "$T/usage.log"))" $code 2
	grep -q "^usage:" "$T/usage.log" || fail "$1 without arguments says: $(cat "$T/usage.log")"
	[ ! -s "$T/usage.out" ] || fail "$1 without arguments prints: $(cat "$T/usage.out")"
}

check_usage kcat/read.sh "$examples/kcat/read.sh"
for list in java/jars-3.txt java/jars-4.txt akka/jars.txt pekko/jars.txt flink/jars.txt; do
	need_jars "$list"
	javac -d "$T/classes" -cp "$jars" "$examples/RecordLine.java" "$examples/${list%/*}"/*.java >"$T/javac.out" 2>&1 ||
		fail "javac ${list%/*}: $(head -n 5 "$T/javac.out")"
	[ ! -s "$T/javac.out" ] || fail "javac warns of ${list%/*} with ${list#*/}: $(head -n 5 "$T/javac.out")"
	use_java
	for source in "$examples/${list%/*}"/*.java; do check_usage "$source" "${java[@]}" "$(basename "$source" .java)"; done
	rm -r "$T/classes"
done
need_node
for source in "$T/node/"*.mjs; do check_usage "$source" "$node" "$source"; done
for folder in python spark ray; do
	need_python $folder
	for source in "$examples/$folder/"*.py; do check_usage "$source" "$venv/bin/python" "$source"; done
done
