"""What scripts/bench needs of the machine, and what all contestants share."""
import contextlib
import os
import re
import subprocess

import contestants
from contestants import BenchError

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EVENT_BYTES = 128
PACKETS = 4096
MIB = 1 << 20
MEMFS_SEGMENT, MEMFS_KEEP = 256 * MIB, 512 * MIB


def run(*command):
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if out.returncode != 0:
        raise BenchError(f"{' '.join(command)}:\n{(out.stdout + out.stderr)[-2000:]}")
    return out.stdout


@contextlib.contextmanager
def hugepages(mib):
    """Enough of them while we run; afterwards the number is what it was. Yields whether there are."""
    knob = "/proc/sys/vm/nr_hugepages"

    def read(name):
        with open("/proc/meminfo", encoding="utf-8") as file:
            return int(re.search(name + r": *(\d+)", file.read()).group(1))

    def write(pages):
        with contextlib.suppress(OSError), open(knob, "w", encoding="utf-8") as file:
            file.write(str(pages))

    before, need = read("HugePages_Total"), mib // 2
    mounted = os.path.isdir("/dev/hugepages")
    if mounted and read("HugePages_Free") < need:
        write(before + need - read("HugePages_Free"))
    enough = mounted and read("HugePages_Free") >= need
    try:
        yield enough
    finally:
        write(before)


def touch_memory(path):
    """The first touch of a page is the hypervisor's work, not Weir's: a file that grows into memory of which this
    machine never used anything gets a tenth of the rate. As many pages as will be needed, touched and given back."""
    zeros = bytes(16 * MIB)
    with open(path, "wb", buffering=0) as file:
        for _ in range(5 * MEMFS_KEEP // len(zeros)):
            file.write(zeros)
    os.unlink(path)


@contextlib.contextmanager
def memory_file_system(path):
    os.makedirs(path, exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", "size=8g", "weir-bench", path)
    try:
        touch_memory(os.path.join(path, "touch"))
        yield path
    finally:
        run("umount", "--lazy", path)  # an end may still be on its way


class Setup:
    """What all contestants share."""

    def __init__(self, args, build_folder, work, huge):
        self.build, self.work, self.hugepages, self.seconds = build_folder, work, huge, args.seconds
        self.batch_bytes = 256 * 1024
        self.config_slabs = "auto"
        self.slabs = self.slab_bytes = None
        self.memfs_bytes = MEMFS_KEEP
        explained = run(os.path.join(build_folder, "control/weir"), "check", "--explain", "lanes.burst")
        self.burst = int(re.search(r"default +(\d+)", explained).group(1))

    def capture(self, senders, ports="5140", name=None, packets=PACKETS, size=EVENT_BYTES, lines=0):
        """Writes one and returns the device that plays it for ever; what else the contestants need to open it, too."""
        packets = max(packets, senders)
        path = os.path.join(self.work, name or f"{senders}.pcap")
        run("python3", "tests/bench/make_pcap.py", path, "--senders", str(senders), "--packets", str(packets),
            "--size", str(size), "--port", ports, "--lines", str(lines))
        self.mbufs = 16383 if packets <= PACKETS else (1 << (packets + 8192).bit_length()) - 1
        self.eal_mib = 64 + (self.mbufs + 1) * 2560 // MIB // 2 * 2
        return f"net_pcap0,rx_pcap={path},infinite_rx=1"

    def distance(self):
        """Round trip of a cache line between the polling core and the log core, in nanoseconds."""
        if os.cpu_count() < 2:
            return 0
        other = "0" if contestants.POLL_CPU != "0" else "1"
        return int(run(os.path.join(self.build, "tests/bench/core_distance"), contestants.POLL_CPU, other))

    def take_plan(self, plan):
        lane = plan["lanes"][0]
        self.slabs, self.slab_bytes = lane["hot_slabs"], lane["slab_bytes"]  # the floor: those that take turns
