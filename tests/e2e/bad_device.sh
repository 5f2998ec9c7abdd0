#!/bin/bash
# Ports that cannot be: a clear message, exit status 1, and no crash.
. "$(dirname "$0")/lib.sh"

refused() { # DEVICE TEXT: the reason is in the log, once
	local code=0
	ports=
	port "$1"
	write_config
	timeout $((30 * patience)) "${prefix[@]}" "$build/control/weir" run -c "$CONFIG" --for 5s >"$T/run.log" 2>&1 || code=$?
	assert_eq "exit status with $1" $code 1
	assert_eq "lines with the reason ($2): $(cat "$T/run.log")" "$(grep -c -e "error .*weir-dataplane cannot start: port p0: .*$2" "$T/run.log")" 1
	assert_eq "lines with the reason of $1, of any kind" "$(grep -c -e "port p0: .*$2" "$T/run.log")" 1
	! grep -qi -e 'segfault' -e 'signal 11' -e 'AddressSanitizer' "$T/run.log" || fail "$1: a crash"
}
not_even_tried() { # DEVICE TEXT: a config error, wherever it is run
	local code=0
	ports=
	port "$1"
	write_config
	weir check "$CONFIG" >"$T/check.log" 2>&1 || code=$?
	assert_eq "exit status of check with $1" $code 2
	grep -qF -e "$2" "$T/check.log" || fail "check says of $1: $(cat "$T/check.log")"
}
warned() { # DEVICE TEXT
	ports=
	port "$1"
	write_config
	weir check "$CONFIG" >"$T/check.log" 2>&1 || fail "check of $1: $(cat "$T/check.log")"
	grep -qF -e "warning: ports[0].device: $2" "$T/check.log" || fail "check says of $1: $(cat "$T/check.log")"
}
prefix=()
refused "0000:fe:1f.7" "0000:fe:1f.7"
refused "net_nosuch0,x=1" "DPDK has no driver net_nosuch0"
refused "net_afpacket0,iface=lo" "DPDK has no driver net_afpacket0"
refused "net_af_packet0,iface=nosuchif0" "there is no interface nosuchif0"
refused "net_pcap0,rx_pcap=$T/missing.pcap" "missing.pcap: No such file"
printf 'this is no capture\n' >"$T/text.pcap"
refused "net_pcap0,rx_pcap=$T/text.pcap" "text.pcap"

not_even_tried net_af_packet0 "net_af_packet must be told the kernel's interface: net_af_packet0,iface=eth0"
not_even_tried net_af_packet0,ifac=lo "net_af_packet must be told the kernel's interface"
not_even_tried net_pcap0 "net_pcap must be told a capture or an interface: net_pcap0,rx_pcap=x.pcap"
not_even_tried eth0 "did you mean the kernel's interface, net_af_packet0,iface=eth0?"
warned net_afpacket "DPDK has no driver net_afpacket that is known here: did you mean net_af_packet0,iface=eth0?"
warned net_afxdp0,iface=lo "DPDK has no driver net_afxdp that is known here: did you mean net_af_xdp0,iface=lo?"
warned net_nosuch0,x=1 "DPDK has no driver net_nosuch that is known here"
warned net_af_xdp0,iface=nosuchif0 "there is no interface nosuchif0 here"

# No permission: neither root nor a capability to open packet sockets.
[ "$(id -u)" -eq 0 ] || skip "all but the part without permission is right: it takes root to become nobody"
chmod 755 "$T"
mkdir -m 777 "$T/nobody"
RUN=$T/nobody/run DATA=$T/nobody/data
prefix=(setpriv --reuid nobody --regid nogroup --clear-groups)
"${prefix[@]}" test -x "$build/control/weir" || skip "all but the part without permission is right: nobody may not read $build"
refused "net_af_packet0,iface=lo" "may this user open it?"
# What needs no privilege works without.
install -m 644 "$root/tests/data/quickstart.pcap" "$T/nobody/q.pcap"
ports=
pcap_port "$T/nobody/q.pcap"
write_config
run_until_idle "${prefix[@]}"
assert_balanced
assert_verified
rm -f "$(state_block)"
