"""Aeron Archive: its own sample, which publishes, carries and records in one process. See fed_servers.py."""
import os
import re
import shutil
import subprocess
import time

import gateway_servers
from contestants import BenchError
from peers import cpu
from peers.captures import EVENT_BYTES
from peers.collector import HERE, fetch, sync_file_system
from peers.fed_servers import Fed

AERON_JARS = os.path.join(HERE, "aeron/jars.txt")
SAMPLE = "io.aeron.samples.archive.EmbeddedRecordingThroughput"


class Aeron(Fed):
    name = "aeron_archive"
    paced = False
    least_events = 2000000
    durable = "page cache; no fsync (its default)"
    unequal = "no network: shared memory inside one process; publisher, driver and archive are counted together, on both cores"
    RECORDED = 160  # bytes of an event with its header

    def prepare(self):
        self.jars, self.sample, self.events = fetch("../../engines/fetch-jars", AERON_JARS), None, 0
        self.memory = f"/dev/shm/weir-bench-aeron-{os.getpid()}"

    def start(self):
        """Anew in each turn: the sample wants its number of messages at its start."""

    def process(self):
        return self.sample

    def launch(self, events):
        opens = [word for package in ("jdk.internal.misc", "sun.nio.ch", "java.util.zip")
                 for word in ("--add-opens", f"java.base/{package}=ALL-UNNAMED")]
        settings = {"sample.messages": events, "sample.messageLength": EVENT_BYTES, "sample.channel": "aeron:ipc",
                    "dir": self.memory, "archive.dir": os.path.join(self.folder, "archive"),
                    "archive.control.channel": "aeron:udp?endpoint=localhost:8010",
                    "archive.control.response.channel": "aeron:udp?endpoint=localhost:0",
                    "archive.replication.channel": "aeron:udp?endpoint=localhost:0"}
        words = ["taskset", "-c", f"0-{os.cpu_count() - 1}", "java", *opens, *(f"-Daeron.{k}={v}" for k, v in settings.items())]
        self.sample = self.wire.start(*words, "-cp", self.jars + "/*", SAMPLE, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True)

    def recorded(self):
        """Until the sample says that it has recorded all; events a second."""
        for line in self.sample.stdout:
            found = re.search(r"- ([\d,]+) msg/sec", line)
            if found:
                return float(found.group(1).replace(",", ""))
        raise BenchError("Aeron's sample ended")

    def turn(self, rate, seconds):
        """The sample records once for warmth; what counts is the second time, which begins when it is told to."""
        self.events = max(int((self.rate or 0) * seconds), self.least_events)
        self.launch(self.events)
        try:
            self.recorded()
            meter = cpu.Meter(self.sample.pid, self.wire)
            self.sample.stdin.write("y\n")
            self.sample.stdin.flush()
            self.rate = self.recorded()
            took = self.events / self.rate
            sync_before = time.thread_time()
            sync_file_system(self.folder)
            used = {**meter.read(), "sync": time.thread_time() - sync_before}
            out = {"sent": self.events, "stored": self.stored(), "seconds": took, "rate": self.rate, "cpu": used}
            return self.judge(out, 0)
        finally:
            self.end()

    def stored(self):
        """What its segment files hold on the disk."""
        folder = os.path.join(self.folder, "archive")
        held = sum(os.stat(os.path.join(folder, name)).st_blocks * 512 for name in os.listdir(folder) if name.endswith(".rec"))
        return min(held // self.RECORDED, self.events)

    def warm(self):
        self.turn(None, 2)

    def end(self):
        if self.sample.poll() is None:
            self.sample.stdin.write("n\n")
            self.sample.stdin.close()
            try:
                self.sample.wait(30)
            except subprocess.TimeoutExpired:
                gateway_servers.end(self.sample, 10)

    def bound_by(self, out):
        return "itself"

    def close(self):
        if self.sample and self.sample.poll() is None:
            gateway_servers.end(self.sample, 10)
        shutil.rmtree(self.memory, ignore_errors=True)
