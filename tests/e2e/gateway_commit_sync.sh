#!/bin/bash
# A commit is answered when it is on the disk, not before: as strace sees it, what was written to the store's log
# (weir.groups-wal) is synced before the answer's first byte goes into the socket. A killed process would not show that.
# timeout: 60
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/gateway_lib.sh"
command -v strace >/dev/null || skip "no strace"

"$python" "$here/pcaps.py" numbered "$T/n.pcap" 100 --size 100 --ports 5000
pcap_port "$T/n.pcap"
streams='  - {name: live, listen: {udp: any}, decoder: datagram}'
run_until_idle

start_gateway --data "$DATA"
strace -f -y -s 0 -e trace=network,read,write,pwrite64,pwritev,pwritev2,fsync,fdatasync -p "$gateway_pid" -o "$T/strace.out" 2>"$T/strace.log" &
tracer=$!
pids+=("$tracer")
attached_or_gone() { grep -q attached "$T/strace.log" || gone "$tracer"; }
wait_until 10 "strace sees the gateway" attached_or_gone
grep -q attached "$T/strace.log" || skip "strace may not attach here: $(tail -n 1 "$T/strace.log")"

commits=20
"$python" "$here/gateway_group_members.py" simple "${broker##*:}" $commits || fail "the commits"
end_pid "$tracer"
stop_gateway

# The way of each: asked, written, a sync that began after the last write ended with success, answered.
"$python" - "$T/strace.out" $commits <<'END' || fail "the order of writes, syncs and answers"
import re
import sys

LOG = re.compile(r"(pwrite64|pwritev2?|write|fsync|fdatasync)\(\d+<[^>]*weir\.groups-wal>")
SOCKET = re.compile(r"(recvfrom|sendto|sendmsg|write|sendfile)\(\d+<(TCP|socket):")
open_calls = {}  # of each thread: what it has not returned from
state, answered = "idle", 0
for line in open(sys.argv[1]):
    thread, _, call = line.rstrip().partition(" ")
    call = call.lstrip()
    begins = not call.startswith("<...")
    ends = not call.endswith("<unfinished ...>")
    if begins:
        open_calls[thread] = call
    what = open_calls.get(thread, call)
    log, socket = LOG.match(what), SOCKET.match(what)
    result = re.search(r"= (-?\d+)", call) if ends else None
    done = result is not None and int(result[1]) >= 0
    if socket and socket[1] == "recvfrom":
        if ends and done and int(result[1]) > 0:
            state = "asked"
    elif log and "sync" not in log[1]:
        # From its beginning on: what is written while another sync runs is not covered by that one.
        if begins:
            state = "written"
    elif log:
        if begins and state == "written":
            state = "syncs"
        if ends and done and state == "syncs":
            state = "synced"
    elif socket and begins and state != "idle":
        if state != "synced":
            sys.exit(f"answer {answered + 1} goes out, and its commit is only {state}: {line.strip()}")
        answered, state = answered + 1, "idle"
if answered != int(sys.argv[2]):
    sys.exit(f"{answered} answers seen, {sys.argv[2]} commits made")
print(f"{answered} commits, each synced before its answer")
END
