#!/bin/bash
# scripts/quickstart as a newcomer calls it, in a copy of the tree, twice: it installs, builds, runs, shows, and the
# second run goes on where the first one ended.
# timeout: 400
. "$(dirname "$0")/lib.sh"

case $patience in 1) ;; *) skip "it builds a tree of its own, which no sanitizer sees" ;; esac
mkdir "$T/clone"
tar -C "$root" --exclude='./build*' --exclude=./.git --exclude='./quickstart-*' -cf - . | tar -C "$T/clone" -xf -
# Other ports than those of somebody's own quickstart.
gateway_port=$((http_port - 10000))
sed -i "s/127.0.0.1:9600/127.0.0.1:$http_port/; s/127.0.0.1:9092/127.0.0.1:$gateway_port/" "$T/clone/config/quickstart.yaml"
for run in 1 2; do
	"$T/clone/scripts/quickstart" >"$T/quickstart.$run.log" 2>&1 || fail "scripts/quickstart, run $run: exit status $?"
	grep -qw balanced "$T/quickstart.$run.log" || fail "run $run does not say balanced"
	grep -q "nothing is wrong" "$T/quickstart.$run.log" || fail "run $run: weir verify does not say that nothing is wrong"
	grep -qw "syslog" "$T/quickstart.$run.log" || fail "run $run shows no event"
	grep -q "kcat -b 127.0.0.1:$gateway_port -C -t syslog -o beginning -e" "$T/quickstart.$run.log" ||
		fail "run $run does not say how kcat reads it"
	tail -n 12 "$T/quickstart.$run.log" | grep -qE "^kcat got the [0-9]+ records of the run" || fail "run $run: kcat did not read it back"
	! grep -q $'\r' "$T/quickstart.$run.log" || fail "run $run: a live line in a file"
done
# By tshark's account of the capture, not by the quickstart's own.
expect_from "$T/clone/tests/data/quickstart.pcap"
assert_eq "records that kcat got" "$(grep -oE '^kcat got the [0-9]+' "$T/quickstart.2.log" | grep -oE '[0-9]+')" \
	"$(awk -F'\t' '$5 == 514' "$T/expect.tsv" | wc -l)"
weir=$T/clone/build/control/weir
# A capture that holds something else is noticed.
"$python" - "$T/clone/tests/data/quickstart.pcap" <<-'END'
	import sys
	data = bytearray(open(sys.argv[1], "rb").read())
	at = data.rindex(b"<134>")
	data[at + 1] ^= 1
	open(sys.argv[1], "wb").write(data)
END
sed '/^say "[1-6]\./,/^broker=/{/^broker=/!d}' "$T/clone/scripts/quickstart" >"$T/clone/scripts/only-the-end"
chmod +x "$T/clone/scripts/only-the-end"
(cd "$T/clone" && code=0 data=quickstart-data weir=$weir scripts/only-the-end >"$T/changed.log" 2>&1) &&
	fail "the quickstart takes another capture for its own: $(tail -n 12 "$T/changed.log")"
grep -q "kcat did not get what" "$T/changed.log" || fail "the quickstart says of another capture: $(tail -n 12 "$T/changed.log")"
(cd "$root" && cat tests/data/quickstart.pcap) >"$T/clone/tests/data/quickstart.pcap"
"$weir" verify "$T/clone/quickstart-data" --json >"$T/verify.json"
assert_ge "streams with events" "$(jq '[.partitions[] | select(.records > 0)] | length' "$T/verify.json")" 3
assert_eq "records after two runs, against one" "$(jq '.totals.records % 2' "$T/verify.json")" 0
assert_ge "records after two runs" "$(jq .totals.records "$T/verify.json")" 10000
# What the README says next, to the letter but for the port: a gateway over what is left, and kcat.
mapfile -t next < <(sed -n '/^## Read it/,/^## Onto/s/^    //p' "$root/README.md" | sed "s/127.0.0.1:9092/127.0.0.1:$gateway_port/")
assert_eq "commands of the README" "${#next[@]}" 2
cd "$T/clone"
read -ra command <<<"${next[0]} --listen 127.0.0.1:$gateway_port"
background "${command[@]}"
gateway=$last_pid
serves() { grep -q 'listens on' "$T/background.log"; }
wait_until 10 "the README's gateway serves" serves
read -ra command <<<"${next[1]}"
timeout 30 "${command[@]}" >"$T/readme.out" 2>"$T/readme.log" || fail "${next[1]}: exit status $?"
assert_ge "lines that the README's kcat prints" "$(wc -l <"$T/readme.out")" 2000
assert_eq "where it ends" "$(grep -oE 'at offset [0-9]+: exiting' "$T/readme.log" | grep -oE '[0-9]+')" \
	"$(jq '[.partitions[] | select(.stream == "syslog") | .records] | add' "$T/verify.json")"
end_pid "$gateway"
cd "$root"
# A step that fails is the last one.
sed -i 's/quickstart.pcap/nosuch.pcap/' "$T/clone/config/quickstart.yaml"
"$T/clone/scripts/quickstart" >"$T/stopped.log" 2>&1 && fail "the quickstart goes well without its capture"
tail -n 1 "$T/stopped.log" | grep -q "weir run ended with exit status 1 .*; the steps after it were left out" || fail "its last line: $(tail -n 1 "$T/stopped.log")"
grep -q "nosuch.pcap: No such file" "$T/stopped.log" || fail "the quickstart does not say why"
! grep -q "^5\." "$T/stopped.log" || fail "the quickstart goes on after a step that failed"
sed -i 's/nosuch.pcap/quickstart.pcap/' "$T/clone/config/quickstart.yaml"
# On a terminal: a live line while it works.
(cd "$T/clone" && script -qec "$weir run -c config/quickstart.yaml --until-idle 1500ms" "$T/terminal.log" >/dev/null) ||
	fail "weir run on a terminal: exit status $?"
grep -q $'\r' "$T/terminal.log" || fail "no live line on a terminal"
tr '\r' '\n' <"$T/terminal.log" | grep -q "/s" || fail "the live line shows no rate: $(tr '\r' '\n' <"$T/terminal.log" | head -n 20)"
