"""The one pair of veth devices that everything goes through: packets and TCP, to each peer in its turn.

The kernel's half of receiving happens where it can be counted: threaded NAPI makes it the work of a kernel thread of its
own for each end, which is pinned beside whoever receives there. It has a real-time priority, since as a softirq it would
not wait for a time slice either."""
import contextlib
import os
import time

import gateway_servers as servers
from contestants import POLL_CPU, BenchError
from peers import cpu

RECEIVE_CPU = int(POLL_CPU)
SEND_CPU = 0
DEVICE = "bench0"
HOST, SENDER_HOST = "10.255.0.1", "10.255.0.2"  # the first as make_pcap.py writes it into frames
MAC = "02:00:00:00:00:01"
SOCKET_BYTES = 64 << 20
MODERATION_NS = 50000  # what drivers of network cards begin with


@contextlib.contextmanager
def large_sockets():
    """Most collectors ask for a large buffer, and all their documents say to allow it. Put back afterwards."""
    knobs = ["/proc/sys/net/core/rmem_max", "/proc/sys/net/core/rmem_default"]
    before = [read(knob) for knob in knobs]
    try:
        for knob in knobs:
            write(knob, SOCKET_BYTES)
        yield
    finally:
        for knob, value in zip(knobs, before):
            write(knob, value)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, value):
    with open(path, "w", encoding="utf-8") as file:
        file.write(str(value))


class Wire(servers.Spaces):
    def __init__(self):
        super().__init__()
        try:
            self.connect()
        except BaseException:
            self.close()
            raise

    def connect(self):
        servers.ip("link", "add", DEVICE, "netns", self.tx, "type", "veth", "peer", "name", DEVICE, "netns", self.rx)
        servers.ip("-n", self.rx, "link", "set", DEVICE, "address", MAC)
        self.sending = self.set_up(self.tx, SENDER_HOST, SEND_CPU)
        self.receiving = self.set_up(self.rx, HOST, RECEIVE_CPU)
        # Senders in the frames are nobody's neighbours; without a way back they would count as forged.
        servers.ip("-n", self.rx, "route", "add", "default", "dev", DEVICE)
        servers.command(*self.inside(self.tx), "ping", "-c", "1", "-W", "2", HOST)

    def set_up(self, space, host, on_cpu):
        """Returns the thread that receives there."""
        # Only receive aggregation gives a veth a NAPI of its own, and only frames as short as on a real wire go that way.
        servers.command(*self.inside(space), "ethtool", "-K", DEVICE, "gro", "on", "tso", "off")
        servers.command(*self.inside(space), "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
                        "net.ipv4.conf.all.rp_filter=0", f"net.ipv4.conf.{DEVICE}.rp_filter=0")
        servers.ip("-n", space, "addr", "add", f"{host}/24", "dev", DEVICE)
        servers.ip("-n", space, "link", "set", DEVICE, "up")
        # As an interrupt of a network card, its thread comes when something arrived, but not for each packet.
        servers.command(*self.inside(space), "sh", "-c", f"echo {MODERATION_NS} >/sys/class/net/{DEVICE}/gro_flush_timeout; "
                        f"echo 2 >/sys/class/net/{DEVICE}/napi_defer_hard_irqs")
        before = cpu.kernel_threads("napi/")
        servers.command(*self.inside(space), "sh", "-c", f"echo 1 >/sys/class/net/{DEVICE}/threaded")
        until = time.monotonic() + 2
        while not (new := cpu.kernel_threads("napi/") - before):
            if time.monotonic() > until:
                raise BenchError("this kernel has no threaded NAPI for veth: what it does for a receiver cannot be counted")
            time.sleep(0.01)
        thread = new.pop()
        os.sched_setaffinity(thread, {on_cpu})
        os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(1))
        return thread

    def receiver(self, *words):
        """What a command becomes that receives: in the namespace, on its CPU."""
        return ["taskset", "-c", str(RECEIVE_CPU), *self.inside(self.rx), *words]

    def sender(self, *words):
        return ["taskset", "-c", str(SEND_CPU), *self.inside(self.tx), *words]

    def beside(self, *words):
        """On the sender's CPU, but in the receiver's namespace: for who needs no wire."""
        return ["taskset", "-c", str(SEND_CPU), *self.inside(self.rx), *words]

    def lost(self):
        """Counters of what never reached a program: in the device's queue, and at full sockets."""
        statistics = self.run("sh", "-c", f"cat /sys/class/net/{DEVICE}/statistics/rx_dropped; grep ^Udp: /proc/net/snmp")
        dropped, names, values = statistics.strip().split("\n")
        sent = servers.command(*self.inside(self.tx), "cat", f"/sys/class/net/{DEVICE}/statistics/tx_dropped")
        udp = dict(zip(names.split()[1:], map(int, values.split()[1:])))
        return {"device": int(dropped) + int(sent), "socket": udp["RcvbufErrors"]}
