"""scripts/bench --peers: Weir beside what people would pick instead. What is compared and how: docs/performance-peers.md."""
import contextlib
import os

from contestants import BenchError
from peers import captures, fed_aeron, fed_servers, netflow, packets, search, syslog, trial, wire, weir_collector
from rounds import spread

WEIRS = [weir_collector.WeirAfPacket, weir_collector.WeirAfXdp, weir_collector.WeirMemif]
# What is sent, to whom, and who is fed by a producer of its own.
GROUPS = {
    "syslog": ("syslog", [syslog.Rsyslog, syslog.SyslogNg], []),
    "netflow": ("netflow", [netflow.Nfcapd, netflow.Goflow2], []),
    "packets": ("events", [packets.Tcpdump, packets.Dumpcap], []),
    "events": ("events", [], [fed_servers.Kafka, fed_servers.Nats, fed_aeron.Aeron]),
}
NAMES = sorted({peer.name for _, collectors, fed in GROUPS.values() for peer in collectors + fed})
COMMON_SHARE = 0.5  # of the lowest of the highest rates
FIGURES = ("rate", "cpu_s_per_million", "both_cpu_s_per_million", "core_share")
# At its own highest rate, Weir's CPU seconds a million events, of the other's: at most so much.
OF_BEST_COLLECTOR, OF_KAFKA, OF_AERON, OF_NATS = 1 / 5, 1 / 10, 1 / 3, 1 / 20


class Plan:
    def __init__(self, args):
        self.rounds, self.seconds = args.peer_rounds, args.peer_seconds
        self.fine = 1.5 if args.quick else search.FINE


class Group:
    def __init__(self, name, setup, the_wire, plan, wanted, say):
        kind, collectors, fed = GROUPS[name]
        self.name, self.setup, self.wire, self.plan, self.say = name, setup, the_wire, plan, say
        self.port, self.capture = captures.PORTS[kind], captures.make(setup.work, kind)
        self.left_out = {}
        self.collectors = self.those_that_can(collectors, wanted, lambda c: c(setup, the_wire, self))
        self.collectors += [weir(setup, the_wire, self) for weir in WEIRS]
        self.fed = self.those_that_can(fed, wanted, lambda c: c(setup, the_wire))
        self.found = {peer.name: {"durable": peer.durable, "unequal": peer.unequal, "highest": [], "common": []}
                      for peer in self.collectors + self.fed}

    def those_that_can(self, classes, wanted, make):
        out = []
        for one in classes:
            if one.name not in wanted:
                continue
            try:
                self.say(f"{self.name}: {one.name} is fetched")
                out.append(make(one))
            except BenchError as error:
                self.left_out[one.name] = str(error)
        return out

    def trial(self, collector, rate):
        self.say(f"{self.name}: {collector.name} at {rate / 1e3:.0f} k/s")
        return trial.run(self.setup, self.wire, collector, self.capture, rate, self.plan.seconds)

    def highest(self, collector):
        before = self.found[collector.name]["highest"]
        best, bound = search.highest(lambda rate: self.trial(collector, rate), trial.where_lost, collector.first_rate,
                                     before[-1]["rate"] if before else None, self.plan.fine)
        if best:
            before.append({**best, "bound_by": bound})

    def turn(self, fed, kind, rate=None):
        self.say(f"{self.name}: {fed.name}" + (f" at {rate / 1e3:.0f} k/s" if rate else ""))
        out = fed.turn(rate, self.plan.seconds)
        self.found[fed.name][kind].append({**out, "bound_by": fed.bound_by(out)})

    def common(self, collector, rate):
        out = search.attempt(lambda r: self.trial(collector, r), rate)
        self.found[collector.name]["common"].append(out)

    def for_each(self, peers, step):
        """One that fails is out from then on, and the others go on."""
        for peer in [p for p in peers if p.name not in self.left_out]:
            try:
                step(peer)
            except BenchError as error:
                self.left_out[peer.name] = str(error)

    def begin(self, fed):
        fed.start()
        self.say(f"{self.name}: {fed.name} before the first round")
        fed.warm()

    def common_rate(self):
        lowest = min((one["rate"] for peer in self.collectors + self.fed for one in self.found[peer.name]["highest"]), default=0)
        digits = 10 ** max(0, len(str(int(lowest))) - 2)
        return max(1, int(lowest * COMMON_SHARE) // digits * digits)

    def measure(self):
        with contextlib.ExitStack() as stack:
            for fed in self.fed:
                stack.callback(fed.close)
            self.for_each(self.fed, self.begin)
            for _ in range(self.plan.rounds):
                self.for_each(self.collectors, self.highest)
                self.for_each(self.fed, lambda fed: self.turn(fed, "highest"))
            rate = self.common_rate()
            for _ in range(self.plan.rounds):
                self.for_each(self.collectors, lambda collector: self.common(collector, rate))
                self.for_each([fed for fed in self.fed if fed.paced], lambda fed: self.turn(fed, "common", rate))
        return {"common_rate": rate, "left_out": self.left_out, "peers": {name: summed_up(one) for name, one in self.found.items()}}


def summed_up(one):
    out = {"durable": one["durable"], "unequal": one["unequal"]}
    for kind in ("highest", "common"):
        # A trial that lost something, because the machine was elsewhere, says nothing about the cost of an event.
        good = [t for t in one[kind] if t["sustained"]]
        out[kind] = {key: spread([t[key] for t in good]) for key in FIGURES} if good else None
        if good:
            out[kind].update(rounds=len(good), of=len(one[kind]), where={part: spread([t["cpu"][part] / t["stored"] * 1e6 for t in good])
                                                                         for part in good[0]["cpu"]})
    if out["highest"]:
        out["highest"]["bound_by"] = [t["bound_by"] for t in one["highest"]]
    out["trials"] = {kind: one[kind] for kind in ("highest", "common")}
    return out


def cost(group, name, key="cpu_s_per_million"):
    peer = group["peers"].get(name)
    return peer["highest"][key]["median"] if peer and peer["highest"] else None


def mark(mine, theirs, at_most):
    if not mine or not theirs:
        return None
    return {"is": mine / theirs, "at_most": at_most, "met": mine / theirs <= at_most}


def marks(groups):
    """Each of Weir's ways against each that it is asked to be compared with."""
    out = {}
    for weir in WEIRS:
        for name in ("syslog", "netflow", "packets"):
            if name in groups:
                others = [cost(groups[name], peer.name) for peer in GROUPS[name][1]]
                best = min((c for c in others if c), default=None)
                out[f"{name}_{weir.name}_of_best_collector"] = mark(cost(groups[name], weir.name), best, OF_BEST_COLLECTOR)
        if "events" in groups:
            events = groups["events"]
            mine, both = cost(events, weir.name), cost(events, weir.name, "both_cpu_s_per_million")
            out[f"{weir.name}_of_kafka_broker"] = mark(mine, cost(events, "kafka"), OF_KAFKA)
            out[f"{weir.name}_with_sender_of_aeron_archive"] = mark(both, cost(events, "aeron_archive"), OF_AERON)
            out[f"{weir.name}_of_nats_jetstream"] = mark(mine, cost(events, "nats_jetstream"), OF_NATS)
    return {name: value for name, value in out.items() if value}


def measure(setup, args, say):
    """All groups that have a peer that was asked for."""
    wanted = set(args.peers)
    names = [name for name, (_, collectors, fed) in GROUPS.items() if wanted & {peer.name for peer in collectors + fed}]
    os.sched_setaffinity(0, {wire.SEND_CPU})
    plan, groups = Plan(args), {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(wire.large_sockets())
        the_wire = wire.Wire()
        stack.callback(the_wire.close)
        for name in names:
            groups[name] = Group(name, setup, the_wire, plan, wanted, say).measure()
    return {"rounds": plan.rounds, "seconds": plan.seconds, "groups": groups, "marks": marks(groups)}
