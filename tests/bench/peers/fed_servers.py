"""Events into a log: servers that a producer of their own feeds, with 128 bytes an event. They run through all rounds, so
that what compiles while it runs has done so. A turn gives what a trial gives (see trial.py)."""
import json
import os
import re
import subprocess
import time

import gateway_servers
from contestants import BenchError
from peers import cpu
from peers.captures import EVENT_BYTES
from peers.collector import fetch, sync_file_system
from peers.trial import wait_quiet
from peers.wire import HOST, RECEIVE_CPU

NATS = ["github.com/nats-io/nats-server/v2@v2.15.2", "github.com/nats-io/natscli/nats@v0.5.1"]
WARM_TURNS = 3
TIMEOUT_S = 300
SENDER_BUSY = 0.9  # of its core: then it was the bound, unless the server's was as busy


class Fed:
    """`turn` with a rate, or without one: as fast as acknowledgements let the producer."""

    name = durable = unequal = ""
    paced = True
    least_events = 200000  # of a turn at its highest rate: beside them, the producer's start is little
    longer = 1             # so many times is a turn at a given rate, for the same reason

    def __init__(self, setup, wire):
        self.setup, self.wire, self.rate = setup, wire, None
        self.folder = os.path.join(setup.work, self.name)
        os.makedirs(self.folder)
        self.prepare()

    def prepare(self):
        """As Collector.prepare()."""

    def start(self):
        raise NotImplementedError

    def process(self):
        """The one that is measured."""
        raise NotImplementedError

    def feed(self, events, rate):
        """Returns the seconds that it took, and the producer's CPU seconds."""
        raise NotImplementedError

    def stored(self):
        """How many events lie in its log now."""
        raise NotImplementedError

    def close(self):
        raise NotImplementedError

    def warm(self):
        for _ in range(WARM_TURNS):
            self.turn(None, 2)

    def turn(self, rate, seconds):
        events = int(rate * seconds * self.longer) if rate else max(int((self.rate or 0) * seconds), self.least_events)
        before, meter = self.stored(), cpu.Meter(self.process().pid, self.wire)
        took, producer = self.feed(events, rate)
        wait_quiet(meter)
        sync_before = time.thread_time()
        sync_file_system(self.folder)
        used = {**meter.read(), "sync": time.thread_time() - sync_before}
        out = {"sent": events, "stored": self.stored() - before, "seconds": took, "rate": events / took, "cpu": used}
        if rate is None:
            self.rate = out["rate"]
        return self.judge(out, producer)

    @staticmethod
    def judge(out, producer):
        used, stored = out["cpu"], max(out["stored"], 1)
        out["machine_cpu"] = used.pop("machine") - producer
        out["sender_cpu"] = producer + used.pop("sender_wire")
        total = sum(used.values())
        out.update(lost=out["sent"] - out["stored"], core_share=total / out["seconds"])
        out["sustained"] = out["lost"] == 0
        out["cpu_s_per_million"] = total / stored * 1e6
        out["both_cpu_s_per_million"] = (total + out["sender_cpu"]) / stored * 1e6
        return out

    def bound_by(self, out):
        busy = out["sender_cpu"] / out["seconds"]
        return "its producer" if busy > SENDER_BUSY and busy > out["core_share"] else "itself, by acknowledging"


def run_producer(words):
    """Its output, and its CPU seconds, those of its start included."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise BenchError(f"{words[-1]}: {text[-1000:]}")
    return text, usage.ru_utime + usage.ru_stime


class Kafka(Fed):
    name = "kafka"
    least_events = 2000000
    longer = 5
    durable = "page cache; no fsync (its default)"
    unequal = "TCP with acknowledgements (acks=1), no replicas; the producer makes the batches, the broker checks and keeps them"

    def prepare(self):
        self.broker = gateway_servers.Broker(self.wire, self.folder)
        self.broker.address = f"{HOST}:{self.broker.port}"
        self.broker.prefix = ("taskset", "-c", str(RECEIVE_CPU))

    def start(self):
        self.broker.begin({"bench": {}})

    def process(self):
        return self.broker.process

    def feed(self, events, rate):
        words = self.wire.sender(*self.broker.java(gateway_servers.CLIENT_HEAP, "tool"), "org.apache.kafka.tools.ProducerPerformance",
                                 "--topic", "bench", "--num-records", str(events), "--record-size", str(EVENT_BYTES), "--throughput",
                                 str(int(rate or -1)), "--producer-props", f"bootstrap.servers={self.broker.address}", "acks=1",
                                 "batch.size=1048576", "linger.ms=5", "buffer.memory=134217728", "max.request.size=8388608")
        text, used = run_producer(words)
        rate = float(re.findall(r"records sent, ([\d.]+) records/sec", text)[-1])
        return events / rate, used

    def stored(self):
        out = self.broker.tool("org.apache.kafka.tools.GetOffsetShell", "--bootstrap-server", self.broker.address, "--topic", "bench")
        return int(out.strip().rsplit(":", 1)[1])

    def close(self):
        self.broker.close()


class Nats(Fed):
    name = "nats_jetstream"
    durable = "page cache; fsync every 2 minutes (its default)"
    unequal = "TCP with an acknowledgement for each message, no replicas; asynchronous publishing, 500 at a time"

    def prepare(self):
        self.programs = fetch("fetch-go", *NATS)
        self.server = gateway_servers.Server(self.wire, self.name, 4222)
        self.url = f"nats://{HOST}:{self.server.port}"

    def start(self):
        self.server.launch(["taskset", "-c", str(RECEIVE_CPU), os.path.join(self.programs, "nats-server"), "-js", "-sd", self.folder,
                            "-a", HOST, "-p", str(self.server.port)], os.path.join(self.folder, "log"), "Server is ready")

    def process(self):
        return self.server.process

    def nats(self, *words):
        return ["env", f"HOME={self.folder}", os.path.join(self.programs, "nats"), "-s", self.url, *words]

    def feed(self, events, rate):
        pace = ["--throughput", str(int(rate))] if rate else []
        text, used = run_producer(self.wire.sender(*self.nats(
            "bench", "js", "pub", "async", "bench", "--create", "--storage", "file", "--maxbytes", "8GB", "--batch", "500",
            "--size", str(EVENT_BYTES), "--msgs", str(events), "--clients", "1", "--no-progress", *pace)))
        rate = float(re.findall(r"([\d,.]+) msgs/sec", text)[-1].replace(",", ""))
        return events / rate, used

    def stored(self):
        out = subprocess.run([*self.wire.inside(self.wire.rx), *self.nats("stream", "info", "benchstream", "-j")], capture_output=True,
                             text=True, check=False, timeout=60)
        return json.loads(out.stdout)["state"]["messages"] if out.returncode == 0 else 0

    def close(self):
        self.server.close()
