"""Weir as one of the collectors: run to completion, so that all of it has the one core that the others have."""
import json
import os

import gateway_servers as servers
from peers import sender
from peers.collector import Collector
from peers.wire import DEVICE, RECEIVE_CPU

CONFIG = """\
run_dir: {run}
hugepages: {hugepages}
ports: [{{name: bench, device: "{device}"}}]
lanes: {{count: 1, cores: [{cpu}], log_cores: [{cpu}]}}
storage: {{path: {data}}}
streams: [{{name: bench, listen: {{udp: {port}}}}}]
control: {{listen: "off"}}
gateway: {{listen: "off"}}
"""


class Weir(Collector, servers.WholeWeir):
    """Its defaults but for the cores and the device; the whole datagram is the event."""

    device = ""
    durable = "fdatasync each 2 ms (sync: 2ms)"
    unequal = "keeps the datagram, the sender and the time; parses nothing of the payload; a Kafka log with CRC and indexes"

    def start(self):
        os.makedirs(self.path("data"))
        self.run(self.folder, CONFIG.format(run=self.path("run"), data=self.path("data"), device=self.device, port=self.port,
                                            cpu=RECEIVE_CPU, hugepages="on" if self.setup.hugepages else "off"),
                 "taskset", "-c", str(RECEIVE_CPU))

    def stored(self):
        out = servers.command(self.weir, "verify", self.path("data"), "--json")
        return json.loads(out)["totals"]["records"]


class WeirAfPacket(Weir):
    name = "weir_af_packet"
    device = f"net_af_packet0,iface={DEVICE},blocksz=65536,framesz=2048,framecnt=32768"


class WeirAfXdp(Weir):
    name = "weir_af_xdp"
    device = f"net_af_xdp0,iface={DEVICE}"


class WeirMemif(Weir):
    """What a card that DPDK drives would be: packets come past the kernel, here out of the sender's memory."""

    name = "weir_memif"
    socket = f"/weir-bench-{os.getpid()}.memif"  # an abstract one
    device = f"net_memif0,role=server,socket={socket}"
    unequal = Weir.unequal + "; no kernel on the way: shared memory instead of the veth pair"
    first_rate = 1000000

    def send(self, capture, rate, seconds):
        to = f"net_memif0,role=client,socket={self.socket}"
        return sender.send(self.setup, self.wire.beside(), to, capture, rate, seconds)
