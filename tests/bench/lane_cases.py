"""Single cases of the lane, each with a mark: who takes part, and whose rate is to be which share of whose."""
import contextlib
import os

import contestants
import rounds as rounds_of
from contestants import Floor, Weir
from progress import progress

MANY = 100000
STREAMS = 64
FIRST_PORT = 5140
RTC = f"cores: [{contestants.POLL_CPU}], log_cores: [{contestants.POLL_CPU}]"


class Case:
    """`starts`: name to a function of the setup that starts a contestant. `share`: of the first one's `key` in that of the
    second, at least `mark`. `least`: the first one's rate at least so much, where bare reaches so much."""

    def __init__(self, what, starts, share, mark, key="rate", least=None):
        self.what, self.starts, self.share, self.mark, self.key, self.least = what, starts, share, mark, key, least


def sink(setup, name="sink", **how):
    return Weir(setup, name, os.path.join(setup.work, "data-" + name), sink=True, **how)


def played(start, **capture):
    """A contestant that receives a capture made for it."""
    def begin(setup):
        ports = capture.get("ports", str(FIRST_PORT))
        setup.device = setup.capture(**{"senders": 1000, "ports": ports, **capture})
        contestant = start(setup)
        if isinstance(contestant, Weir):
            contestant.start()
        return contestant
    return begin


def floor(mode, **capture):
    return played(lambda setup: Floor(setup, mode), **capture)


def two_queues(setup):
    """As many frames for each of two lanes."""
    path = setup.device.split("=", 1)[1].split(",")[0]
    setup.device = f"net_pcap0,rx_pcap={path},rx_pcap={path},infinite_rx=1"
    return sink(setup, "two_lanes", lanes="count: 2, cores: [0, 1], log_cores: [0, 1]")


PORTS = [str(FIRST_PORT + i) for i in range(STREAMS)]
SMALL = {"name": "small.pcap", "size": 18}
LARGE = {"name": "large.pcap", "size": 1458}
LINES = {"name": "lines.pcap", "size": 100, "lines": 10}
SPREAD = {"name": "spread.pcap", "ports": ",".join(PORTS)}

CASES = {
    "single": Case("one core, run to completion, into the sink, of one that receives, copies once and checksums",
                   {"checked": floor("checked"), "rtc": played(lambda s: sink(s, "rtc", lanes=RTC))}, ("rtc", "checked"), 0.8),
    "frames64": Case("64-byte frames, of the floor",
                     {"bare": floor("bare", **SMALL), "floor": floor("floor", **SMALL), "sink": played(sink, **SMALL)},
                     ("sink", "floor"), 0.75, least=("sink", 14.88e6, "bare", 25e6)),
    "senders": Case("100,000 packets of as many senders, of those of one sender",
                    {"one": played(lambda s: sink(s, "one"), senders=1, packets=MANY, name="one.pcap"),
                     "many": played(lambda s: sink(s, "many"), senders=MANY, name="many.pcap")}, ("many", "one"), 0.8),
    "sealing": Case("the polling core while the log core seals, of the same while slabs come straight back",
                    {"discards": floor("lane"), "seals": played(sink)}, ("seals", "discards"), 0.95),
    "lines": Case("`lines`, ten events of 100 bytes a packet, of the floor (bytes)",
                  {"floor": floor("floor", **LINES), "lines": played(lambda s: sink(s, "lines", decoder="lines"), **LINES)},
                  ("lines", "floor"), 0, key="value_rate", least=("lines", 40e6, "floor", 0)),
    "frames1500": Case("1,500-byte frames, of the floor",
                       {"floor": floor("floor", **LARGE), "sink": played(sink, **LARGE)}, ("sink", "floor"), 0.9),
    "seal": Case("bytes sealed, of ISA-L's CRC-32C over the same slabs",
                 {"crc": floor("seal"), "sealed": floor("sealed")}, ("sealed", "crc"), 0.9),
    "streams": Case("64 streams in use at once, of one stream",
                    {"one": played(lambda s: sink(s, "all", streams=(f"{PORTS[0]}-{PORTS[-1]}",)), **SPREAD),
                     "each": played(lambda s: sink(s, "each", streams=PORTS), **SPREAD)}, ("each", "one"), 0.75),
    "lanes": Case("two lanes on two cores, run to completion, of one",
                  {"one": played(lambda s: sink(s, "one_lane", lanes=RTC)), "two": played(two_queues)}, ("two", "one"), 1.8),
}


def needs_many(names):
    return "senders" in names.split(",")


def add_value_rate(turn):
    turn["value_rate"] = turn.get("value_bytes", turn["bytes"]) / turn["seconds"]


def measure(setup, args, name):
    case = CASES[name]
    with contextlib.ExitStack() as stack:
        setup.slabs, setup.slab_bytes = None, None
        setup.device = setup.capture(1000)
        setup.take_plan(sink(setup, "plan").plan())
        taking_part = []
        for who, start in case.starts.items():
            contestant = start(setup)
            stack.callback(contestant.close)
            contestant.name = who
            contestant.hold()
            taking_part.append(contestant)
        done = rounds_of.run(taking_part, args.rounds, args.seconds / 2, setup.distance, progress(name))
    for one in done:
        for turn in one.values():
            add_value_rate(turn)
    near = [r for r in done if all(rounds_of.is_near(r, who) for who in case.starts)]
    return figures(case, near or done, {"all": len(done), "near": len(near)})


def figures(case, kept, rounds):
    out = {"rounds": rounds}
    for who in case.starts:
        out[who] = {key: rounds_of.spread([r[who][key] for r in kept]) for key in ("rate", "bytes_per_s", "value_rate")}
        if "busy" in kept[0][who]:
            events = max(rounds_of.sum_of(kept, who, "events"), 1)
            out[who]["cycles_per_event"] = {"polling_core": rounds_of.sum_of(kept, who, "busy") / events,
                                            "log_core": rounds_of.sum_of(kept, who, "log_busy") / events}
            out[who]["shed_share"] = rounds_of.sum_of(kept, who, "shed") / (events + rounds_of.sum_of(kept, who, "shed"))
    ours, theirs = case.share
    out["ratio"] = rounds_of.spread([r[ours][case.key] / r[theirs][case.key] for r in kept])
    out["mark"] = {"is": out["ratio"]["median"], "at_least": case.mark, "met": out["ratio"]["median"] >= case.mark}
    if case.least:
        who, rate, base, base_rate = case.least
        out["least"] = {"is": out[who]["rate"]["median"], "at_least": rate, "applies": out[base]["rate"]["median"] >= base_rate}
        out["least"]["met"] = out["least"]["is"] >= rate
    return out
