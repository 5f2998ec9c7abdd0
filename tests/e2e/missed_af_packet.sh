#!/bin/bash
# The ring of an af_packet socket overflows while the dataplane stands still: every frame that came over the wire is
# received or missed, and the count of the missed is the one that the kernel's own counters leave.
. "$(dirname "$0")/lib.sh"

make_wire
force_drops "net_af_packet0,iface=eth0,blocksz=65536,framesz=2048,framecnt=256" 4000
assert_ge "packets missed" "$missed" 3000
assert_eq "received + missed, against what came over the wire" $((received + missed)) "$on_the_wire"
