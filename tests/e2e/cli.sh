#!/bin/bash
# The command line as its pages say: exit codes, help, no progress in a pipe, plan, check, cat.
. "$(dirname "$0")/lib.sh"

pcap_port "$root/tests/data/quickstart.pcap"
write_config
code() { local c=0; weir "$@" >"$T/out" 2>"$T/err.log" || c=$?; echo $c; }
assert_eq "no command" "$(code)" 2
assert_eq "unknown command" "$(code nosuch)" 2
assert_eq "--help" "$(code --help)" 0
assert_eq "--version" "$(code --version)" 0
for command in run check plan status reload stop cat verify replay latency loadtest; do
	assert_eq "$command --help" "$(code $command --help)" 0
	grep -qi usage "$T/out" || fail "$command --help shows no usage"
	assert_eq "$command --nosuch" "$(code $command --nosuch)" 2
done
assert_eq "replay by a processor that is not there" "$(code replay "$root/tests/data/quickstart.pcap" --to net_null0 --cores 1023)" 2
grep -q "processors that this process may use: [0-9]" "$T/err.log" || fail "replay does not say which processors there are"
for command in run check plan status reload stop cat verify replay latency loadtest; do
	code $command --nosuch >/dev/null
	assert_eq "what $command says of an unknown option" "$(tr '\n' ' ' <"$T/err.log")" \
		"weir $command: unrecognized option '--nosuch' Try 'weir $command --help'. "
done
assert_eq "check of a good file" "$(code check "$CONFIG")" 0
printf 'prots:\n  - {device: x}\nlanes: {count: many}\n' >"$T/bad.yaml"
assert_eq "check of a bad file" "$(code check "$T/bad.yaml")" 2
cat "$T/out" "$T/err.log" >"$T/said"
for word in bad.yaml:1 ports bad.yaml:3 lanes.count many streams; do
	grep -q "$word" "$T/said" || fail "check does not say '$word'"
done
assert_eq "run of a bad file" "$(code run -c "$T/bad.yaml")" 2
assert_eq "check of a missing file" "$(code check "$T/missing.yaml")" 2
assert_eq "what it says" "$(cat "$T/err.log")" "$T/missing.yaml: No such file or directory"
assert_eq "check --explain" "$(code check --explain storage.sync)" 0
assert_eq "plan" "$(code plan "$CONFIG")" 0
assert_eq "the parts of its memory, and all of it" "$(sed -n '/^memory/,/in all/s/^ *\([0-9.]*\) MiB .*/\1/p' "$T/out" | awk '{sum += last; last = $1; n++} END {print n, (last != 0 && sum - last < 0.01 && last - sum < 0.01)}')" "6 1"
assert_eq "plan --json" "$(code plan "$CONFIG" --json)" 0
jq -e . "$T/out" >/dev/null || fail "plan --json is no JSON"
assert_eq "status of nobody" "$(code status -c "$CONFIG")" 1
assert_eq "reload of nobody" "$(code reload -c "$CONFIG")" 1
assert_eq "what it says" "$(cat "$T/err.log")" "weir: no weir-control is running in $RUN (-c FILE or --run-dir DIR names another)"
assert_eq "stop of nobody" "$(code stop -c "$CONFIG")" 1
run_until_idle
! grep -q $'\r' "$T/run.log" || fail "progress in a pipe"
assert_eq "cat" "$(code cat "$DATA" all --from 10 --count 3)" 0
assert_eq "records of cat" "$(jq -s 'map(.offset) | @csv' "$T/out")" '"10,11,12"'
assert_eq "cat of no stream" "$(code cat "$DATA" nosuch)" 1
assert_eq "what it says" "$(cat "$T/err.log")" "weir cat: no stream or partition 'nosuch' in $DATA; the streams there are all"
assert_eq "latency of no stream" "$(code latency "$DATA" nosuch)" 1
grep -q "the streams there are all" "$T/err.log" || fail "latency says: $(cat "$T/err.log")"
end=$(final '.partitions[0].log_end')
assert_eq "cat from the end" "$(code cat "$DATA" all --from "$end")" 0
assert_eq "what it says" "$(cat "$T/out" "$T/err.log")" ""
assert_eq "cat from beyond the end" "$(code cat "$DATA" all --from $((end + 1)))" 0
assert_eq "what it says" "$(cat "$T/err.log")" \
	"weir cat: --from $((end + 1)) is beyond the end: the next record of all-0 will have offset $end"
assert_eq "cat --format hex" "$(code cat "$DATA" all-0 --count 1 --format hex)" 0
assert_eq "verify of no directory" "$(code verify "$T/nosuch")" 1
mkdir "$T/empty"
assert_eq "verify of a directory that is none of ours" "$(code verify "$T/empty")" 1
grep -q "no data directory" "$T/err.log" || fail "verify does not say what is wrong with an empty directory"

# What the plan asks for and this machine has not.
sed 's/^lanes:.*/lanes: {count: 1, slabs: 1024}/; s/decoder: datagram/decoder: datagram, batch_size: 64MiB, segment_size: 1GiB/; s/^max_streams:.*/max_streams: 256/' "$CONFIG" >"$T/huge.yaml"
if [ "$(awk '/^MemAvailable/ {print int($2 / 1024)}' /proc/meminfo)" -lt 60000 ]; then
	assert_eq "plan of what does not fit" "$(code plan "$T/huge.yaml")" 0
	grep -q "MiB are available" "$T/out" || fail "plan does not warn that the memory is not there"
	assert_eq "run of what does not fit" "$(code run -c "$T/huge.yaml" --for 1s)" 1
	grep -q "MiB are available" "$T/err.log" || fail "run does not say that the memory is not there"
fi
for device in 0000:ee:1f.7 net_af_packet0,iface=nosuchif0 "net_pcap0,rx_pcap=$T/nosuch.pcap"; do
	sed "s#device: \"[^\"]*\"#device: \"$device\"#" "$CONFIG" >"$T/device.yaml"
	assert_eq "plan with $device" "$(code plan "$T/device.yaml")" 0
	grep -q "ports.0..device: .*\(no PCI device\|no interface\|cannot be read\)" "$T/out" || fail "plan does not say that there is no $device"
	assert_eq "check with $device" "$(code check "$T/device.yaml")" 0
	grep -q "warning: ports.0..device: .*\(no PCI device\|no interface\|cannot be read\)" "$T/err.log" || fail "check does not say that there is no $device"
	grep -q "ok, but for 1 warning: 1 port" "$T/out" || fail "check of $device ends so: $(cat "$T/out")"
done

touch "$T/file"
for path in "$T/file" "$T/no/such/parent" "$T/file/below"; do
	sed "s#path: [^,]*,#path: $path,#" "$CONFIG" >"$T/path.yaml"
	assert_eq "check with storage.path $path" "$(code check "$T/path.yaml")" 0
	grep -q "warning: storage.path: $path" "$T/err.log" || fail "check says nothing of storage.path $path: $(cat "$T/err.log" "$T/out")"
	timeout $((30 * patience)) "$build/control/weir" run -c "$T/path.yaml" --for 1s >"$T/out" 2>"$T/err.log" && fail "run with storage.path $path"
done
assert_eq "check of a file that is right here" "$(code check "$CONFIG")" 0
assert_eq "what it says" "$(cat "$T/out" "$T/err.log")" "$CONFIG: ok: 1 port, 1 stream"

# What could not be written was not done.
for arguments in "plan $CONFIG" "check --explain all" "--help" "run --help" "verify $DATA" "cat $DATA all --count 1"; do
	# shellcheck disable=SC2086 # words
	! weir $arguments >/dev/full 2>"$T/full.log" || fail "weir $arguments says nothing about a full standard output"
done
start_weir
assert_eq "status" "$(code status -c "$CONFIG")" 0
grep -q balanced "$T/out" || fail "weir status does not say balanced"
assert_eq "reload by the file that Weir runs by" "$(code reload -c "$CONFIG")" 0
cp "$CONFIG" "$T/other.yaml"
assert_eq "reload by another file" "$(code reload -c "$T/other.yaml")" 2
grep -q "runs by $CONFIG, not by $T/other.yaml" "$T/err.log" "$T/out" || fail "reload does not say which file Weir runs by"

assert_eq "cat from beyond the end of what is visible" "$(code cat "$DATA" all --from 999999)" 0
grep -q "is beyond the end: the next record of all-0" "$T/err.log" || fail "cat beside a running Weir says: $(cat "$T/err.log")"

# Every name in what --json prints stands in docs/json.md.
weir status -c "$CONFIG" --json >"$T/status.json"
weir plan "$CONFIG" --json >"$T/plan.json"
weir verify "$DATA" --json >"$T/verify.json"
weir cat "$DATA" all --count 1 >"$T/cat.json"
for file in status plan verify cat; do
	# Names of terms and causes are those of the ledger: docs/metrics.md has them.
	jq -r 'del(.ledger) | [paths | map(select(type == "string"))[-1:][]] | unique[]' "$T/$file.json" | while read -r name; do
		grep -qw -- "$name" "$root/docs/json.md" || fail "docs/json.md does not tell of '$name' ($file --json)"
	done
done
jq -r '.ledger | (keys[]), (.packets | keys[]), (.streams[0] | keys[]), (.events | keys[])' "$T/status.json" | while read -r name; do
	grep -qw -- "$name" "$root/docs/json.md" "$root/docs/metrics.md" || fail "docs tell nothing of 'ledger…$name'"
done
assert_eq "stop" "$(code stop -c "$CONFIG")" 0
wait "$weir_pid" || fail "weir run ended with $? after weir stop"
weir_pid=
