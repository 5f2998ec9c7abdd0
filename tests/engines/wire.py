"""Kafka's protocol as its messages are written down, for questions to be put byte by byte: one connection, one API version each."""
import socket
import struct

PARTITION = ("partition", "i")
NUMBERS = {"b": ">b", "h": ">h", "i": ">i", "q": ">q", "?": ">?"}  # and s: string, y: bytes, (fields): array of them

# name: key, version, flexible, request, response. A field is (name, type); an array of one type is [type].
MESSAGES = {
    "Fetch": (1, 11, False,
              [("replica", "i"), ("wait", "i"), ("min", "i"), ("max", "i"), ("isolation", "b"), ("session", "i"), ("epoch", "i"),
               ("topics", [("topic", "s"), ("partitions", [PARTITION, ("current_epoch", "i"), ("offset", "q"), ("start", "q"),
                                                           ("max", "i")])]),
               ("forgotten", [("topic", "s"), ("partitions", ["i"])]), ("rack", "s")],
              [("throttle", "i"), ("error", "h"), ("session", "i"),
               ("topics", [("topic", "s"), ("partitions", [PARTITION, ("error", "h"), ("high", "q"), ("stable", "q"), ("start", "q"),
                                                           ("aborted", [("producer", "q"), ("first", "q")]), ("preferred", "i"),
                                                           ("records", "y")])])]),
    "ListOffsets": (2, 7, True,
                    [("replica", "i"), ("isolation", "b"),
                     ("topics", [("topic", "s"), ("partitions", [PARTITION, ("current_epoch", "i"), ("time", "q")])])],
                    [("throttle", "i"),
                     ("topics", [("topic", "s"), ("partitions", [PARTITION, ("error", "h"), ("time", "q"), ("offset", "q"),
                                                                 ("epoch", "i")])])]),
    "Metadata": (3, 8, False, [("topics", ["s"]), ("create", "?"), ("cluster", "?"), ("allowed", "?")],
                 [("throttle", "i"), ("brokers", [("node", "i"), ("host", "s"), ("port", "i"), ("rack", "s")]), ("cluster", "s"),
                  ("controller", "i"),
                  ("topics", [("error", "h"), ("topic", "s"), ("internal", "?"),
                              ("partitions", [("error", "h"), PARTITION, ("leader", "i"), ("epoch", "i"), ("replicas", ["i"]),
                                              ("in_sync", ["i"]), ("offline", ["i"])]), ("allowed", "i")]), ("allowed", "i")]),
    "OffsetCommit": (8, 7, False,
                     [("group", "s"), ("generation", "i"), ("member", "s"), ("instance", "s"),
                      ("topics", [("topic", "s"), ("partitions", [PARTITION, ("offset", "q"), ("epoch", "i"), ("metadata", "s")])])],
                     [("throttle", "i"), ("topics", [("topic", "s"), ("partitions", [PARTITION, ("error", "h")])])]),
    "OffsetFetch": (9, 5, False, [("group", "s"), ("topics", [("topic", "s"), ("partitions", ["i"])])],
                    [("throttle", "i"),
                     ("topics", [("topic", "s"), ("partitions", [PARTITION, ("offset", "q"), ("epoch", "i"), ("metadata", "s"),
                                                                 ("error", "h")])]), ("error", "h")]),
    "FindCoordinator": (10, 2, False, [("key", "s"), ("kind", "b")],
                        [("throttle", "i"), ("error", "h"), ("message", "s"), ("node", "i"), ("host", "s"), ("port", "i")]),
    "JoinGroup": (11, 5, False,
                  [("group", "s"), ("session", "i"), ("rebalance", "i"), ("member", "s"), ("instance", "s"), ("type", "s"),
                   ("protocols", [("name", "s"), ("metadata", "y")])],
                  [("throttle", "i"), ("error", "h"), ("generation", "i"), ("protocol", "s"), ("leader", "s"), ("member", "s"),
                   ("members", [("member", "s"), ("instance", "s"), ("metadata", "y")])]),
    "Heartbeat": (12, 3, False, [("group", "s"), ("generation", "i"), ("member", "s"), ("instance", "s")],
                  [("throttle", "i"), ("error", "h")]),
    "LeaveGroup": (13, 3, False, [("group", "s"), ("members", [("member", "s"), ("instance", "s")])],
                   [("throttle", "i"), ("error", "h"), ("members", [("member", "s"), ("instance", "s"), ("error", "h")])]),
    "SyncGroup": (14, 3, False,
                  [("group", "s"), ("generation", "i"), ("member", "s"), ("instance", "s"),
                   ("assignments", [("member", "s"), ("assignment", "y")])],
                  [("throttle", "i"), ("error", "h"), ("assignment", "y")]),
    "DescribeGroups": (15, 4, False, [("groups", ["s"]), ("allowed", "?")],
                       [("throttle", "i"),
                        ("groups", [("error", "h"), ("group", "s"), ("state", "s"), ("type", "s"), ("protocol", "s"),
                                    ("members", [("member", "s"), ("instance", "s"), ("client", "s"), ("host", "s"),
                                                 ("metadata", "y"), ("assignment", "y")]), ("allowed", "i")])]),
    "ListGroups": (16, 2, False, [], [("throttle", "i"), ("error", "h"), ("groups", [("group", "s"), ("type", "s")])]),
    "OffsetForLeaderEpoch": (23, 3, False,
                             [("replica", "i"),
                              ("topics", [("topic", "s"), ("partitions", [PARTITION, ("current_epoch", "i"), ("epoch", "i")])])],
                             [("throttle", "i"),
                              ("topics", [("topic", "s"), ("partitions", [("error", "h"), PARTITION, ("epoch", "i"),
                                                                          ("end", "q")])])]),
    "DeleteGroups": (42, 1, False, [("groups", ["s"])], [("throttle", "i"), ("groups", [("group", "s"), ("error", "h")])]),
    "OffsetDelete": (47, 0, False, [("group", "s"), ("topics", [("topic", "s"), ("partitions", [PARTITION])])],
                     [("error", "h"), ("throttle", "i"), ("topics", [("topic", "s"), ("partitions", [PARTITION, ("error", "h")])])]),
}


def unsigned(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def put(kind, value, flexible):
    if isinstance(kind, list):
        if flexible:
            head = unsigned(0 if value is None else len(value) + 1)
        else:
            head = struct.pack(">i", -1 if value is None else len(value))
        return head + b"".join(put_fields(kind, one, flexible) for one in value or [])
    if kind in NUMBERS:
        return struct.pack(NUMBERS[kind], value)
    data = value.encode() if isinstance(value, str) else value
    if flexible:
        return unsigned(0 if data is None else len(data) + 1) + (data or b"")
    return struct.pack(">h" if kind == "s" else ">i", -1 if data is None else len(data)) + (data or b"")


def put_fields(fields, values, flexible):
    if isinstance(fields[0] if fields else (), str):
        return put(fields[0], values, flexible)
    out = b"".join(put(kind, value, flexible) for (_, kind), value in zip(fields, values, strict=True))
    return out + (b"\0" if flexible else b"")


class Reader:
    def __init__(self, data, flexible):
        self.data, self.at, self.flexible = data, 0, flexible

    def take(self, size):
        self.at += size
        assert self.at <= len(self.data), "the answer is too short"
        return self.data[self.at - size:self.at]

    def unsigned(self):
        value = shift = 0
        while True:
            byte, = self.take(1)
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def size(self, form):
        return self.unsigned() - 1 if self.flexible else struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def get(self, kind):
        if isinstance(kind, list):
            count = self.size(">i")
            return None if count < 0 else [self.fields(kind) for _ in range(count)]
        if kind in NUMBERS:
            return struct.unpack(NUMBERS[kind], self.take(struct.calcsize(NUMBERS[kind])))[0]
        size = self.size(">h" if kind == "s" else ">i")
        data = None if size < 0 else self.take(size)
        return data.decode() if kind == "s" and data is not None else data

    def fields(self, fields):
        if isinstance(fields[0], str):
            return self.get(fields[0])
        values = {name: self.get(kind) for name, kind in fields}
        if self.flexible:
            assert self.unsigned() == 0, "tags"
        return values


class Connection:
    """Asks one server; send() and receive() apart where an answer waits for others."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = 0
        self.waiting = []

    def send(self, name, *values, version=None):
        key, known, flexible, request, response = MESSAGES[name]
        self.number += 1
        head = struct.pack(">hhih", key, known if version is None else version, self.number, 4) + b"diff" + (b"\0" if flexible else b"")
        body = head + put_fields(request, values, flexible)
        self.socket.sendall(struct.pack(">i", len(body)) + body)
        self.waiting.append((self.number, flexible, response))

    def read(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise ConnectionError("closed")
            data += part
        return data

    def receive(self):
        number, flexible, response = self.waiting.pop(0)
        reader = Reader(self.read(struct.unpack(">i", self.read(4))[0]), flexible)
        assert struct.unpack(">i", reader.take(4))[0] == number, "correlation id"
        assert not flexible or reader.unsigned() == 0
        values = reader.fields(response)
        assert reader.at == len(reader.data), f"{len(reader.data) - reader.at} bytes behind the answer"
        values.pop("throttle", None)
        return values

    def ask(self, name, *values, **more):
        self.send(name, *values, **more)
        return self.receive()
