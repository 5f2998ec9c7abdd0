#!/usr/bin/env python3
"""Makes captures for the tests, and says what weir should store of a capture.

pcaps.py numbered FILE COUNT [--first N] [--size B] [--senders N] [--ports P,P,...] [--mac MAC]
    UDP packets whose payloads start with their number: "00000042 xxxx..."
pcaps.py fragments FILE COUNT   UDP datagrams of 2,000 bytes, in two pieces each, of IPv4 and IPv6 by turns
pcaps.py payloads FILE [--port P]   one UDP packet for each line of hex on stdin
pcaps.py reasons FILE       one packet for each reason to drop that bytes can show, and some good ones;
                            prints "term.cause count" lines
pcaps.py split FILE N OUT   deals the packets out to OUT0.pcap ... OUTn-1.pcap
pcaps.py frames FILE...     each frame as a line of hex
pcaps.py relink FILE OUT TYPE   its IP packets under another link type: rawip, linux-sll, linux-sll2, null
pcaps.py stamps FILE        "run queue number time" of each UDP payload that ends in a stamp of weir replay
pcaps.py expect FILE        what tshark finds: "frame src sport dst dport vlan payload" (tabs) for each UDP
                            datagram in one piece, with at most one VLAN tag, that the capture did not cut
"""
import argparse
import re
import socket
import struct
import subprocess
import sys

PCAP_HEAD = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
DST_IP = "10.90.0.1"


def checksum(data):
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF ^ ((total & 0xFFFF) + (total >> 16))


def ipv4(payload, proto=17, src="10.90.0.2", dst=DST_IP, frag=0, total=None, version_ihl=0x45, ident=1):
    head = struct.pack(">BBHHHBBH4s4s", version_ihl, 0, 20 + len(payload) if total is None else total, ident, frag, 64,
                       proto, 0, socket.inet_aton(src), socket.inet_aton(dst))
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def ipv6(payload, following=17, length=None, version=0x60):
    return struct.pack(">BBHHBB", version, 0, 0, len(payload) if length is None else length, following, 64) + \
        socket.inet_pton(socket.AF_INET6, "fd90::2") + socket.inet_pton(socket.AF_INET6, "fd90::1") + payload


def udp(payload, sport=4000, dport=5000, length=None):  # checksum 0: none (IPv4), good enough for v6 here
    return struct.pack(">HHHH", sport, dport, 8 + len(payload) if length is None else length, 0) + payload


def ether(payload, kind=0x0800, mac="02:00:00:00:00:01", tags=()):
    head = bytes.fromhex(mac.replace(":", "")) + bytes.fromhex("020000000002")
    for protocol, vid in tags:
        head += struct.pack(">HH", protocol, vid)
    return head + struct.pack(">H", kind) + payload


def record(frame, number, original=None):
    return struct.pack("<IIII", 1700000000 + number // 100000, number % 100000 * 10, len(frame),
                       original or len(frame)) + frame


def numbered(args):
    filler = bytes(ord("a") + i % 26 for i in range(max(args.size - 9, 0)))
    ports = [int(p) for p in args.ports.split(",")]
    heads = []
    for sender in range(args.senders):
        src = f"10.91.{sender >> 8 & 255}.{sender & 255}"
        frame = ether(ipv4(udp(b"%08d " % 0 + filler), src=src), mac=args.mac)
        heads.append(frame[:34])
    with open(args.file, "wb", buffering=1 << 20) as out:
        out.write(PCAP_HEAD)
        for i in range(args.count):
            payload = b"%08d " % (args.first + i) + filler
            out.write(record(heads[i % args.senders] + udp(payload, 4000 + i % 7, ports[i % len(ports)]), i))


def fragments(args):
    with open(args.file, "wb") as out:
        out.write(PCAP_HEAD)
        for i in range(args.count):
            whole = udp(b"%08d " % i * 222, length=8 + 9 * 222)
            for first, last in ((0, 1200), (1200, len(whole))):
                piece, more = whole[first:last], last < len(whole)
                if i % 2:
                    head = struct.pack(">BBHI", 17, 0, first | more, i)
                    frame = ether(ipv6(head + piece, following=44), 0x86DD)
                else:
                    frame = ether(ipv4(piece, frag=first // 8 | more << 13, ident=i))
                out.write(record(frame, i))


def payloads(args):
    with open(args.file, "wb") as out:
        out.write(PCAP_HEAD)
        for i, line in enumerate(sys.stdin):
            out.write(record(ether(ipv4(udp(bytes.fromhex(line.strip()), dport=args.port))), i))


def reasons(args):
    good = udp(b"good")
    cases = [
        ("stored.none", ether(ipv4(good))),
        ("stored.none", ether(ipv6(good), 0x86DD)),
        ("stored.none", ether(ipv4(good), tags=[(0x8100, 100)])),
        ("stored.none", ether(ipv4(good) + b"\0" * 14)),  # Ethernet padding is no payload
        ("not_for_us.not_ip", ether(b"\0\1\x08\0\6\4\0\1" + b"\0" * 20, 0x0806)),
        ("not_for_us.not_ip", ether(ipv4(good), tags=[(0x88A8, 200), (0x8100, 100)])),
        ("not_for_us.not_udp", ether(ipv4(b"\0" * 20, proto=6))),
        ("not_for_us.not_udp", ether(ipv6(b"\0" * 20, 58), 0x86DD)),
        ("unrouted.none", ether(ipv4(udp(b"nobody", dport=6000)))),
        ("undecodable.fragment", ether(ipv4(udp(b"x" * 8), frag=0x2000))),
        ("undecodable.fragment", ether(ipv4(b"x" * 16, frag=0x0002))),
        ("undecodable.fragment", ether(ipv6(b"\x11\0\0\1\0\0\0\7" + udp(b"x" * 8), 44), 0x86DD)),
        ("malformed.truncated", ether(ipv4(udp(b"y" * 400)))[:200]),
        ("malformed.truncated", ether(ipv6(udp(b"y" * 400)), 0x86DD)[:200]),
        ("malformed.ethernet", ether(b"")[:13]),
        ("malformed.ethernet", ether(b"", tags=[(0x8100, 100)])[:15]),
        ("malformed.ipv4_header", ether(ipv4(good, version_ihl=0x65))),
        ("malformed.ipv4_header", ether(ipv4(good, version_ihl=0x44))),
        ("malformed.ipv4_header", ether(ipv4(good, total=19))),
        ("malformed.ipv6_header", ether(ipv6(good, version=0x50), 0x86DD)),
        ("malformed.udp_header", ether(ipv4(udp(b"z", length=7)))),
        ("malformed.udp_header", ether(ipv4(udp(b"z", length=100)))),
    ]
    counts = {}
    with open(args.file, "wb") as out:
        out.write(PCAP_HEAD)
        for i, (term, frame) in enumerate(cases):
            counts[term] = counts.get(term, 0) + 1
            out.write(record(frame, i, max(len(frame), 500) if term == "malformed.truncated" else None))
    for term, count in counts.items():
        print(term, count)


def split(args):
    with open(args.file, "rb") as f:
        data = f.read()
    outs = [open(f"{args.out}{i}.pcap", "wb") for i in range(args.n)]
    for out in outs:
        out.write(data[:24])
    at = 24
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    number = 0
    while at < len(data):
        size = 16 + struct.unpack_from(order + "I", data, at + 8)[0]
        outs[number % args.n].write(data[at:at + size])
        at += size
        number += 1


def frames_of(file):
    """(head of the record, frame) of each packet; little-endian files, as ours and DPDK's are."""
    with open(file, "rb") as f:
        data = f.read()
    at = 24
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at:at + 16], data[at + 16:at + 16 + size]
        at += 16 + size


def frames(args):
    for file in args.files:
        for _, frame in frames_of(file):
            print(frame.hex())


def relink(args):
    types = {"rawip": 101, "linux-sll": 113, "linux-sll2": 276, "null": 0}
    with open(args.out, "wb") as out:
        out.write(PCAP_HEAD[:20] + struct.pack("<I", types[args.type]))
        for head, frame in frames_of(args.file):
            kind = frame[12:14]
            if kind not in (b"\x08\x00", b"\x86\xdd"):
                continue
            link = {"rawip": b"", "null": struct.pack("<I", 2 if kind == b"\x08\x00" else 10),
                    "linux-sll": struct.pack(">HHH", 0, 1, 6) + frame[6:12] + b"\0\0" + kind,
                    "linux-sll2": kind + struct.pack(">HIHBB", 0, 1, 1, 0, 6) + frame[6:12] + b"\0\0"}[args.type]
            packet = link + frame[14:]
            out.write(head[:8] + struct.pack("<II", len(packet), len(packet)) + packet)


def stamps(args):
    text = subprocess.run(["tshark", "-n", "-r", args.file, "-Y", "udp", "-T", "fields", "-e", "udp.payload"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True).stdout
    for line in text.splitlines():
        tail = bytes.fromhex(line.split(",")[0])[-18:]
        if len(tail) == 18 and tail[:2] == b"\x57\xd5":
            print(int.from_bytes(tail[2:4], "big"), tail[4], int.from_bytes(tail[5:10], "big"),
                  int.from_bytes(tail[10:], "big"))


# Everything up to the first "udp" is Ethernet, tags and one IP header: what weir takes as UDP.
DIRECT = re.compile(r"^eth:ethertype:((vlan|ieee8021ad):ethertype:)?(ip|ipv6(:ipv6\.[a-z]+)*):udp(:|$)")


def expect(args):
    fields = ["frame.number", "ip.src", "ipv6.src", "udp.srcport", "ip.dst", "ipv6.dst", "udp.dstport", "vlan.id",
              "udp.payload", "frame.protocols", "frame.cap_len", "frame.len", "ip.flags.mf", "ip.frag_offset",
              "ipv6.fraghdr.nxt", "udp.length"]
    command = ["tshark", "-n", "-r", args.file, "-Y", "udp", "-T", "fields", "-E", "occurrence=f", "-o",
               "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE"]
    for field in fields:
        command += ["-e", field]
    text = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True).stdout
    for line in text.splitlines():
        f = dict(zip(fields, line.split("\t")))
        direct = DIRECT.match(f["frame.protocols"])
        if not direct or f["frame.cap_len"] != f["frame.len"] or \
                f["ip.flags.mf"] in ("1", "True") or f["ip.frag_offset"] not in ("", "0") or f["ipv6.fraghdr.nxt"]:
            continue
        ip = "ipv6" if direct.group(3).startswith("ipv6") else "ip"  # the payload may hold the other
        src, dst = f[ip + ".src"], f[ip + ".dst"]
        print(f["frame.number"], src, f["udp.srcport"], dst, f["udp.dstport"], f["vlan.id"] or "-", f["udp.payload"],
              sep="\t")


def main():
    parser = argparse.ArgumentParser()
    sub = parser.add_subparsers(required=True)
    p = sub.add_parser("numbered")
    p.add_argument("file")
    p.add_argument("count", type=int)
    p.add_argument("--first", type=int, default=0)
    p.add_argument("--size", type=int, default=64)
    p.add_argument("--senders", type=int, default=1)
    p.add_argument("--ports", default="5000")
    p.add_argument("--mac", default="02:00:00:00:00:01")
    p.set_defaults(run=numbered)
    p = sub.add_parser("fragments")
    p.add_argument("file")
    p.add_argument("count", type=int)
    p.set_defaults(run=fragments)
    p = sub.add_parser("payloads")
    p.add_argument("file")
    p.add_argument("--port", type=int, default=5000)
    p.set_defaults(run=payloads)
    p = sub.add_parser("reasons")
    p.add_argument("file")
    p.set_defaults(run=reasons)
    p = sub.add_parser("split")
    p.add_argument("file")
    p.add_argument("n", type=int)
    p.add_argument("out")
    p.set_defaults(run=split)
    p = sub.add_parser("frames")
    p.add_argument("files", nargs="+")
    p.set_defaults(run=frames)
    p = sub.add_parser("relink")
    p.add_argument("file")
    p.add_argument("out")
    p.add_argument("type")
    p.set_defaults(run=relink)
    p = sub.add_parser("stamps")
    p.add_argument("file")
    p.set_defaults(run=stamps)
    p = sub.add_parser("expect")
    p.add_argument("file")
    p.set_defaults(run=expect)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    sys.exit(main())
