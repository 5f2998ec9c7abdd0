#!/bin/bash
# Records tests/data/quickstart.pcap from real senders: tests/data/record.sh [FILE]. Needs root and
# `scripts/deps record`. Six senders, each a network namespace with its own address and MAC, send to
# one collector over a veth pair; what arrives at the collector's end is the capture. README.md
# beside this script says what is in it.
set -euo pipefail
cd "$(dirname "$0")"
out=$(realpath "${1:-quickstart.pcap}")
work=$(mktemp -d)
tag=wr$$
pids=()
spaces=()

cleanup() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	wait 2>/dev/null || true
	for space in "${spaces[@]}"; do ip netns del "$space" 2>/dev/null || true; done
	rm -rf "$work"
}
trap cleanup EXIT

space() { # NAME: a namespace without offloads and without background talk
	ip netns add "$tag$1"
	spaces+=("$tag$1")
	ip -n "$tag$1" link set lo up
}
# shellcheck disable=SC2016 # $0 and $@ are the inner shell's
in_space() { # NAME COMMAND...: in the namespace, with the name as the host's name
	local name=$1
	shift
	ip netns exec "$tag$name" unshare --uts sh -c 'hostname "$0"; exec "$@"' "$name" "$@"
}
background() {
	"$@" >>"$work/log" 2>&1 &
	pids+=($!)
}
sender() { # NAME LAST: address 10.80.0.LAST and fd80::LAST
	space "$1"
	ip -n "${tag}wire" link add link w0 name eth0 netns "$tag$1" type macvlan mode bridge
	ip netns exec "$tag$1" ethtool -K eth0 tx off >/dev/null
	ip -n "$tag$1" addr add "10.80.0.$2/24" dev eth0
	ip -n "$tag$1" addr add "fd80::$2/64" dev eth0 nodad
	ip -n "$tag$1" link set eth0 up
}

message() { # N: the text of message N
	local users=(ada grace linus ken barbara) units=(cron nginx sshd postfix backup)
	case $(($1 % 5)) in
	0) echo "session opened for user ${users[$1 % 5]} by (uid=0) seq=$1" ;;
	1) echo "GET /item/$1 HTTP/1.1 200 $(($1 * 37 % 9000)) \"-\" \"curl/7.88.1\"" ;;
	2) echo "unit ${units[$1 / 5 % 5]}.service: state changed inactive -> active (job $1)" ;;
	3) echo "disk /dev/sd$(printf '%c' "$(printf 'abcd' | cut -c$(($1 % 4 + 1)))") temperature $((30 + $1 % 25)) °C" ;;
	4) echo "Accepted publickey for ${users[$1 / 3 % 5]} from 10.80.9.$(($1 % 250)) port $((20000 + $1)) ssh2" ;;
	esac
}

wire() {
	space wire
	space collector
	ip link add w0 netns "${tag}wire" type veth peer name w1 netns "${tag}collector"
	local end
	for end in wire:w0 collector:w1; do
		ip netns exec "$tag${end%:*}" ethtool -K "${end#*:}" tx off gro off >/dev/null
		ip -n "$tag${end%:*}" link set "${end#*:}" up
	done
	ip -n "${tag}collector" addr add 10.80.0.1/24 dev w1
	ip -n "${tag}collector" addr add fd80::1/64 dev w1 nodad
	for port in 53 514 2055 4739 8125 9999; do # somebody has to listen, else the senders see errors
		background ip netns exec "${tag}collector" socat -u "UDP6-RECV:$port,ipv6only=0" OPEN:/dev/null
	done
	sender alpha 11
	sender bravo 12
	sender charlie 13
	sender delta 14
	sender echo 15
	sleep 1
	background ip netns exec "${tag}collector" tcpdump -i w1 -Q in -U -s 0 -B 8192 -Z root -w "$out"
	sleep 1
}

alpha_logger() { # util-linux logger: both formats, IPv4 and IPv6
	local i
	for i in $(seq 1 200); do
		in_space alpha logger -n 10.80.0.1 -P 514 -d --rfc3164 -t "app$((i % 3))" -p local0.info "$(message "$i")"
		in_space alpha logger -n 10.80.0.1 -P 514 -d --rfc5424 -t web -p daemon.notice --msgid "ID$((i % 7))" \
			--id="$((1000 + i % 9))" "$(message "$((i + 1000))")"
		if [ $((i % 4)) -eq 0 ]; then
			in_space alpha logger -n fd80::1 -P 514 -d --rfc5424 -t six -p auth.warning "$(message "$((i + 2000))")"
		fi
	done
}

bravo_rsyslog() { # rsyslogd: reads a local socket, forwards local0 traditionally, local1 as RFC 5424
	cat >"$work/rsyslog.conf" <<-CONF
		module(load="imuxsock" SysSock.Use="off")
		input(type="imuxsock" Socket="$work/log.sock")
		global(workDirectory="$work")
		if \$syslogfacility-text == "local0" then
		  action(type="omfwd" target="10.80.0.1" port="514" protocol="udp" template="RSYSLOG_TraditionalForwardFormat")
		if \$syslogfacility-text == "local1" then
		  action(type="omfwd" target="fd80::1" port="514" protocol="udp" template="RSYSLOG_SyslogProtocol23Format")
	CONF
	background in_space bravo rsyslogd -n -f "$work/rsyslog.conf" -i "$work/rsyslog.pid"
	sleep 1
	local i
	for i in $(seq 1 250); do
		logger -u "$work/log.sock" -t kernelish -p local0.warning "$(message "$((i + 3000))")"
		logger -u "$work/log.sock" -t queue -p local1.err "$(message "$((i + 4000))")"
	done
	sleep 1
}

charlie_statsd() { # the Python statsd client (Debian's python3-statsd): single metrics and pipelines
	cat >"$work/metrics.py" <<-'PY'
		import statsd, time
		for host, v6 in (("10.80.0.1", False), ("fd80::1", True)):
		    client = statsd.StatsClient(host, 8125, prefix="shop", ipv6=v6, maxudpsize=512)
		    for i in range(150):
		        client.incr("orders.placed")
		        client.timing("checkout.ms", 20 + i * 7 % 90)
		        client.gauge("queue.depth", i * 13 % 40)
		        with client.pipeline() as pipe:
		            for j in range(3 + i % 9):
		                pipe.incr(f"page.{j}.views", j + 1)
		                pipe.timing(f"page.{j}.render", 5 + j)
		            pipe.gauge("workers", 8 - i % 5)
		            pipe.set("visitors", f"user{i % 33}")
		        time.sleep(0.01)
	PY
	in_space charlie /usr/bin/python3 "$work/metrics.py"
}

delta_softflowd() { # softflowd watches real traffic between two namespaces; exports v9 and IPFIX
	space peer
	ip link add t0 netns "${tag}delta" type veth peer name t1 netns "${tag}peer"
	ip -n "${tag}delta" addr add 10.81.0.1/24 dev t0
	ip -n "${tag}peer" addr add 10.81.0.2/24 dev t1
	ip -n "${tag}delta" link set t0 up
	ip -n "${tag}peer" link set t1 up
	sleep 1
	local timeouts=(-t maxlife=3 -t expint=1 -t udp=1 -t icmp=1 -t general=1 -t tcp.fin=1)
	background in_space delta softflowd -D -i t0 -v 9 -n 10.80.0.1:2055 "${timeouts[@]}" -p "$work/f9.pid" -c "$work/f9.ctl"
	background in_space delta softflowd -D -i t0 -v 10 -n 10.80.0.1:4739 "${timeouts[@]}" -p "$work/f10.pid" -c "$work/f10.ctl"
	background ip netns exec "${tag}peer" iperf3 -s
	background ip netns exec "${tag}peer" socat -u UDP4-RECV:7000 OPEN:/dev/null
	sleep 1
	local i
	for i in $(seq 1 400); do
		ip netns exec "${tag}delta" socat -u "EXEC:echo flow $i" "UDP4-SENDTO:10.81.0.2:$((7000 + i % 50))"
	done
	ip netns exec "${tag}delta" iperf3 -c 10.81.0.2 -n 4M -P 4 >/dev/null
	ip netns exec "${tag}delta" iperf3 -c 10.81.0.2 -u -b 5M -t 2 >/dev/null
	ip netns exec "${tag}delta" ping -q -c 5 -i 0.2 10.81.0.2 >/dev/null
	sleep 5
	softflowctl -c "$work/f9.ctl" expire-all >/dev/null
	softflowctl -c "$work/f10.ctl" expire-all >/dev/null
	sleep 1
}

echo_others() { # what no stream but the catch-all wants, and what is not UDP at all
	local i
	ip netns exec "${tag}echo" ping -q -c 4 -i 0.2 10.80.0.1 >/dev/null
	ip netns exec "${tag}echo" ping -q -c 4 -i 0.2 fd80::1 >/dev/null
	for i in $(seq 1 60); do
		ip netns exec "${tag}echo" dig +tries=1 +time=1 @10.80.0.1 "host$i.example.net" "$([ $((i % 3)) -ne 0 ] && echo A || echo AAAA)" >/dev/null &
	done
	for i in $(seq 1 40); do
		ip netns exec "${tag}echo" socat -u "EXEC:echo reading $i\\: $((i * 7919 % 1000)) mV" UDP4-SENDTO:10.80.0.1:9999
	done
	for i in 1 2 3; do # a TCP connection refused: SYN frames
		ip netns exec "${tag}echo" socat -u OPEN:/dev/null TCP4:10.80.0.1:8080 2>/dev/null || true
	done
	sleep 2
}

foxtrot_tagged() { # logger again; the kernel at hand has no VLAN devices, so tcprewrite adds the tag
	local mac i
	mac=$(ip -n "${tag}collector" -j link show w1 | jq -r '.[0].address')
	space foxtrot
	space mirror
	ip link add eth0 netns "${tag}foxtrot" type veth peer name m0 netns "${tag}mirror"
	ip netns exec "${tag}foxtrot" ethtool -K eth0 tx off >/dev/null
	ip -n "${tag}foxtrot" addr add 10.80.0.16/24 dev eth0
	ip -n "${tag}foxtrot" link set eth0 up
	ip -n "${tag}mirror" link set m0 up
	ip -n "${tag}foxtrot" neigh add 10.80.0.1 lladdr "$mac" dev eth0
	ip netns exec "${tag}mirror" timeout 20 tcpdump -i m0 -U -c 120 -w "$work/plain.pcap" udp port 514 2>/dev/null &
	local dump=$!
	sleep 1
	for i in $(seq 1 120); do
		in_space foxtrot logger -n 10.80.0.1 -P 514 -d --rfc3164 -t edge -p local3.info "$(message "$((i + 5000))")"
	done
	wait $dump
	tcprewrite --enet-vlan=add --enet-vlan-tag=100 --enet-vlan-cfi=0 --enet-vlan-pri=3 \
		-i "$work/plain.pcap" -o "$work/tagged.pcap"
	ip netns exec "${tag}wire" tcpreplay -q -i w0 -p 200 "$work/tagged.pcap" >/dev/null
}

wire
alpha_logger &
senders=($!)
charlie_statsd &
senders+=($!)
bravo_rsyslog
delta_softflowd
echo_others
foxtrot_tagged
wait "${senders[@]}"
sleep 1
cleanup
trap - EXIT
capinfos -c -s -u "$out"
