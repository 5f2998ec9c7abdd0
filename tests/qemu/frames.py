"""Real Ethernet frames (UDP in IPv4), and the way into a guest's NIC: one datagram is one frame."""

import socket
import struct
import threading
import time


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def udp_frame(dst_mac, payload, dst_port, sender=1, vlan=None):
    """sender 0..65535 becomes the source address 10.9.x.y and a source port."""
    src = bytes((10, 9, sender >> 8 & 255, sender & 255))
    dst = bytes((10, 9, 255, 254))
    length = 8 + len(payload)
    udp = struct.pack("!HHHH", 20000 + sender % 1000, dst_port, length, 0)
    pseudo = src + dst + struct.pack("!BBH", 0, 17, length)
    udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp + payload) or 0xFFFF)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, 0x4000, 64, 17, 0, src, dst)
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    tag = b"" if vlan is None else struct.pack("!HH", 0x8100, vlan)
    mac = bytes.fromhex(dst_mac.replace(":", ""))
    frame = mac + b"\x02\x00\x00\x00\x00\x01" + tag + b"\x08\x00" + ip + udp + payload
    return frame.ljust(60, b"\0")


class Wire:
    """The cable to one NIC: sends to QEMU's -netdev socket,udp=."""

    def __init__(self, name, model, mac):
        self.name, self.model, self.mac = name, model, mac
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        probe.bind(("127.0.0.1", 0))
        self.port = probe.getsockname()[1]
        probe.close()
        self.sent = 0

    def netdev(self):
        here = self.sock.getsockname()[1]
        return f"socket,id={self.name},udp=127.0.0.1:{here},localaddr=127.0.0.1:{self.port}"

    def send(self, frame):
        self.sock.sendto(frame, ("127.0.0.1", self.port))
        self.sent += 1

    def send_events(self, count, port, rate=500, first=0):
        """count numbered events at an even pace; the guest is emulated, so the pace is gentle."""
        begin = time.monotonic()
        for i in range(first, first + count):
            self.send(udp_frame(self.mac, f"{self.name} event {i}".encode(), port, sender=i % 97))
            ahead = (i - first + 1) / rate - (time.monotonic() - begin)
            if ahead > 0:
                time.sleep(ahead)


class Load(threading.Thread):
    """Frames without end, until stop()."""

    def __init__(self, wire, port, rate=2000):
        super().__init__(daemon=True)
        self.wire, self.port, self.rate = wire, port, rate
        self.go_on = True

    def run(self):
        first = 0
        while self.go_on:
            try:
                self.wire.send_events(50, self.port, self.rate, first)
            except ConnectionRefusedError:  # the guest lost its power: the cable hangs loose
                time.sleep(0.05)
            first += 50

    def stop(self):
        self.go_on = False
        self.join()
