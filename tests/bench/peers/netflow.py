"""NetFlow v9 over UDP to disk: 24 flows a datagram. What is counted is datagrams."""
import os
import re

import gateway_servers as servers
from contestants import BenchError
from peers.captures import FLOWS_A_FRAME
from peers.collector import Collector, fetch, installed
from peers.wire import HOST, SOCKET_BYTES

GOFLOW2 = "github.com/netsampler/goflow2/v2/cmd/goflow2@v2.2.6"


class Nfcapd(Collector):
    name = "nfcapd"
    durable = "page cache; no fsync"
    unequal = "takes every flow apart and stores its fields"

    def prepare(self):
        self.program, self.reader = installed("nfcapd"), installed("nfdump")

    def start(self):
        os.makedirs(self.path("flows"))
        # One file for the whole trial.
        self.begin(self.program, "-w", self.path("flows"), "-b", HOST, "-p", str(self.port), "-B", str(SOCKET_BYTES), "-t", "86400")

    def stored(self):
        flows = 0
        for name in os.listdir(self.path("flows")):
            found = re.search(r"^Flows: (\d+)$", servers.command(self.reader, "-I", "-r", self.path("flows", name)), re.M)
            flows += int(found.group(1)) if found else 0
        return flows / FLOWS_A_FRAME


class Goflow2(Collector):
    name = "goflow2"
    durable = "page cache; no fsync"
    unequal = "takes every flow apart and writes one protobuf message for each"

    def prepare(self):
        self.program = os.path.join(fetch("fetch-go", GOFLOW2), "goflow2")

    def start(self):
        # One socket and one worker: there is one core.
        self.begin(self.program, "-listen", f"netflow://{HOST}:{self.port}?count=1&workers=1", "-format", "bin", "-transport", "file",
                   "-transport.file", self.path("out"), "-transport.file.sep", "", "-addr", "", "-templates.path", self.path("templates"))

    def stored(self):
        with open(self.path("out"), "rb") as file:
            return count_delimited(file.read()) / FLOWS_A_FRAME


def count_delimited(data):
    """Protobuf messages, each after its length."""
    at, count = 0, 0
    while at < len(data):
        length, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        at += length
        count += 1
    if at != len(data):
        raise BenchError("goflow2 wrote half a message")
    return count
