#!/bin/bash
# kafkajs reads Weir's log in groups: restart from a commit, offsets for times, a member killed, two that share; admin.
# timeout: 150
. "$(dirname "$0")/lib.sh"
. "$engines/group.bash"
need_node
program=(node "$T/node/kafkajs_reader.mjs")
beyond=end
make_log
start_gateway
check_restart logs packed rest
check_times logs
check_admin logs half-logs
check_members logs
