#!/usr/bin/python3
"""Readers of all kinds at once: gateway_readers.py PORT BUSY QUIET DIR PATIENCE

300 idle consumers, each with a connection that beats for its group and one whose Fetch waits for records of the
stream QUIET; when they are there, makes DIR/idle. When DIR/busy is there: 24 that read the stream BUSY as it grows,
and 4 that ask for much of it and stop reading in the middle of their answer. When DIR/end is there, it holds an
offset: the busy readers end where they are that far, the four read on, and all is checked. Then prints, for each busy reader,
how many records it got and the hash of all their batches; on stderr, how long things took.
"""
import asyncio
import hashlib
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "engines"))
import wire  # noqa: E402

PORT, BUSY, QUIET, DIR, PATIENCE = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])
IDLE, GROUP_SIZE, READERS, STOPPED = 300, 10, 24, 4
BEAT_S, POLL_MS = 3, 500  # what Kafka's consumers do by default
LATE_S = 4 * PATIENCE
worst = {"heartbeat": 0, "long poll": 0, "busy read": 0}
counts = {"heartbeats": 0, "long polls": 0, "busy reads": 0}
ended = False


def there(name):
    return os.path.exists(os.path.join(DIR, name))


class Client:
    async def open(self, receive_buffer=None):
        s = socket.socket()
        s.setblocking(False)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await asyncio.get_running_loop().sock_connect(s, ("127.0.0.1", PORT))
        self.reader, self.writer = await asyncio.open_connection(sock=s, limit=4 << 20 if not receive_buffer else 1 << 16)
        return self

    def send(self, name, *values):
        key, version, flexible, request, self.response = wire.MESSAGES[name]
        self.flexible = flexible
        head = struct.pack(">hhih", key, version, 7, 4) + b"many" + (b"\0" if flexible else b"")
        body = head + wire.put_fields(request, values, flexible)
        self.writer.write(struct.pack(">i", len(body)) + body)

    async def size(self):
        return struct.unpack(">i", await self.reader.readexactly(4))[0]

    def parsed(self, data):
        reader = wire.Reader(data, self.flexible)
        reader.take(4 + self.flexible)
        return reader.fields(self.response)

    async def ask(self, name, *values):
        self.send(name, *values)
        return self.parsed(await self.reader.readexactly(await self.size()))

    def send_fetch(self, topic, offset, wait_ms, size):
        self.send("Fetch", -1, wait_ms, 1, size, 0, 0, -1, [[topic, [[0, -1, offset, -1, size]]]], [], "")

    async def fetch(self, *question):
        self.send_fetch(*question)
        return self.records(self.parsed(await self.reader.readexactly(await self.size())))

    @staticmethod
    def records(answer):
        part = answer["topics"][0]["partitions"][0]
        assert answer["error"] == part["error"] == 0, f"a Fetch was answered by error {answer['error']}, {part['error']}"
        return part["records"] or b""


def took(what, since, beyond_s=0.0):
    late = time.monotonic() - since - beyond_s
    worst[what] = max(worst[what], late)
    assert late < LATE_S, f"a {what} was answered {late:.1f} s late"


async def beat(number, joined):
    client, group = await Client().open(), f"idle-{number // GROUP_SIZE}"
    join = [group, 30000, 60000, "", None, "consumer", [["range", b""]]]
    answer = await client.ask("JoinGroup", *join)
    assert answer["error"] == 79, f"JoinGroup without an id: {answer['error']}"
    join[3] = member = answer["member"]
    while True:
        answer = await client.ask("JoinGroup", *join)
        assert answer["error"] == 0, f"JoinGroup: {answer['error']}"
        generation = answer["generation"]
        parts = [[m["member"], b"x"] for m in answer["members"]]
        # Another one that comes too late for this generation begins the next one.
        if (await client.ask("SyncGroup", group, generation, member, None, parts))["error"] == 0 and \
                (await client.ask("Heartbeat", group, generation, member, None))["error"] == 0:
            break
    joined()
    while not ended:
        since = time.monotonic()
        error = (await client.ask("Heartbeat", group, generation, member, None))["error"]
        took("heartbeat", since)
        assert error == 0, f"a heartbeat was answered by error {error}"
        counts["heartbeats"] += 1
        await asyncio.sleep(BEAT_S)


async def poll():
    client = await Client().open()
    while not ended:
        since = time.monotonic()
        assert not await client.fetch(QUIET, 0, POLL_MS, 1 << 20), "records where there are none"
        assert time.monotonic() - since > POLL_MS / 1000 * 0.9, "a Fetch that should wait was answered at once"
        took("long poll", since, POLL_MS / 1000)
        counts["long polls"] += 1


def end_offset():
    if not there("end"):
        return None
    with open(os.path.join(DIR, "end")) as f:
        return int(f.read())


async def read():
    client, offset, records, digest = await Client().open(), 0, 0, hashlib.sha1()
    while (end := end_offset()) is None or offset < end:
        since = time.monotonic()
        batches = await client.fetch(BUSY, offset, POLL_MS, 1 << 20)
        took("busy read", since, POLL_MS / 1000)
        counts["busy reads"] += 1
        digest.update(batches)
        at = 0
        while at < len(batches):
            base, size = struct.unpack_from(">qi", batches, at)
            last, = struct.unpack_from(">i", batches, at + 23)
            assert base == offset, f"offset {base} where {offset} comes next"
            records += struct.unpack_from(">i", batches, at + 57)[0]
            offset = base + last + 1
            at += 12 + size
    return records, digest.hexdigest()


async def stop_in_the_middle():
    """Its answer: taken for a part, then not for a long time, then to its end."""
    client = await Client().open(receive_buffer=8192)
    while True:
        client.send_fetch(BUSY, 0, POLL_MS, 16 << 20)
        size = await client.size()
        if size > 1 << 20:
            break
        await client.reader.readexactly(size)
    data = await client.reader.readexactly(100000)
    client.writer.transport.pause_reading()
    while not there("end"):
        await asyncio.sleep(0.1)
    client.writer.transport.resume_reading()
    return client.records(client.parsed(data + await client.reader.readexactly(size - len(data))))


async def until(condition):
    while not condition():
        await asyncio.sleep(0.1)


async def all_of_them():
    global ended
    joined = []
    idle = [asyncio.ensure_future(beat(number, lambda: joined.append(1))) for number in range(IDLE)]
    idle += [asyncio.ensure_future(poll()) for _ in range(IDLE)]

    async def watched(other):
        """One who is idle and ends has failed."""
        other = asyncio.ensure_future(other)
        done, _ = await asyncio.wait([other, *idle], return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            one.result()
        return await other
    await watched(until(lambda: len(joined) == IDLE))
    open(os.path.join(DIR, "idle"), "w").close()
    await watched(until(lambda: there("busy")))
    stopped = [asyncio.ensure_future(stop_in_the_middle()) for _ in range(STOPPED)]
    results = await watched(asyncio.gather(*(read() for _ in range(READERS))))
    for records, digest in results:
        print(records, digest)
    parts = await watched(asyncio.gather(*stopped))
    # Who asked later, while the log grew, got more of the same.
    least = min(parts, key=len)
    assert all(part.startswith(least) for part in parts) and len(least) > 1 << 20, "answers that were cut"
    with open(os.path.join(DIR, "stopped"), "wb") as f:
        f.write(parts[0])
    ended = True
    await asyncio.gather(*idle)
    print(", ".join(f"{count} {what}" for what, count in counts.items()) + "; at worst " +
          ", ".join(f"{what} {late * 1000:.0f} ms late" for what, late in worst.items()), file=sys.stderr)


asyncio.run(all_of_them())
