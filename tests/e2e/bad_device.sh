#!/bin/bash
# Ports that cannot be: a clear message, exit status 1, and no crash.
. "$(dirname "$0")/lib.sh"

refused() { # DEVICE PATTERN
	local code=0
	ports=
	port "$1"
	write_config
	timeout $((30 * patience)) "${prefix[@]}" "$build/control/weir" run -c "$CONFIG" --for 5s >"$T/run.log" 2>&1 || code=$?
	[ $code -eq 1 ] || [ $code -eq 2 ] || fail "$1: exit status $code"
	grep -qi -e "$2" "$T/run.log" || fail "$1: the message does not say '$2'"
	! grep -qi -e 'segfault' -e 'signal 11' -e 'AddressSanitizer' "$T/run.log" || fail "$1: a crash"
}
prefix=()
refused "0000:fe:1f.7" "0000:fe:1f.7"
refused "net_nosuch0,x=1" "net_nosuch0"
refused "net_af_packet0,iface=nosuchif0" "nosuchif0\|net_af_packet0"
refused "net_pcap0,rx_pcap=$T/missing.pcap" "missing.pcap"
printf 'this is no capture\n' >"$T/text.pcap"
refused "net_pcap0,rx_pcap=$T/text.pcap" "text.pcap"

# No permission: neither root nor a capability to open packet sockets.
[ "$(id -u)" -eq 0 ] || skip "all but the part without permission is right: it takes root to become nobody"
chmod 755 "$T"
mkdir -m 777 "$T/nobody"
RUN=$T/nobody/run DATA=$T/nobody/data
prefix=(setpriv --reuid nobody --regid nogroup --clear-groups)
"${prefix[@]}" test -x "$build/control/weir" || skip "all but the part without permission is right: nobody may not read $build"
refused "net_af_packet0,iface=lo" "permi\|privilege\|net_af_packet0"
# What needs no privilege works without.
install -m 644 "$root/tests/data/quickstart.pcap" "$T/nobody/q.pcap"
ports=
pcap_port "$T/nobody/q.pcap"
write_config
run_until_idle "${prefix[@]}"
assert_balanced
assert_verified
rm -f "$(state_block)"
