#!/bin/bash
# Pekko Streams: partitions assigned, a committable source in a group that is stopped and started again, and two
# that share until one is killed.
# timeout: 150
. "$(dirname "$0")/lib.sh"
. "$engines/streams.bash"

check_streams pekko Pekko
