#!/bin/bash
# scripts/quickstart as a newcomer calls it, in a copy of the tree, twice: it installs, builds, runs, shows, and the
# second run goes on where the first one ended.
# timeout: 400
. "$(dirname "$0")/lib.sh"

case $patience in 1) ;; *) skip "it builds a tree of its own, which no sanitizer sees" ;; esac
mkdir "$T/clone"
tar -C "$root" --exclude='./build*' --exclude=./.git --exclude='./quickstart-*' -cf - . | tar -C "$T/clone" -xf -
# Another port than that of somebody's own quickstart.
sed -i "s/127.0.0.1:9600/127.0.0.1:$http_port/" "$T/clone/config/quickstart.yaml"
for run in 1 2; do
	"$T/clone/scripts/quickstart" >"$T/quickstart.$run.log" 2>&1 || fail "scripts/quickstart, run $run: exit status $?"
	grep -qw balanced "$T/quickstart.$run.log" || fail "run $run does not say balanced"
	grep -q "nothing is wrong" "$T/quickstart.$run.log" || fail "run $run: weir verify does not say that nothing is wrong"
	grep -qw "syslog" "$T/quickstart.$run.log" || fail "run $run shows no event"
	! grep -q $'\r' "$T/quickstart.$run.log" || fail "run $run: a live line in a file"
done
weir=$T/clone/build/control/weir
"$weir" verify "$T/clone/quickstart-data" --json >"$T/verify.json"
assert_ge "streams with events" "$(jq '[.partitions[] | select(.records > 0)] | length' "$T/verify.json")" 3
assert_eq "records after two runs, against one" "$(jq '.totals.records % 2' "$T/verify.json")" 0
assert_ge "records after two runs" "$(jq .totals.records "$T/verify.json")" 10000
# On a terminal: a live line while it works.
(cd "$T/clone" && script -qec "$weir run -c config/quickstart.yaml --until-idle 1500ms" "$T/terminal.log" >/dev/null) ||
	fail "weir run on a terminal: exit status $?"
grep -q $'\r' "$T/terminal.log" || fail "no live line on a terminal"
tr '\r' '\n' <"$T/terminal.log" | grep -q "/s" || fail "the live line shows no rate: $(tr '\r' '\n' <"$T/terminal.log" | head -n 20)"
