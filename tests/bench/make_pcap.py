#!/usr/bin/env python3
"""Writes a capture of UDP packets for benchmarks: make_pcap.py OUT --senders N [--packets N] [--size BYTES] [--lines N] [--port P[,P...]]

Sender i is 10.x.y.z:port from i; destination ports are taken in turn. Payload bytes are seeded, so the same
arguments give the same file. With --lines N each has N lines of text, BYTES long each without the newline.
"""
import argparse
import random
import struct


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(i, sender, port, payload):
    src = bytes([10, (sender >> 16) & 255, (sender >> 8) & 255, sender & 255])
    udp = struct.pack(">HHHH", 1024 + sender % 60000, port, 8 + len(payload), 0) + payload
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), i & 0xFFFF, 0x4000, 64, 17, 0, src, bytes([10, 255, 0, 1]))
    head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
    return bytes.fromhex("020000000001020000000002") + b"\x08\x00" + head + udp


def payload(rng, size, lines):
    if not lines:
        return rng.randbytes(size)
    return b"".join(bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz ", k=size)) + b"\n" for _ in range(lines))


def write(path, frames):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for i, data in enumerate(frames):
            out.write(struct.pack("<IIII", i // 1000000, i % 1000000, len(data), len(data)) + data)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--senders", type=int, default=1000)
    parser.add_argument("--packets", type=int, default=4096)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--lines", type=int, default=0)
    parser.add_argument("--port", default="5140")
    args = parser.parse_args()
    ports = [int(p) for p in args.port.split(",")]
    rng = random.Random(1)
    write(args.out, (frame(i, i % args.senders, ports[i % len(ports)], payload(rng, args.size, args.lines))
                     for i in range(args.packets)))


if __name__ == "__main__":
    main()
