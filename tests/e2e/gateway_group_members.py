#!/usr/bin/python3
"""Members of consumer groups over the bare wire: gateway_group_members.py COMMAND PORT ...

  many PORT COUNT            COUNT members join one group, which becomes one generation; all beat; half of them leave.
  commits PORT FILE SECONDS  two static members of group "durable" join, then commit ever larger offsets, each when
                             the one before is answered. Says what was acknowledged in FILE, line by line: PARTITION
                             OFFSET, and how they go on: a member that is told to join again says so. The gateway may
                             die meanwhile: then they connect again.
  committed PORT             what group "durable" has committed: PARTITION OFFSET.
  simple PORT COUNT          COUNT commits of one who is no member, each when the one before is answered.
  refused PORT               commits until one is refused, then until one is taken again. Fails after 20 s of either.
"""
import struct
import sys
import time

import gateway_wire

command = sys.argv[1]
gateway_wire.port = int(sys.argv[2])


def text(value):
    return struct.pack(">h", -1) if value is None else struct.pack(">h", len(value)) + value.encode()


def data(value):
    return struct.pack(">i", len(value)) + value


class Answer:
    def __init__(self, body):
        self.body, self.at = body, 8

    def take(self, form):
        value, = struct.unpack_from(">" + form, self.body, self.at)
        self.at += struct.calcsize(form)
        return value

    def text(self):
        length = self.take("h")
        self.at += max(length, 0)
        return self.body[self.at - length:self.at].decode() if length >= 0 else None

    def data(self):
        length = self.take("i")
        self.at += length
        return self.body[self.at - length:self.at]


class Member:
    def __init__(self, group, instance=None):
        self.group, self.instance, self.id, self.generation = group, instance, "", -1
        self.socket = gateway_wire.connect()

    def send(self, key, version, body):
        self.socket.sendall(gateway_wire.frame(key, version, body))

    def answer(self):
        body = gateway_wire.read_answer(self.socket)
        if body is None:
            raise ConnectionError("closed")
        return Answer(body)

    def ask(self, key, version, body):
        self.send(key, version, body)
        return self.answer()

    def send_join(self):
        self.send(11, 5, text(self.group) + struct.pack(">ii", 30000, 60000) + text(self.id) + text(self.instance) +
                  text("consumer") + struct.pack(">i", 1) + text("range") + data(b"\0\0\0\0\0\0\0\0\0\0"))

    def joined(self):
        """Error; the ids of all members if it leads."""
        a = self.answer()
        a.take("i")
        error, generation = a.take("h"), a.take("i")
        a.text()
        a.text()
        self.id = a.text()
        members = []
        for _ in range(a.take("i")):
            members.append(a.text())
            a.text()
            a.data()
        if error == 0:
            self.generation = generation
        return error, members

    def who(self):
        return text(self.group) + struct.pack(">i", self.generation) + text(self.id) + text(self.instance)

    def send_sync(self, members):
        self.send(14, 3, self.who() + struct.pack(">i", len(members)) +
                  b"".join(text(m) + data(m[-4:].encode()) for m in members))

    def synced(self):
        a = self.answer()
        a.take("i")
        return a.take("h"), a.data()

    def beat(self):
        a = self.ask(12, 3, self.who())
        a.take("i")
        return a.take("h")

    def leave(self):
        a = self.ask(13, 1, text(self.group) + text(self.id))
        a.take("i")
        return a.take("h")

    def commit(self, partition, offset, metadata=""):
        a = self.ask(8, 7, self.who() + struct.pack(">i", 1) + text("live") + struct.pack(">iiqi", 1, partition, offset, -1) +
                     text(metadata))
        a.take("i")
        a.take("i")
        a.text()
        a.take("i")
        a.take("i")
        return a.take("h")


def check(what, got, want=0):
    if got != want:
        sys.exit(f"{what}: {got}, not {want}")


def assemble(members):
    """All into one generation: with ids first, then together, then what the leader says."""
    for m in members:
        m.send_join()
    if members[0].instance is None:
        for m in members:
            check("a first join", m.joined()[0], 79)
            m.send_join()
    leaders = []
    for m in members:
        error, ids = m.joined()
        check("a join", error)
        if ids:
            leaders.append((m, ids))
    check("leaders", len(leaders), 1)
    check("members", len(leaders[0][1]), len(members))
    check("generations", len({m.generation for m in members}), 1)
    for m in members:
        m.send_sync(leaders[0][1] if m is leaders[0][0] else [])
    for m in members:
        check("a sync", m.synced(), (0, m.id[-4:].encode()))


def many(count):
    members = [Member("many") for _ in range(count)]
    assemble(members)
    for m in members:
        check("a heartbeat", m.beat())
    for m in members[::2]:
        check("a departure", m.leave())
    stay = members[1::2]
    for m in stay:
        check("a heartbeat in a rebalance", m.beat(), 27)
    for m in stay:
        m.send_join()
    check("members that stay", sorted(len(m.joined()[1]) for m in stay)[-1], len(stay))


def again(member):
    """To the gateway that comes next; what it says to a heartbeat."""
    end = time.monotonic() + 20
    while True:
        try:
            member.socket.close()
            member.socket = gateway_wire.connect()
            return member.beat()
        except OSError:
            if time.monotonic() > end:
                sys.exit("the gateway does not come back")
            time.sleep(0.02)


def commits(name, seconds):
    members = [Member("durable", instance) for instance in ("a", "b")]
    assemble(members)
    offset, end = 0, time.monotonic() + seconds
    with open(name, "w", buffering=1) as out:
        while time.monotonic() < end:
            offset += 1
            for partition, m in enumerate(members):
                try:
                    error = m.commit(partition, offset)
                    if error == 0:
                        out.write(f"{partition} {offset}\n")
                    elif error != 15:
                        out.write(f"error {error}\n")
                except OSError:
                    out.write(f"heartbeat {again(m)}\n")


def committed():
    m = Member("durable")
    a = m.ask(9, 3, text("durable") + struct.pack(">i", -1))
    a.take("i")
    for _ in range(a.take("i")):
        a.text()
        for _ in range(a.take("i")):
            partition, offset = a.take("i"), a.take("q")
            a.text()
            a.take("h")
            print(partition, offset)


def simple(count):
    m = Member("simple")
    for offset in range(count):
        check("a commit", m.commit(0, offset))


def refused():
    m = Member("simple")
    for want in (15, 0):
        end = time.monotonic() + 20
        while True:
            error = m.commit(0, 5, "x" * 4000)
            if error == want:
                break
            if error not in (0, 15) or time.monotonic() > end:
                sys.exit(f"a commit: {error}, waiting for {want}")
            # As many groups as it takes to fill what is there.
            m.group = f"simple-{time.monotonic_ns() % 900}"
        print(f"commits: {want}", flush=True)
        if want:
            sys.stdin.readline()


if command == "many":
    many(int(sys.argv[3]))
elif command == "commits":
    commits(sys.argv[3], float(sys.argv[4]))
elif command == "committed":
    committed()
elif command == "simple":
    simple(int(sys.argv[3]))
elif command == "refused":
    refused()
else:
    sys.exit(f"unknown command {command}")
