"""Packets to disk, in a ring of files that is larger than what is sent."""
import os
import re
import signal

import gateway_servers as servers
from peers.collector import Collector, installed
from peers.wire import DEVICE

RING_FILES = 64
BUFFER_MIB = 64


class Capturer(Collector):
    durable = "page cache; no fsync"
    unequal = "keeps whole frames, with their headers"
    stop_signal = signal.SIGINT
    hands_over_s = 1.2  # libpcap's block that is not full

    def stored(self):
        files = [self.path("ring", name) for name in os.listdir(self.path("ring"))]
        out = servers.command(installed("capinfos"), "-c", "-M", *files)
        return sum(int(n) for n in re.findall(r"Number of packets: *(\d+)", out))

    def capture(self, *words):
        os.makedirs(self.path("ring"))
        self.begin(*words, ready=lambda: f":{DEVICE} " in self.wire.run("ss", "-0", "-a", "-n"))


class Tcpdump(Capturer):
    name = "tcpdump"

    def prepare(self):
        self.program = installed("tcpdump")

    def start(self):
        # Files of 64 million bytes.
        self.capture(self.program, "-i", DEVICE, "-n", "-B", str(BUFFER_MIB * 1024), "-C", "64", "-W", str(RING_FILES), "-Z", "root",
                     "-w", self.path("ring", "out.pcap"), f"udp port {self.port}")


class Dumpcap(Capturer):
    name = "dumpcap"

    def prepare(self):
        self.program = installed("dumpcap")

    def start(self):
        self.capture(self.program, "-q", "-i", DEVICE, "-B", str(BUFFER_MIB), "-b", "filesize:64000", "-b", f"files:{RING_FILES}",
                     "-w", self.path("ring", "out.pcapng"), "-f", f"udp port {self.port}")
