#!/bin/bash
# HTTP on control.listen: metrics that promtool takes, health, readiness, and the status object.
. "$(dirname "$0")/lib.sh"

pcap_port "$root/tests/data/quickstart.pcap"
start_weir
wait_until 20 "packets are in" received_is 2559
settle
url=http://127.0.0.1:$http_port
get() { curl -sS --max-time 10 -o "$T/body" -w '%{http_code} %{content_type}' "$url$1" 2>>"$T/curl.log"; }
assert_eq "/healthz" "$(get /healthz | cut -d' ' -f1)" 200
assert_eq "/readyz" "$(get /readyz | cut -d' ' -f1)" 200
assert_eq "/nowhere" "$(get /nowhere | cut -d' ' -f1)" 404
assert_eq "a POST" "$(curl -sS -o /dev/null -w '%{http_code}' -X POST "$url/metrics")" 405
got=$(get /metrics)
[[ $got == "200 text/plain"* ]] || fail "/metrics: $got"
promtool check metrics <"$T/body" >"$T/promtool.log" 2>&1 || fail "promtool check metrics"
[ ! -s "$T/promtool.log" ] || fail "promtool has complaints"
stored=$(awk '$1 ~ /^weir_.*packets.*\{.*stored/ || $1 ~ /^weir_.*stored/ {n++} END {print n + 0}' "$T/body")
assert_ge "metrics that tell what was stored" "$stored" 1
got=$(get /api/status)
[[ $got == "200 application/json"* ]] || fail "/api/status: $got"
assert_balanced "$T/body"
keys='paths(scalars | true) | map(if type == "number" then 0 else . end) | join(".")'
assert_eq "keys of /api/status against those of weir status" "$(jq -r "$keys" "$T/body" | sort -u | md5sum)" \
	"$(weir status -c "$CONFIG" --json | jq -r "$keys" | sort -u | md5sum)"
pid=$(status .pid)
kill -STOP "$pid" # a dataplane that does not answer is not ready
wait_until 15 "/readyz tells of a stuck dataplane" sh -c "[ \"\$(curl -s -o /dev/null -w '%{http_code}' $url/readyz)\" = 503 ]"
kill -CONT "$pid"
wait_until 15 "/readyz is well again" sh -c "[ \"\$(curl -s -o /dev/null -w '%{http_code}' $url/readyz)\" = 200 ]"
stop_weir
assert_balanced
