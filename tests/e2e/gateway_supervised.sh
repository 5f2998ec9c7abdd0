#!/bin/bash
# weir run has a gateway beside the dataplane: it is started again when it is killed, outlives control, follows the config
# over reloads, says which port is in use, ends last; status, metrics and weir groups tell of it.
# timeout: 180
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/gateway_lib.sh"
command -v kcat >/dev/null || skip "no kcat"

make_wire # for a network of its own: the ports are free
gateway="{listen: \"127.0.0.1:9092\"}"
pcap_port "$root/tests/data/quickstart.pcap"
start_weir "${in_rx[@]}"
wait_until 20 "the capture is in the log" received_is 1000
settle
records=$(status '[.partitions[].visible_end] | add')

served_by() { # also while the config is a bad one
	weir status --run-dir "$RUN" --json | jq '.gateway | if .alive then .pid else 0 end'
}
other_gateway() { [ "$(served_by)" -gt 1 ] && [ "$(served_by)" != "$1" ]; } # PID
kc() { timeout $((30 * patience)) "${in_rx[@]}" kcat "$@" 2>>"$T/kcat.log"; }
serves() { kc -b "$1" -L >/dev/null; } # ADDRESS
assert_reads() { # ADDRESS
	wait_until 20 "the gateway answers at $1" serves "$1"
	assert_eq "records read at $1" "$(kc -b "$1" -C -q -t all -o beginning -e -f '%o\n' | wc -l)" "$records"
}
metric() { "${in_rx[@]}" curl -sS "http://127.0.0.1:$http_port/metrics" | sed -n "s/^$1 //p"; } # NAME
gateway_config() { # TEXT: of the key gateway
	gateway=$1
	write_config
}
reload() { weir reload -c "$CONFIG" 2>&1; }

# --- what is told of it ---------------------------------------------------------------------------
assert_reads 127.0.0.1:9092
first=$(served_by)
assert_ge "the gateway's pid" "$first" 2
assert_eq "its address" "$(status .gateway.address)" 127.0.0.1:9092
assert_eq "its data" "$(status .gateway.data_dir)" "$DATA"
file_bytes() { [ "$(status '.gateway.sent_file_bytes > 100000 and .gateway.requests.Fetch > 0')" = true ]; }
wait_until 5 "the report tells of bytes and Fetches" file_bytes
assert_ge "counted Fetches" "$(status '.gateway.fetch_histogram | add')" 1
assert_eq "weir_gateway_up" "$(metric weir_gateway_up)" 1
assert_ge "bytes in the metrics" "$(metric weir_gateway_sent_bytes_total)" 100000
weir status -c "$CONFIG" | grep -q "^gateway    running, pid $first, 127.0.0.1:9092" || fail "weir status: $(weir status -c "$CONFIG" | head -n 6)"
assert_eq "weir groups" "$(weir groups -c "$CONFIG")" "no consumer groups"
assert_eq "weir groups --json" "$(weir groups -c "$CONFIG" --json | jq -c .)" '{"alive":true,"gateway_failure":null,"groups":[]}'

# A group that has read some of it: how far it is behind, in all three places.
kc -b 127.0.0.1:9092 -G readers -q -X auto.offset.reset=earliest -c 100 -f '%o\n' all >"$T/group.out" || fail "kcat -G"
has_committed() { [ "$(weir groups -c "$CONFIG" --json | jq '.groups | map(.offsets[]) | length')" -ge 1 ]; }
wait_until 10 "the report tells of the group" has_committed
weir groups -c "$CONFIG" --json >"$T/groups.json"
committed=$(jq '.groups[0].offsets[0].committed' "$T/groups.json")
assert_ge "what the group has committed" "$committed" 100
assert_eq "the group" "$(jq -c '.groups[0] | [.group, .offsets[0].topic, .offsets[0].partition, .offsets[0].lag]' "$T/groups.json")" \
	"[\"readers\",\"all\",0,$((records - committed))]"
assert_eq "lag in the metrics" "$(metric 'kafka_consumergroup_lag{consumergroup="readers",topic="all",partition="0"}')" \
	"$((records - committed))"
weir status -c "$CONFIG" | grep -q "^group readers: " || fail "weir status does not show the group"

# --- it dies, the dataplane dies, control dies ---------------------------------------------------
"${in_rx[@]}" "$build/gateway/weir-gateway" --run-dir "$RUN" --listen 127.0.0.1:9099 2>"$T/second.log" &&
	fail "a second gateway in the same run_dir"
grep -q "another one runs" "$T/second.log" || fail "the second gateway says: $(cat "$T/second.log")"
kill -9 "$first"
wait_until 10 "another gateway is there" other_gateway "$first"
assert_reads 127.0.0.1:9092
assert_eq "deaths of the gateway" "$(metric weir_control_gateway_deaths_total)" 1
second=$(served_by)

dataplane=$(status .pid)
kill -9 "$dataplane"
started_again() { status_is ".run_state == \"running\" and .pid != $dataplane"; }
wait_until 60 "the dataplane is started again" started_again
assert_eq "the gateway after the dataplane's death" "$(served_by)" "$second"
settle
records=$(status '[.partitions[].visible_end] | add')

kill -9 "$weir_pid"
wait "$weir_pid" 2>/dev/null || true
assert_reads 127.0.0.1:9092
start_weir "${in_rx[@]}"
assert_reads 127.0.0.1:9092
assert_eq "the gateway after control's death" "$(served_by)" "$second"
kill -9 "$second" # no child of this control
wait_until 10 "another gateway is there" other_gateway "$second"

# With another config than the one that the gateway was started by.
kill -9 "$weir_pid"
wait "$weir_pid" 2>/dev/null || true
gateway_config '{listen: "127.0.0.1:9093", advertised: "localhost:9093"}'
start_weir "${in_rx[@]}"
assert_reads 127.0.0.1:9093
! serves 127.0.0.1:9092 || fail "the gateway of before still serves"
assert_eq "what clients are told" "$(kc -b 127.0.0.1:9093 -L -J | jq -r '.brokers[0].name')" localhost:9093

# --- reloads ----------------------------------------------------------------------------------------
assert_eq "a reload without changes" "$(reload)" "nothing to change"
third=$(served_by)
gateway_config '{listen: "127.0.0.1:9094"}'
assert_eq "a reload that moves it" "$(reload)" "gateway.listen: 127.0.0.1:9093 -> 127.0.0.1:9094
gateway.advertised: localhost:9093 -> none"
assert_reads 127.0.0.1:9094
other_gateway "$third" || fail "the same gateway as before the reload"
gateway_config '{listen: "0.0.0.0:9094"}'
third=$(served_by)
! reload >"$T/reload.out" || fail "a reload opened the gateway to all without a word"
grep -q "gateway.insecure: true" "$T/reload.out" || fail "the reload says: $(cat "$T/reload.out")"
assert_eq "the gateway after a bad reload" "$(served_by)" "$third"
gateway_config '{listen: "0.0.0.0:9094", insecure: true}'
reload >/dev/null || fail "a reload with insecure: true"
assert_reads 10.90.0.1:9094
gateway_config '{listen: off}'
reload | grep -q "gateway.listen: 0.0.0.0:9094 -> off" || fail "a reload that ends it"
wait_until 10 "there is no gateway" status_is '.gateway.alive | not'
assert_eq "weir_gateway_up" "$(metric weir_gateway_up)" 0
! weir groups -c "$CONFIG" >/dev/null 2>&1 || fail "weir groups is fine without a gateway"

# --- a port that somebody has ----------------------------------------------------------------------
background "${in_rx[@]}" socat TCP-LISTEN:9095,bind=127.0.0.1,fork,reuseaddr SYSTEM:true
squatter=$last_pid
port_taken() { "${in_rx[@]}" ss -Hltn "sport = 9095" | grep -q 9095; }
wait_until 5 "somebody has port 9095" port_taken
gateway_config '{listen: "127.0.0.1:9095"}'
reload >/dev/null || fail "reload"
said_so() { grep -q "127.0.0.1:9095 is in use by another process" "$T/run.log"; }
wait_until 10 "the log names the port" said_so
status_says_so() {
	weir status -c "$CONFIG" | grep -qE '^gateway    not running: 127\.0\.0\.1:9095 is in use by another process: .*; tried again in [0-9]+\.[0-9] s$'
}
wait_until 10 "the status names the port" status_says_so
assert_eq "in JSON" "$(status '.gateway_failure | (.reason | test("9095 is in use")) and .next_start_in_s <= 10')" true
! weir groups -c "$CONFIG" --json >"$T/groups.json" 2>"$T/groups.err" || fail "weir groups is fine without a gateway"
grep -q "the gateway does not run: 127.0.0.1:9095 is in use" "$T/groups.err" || fail "weir groups says: $(cat "$T/groups.err")"
assert_eq "in the JSON of weir groups" "$(jq '.gateway_failure.reason | test("9095 is in use")' "$T/groups.json")" true
status_is '.run_state == "running" and .alive' || fail "the dataplane does not run any more"
end_pid "$squatter"
assert_reads 127.0.0.1:9095
assert_eq "no failure any more" "$(status .gateway_failure)" null
weir status -c "$CONFIG" | grep -q "^gateway    running, pid" || fail "weir status: $(weir status -c "$CONFIG" | head -n 6)"

# --- the end ------------------------------------------------------------------------------------------
last=$(served_by)
weir stop -c "$CONFIG" >"$T/stop.out" || fail "weir stop"
gone "$last" || fail "the gateway outlived weir stop"
wait_until 10 "weir run ends" gone "$weir_pid"
code=0
wait "$weir_pid" || code=$?
weir_pid=
assert_eq "weir run's exit status" "$code" 0
assert_eq "how the gateway ended" "$(status .gateway.stopped)" true
grep -aE "weir-(dataplane|gateway) \(pid [0-9]+\) stopped" "$T/run.log" | tail -n 2 | grep -oE "weir-[a-z]+" | paste -sd' ' |
	grep -qx "weir-dataplane weir-gateway" || fail "the order of the stop"

# One started by hand over a directory alone tells of itself where it is told to.
start_gateway "${in_rx[@]}" -- --data "$DATA" --run-dir "$T/by-hand" --listen 127.0.0.1:9097
assert_reads 127.0.0.1:9097
by_hand_tells() { weir groups --run-dir "$T/by-hand" 2>/dev/null | grep -q "^group readers: "; }
wait_until 5 "weir groups tells of it" by_hand_tells
stop_gateway

# What the unit of systemd's does: the config's gateway, and no other.
gateway_config '{listen: off}'
"$build/control/weir-control" --gateway -c "$CONFIG" 2>"$T/unit.log" || fail "no gateway is no failure"
gateway_config '{listen: "127.0.0.1:9096"}'
"${in_rx[@]}" "$build/control/weir-control" --gateway -c "$CONFIG" 2>>"$T/unit.log" &
unit=$!
pids+=("$unit")
assert_reads 127.0.0.1:9096
kill -TERM "$unit"
wait "$unit" || fail "the gateway's exit status after SIGTERM"
