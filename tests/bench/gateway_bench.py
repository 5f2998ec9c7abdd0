"""scripts/bench --gateway: the gateway against bare sendfile() and against a real broker that holds the same segments.
Everything is started once; in each round all have a turn, one after the other. What it means: docs/performance-gateway.md."""
import contextlib
import json
import os
import re
import shutil
import time

import contestants
import gateway_servers as servers
import rounds as rounds_of
from contestants import BenchError

MIB = 1 << 20
STREAM = "bench"
EVENTS, FLUSHED = "events", "flushed"  # the topics of the latency's events; the second one's are synced before the ack
SENDERS = 1000
SEGMENT = 128 * MIB
RATE = 5000
RAW = {"connections": 2, "max_bytes": 8 * MIB}
# The broker's contestants: its topic, its producer's linger.ms.
FED = {"kafka_linger_0": (EVENTS, 0), "kafka_linger_5": (EVENTS, 5), "kafka_flushed": (FLUSHED, 5)}
OF_FLOOR_AT_LEAST, OF_BROKER_AT_MOST = 0.8, 0.5
BY_DEFAULT, SOON = {"linger": "1ms", "sync": "2ms"}, {"linger": "0", "sync": "0"}
LIVE = {"weir_durable": {"visible": "durable", **BY_DEFAULT}, "weir_written": {"visible": "written", **BY_DEFAULT},
        "weir_durable_soon": {"visible": "durable", **SOON}, "weir_written_soon": {"visible": "written", **SOON}}
PERCENTILES = ("p50", "p99", "p99_9")


class Plan:
    """How much of everything: a whole run takes about ten minutes, a quick one about one and a half."""

    def __init__(self, args):
        quick = args.quick
        self.log_bytes = (384 if quick else 1024) * MIB
        self.raw_s = 0.3 if quick else 0.6
        self.rounds = args.rounds
        self.hot_rounds, self.cold_rounds = (1, 1) if quick else (6, 6)
        self.latency_rounds, self.latency_s = (1, 1.5) if quick else (11, 2)


class Log:
    """Segments of 128-byte events that a Weir wrote at full speed, and closed."""

    def __init__(self, setup, size):
        self.data = os.path.join(setup.work, "gateway-log")
        setup.device = setup.capture(SENDERS)
        writes = contestants.Weir(setup, STREAM, os.path.join(setup.work, "data-log"), segment=SEGMENT, keep=16 * size)
        try:
            writes.start()
            while writes.reading()["bytes"] < size:
                time.sleep(0.005)
            servers.end(writes.process, servers.STOP_TIMEOUT_S)
            os.rename(writes.data, self.data)
        finally:
            writes.close()
        folder = os.path.join(self.data, STREAM + "-0")
        self.segments = [os.path.join(folder, name) for name in sorted(os.listdir(folder))
                         if re.fullmatch(r"\d{20}\.log", name)]
        out = servers.command(os.path.join(setup.build, "control/weir"), "verify", self.data, "--json")
        found = json.loads(out)["partitions"][0]
        self.records, self.bytes = found["records"], sum(map(os.path.getsize, self.segments))

    def facts(self):
        return {"records": self.records, "bytes": self.bytes, "segments": len(self.segments)}

    def warm(self):
        for path in self.segments:
            with open(path, "rb", buffering=0) as file:
                while file.read(4 * MIB):
                    pass

    def cool(self):
        """Out of the page cache; whether that worked is looked at."""
        for path in self.segments:
            with open(path, "rb", buffering=0) as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        left = sum(int(n) for n in servers.command("fincore", "-nbo", "RES", *self.segments).split())
        if left > self.bytes / 100:
            raise BenchError(f"{left} of {self.bytes} bytes stayed in the page cache")


class Raw:
    """gateway_reader: nothing but Fetches."""

    def __init__(self, setup, log, seconds, copy=False, once=False):
        self.program, self.log = os.path.join(setup.build, "tests/bench/gateway_reader"), log
        self.cpu = min(os.sched_getaffinity(0))
        connections = 1 if once else RAW["connections"]
        self.more = ["--topic", STREAM, "--connections", str(connections), "--max-bytes", str(RAW["max_bytes"])]
        self.more += ["--once"] if once else ["--seconds", str(seconds)]
        self.more += ["--copy"] if copy else []

    def read(self, server):
        bare = ["--bare"] if isinstance(server, servers.Floor) else []
        out = server.spaces.run("taskset", "-c", str(self.cpu), self.program, "--port", str(server.port), *bare, *self.more, *self.log.segments)
        return json.loads(out)


class Kcat:
    """kcat (librdkafka) as Debian packages it, from the beginning to the end, its settings at their defaults."""

    def __init__(self, log):
        self.log = log

    def read(self, server):
        before = time.monotonic()
        server.spaces.run("kcat", "-C", "-q", "-b", server.address, "-t", STREAM, "-p", "0", "-o", "beginning", "-e", "-f", "")
        return {"seconds": time.monotonic() - before, "bytes": self.log.bytes, "records": self.log.records}


class PerfTest:
    """kafka-consumer-perf-test: Kafka's own, in a group of its own, its settings at their defaults. The time is that
    of its fetching: without the start of the JVM and of the group."""

    def __init__(self, log, broker):
        self.log, self.java = log, broker.java(servers.CLIENT_HEAP, "tool")

    def read(self, server):
        out = server.spaces.run(*self.java, "org.apache.kafka.tools.ConsumerPerformance", "--bootstrap-server", server.address,
                                "--topic", STREAM, "--num-records", str(self.log.records))
        names, values = (re.split(r",\s*", text) for text in out.strip().splitlines()[-2:])
        found = dict(zip(names, values))
        records = int(found["data.consumed.in.nMsg"])
        if records < self.log.records:
            raise BenchError(f"kafka-consumer-perf-test got {records} of {self.log.records} records from {server.name}")
        return {"seconds": int(found["fetch.time.ms"]) / 1e3, "bytes": self.log.bytes, "records": records}


def turn(server, reader):
    cpu_before = server.cpu()
    out = reader.read(server)
    cpu = server.cpu() - cpu_before
    return {**out, "rate": out["bytes"] / out["seconds"], "records_per_s": out["records"] / out["seconds"],
            "cpu_s_per_gb": cpu / out["bytes"] * 1e9}


def run(what, rounds, distance, turns, say, prepare=lambda: None):
    """Rounds of turns: (name, function) each. Kept are the rounds in which the cores were near each other around every
    turn; where there was none, all of them, and `near` is 0 then."""
    done = []
    for i in range(rounds):
        done.append({})
        for name, function in turns:
            say(f"{what}: round {i + 1} of {rounds}, {name}")
            prepare()
            before = distance()
            done[-1][name] = {**function(), "distance_ns": [before, distance()]}
    near = [r for r in done if all(rounds_of.is_near(r, name) for name, _ in turns)]
    return near or done, {"all": len(done), "near": len(near)}


def spread_of(kept, name, key):
    return rounds_of.spread([r[name][key] for r in kept])


def figures(kept, name, against, key, ratio):
    """Of one contestant: medians, and its share of another's figure inside each round, as `ratio`."""
    out = {"bytes_per_s": spread_of(kept, name, "rate"), "records_per_s": spread_of(kept, name, "records_per_s"),
           "cpu_s_per_gb": spread_of(kept, name, "cpu_s_per_gb")}
    if against:
        out[ratio] = rounds_of.spread([r[name][key] / r[against][key] for r in kept])
    return out


def against_floor(kept, pairs):
    out = {name: {"bytes_per_s": spread_of(kept, name, "rate"), "cpu_s_per_gb": spread_of(kept, name, "cpu_s_per_gb")}
           for pair in pairs for name in pair}
    for name, floor in pairs:
        out[name]["records_per_s"] = spread_of(kept, name, "records_per_s")
        out[name]["ratio_to_floor"] = rounds_of.spread([r[name]["rate"] / r[floor]["rate"] for r in kept])
    return out


class Measurement:
    def __init__(self, setup, args, stack, say):
        self.setup, self.say, self.plan = setup, say, Plan(args)
        say("the log")
        self.log = Log(setup, self.plan.log_bytes)
        self.spaces = servers.Spaces()
        stack.callback(self.spaces.close)
        self.floor = servers.Floor(self.spaces, setup.work, setup.build, self.log.segments)
        stack.callback(self.floor.close)
        self.weir = servers.Gateway(self.spaces, setup.work, setup.build, self.log.data)
        stack.callback(self.weir.close)
        say("the broker takes the segments")
        self.broker = servers.Broker(self.spaces, setup.work)
        stack.callback(self.broker.close)
        self.broker.take(STREAM, self.log.segments, {EVENTS: {}, FLUSHED: {"flush.messages": "1"}})

    @contextlib.contextmanager
    def one_core_each(self):
        """The servers that have one thread that counts, and (by itself) the reader: where the scheduler would put them
        is not what is asked about."""
        cpus = os.sched_getaffinity(0)
        for server in (self.floor, self.weir):
            server.stay_on({max(cpus)})
        yield
        for server in (self.floor, self.weir):
            server.stay_on(cpus)

    def raw(self):
        with self.one_core_each():
            return {"hot": self.raw_hot(), "cold": self.raw_cold()}

    def raw_hot(self):
        plain, copies = (Raw(self.setup, self.log, self.plan.raw_s, copy) for copy in (False, True))
        self.log.warm()
        kept, rounds = run("raw, hot", self.plan.rounds, self.setup.distance,
                           [("floor", lambda: turn(self.floor, plain)), ("weir", lambda: turn(self.weir, plain)),
                            ("kafka", lambda: turn(self.broker, plain)),
                            ("floor_copy", lambda: turn(self.floor, copies)),
                            ("weir_copy", lambda: turn(self.weir, copies))], self.say)
        return {"rounds": rounds, **against_floor(kept, [("weir", "floor"), ("weir_copy", "floor_copy"),
                                                         ("kafka", "floor")])}

    def raw_cold(self):
        reader = Raw(self.setup, self.log, 0, once=True)
        kept, rounds = run("raw, cold", self.plan.cold_rounds, self.setup.distance,
                           [(name, lambda server=server: turn(server, reader)) for name, server in
                            (("floor", self.floor), ("weir", self.weir), ("kafka", self.broker))],
                           self.say, self.log.cool)
        return {"rounds": rounds, **against_floor(kept, [("weir", "floor"), ("kafka", "floor")])}

    def client(self, what, reader, cold):
        name = f"{what}, {'cold' if cold else 'hot'}"
        prepare = self.log.cool if cold else self.log.warm
        rounds = self.plan.cold_rounds if cold else self.plan.hot_rounds
        kept, rounds = run(name, rounds, self.setup.distance, [("weir", lambda: turn(self.weir, reader)),
                                                     ("kafka", lambda: turn(self.broker, reader))], self.say, prepare)
        return {"rounds": rounds, "weir": figures(kept, "weir", "kafka", "cpu_s_per_gb", "cpu_ratio_to_kafka"),
                "kafka": figures(kept, "kafka", None, None, None)}

    def clients(self):
        out = {}
        for what, reader in (("kcat", Kcat(self.log)), ("kafka_consumer_perf_test", PerfTest(self.log, self.broker))):
            out[what] = {"hot": self.client(what, reader, False), "cold": self.client(what, reader, True)}
        return out


class Latency:
    """Events from one sender to one consumer, through Weir and through the broker."""

    def __init__(self, measurement, stack):
        self.m, self.setup, self.spaces = measurement, measurement.setup, measurement.spaces
        self.count = int(RATE * measurement.plan.latency_s)
        self.live = []
        for number, (name, settings) in enumerate(LIVE.items()):
            self.live.append(servers.Live(self.spaces, self.setup, name, settings, number, EVENTS))
            stack.callback(self.live[-1].close)

    def program(self, name):
        return os.path.join(self.setup.build, "tests/bench", name)

    def turn(self, address, topic, space, sender):
        reader = self.spaces.start(self.program("event_reader"), address, topic, str(self.count), stdout=-1, text=True)
        try:
            if reader.stdout.readline().strip() != "ready":
                raise BenchError("event_reader does not start")
            servers.command(*self.spaces.inside(space), self.program("event_sender"), *sender)
            out = json.loads(reader.stdout.readline() or "{}")
            if not out:
                raise BenchError("event_reader found no events, or found them in disorder")
            return out
        finally:
            servers.end(reader, 10)

    def through_weir(self, live):
        return self.turn(live.address, EVENTS, self.spaces.tx, ["udp", live.host, "5140", str(RATE), str(self.count)])

    def through_kafka(self, topic, linger_ms):
        address = self.m.broker.address
        return self.turn(address, topic, self.spaces.rx,
                         ["kafka", address, topic, str(RATE), str(self.count), str(linger_ms)])

    def measure(self):
        turns = [(live.name, lambda live=live: self.through_weir(live)) for live in self.live]
        turns += [(name, lambda how=how: self.through_kafka(*how)) for name, how in FED.items()]
        self.m.log.warm()
        for name, function in turns:
            self.m.say(f"latency: before the first round, {name}")
            function()  # a JVM that has compiled nothing yet is not what is asked about
        kept, rounds = run("latency", self.m.plan.latency_rounds, self.setup.distance, turns, self.m.say)
        out = {"rounds": rounds, "events_per_s": RATE, "settings": LIVE}
        for name, _ in turns:
            out[name] = {f"{p}_us": spread_of(kept, name, p) for p in PERCENTILES}
            out[name].update({key: rounds_of.sum_of(kept, name, key) for key in ("events", "missing")})
        return out


def marks(result):
    """What was asked for, and what is: each with its own numbers in the result."""
    raw, latency = result["raw"], result["latency"]
    out = {f"raw_{kind}_of_floor": {"is": raw[kind]["weir"]["ratio_to_floor"]["median"], "at_least": OF_FLOOR_AT_LEAST}
           for kind in ("hot", "cold")}
    for client, kinds in result["clients"].items():
        for kind, found in kinds.items():
            out[f"cpu_{client}_{kind}"] = {"is": found["weir"]["cpu_ratio_to_kafka"]["median"],
                                           "at_most": OF_BROKER_AT_MOST}
    for weir in LIVE:
        for kafka in FED:
            for p in PERCENTILES:
                out[f"{weir}_{p}_us_below_{kafka}"] = {"is": latency[weir][f"{p}_us"]["median"],
                                                       "at_most": latency[kafka][f"{p}_us"]["median"]}
    for mark in out.values():
        mark["met"] = mark["is"] >= mark["at_least"] if "at_least" in mark else mark["is"] <= mark["at_most"]
    return out


def measure(setup, args, say):
    with contextlib.ExitStack() as stack:
        m = Measurement(setup, args, stack, say)
        result = {"log": m.log.facts(), "raw": m.raw(), "clients": m.clients()}
        result["latency"] = Latency(m, stack).measure()
        shutil.rmtree(m.log.data, ignore_errors=True)
    result["marks"] = marks(result)
    return result
