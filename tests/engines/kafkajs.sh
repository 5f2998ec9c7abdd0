#!/bin/bash
# kafkajs reads Weir's log in groups: restart from a commit, offsets for times, a member killed, two that share; admin.
# timeout: 900
. "$(dirname "$0")/lib.sh"
. "$engines/group.bash"
need_node
program=("$node" "$T/node/kafkajs_reader.mjs")
beyond=end
check_client
