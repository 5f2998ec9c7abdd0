#!/usr/bin/python3
"""Clients that misbehave: gateway_clients.py PORT READY_FILE.

Tries each broken request on a connection of its own and checks how it ends; then holds 500 connections whose
Fetch waits, 20 that send a request byte by byte, one that asks for much and never reads, and as many more as
the gateway lets in. Makes READY_FILE and stays so until it is ended.
"""
import resource
import signal
import struct
import sys
import time

import gateway_wire
from gateway_wire import answers, closes, connect, frame, read_answer

gateway_wire.port = int(sys.argv[1])


def fetch(offset, wait_ms, min_bytes, max_bytes, topic=b"bulk"):
    return frame(1, 4, struct.pack(">iiiibih", -1, wait_ms, min_bytes, max_bytes, 0, 1, len(topic)) + topic +
                 struct.pack(">iiqi", 1, 0, offset, max_bytes))


VERSIONS = frame(18, 0, b"")
METADATA = frame(3, 4, struct.pack(">ib", -1, 0))


def table():
    closes("a negative length", struct.pack(">i", -1))
    closes("a huge length", struct.pack(">i", 0x7FFFFFFF))
    closes("an empty frame", struct.pack(">i", 0))
    closes("HTTP", b"GET / HTTP/1.1\r\n\r\n")
    closes("an unknown API", frame(99, 0, b""))
    closes("an unknown version", frame(1, 99, b""))
    closes("a huge array", frame(3, 4, struct.pack(">i", 0x7FFFFFFF)))
    closes("a negative array", frame(3, 4, struct.pack(">i", -2)))
    closes("a client id beyond the frame", struct.pack(">ihhih", 10, 18, 0, 7, 500))
    closes("a body that is cut", frame(1, 4, b"\0" * 9))
    closes("Produce without an answer", frame(0, 3, struct.pack(">hhii", -1, 0, 1000, 0)))
    answers("an unknown version of ApiVersions", frame(18, 99, b""))
    answers("pipelined requests", (VERSIONS + METADATA) * 200, 400)
    answers("a Fetch of nothing", frame(1, 4, struct.pack(">iiiibi", -1, 60000, 1, 1 << 20, 0, 0)))
    answers("a large Produce", frame(0, 3, struct.pack(">hhiih", -1, 1, 1000, 1, 4) + b"bulk" +
                                     struct.pack(">iii", 1, 0, 1500000) + b"\0" * 1500000))
    one_by_one = connect()
    for i in range(len(VERSIONS)):
        one_by_one.sendall(VERSIONS[i:i + 1])
        time.sleep(0.002)
    if not read_answer(one_by_one):
        sys.exit("byte by byte: closed")


def hold():
    held = []
    for _ in range(500):
        s = connect()
        s.sendall(fetch(30000, 60000, 1, 1 << 20))
        held.append(s)
    for _ in range(20):
        s = connect()
        s.sendall(METADATA[:-1])
        held.append(s)
    greedy = connect()
    for _ in range(50):
        greedy.sendall(fetch(0, 0, 1, 1 << 24))
    held.append(greedy)
    # The limit of connections: those beyond it are closed at once. Some room is left for others.
    refused = 0
    extra = []
    for _ in range(1100):
        s = connect()
        extra.append(s)
    time.sleep(1)
    for s in extra:
        s.setblocking(False)
        try:
            refused += s.recv(1) == b""
        except ConnectionResetError:
            refused += 1
        except BlockingIOError:
            pass
    if refused < 1100 + len(held) - 1024:
        sys.exit(f"only {refused} connections were refused")
    for s in extra:
        s.close()
    time.sleep(1)
    return held


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
table()
keep = hold()
open(sys.argv[2], "w").close()
while True:
    time.sleep(1)
