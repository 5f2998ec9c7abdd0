#!/bin/bash
# Akka Streams 2.6, the last line under the Apache License: partitions assigned, a committable source in a group that is stopped and started again, and two
# that share until one is killed.
# timeout: 150
. "$(dirname "$0")/lib.sh"
. "$engines/streams.bash"

check_streams akka Akka
