#!/bin/bash
# Both halves of a lane on one core.
. "$(dirname "$0")/lib.sh"

capture=$root/tests/data/quickstart.pcap
core=$(($(nproc) - 1))
pcap_port "$capture"
lanes="{count: 1, idle: adaptive, cores: [$core], log_cores: [$core]}"
run_until_idle
assert_balanced
expect_from "$capture"
assert_stream all-0 1
assert_verified
