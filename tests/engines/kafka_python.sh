#!/bin/bash
# kafka-python reads Weir's log in groups: restart from a commit, offsets for times, a member killed, two that share; admin.
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$engines/group.bash"
need_python python
program=("$venv/bin/python" "$examples/python/kafka_python_reader.py")
beyond=-1
check_client
