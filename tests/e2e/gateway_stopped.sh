#!/bin/bash
# A gateway that was stopped for longer than its members' sessions (a machine that was suspended, a disk that hung) hears all the
# heartbeats that came meanwhile before it judges: nobody who beat loses his place, and who did not does.
# timeout: 60
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/gateway_lib.sh"

ulimit -n 8192 2>/dev/null || skip "cannot have enough descriptors"
"$python" "$here/pcaps.py" numbered "$T/n.pcap" 10 --size 100 --ports 5000
pcap_port "$T/n.pcap"
streams='  - {name: live, listen: {udp: any}, decoder: datagram}'
run_until_idle
start_gateway --data "$DATA"

"$python" - "$here/../engines" "$broker" "$gateway_pid" >"$T/out" 2>&1 <<'END' || fail "$(tail -n 3 "$T/out")"
import os, signal, sys, time
sys.path.insert(0, sys.argv[1])
import wire
gateway, SESSION_S, MEMBERS = int(sys.argv[3]), 6, 400

def join(number):
    """The one member of a group of its own."""
    link, join = wire.Connection(sys.argv[2]), [f"g{number}", SESSION_S * 1000, 6000, "", None, "consumer", [["range", b""]]]
    join[3] = link.ask("JoinGroup", *join)["member"]
    link.send("JoinGroup", *join)
    return link, join[0], join[3]

members = [join(number) for number in range(MEMBERS + 1)]
for link, group, member in members:
    answer = link.receive()
    assert (answer["error"], answer["generation"]) == (0, 1), answer
    link.send("SyncGroup", group, 1, member, None, [[member, b"x"]])
for link, _, _ in members:
    assert link.receive()["error"] == 0
silent = members.pop()
os.kill(gateway, signal.SIGSTOP)
time.sleep(SESSION_S + 1.5)
for link, group, member in members:
    link.send("Heartbeat", group, 1, member, None)
os.kill(gateway, signal.SIGCONT)
answers = [link.receive()["error"] for link, _, _ in members]
print(f"{MEMBERS} heartbeats after {SESSION_S + 1.5} s, {len(answers) - answers.count(0)} came too late")
assert answers.count(0) == MEMBERS, f"answers of heartbeats: {sorted(set(answers))}"
link, group, member = silent
error = link.ask("Heartbeat", group, 1, member, None)["error"]
assert error == 25, f"a member that was silent is answered by {error}"
END
note "$(tail -n 1 "$T/out")"
