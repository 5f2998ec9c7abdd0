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
for command in run check plan status reload stop cat verify; do
	assert_eq "$command --help" "$(code $command --help)" 0
	grep -qi usage "$T/out" || fail "$command --help shows no usage"
	assert_eq "$command --nosuch" "$(code $command --nosuch)" 2
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
assert_eq "check --explain" "$(code check --explain storage.sync)" 0
assert_eq "plan" "$(code plan "$CONFIG")" 0
assert_eq "plan --json" "$(code plan "$CONFIG" --json)" 0
jq -e . "$T/out" >/dev/null || fail "plan --json is no JSON"
assert_eq "status of nobody" "$(code status -c "$CONFIG")" 1
assert_eq "reload of nobody" "$(code reload -c "$CONFIG")" 1
assert_eq "stop of nobody" "$(code stop -c "$CONFIG")" 1
run_until_idle
! grep -q $'\r' "$T/run.log" || fail "progress in a pipe"
assert_eq "cat" "$(code cat "$DATA" all --from 10 --count 3)" 0
assert_eq "records of cat" "$(jq -s 'map(.offset) | @csv' "$T/out")" '"10,11,12"'
assert_eq "cat of no stream" "$(code cat "$DATA" nosuch)" 1
assert_eq "cat --format hex" "$(code cat "$DATA" all-0 --count 1 --format hex)" 0
assert_eq "verify of no directory" "$(code verify "$T/nosuch")" 1
start_weir
assert_eq "status" "$(code status -c "$CONFIG")" 0
grep -q balanced "$T/out" || fail "weir status does not say balanced"
assert_eq "stop" "$(code stop -c "$CONFIG")" 0
wait "$weir_pid" || fail "weir run ended with $? after weir stop"
weir_pid=
