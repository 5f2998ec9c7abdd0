"""What is sent to the peers: captures of 4,096 frames, always the same, addressed as make_pcap.py does. The sender plays
them over and over."""
import os
import random
import struct

import make_pcap

FRAMES = 4096
SENDERS = 100
EVENT_BYTES = 128
PORTS = {"syslog": 514, "netflow": 2055, "events": 5140}
# Fields as softflowd's IPv4 template of NetFlow v9 has them: type and length (RFC 3954, 8).
TEMPLATE_ID = 1024
FIELDS = [(8, 4), (12, 4), (22, 4), (21, 4), (1, 4), (2, 4), (10, 4), (14, 4), (7, 2), (11, 2), (4, 1), (6, 1), (60, 1), (5, 1)]
FLOWS_A_FRAME = 24
TEMPLATE_EVERY = 16
SYSLOG_TEXTS = [
    ("sshd", "Accepted publickey for deploy from 10.{a}.{b}.{c} port {port} ssh2: ED25519 SHA256:{hex}"),
    ("sshd", "Connection closed by authenticating user root 10.{a}.{b}.{c} port {port} [preauth]"),
    ("nginx", "10.{a}.{b}.{c} - - \"GET /api/v2/orders/{port}?page={a} HTTP/1.1\" 200 {port} \"-\" \"curl/7.88.1\" 0.0{b}"),
    ("kernel", "[{port}.{port}] IPTABLES-DROP IN=eth0 OUT= SRC=10.{a}.{b}.{c} DST=10.0.0.1 LEN=60 TTL=5{b} PROTO=TCP SPT={port} DPT=23"),
    ("systemd", "Started Session {port} of User deploy."),
    ("postgres", "[{port}-1] LOG:  duration: {a}.{port} ms  statement: SELECT id, state FROM orders WHERE customer = {port}"),
    ("dhcpd", "DHCPACK on 10.{a}.{b}.{c} to 02:00:5e:{hex2}:{hex2}:01 (host{port}) via eth1"),
]


def syslog_line(rng, i):
    """RFC 5424, one a datagram."""
    app, text = rng.choice(SYSLOG_TEXTS)
    numbers = {"a": rng.randrange(250), "b": rng.randrange(10, 99), "c": rng.randrange(250), "port": rng.randrange(1024, 65535),
               "hex": rng.randbytes(22).hex(), "hex2": rng.randbytes(1).hex()}
    priority = rng.choice([4, 10, 16, 3, 23]) * 8 + rng.choice([3, 4, 5, 6, 6, 6])
    return (f"<{priority}>1 2026-11-23T08:{i // 60 % 60:02}:{i % 60:02}.{rng.randrange(10 ** 6):06}Z host{i % SENDERS:03}.example.net "
            f"{app} {rng.randrange(300, 30000)} - - " + text.format(**numbers)).encode()


def netflow_frame(rng, i, sequence):
    """One export packet (RFC 3954, 5): now and then with the template, always with as many flows."""
    # An address pair, times, bytes, packets, interfaces, ports, protocol, flags, IP version, type of service.
    flows = b"".join(struct.pack(">IIIIIIIIHHBBBB", rng.getrandbits(32), rng.getrandbits(32), 1000 * i, 1000 * i + rng.randrange(999),
                                 rng.randrange(64, 10 ** 6), rng.randrange(1, 1000), 1, 2, rng.randrange(1024, 65535),
                                 rng.choice([53, 80, 443, 22]), rng.choice([6, 17]), rng.randrange(32), 4, 0)
                     for _ in range(FLOWS_A_FRAME))
    data = struct.pack(">HH", TEMPLATE_ID, 4 + len(flows)) + flows
    template, records = b"", FLOWS_A_FRAME
    if i // SENDERS % TEMPLATE_EVERY == 0:
        fields = b"".join(struct.pack(">HH", *field) for field in FIELDS)
        template = struct.pack(">HHHH", 0, 8 + len(fields), TEMPLATE_ID, len(FIELDS)) + fields
        records += 1
    return struct.pack(">HHIIII", 9, records, 1000 * (i + 60), 1795420800 + i // 1000, sequence, 0) + template + data


def payloads(kind):
    rng = random.Random(1)
    for i in range(FRAMES):
        if kind == "syslog":
            yield syslog_line(rng, i)
        elif kind == "netflow":
            yield netflow_frame(rng, i, i // SENDERS)  # each exporter numbers its own packets
        else:
            yield rng.randbytes(EVENT_BYTES)


def make(folder, kind):
    """Writes one and returns its path."""
    path = os.path.join(folder, kind + ".pcap")
    make_pcap.write(path, (make_pcap.frame(i, 1 + i % SENDERS, PORTS[kind], data) for i, data in enumerate(payloads(kind))))
    return path
