"""Kafka's protocol as its messages are written down, for questions to be put byte by byte: one connection, one API version each."""
import socket
import struct

PARTITION = ("partition", "i")
NUMBERS = {"b": ">b", "h": ">h", "i": ">i", "q": ">q", "?": ">?"}  # and s: string, y: bytes, u: uuid, (fields): array of them

# name: key, version, flexible, request, response. A field is (name, type); an array of one type is [type].
MESSAGES = {
    "OffsetCommit": (8, 7, False,
                     [("group", "s"), ("generation", "i"), ("member", "s"), ("instance", "s"),
                      ("topics", [("topic", "s"), ("partitions", [PARTITION, ("offset", "q"), ("epoch", "i"), ("metadata", "s")])])],
                     [("throttle", "i"), ("topics", [("topic", "s"), ("partitions", [PARTITION, ("error", "h")])])]),
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
    "DeleteGroups": (42, 1, False, [("groups", ["s"])], [("throttle", "i"), ("groups", [("group", "s"), ("error", "h")])]),
    "OffsetDelete": (47, 0, False, [("group", "s"), ("topics", [("topic", "s"), ("partitions", [PARTITION])])],
                     [("error", "h"), ("throttle", "i"), ("topics", [("topic", "s"), ("partitions", [PARTITION, ("error", "h")])])]),
}

# Those that are asked in several versions: key, lowest, highest, first flexible, request, response. A field may say which
# versions have it: (name, type, from, to).
VERSIONED = {
    "Fetch": (1, 4, 13, 12,
              [("replica", "i"), ("wait", "i"), ("min", "i"), ("max", "i"), ("isolation", "b"), ("session", "i", 7), ("epoch", "i", 7),
               ("topics", [("topic", "s", 0, 12), ("id", "u", 13),
                           ("partitions", [PARTITION, ("current_epoch", "i", 9), ("offset", "q"), ("fetched_epoch", "i", 12),
                                           ("start", "q", 5), ("max", "i")])]),
               ("forgotten", [("topic", "s", 0, 12), ("id", "u", 13), ("partitions", ["i"])], 7), ("rack", "s", 11)],
              [("throttle", "i"), ("error", "h", 7), ("session", "i", 7),
               ("topics", [("topic", "s", 0, 12), ("id", "u", 13),
                           ("partitions", [PARTITION, ("error", "h"), ("high", "q"), ("stable", "q"), ("start", "q", 5),
                                           ("aborted", [("producer", "q"), ("first", "q")]), ("preferred", "i", 11),
                                           ("records", "y")])])]),
    "ListOffsets": (2, 1, 7, 6,
                    [("replica", "i"), ("isolation", "b", 2),
                     ("topics", [("topic", "s"), ("partitions", [PARTITION, ("current_epoch", "i", 4), ("time", "q")])])],
                    [("throttle", "i", 2),
                     ("topics", [("topic", "s"), ("partitions", [PARTITION, ("error", "h"), ("time", "q"), ("offset", "q"),
                                                                 ("epoch", "i", 4)])])]),
    "Metadata": (3, 0, 12, 9,
                 [("topics", [("id", "u", 10), ("topic", "s")]), ("create", "?", 4), ("cluster", "?", 8, 10), ("allowed", "?", 8)],
                 [("throttle", "i", 3), ("brokers", [("node", "i"), ("host", "s"), ("port", "i"), ("rack", "s", 1)]),
                  ("cluster", "s", 2), ("controller", "i", 1),
                  ("topics", [("error", "h"), ("topic", "s"), ("id", "u", 10), ("internal", "?", 1),
                              ("partitions", [("error", "h"), PARTITION, ("leader", "i"), ("epoch", "i", 7), ("replicas", ["i"]),
                                              ("in_sync", ["i"]), ("offline", ["i"], 5)]), ("allowed", "i", 8)]),
                  ("allowed", "i", 8, 10)]),
    "OffsetFetch": (9, 1, 8, 6,
                    [("group", "s", 0, 7), ("topics", [("topic", "s"), ("partitions", ["i"])], 0, 7),
                     ("groups", [("group", "s"), ("topics", [("topic", "s"), ("partitions", ["i"])])], 8), ("stable", "?", 7)],
                    [("throttle", "i", 3),
                     ("topics", [("topic", "s"), ("partitions", [PARTITION, ("offset", "q"), ("epoch", "i", 5), ("metadata", "s"),
                                                                 ("error", "h")])], 0, 7), ("error", "h", 2, 7),
                     ("groups", [("group", "s"),
                                 ("topics", [("topic", "s"), ("partitions", [PARTITION, ("offset", "q"), ("epoch", "i"),
                                                                             ("metadata", "s"), ("error", "h")])]),
                                 ("error", "h")], 8)]),
    "FindCoordinator": (10, 0, 4, 3, [("key", "s", 0, 3), ("kind", "b", 1), ("keys", ["s"], 4)],
                        [("throttle", "i", 1), ("error", "h", 0, 3), ("message", "s", 1, 3), ("node", "i", 0, 3), ("host", "s", 0, 3),
                         ("port", "i", 0, 3),
                         ("coordinators", [("key", "s"), ("node", "i"), ("host", "s"), ("port", "i"), ("error", "h"),
                                           ("message", "s")], 4)]),
    "OffsetForLeaderEpoch": (23, 2, 4, 4,
                             [("replica", "i", 3),
                              ("topics", [("topic", "s"), ("partitions", [PARTITION, ("current_epoch", "i"), ("epoch", "i")])])],
                             [("throttle", "i"),
                              ("topics", [("topic", "s"), ("partitions", [("error", "h"), PARTITION, ("epoch", "i"),
                                                                          ("end", "q")])])]),
}


def fields_at(fields, version):
    """What of them a version has."""
    if isinstance(fields[0] if fields else (), str):
        return fields
    return [(name, fields_at(kind, version) if isinstance(kind, list) else kind)
            for name, kind, *span in fields if (span or [0])[0] <= version <= (span + [99, 99])[1]]


def at(name, version):
    """The message of one version, as MESSAGES has them."""
    key, _, _, flexible, request, response = VERSIONED[name]
    return key, version, version >= flexible, fields_at(request, version), fields_at(response, version)


def edges(name):
    """The lowest version, the last that is not flexible, the first that is, and the highest."""
    _, low, high, flexible, _, _ = VERSIONED[name]
    return sorted({low, flexible - 1, flexible, high})


MESSAGES.update({name: at(name, version) for name, version in (
    ("Fetch", 11), ("ListOffsets", 7), ("Metadata", 8), ("OffsetFetch", 5), ("FindCoordinator", 2), ("OffsetForLeaderEpoch", 3))})


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
    if kind == "u":
        return value
    data = value.encode() if isinstance(value, str) else value
    if flexible:
        return unsigned(0 if data is None else len(data) + 1) + (data or b"")
    return struct.pack(">h" if kind == "s" else ">i", -1 if data is None else len(data)) + (data or b"")


def put_fields(fields, values, flexible):
    """values in the order of the fields, or by their names: with more of them than this version may have."""
    if isinstance(fields[0] if fields else (), str):
        return put(fields[0], values, flexible)
    if isinstance(values, dict):
        values = [values[name] for name, _ in fields]
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
        if kind == "u":
            return self.take(16)
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

    def send(self, name, *values, version=None, message=None):
        """values: one for each field, or one dict of them all"""
        key, known, flexible, request, response = message or MESSAGES[name]
        self.number += 1
        head = struct.pack(">hhih", key, known if version is None else version, self.number, 4) + b"diff" + (b"\0" if flexible else b"")
        body = head + put_fields(request, values[0] if message else values, flexible)
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

    def ask_at(self, name, version, **values):
        self.send(name, values, message=at(name, version))
        return self.receive()
