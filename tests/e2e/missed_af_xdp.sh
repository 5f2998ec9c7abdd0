#!/bin/bash
# The ring of an XDP socket overflows while the dataplane stands still: every frame that came over the wire is received
# or missed.
. "$(dirname "$0")/lib.sh"

make_wire
force_drops "net_af_xdp0,iface=eth0" 20000
assert_ge "packets missed" "$missed" 10000
assert_eq "received + missed, against what was sent" $((received + missed)) 24000
