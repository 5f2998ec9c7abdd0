#!/bin/bash
# node-rdkafka reads Weir's log in groups: restart from a commit, offsets for times, a member killed, two that share; admin.
# timeout: 900
. "$(dirname "$0")/lib.sh"
. "$engines/group.bash"
need_node
program=("$node" "$T/node/rdkafka_reader.mjs")
beyond=-1
check_client
