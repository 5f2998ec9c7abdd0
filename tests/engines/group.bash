#!/bin/bash
# shellcheck disable=SC2034,SC2154 # lib.sh sets and the tests use what is not here
# What every client that reads in groups must do, for programs with the commands of docs/engines/python/confluent_reader.py:
# read, times and admin. The test sets program=(COMMAND...) and beyond: what the client says of a time after the last
# record, "-1" or "end"; then check_client does all.

# The packages that docs/engines/FOLDER/requirements.txt names, in an environment of their own: $venv.
need_python() { # FOLDER
	venv=$("$engines/fetch-venv" "$1" "$examples/$1/requirements.txt" 2>"$T/fetch.log") ||
		skip "the Python packages of $1: $(tail -n 1 "$T/fetch.log")"
}
# The programs of docs/engines/node, with the packages that they import beside them: $T/node; what runs them: $node.
need_node() {
	local modules
	node=$("$engines/fetch-node" 2>"$T/fetch.log")/bin/node || skip "$(tail -n 1 "$T/fetch.log")"
	modules=$("$engines/fetch-npm" "$examples/node" 2>"$T/fetch.log") || skip "the npm packages: $(tail -n 1 "$T/fetch.log")"
	mkdir "$T/node"
	cp "$examples/node/"*.mjs "$T/node"
	ln -s "$modules/node_modules" "$T/node/node_modules"
}

reader() { # COMMAND TOPIC ARGUMENT...
	"${inside[@]}" timeout -k 5 $((60 * patience)) "${program[@]}" "$broker" "$@"
}
say() { cat "$T/reader.err" >>"$T/reader.log" && tail -n 3 "$T/reader.err"; } # what the reader complained of

# A group reads a third of each stream and leaves; then it goes on from its commit to the end. All streams at once: a
# group that begins waits 3 s for more members.
check_restart() { # STREAM...
	local stream
	read_parts first "$@"
	read_parts second "$@"
	for stream in "$@"; do
		assert_eq "$stream: records of the first reader" "$(wc -l <"$T/$stream.first")" $(($(count_of "$stream") / 3))
		assert_exact "$stream" "$T/$stream.first" "$T/$stream.second"
	done
}
read_parts() { # first|second STREAM...
	local part=$1 count stream readers=()
	shift
	for stream in "$@"; do
		count=$(($(count_of "$stream") / 3))
		[ "$part" = first ] || count=$(($(count_of "$stream") - count))
		reader read "$stream" "half-$stream" $count >"$T/$stream.$part" 2>"$T/$stream.$part.log" &
		readers+=($!)
		pids+=($!)
	done
	for stream in "$@"; do
		wait "${readers[0]}" || fail "$stream: exit status $?: $(tail -n 3 "$T/$stream.$part.log")"
		readers=("${readers[@]:1}")
	done
}

# Offsets for times: of the first record, of one in the middle, of the last, and of a time after that.
check_times() { # STREAM
	local time
	for time in $(cut -f3 "$T/$1.want" | sort -n | sed -n "1p;$(($(count_of "$1") / 2))p;\$p") 32503680000000; do
		awk -F'\t' -v time="$time" -v beyond="$beyond" '
			{ end[$1] = $2 + 1 }
			$3 >= time && !($1 in first) { first[$1] = $2 }
			END { for (p in end) print p "\t" (p in first ? first[p] : beyond == "end" ? end[p] : -1) }' "$T/$1.want" |
			sort -n >"$T/times.want"
		reader times "$1" "$time" >"$T/times.got" 2>"$T/reader.err" || fail "times: $(say)"
		cmp -s "$T/times.want" "$T/times.got" ||
			fail "offsets for time $time: $(paste -sd' ' "$T/times.got"), expected $(paste -sd' ' "$T/times.want")"
	done
}

# The streams with their partitions, and a group that is empty and has read all of STREAM.
check_admin() { # STREAM GROUP
	reader admin "$1" "$2" 2>"$T/reader.err" >"$T/admin.all" || fail "admin: $(say)"
	# A real broker may show topics of its own; not every client can ask for a group's state.
	grep -v $'^topic\t__' "$T/admin.all" >"$T/admin.got"
	{
		printf 'topic\t%s\t2\n' logs packed rest
		! grep -q '^group' "$T/admin.got" || printf 'group\t%s\tEmpty\n' "$2"
		awk -F'\t' -v stream="$1" '{ end[$1] = $2 + 1 }
			END { for (p in end) print "committed\t" stream "\t" p "\t" end[p] "\t" end[p] }' "$T/$1.want" | sort
	} >"$T/admin.want"
	diff "$T/admin.want" "$T/admin.got" >"$T/admin.diff" || fail "admin: $(head -n 4 "$T/admin.diff")"
}

start_member() { # NAME STREAM GROUP OUTPUT [ARGUMENT...]: in the background, its pid in $last_pid; it has 60 s
	"${inside[@]}" timeout -k 5 $((60 * patience)) "${program[@]}" "$broker" read "$2" "$3" "${@:5}" >"$4" 2>"$T/$1.err" &
	pids+=("$!")
	disown $! # no word when it is killed
	# timeout's child is the reader itself.
	wait_until 10 "member $1 starts" pgrep -P $! >/dev/null
	last_pid=$(pgrep -P $!)
}
assigned() { sed -n 's/^assigned *//p' "$T/$1.err" | tail -n 1 | tr -d ' '; } # MEMBER: its partitions, as it last said
assigned_is() { [ "$(assigned "$1")" = "$2" ]; }
share() { [[ "$(assigned "$1")$(assigned "$2")" =~ ^(\[0\]\[1\]|\[1\]\[0\])$ ]]; }

# A member is killed between its output and its commit; another takes over, and begins where the commit was; a third
# shares the partitions with it, and leaves.
check_members() { # STREAM
	local killed taker third
	# Nobody empties the pipe any more when half of the records are through: there the first one stands.
	mkfifo "$T/pipe"
	exec {hold}<>"$T/pipe"
	start_member a "$1" members "$T/pipe"
	killed=$last_pid
	timeout $((30 * patience)) head -c $(($(stat -c %s "$T/$1.want") / 2)) "$T/pipe" >"$T/a.part" || fail "member a: $(cat "$T/a.err")"
	start_member b "$1" members "$T/b.tsv"
	taker=$last_pid
	kill -9 "$killed"
	dd if="$T/pipe" iflag=nonblock bs=64K >>"$T/a.part" 2>/dev/null || true # what still stands in it, until EAGAIN
	exec {hold}>&-
	sed '$d' "$T/a.part" >"$T/a.tsv" # the last line may be cut
	wait_until 30 "the second takes over" assigned_is b "[0,1]"
	start_member c "$1" members "$T/c.tsv"
	third=$last_pid
	wait_until 30 "two share the partitions" share b c
	kill -TERM "$third"
	wait_until 30 "the second has all again" assigned_is b "[0,1]"
	wait_until 30 "all is read" everything_in "$1"
	kill -TERM "$taker"
	wait_until 20 "the second ends" gone "$taker"
	assert_at_least_once "$1" "$T/a.tsv" "$T/b.tsv" "$T/c.tsv"
	[ "$(wc -l <"$T/b.tsv")" -lt "$(count_of "$1")" ] || fail "the second began from the beginning, not from a commit"
	check_admin "$1" members
	note "killed after $(wc -l <"$T/a.tsv") records; taken over by $(wc -l <"$T/b.tsv")"
}
everything_in() { # STREAM
	[ "$(cut -f1,2 "$T/a.tsv" "$T/b.tsv" "$T/c.tsv" | sort -u | wc -l)" -ge "$(count_of "$1")" ]
}

check_client() {
	make_log
	start_gateway
	check_restart logs packed rest
	check_times logs
	check_admin logs half-logs
	check_members logs
}
