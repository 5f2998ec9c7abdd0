#!/usr/bin/python3
"""Requests that are not right, and many at once: gateway_malformed.py PORT TOPIC CORPUS.

CORPUS: the folder of right requests that the fuzz target begins with. Each broken request has a connection
of its own, which must end as it should; right ones must go on to be answered. Ends with exit 0.
"""
import os
import resource
import socket
import struct
import sys
import threading
import time

import gateway_wire
from gateway_wire import answers, closes, connect, frame, read_answer

gateway_wire.port = int(sys.argv[1])
TOPIC = sys.argv[2].encode()
CORPUS = sys.argv[3]
VERSIONS = frame(18, 0, b"")
# As gateway/limits.h says.
REQUEST_BYTES, ELEMENTS, RECEIVE_S = 2 << 20, 16384, 30
MANY = 1000
# OffsetDelete: an unknown group is refused before the rest is read.
REFUSED_EARLY = {47}


def served():
    """{key: (min, max)} as ApiVersions tells it."""
    with connect() as s:
        s.sendall(VERSIONS)
        body = read_answer(s)[8:]
    error, count = struct.unpack_from(">hi", body)
    if error or count < 5:
        sys.exit(f"ApiVersions: error {error}, {count} APIs")
    rows = [struct.unpack_from(">hhh", body, 6 + 6 * i) for i in range(count)]
    return {key: (low, high) for key, low, high in rows}


def versions(apis):
    for key, (low, high) in apis.items():
        if key == 18:
            continue
        for version in {-32768, -1, low - 1, high + 1, 32767} - set(range(low, high + 1)):
            closes(f"API {key} in version {version}", frame(key, version, b"\0" * 64))
    for key in set(range(-2, 120)) - set(apis):
        closes(f"API {key}", frame(key, 0, b"\0" * 64))


def cut(apis):
    """Right requests of all APIs, each with its end missing and its length adjusted to that."""
    requests, missing = 0, set(apis)
    for name in sorted(os.listdir(CORPUS)):
        with open(os.path.join(CORPUS, name), "rb") as f:
            data = f.read()
        if data[0] or len(data) != 4 + struct.unpack_from(">i", data)[0]:
            continue  # another form of input, or several requests
        whole = len(data) - 4
        key, version = struct.unpack_from(">hh", data, 4)
        missing.discard(key)
        if key == 18 and version not in range(0, 5):
            continue  # answered whatever follows
        for end in range(0, whole):
            short = struct.pack(">i", end) + data[4:4 + end]
            requests += 1
            if key in REFUSED_EARLY:
                with connect() as s:
                    s.sendall(short)
                    read_answer(s)
            else:
                closes(f"{name}, {end} of {whole} bytes", short)
    if requests < 1000 or missing:
        sys.exit(f"only {requests} requests in {CORPUS}, none of the APIs {sorted(missing)}")


def lengths():
    """Arrays, strings, numbers and tagged fields that say more than there is."""
    name = struct.pack(">h", len(TOPIC)) + TOPIC
    for count in (0x7FFFFFFF, ELEMENTS + 1, -2, -0x80000000):
        array = struct.pack(">i", count)
        closes(f"Metadata of {count} topics", frame(3, 1, array + b"\0" * 4096))
        closes(f"Fetch of {count} topics", frame(1, 4, struct.pack(">iiiib", -1, 0, 1, 1, 0) + array + b"\0" * 4096))
        closes(f"Fetch of {count} partitions",
               frame(1, 4, struct.pack(">iiiibi", -1, 0, 1, 1, 0, 1) + name + array + b"\0" * 4096))
        closes(f"ListOffsets of {count} topics", frame(2, 1, struct.pack(">i", -1) + array + b"\0" * 4096))
        closes(f"ListOffsets of {count} partitions", frame(2, 1, struct.pack(">ii", -1, 1) + name + array + b"\0" * 4096))
        closes(f"epochs of {count} topics", frame(23, 2, array + b"\0" * 4096))
        closes(f"configs of {count} resources", frame(32, 1, array + b"\0" * 4096))
        closes(f"configs by {count} keys", frame(32, 1, struct.pack(">ib", 1, 2) + name + array + b"\0" * 4096))
        closes(f"Produce to {count} topics", frame(0, 3, struct.pack(">hhi", -1, 1, 0) + array + b"\0" * 4096))
    for what, varint in (("2^32 - 1", b"\xff\xff\xff\xff\x0f"), ("2^35", b"\x80\x80\x80\x80\x80\x01"),
                         ("no end", b"\xff" * 64), ("more than is there", b"\xff\x7f")):
        closes(f"{what} tagged fields in the header", frame(3, 12, varint))
        closes(f"a tagged field of {what} bytes", frame(3, 12, b"\1\0" + varint))
        closes(f"Metadata of {what} topics", frame(3, 12, b"\0" + varint))
        closes(f"a name of {what} bytes", frame(3, 12, b"\0\2" + b"\0" * 16 + varint))
        closes(f"configs of {what} resources", frame(32, 4, b"\0" + varint))
    closes("a request of more than is let in", struct.pack(">i", REQUEST_BYTES + 1) + b"\0" * 4096)
    closes("zeros", b"\0" * 4096)
    closes("the largest request, all zeros", struct.pack(">i", REQUEST_BYTES) + b"\xff" * REQUEST_BYTES)


def configs(count):
    return frame(32, 1, struct.pack(">i", count) + struct.pack(">bh1si", 4, 1, b"1", -1) * count + b"\0")


def large():
    """As large as is let in: answered, or closed where the answer would be larger than is let out."""
    name = struct.pack(">h", len(TOPIC)) + TOPIC
    answers("as many topics as may be", frame(3, 1, struct.pack(">i", ELEMENTS) + b"\0\0" * ELEMENTS))
    answers("one partition as often as may be, Fetch",
            frame(1, 4, struct.pack(">iiiibi", -1, 0, 1, 1 << 20, 0, 1) + name + struct.pack(">i", ELEMENTS) +
                  struct.pack(">iqi", 0, 0, 1 << 20) * ELEMENTS))
    answers("one partition as often as may be, ListOffsets",
            frame(2, 1, struct.pack(">ii", -1, 1) + name + struct.pack(">i", ELEMENTS) +
                  struct.pack(">iq", 0, -3) * ELEMENTS))
    answers("one partition as often as may be, epochs",
            frame(23, 2, struct.pack(">i", 1) + name + struct.pack(">i", ELEMENTS) + struct.pack(">iii", 0, -1, 0) * ELEMENTS))
    answers("many configs", configs(1000))
    closes("more configs than an answer takes", configs(ELEMENTS))


def small_window():
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 << 10)
    s.settimeout(60)
    s.connect(("127.0.0.1", gateway_wire.port))
    return s


def reads_slowly(result):
    """Takes three answers to the end, 16 KiB now and then: more than its socket holds."""
    with small_window() as s:
        s.sendall(configs(12000) * 3)
        got = b""
        while part := s.recv(16 << 10):
            got += part
            size = 4 + struct.unpack_from(">i", got)[0]
            result[:] = len(got), 3 * size
            if len(got) == 3 * size:
                break
            time.sleep(0.005)


def unread():
    """More large answers than there is memory for: those go that nobody reads, and none that somebody does."""
    got, held = [], []
    reader = threading.Thread(target=reads_slowly, args=(got,), daemon=True)
    reader.start()
    for number in range(40):
        s = small_window()
        s.sendall(configs(12000) * 3)
        if len(s.recv(4)) != 4:
            sys.exit(f"large answers that nobody reads: none for number {number}")
        held.append(s)
        time.sleep(0.03)
    if not reader.is_alive():
        sys.exit(f"the slow reader did not read beside them: {got}")
    for _ in range(20):
        answers("a large answer beside those that nobody reads", configs(12000))
    reader.join(60)
    if not got or got[0] != got[1]:
        sys.exit(f"large answers that are read slowly: {got}")
    for s in held:
        s.close()


def half_requests():
    """More large requests than there is memory for: those go whose senders do not go on."""
    whole = frame(0, 3, struct.pack(">hhiih", -1, 1, 1000, 1, len(TOPIC)) + TOPIC + struct.pack(">iii", 1, 0, 1500000) + b"\0" * 1500000)
    held = []
    for _ in range(50):
        s = connect()
        s.sendall(whole[:-1])
        held.append(s)
    answers("a large request beside those that nobody ends", whole)
    for s in held:
        s.close()


def waiting(count):
    name = struct.pack(">h", len(TOPIC)) + TOPIC
    with connect() as s:
        s.sendall(frame(2, 1, struct.pack(">ii", -1, 1) + name + struct.pack(">iiq", 1, 0, -1)))
        end = struct.unpack(">q", read_answer(s)[-8:])[0]
    return frame(1, 4, struct.pack(">iiiibi", -1, 60000, 1, 1 << 20, 0, 1) + name + struct.pack(">i", count) +
                 struct.pack(">iqi", 0, end, 1 << 20) * count)


def many(what, data):
    """MANY connections that all send this and then neither read nor write."""
    held = []
    for _ in range(MANY):
        s = connect()
        held.append(s)
        s.setblocking(False)
        try:
            s.send(data)
        except (BlockingIOError, ConnectionResetError, BrokenPipeError):
            pass
    # All have been worked on once one that came later is answered.
    late = held.pop()
    late.close()
    time.sleep(0.5)
    answers(f"one among {MANY} connections: {what}", VERSIONS)
    answers(f"one with a large answer among {MANY} connections: {what}", configs(9000))
    for s in held:
        s.close()


def slow(result):
    """A byte a second: from the first to the last there is a time limit."""
    with connect() as s:
        started = time.monotonic()
        try:
            for byte in frame(18, 0, b"\0" * 300):
                s.sendall(bytes([byte]))
                time.sleep(1)
        except (BrokenPipeError, ConnectionResetError):
            pass
        result.append(time.monotonic() - started)


resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
took = []
loris = threading.Thread(target=slow, args=(took,), daemon=True)
loris.start()
all_apis = served()
versions(all_apis)
cut(all_apis)
lengths()
large()
unread()
half_requests()
many("half a large request", struct.pack(">i", REQUEST_BYTES) + b"\0" * 65536)
many("a large answer that nobody reads", configs(9000))
many("a large Fetch that waits", waiting(900))
many("nothing", b"")
# It is looked for once those who are ready have had their turns (gateway/server.c, all_are_heard()): a thousand of them make a
# slow build late.
late = 30 * int(os.environ.get("WEIR_PATIENCE", "1"))
loris.join(RECEIVE_S + 2 * late)
if not took or not RECEIVE_S - 5 <= took[0] <= RECEIVE_S + late:
    sys.exit(f"a byte a second: closed after {took} s")
print(f"a byte a second: closed after {took[0]:.0f} s")
answers("a right request", VERSIONS)
