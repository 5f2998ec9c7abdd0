#!/bin/sh
# Reads a stream of Weir with kcat, and asks about it:
#
#   read.sh BROKER list                      the streams and their partitions
#   read.sh BROKER from TOPIC OFFSET         all that is there: from beginning, OFFSET, -COUNT (the last), s@TIME
#   read.sh BROKER when TOPIC PARTITION TIME where the records since TIME (ms since 1970) begin
#   read.sh BROKER group TOPIC GROUP [OPTION]...  goes on where the group stopped, with the group's other members
#
# A record is printed as a line "partition offset timestamp key-length value-length", the key, the value, and a newline.
set -eu
usage() {
	echo "usage: read.sh BROKER list | from TOPIC OFFSET | when TOPIC PARTITION TIME | group TOPIC GROUP [OPTION]..." >&2
	exit 2
}
[ $# -ge 2 ] || usage
broker=$1 command=$2
shift 2
format='%p %o %T %K %S\n%k%s\n'
case $command in
list) exec kcat -b "$broker" -L ;;
from) exec kcat -b "$broker" -C -q -e -t "$1" -o "$2" -f "$format" ;;
when) exec kcat -b "$broker" -Q -t "$1:$2:$3" ;;
group)
	topic=$1 group=$2
	shift 2
	# A new group begins with the oldest record; -u: each record is written before the next is asked for.
	exec kcat -b "$broker" -G "$group" -u -X auto.offset.reset=earliest -X auto.commit.interval.ms=500 \
		-X session.timeout.ms=6000 -f "$format" "$@" "$topic"
	;;
*) usage ;;
esac
