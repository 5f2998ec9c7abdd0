"""Single cases that ask how long, not how many: until an event is durable, or visible; whether a segment roll is a
standstill; until the first packet after a pause is stored; and what an idle Weir costs. Each has marks."""
import contextlib
import glob
import json
import os
import shutil
import subprocess
import time

import contestants
import gateway_servers as servers
import roll_figures
import rounds as rounds_of
from contestants import BenchError
from disk_bench import DISK_KEEP, DISK_SEGMENT, HALF_AT_MOST
from machine import MIB, memory_file_system
from progress import say

ARRIVAL = "headers: [rx_ns]"
PERCENTILES = ("p50", "p90", "p99", "p99_9")
LINGER_US, SYNC_US = 1000, 2000  # of the config: the defaults
OF_DEVICE = 1.5
TRIES, AIM = 8, 0.45  # a packet that is not stored costs less, so that more of them come
LOOK_US = 20
VISIBLE_US, VISIBLE_ONE_IN = 50, 4096
STREAMS = (1, 16, 64)
ROLL_SEGMENT, ROLL_KEEP = 64 * MIB, 256 * MIB  # ten rolls a second or so; retention gives back files for thirty
ROLL_TURNS = 4  # so many turns long: some rolls in each round
WAKES = {"af_packet": 300, "memif": 6000}  # microseconds: with a file descriptor to wait on, without
IDLE_SHARE = 0.02


def spread_of(rounds, key):
    return rounds_of.spread([r[key] for r in rounds])


def below(figure, most):
    """A mark. `figure`: one number for each round."""
    found = rounds_of.spread(figure)
    return {"is": found["median"], "at_most": most, "met": found["median"] <= most, "min": found["min"], "max": found["max"]}


def other_cpu():
    """Where a lane does not poll, for who looks on."""
    return "0" if contestants.POLL_CPU != "0" else str(os.cpu_count() - 1)


def look_on(setup, tool, *args):
    """A program that looks on beside a Weir that runs."""
    out = subprocess.run(["taskset", "-c", other_cpu(), os.path.join(setup.build, "tests/bench", tool), *map(str, args)],
                         capture_output=True, text=True, check=False)
    if out.returncode != 0:
        raise BenchError(out.stderr)
    return out.stdout


def watch(setup, weir, end, seconds, pause_us):
    return json.loads(look_on(setup, "end_watch", weir.run_dir, weir.data, "bench", end, seconds, pause_us))


# --- arrival to durable ----------------------------------------------------------------------------

def on_disk(setup, folder, name, ports, segment=DISK_SEGMENT, keep=DISK_KEEP, **more):
    setup.device = setup.capture(1000, ",".join(ports), name + ".pcap")
    return contestants.Weir(setup, name, os.path.join(folder, "data-" + name), segment=segment, keep=keep, stream=ARRIVAL, **more)


@contextlib.contextmanager
def running(weir, wait=60):
    with contextlib.ExitStack() as stack:
        stack.callback(weir.close)
        weir.start()
        weir.wait_recycled(wait)
        weir.hold()
        yield weir


@contextlib.contextmanager
def at_half_load(setup, folder, seconds, who, **more):
    """Every packet that the port brings is received, one in so many is for the stream: see disk_bench.half_load()."""
    with running(on_disk(setup, folder, "full", ["5140"])) as weir:
        turn = rounds_of.turn(weir, seconds)
    full, every = turn["bytes_per_s"], max(2, round(2 * turn["received"] / max(turn["events"], 1)))
    for _ in range(TRIES):
        with running(on_disk(setup, folder, "half", ["5140"] + ["9"] * (every - 1), **more)) as weir:
            turn = rounds_of.turn(weir, seconds)
            share = turn["bytes_per_s"] / full
            if share <= HALF_AT_MOST:
                yield weir, turn, {"bytes_per_s": turn["bytes_per_s"], "of_full_load": share, "one_packet_in": every}
                return
        every = max(every + 1, round(every * share / AIM))
        say(f"{who}: {share:.2f} of the full load; next, one packet in {every}")
    raise BenchError(f"no half of the load: still {share:.2f} of it with one packet in {every}")


def durable_turn(setup, weir, seconds):
    weir.release()
    try:
        time.sleep(rounds_of.SETTLE_S)
        before = weir.reading()
        seen = watch(setup, weir, "durable", seconds, LOOK_US)
        now = rounds_of.difference(before, weir.reading())
    finally:
        weir.hold()
    return {**seen, "commit_ms": now["seconds"] * 1e3 / max(now["syncs"], 1), "shed": now["shed"]}


def durable(setup, args):
    folder = os.path.join(setup.work, "durable")
    os.makedirs(folder, exist_ok=True)
    rounds = []
    try:
        with at_half_load(setup, folder, args.seconds, "durable") as (weir, turn, load):
            interval_us = round(turn["seconds"] * 1e6 / max(turn["syncs"], 1))
            device = [os.path.join(setup.build, "tests/bench/sync_probe"), os.path.join(folder, "device"), str(DISK_KEEP),
                      str(load["bytes_per_s"]), str(interval_us), str(args.seconds)]
            for i in range(args.rounds):
                rounds.append({**json.loads(servers.command(*device)), **durable_turn(setup, weir, args.seconds)})
                say(f"durable: round {i + 1} of {args.rounds}  p50 {rounds[-1]['p50'] / 1e3:.1f} ms, fdatasync {rounds[-1]['sync_p50_us'] / 1e3:.1f} ms")
        commits = {str(n): commit_interval(setup, folder, n, args) for n in STREAMS}
    finally:
        shutil.rmtree(folder, True)
    out = {"rounds": {"all": len(rounds)}, "half_load": load, "probe_interval_us": interval_us, "commit": commits,
           "us": {p: spread_of(rounds, p) for p in PERCENTILES}, "fdatasync_us": {p: spread_of(rounds, f"sync_{p}_us") for p in ("p50", "p99")},
           "commit_ms": spread_of(rounds, "commit_ms"), **{key: sum(r[key] for r in rounds) for key in ("events", "left_out", "shed")}}
    for p in ("p50", "p99"):
        out["mark" if p == "p50" else "mark_p99"] = below(
            [r[p] / (LINGER_US + SYNC_US + OF_DEVICE * r[f"sync_{p}_us"]) for r in rounds], 1)
    return out


def commit_interval(setup, folder, streams, args):
    """How far apart the commits of one stream are when so many get events, one packet in a hundred of what the port brings."""
    ports = [str(5140 + i) for i in range(streams)]
    spread = [ports[i // 100 % streams] if i % 100 == 0 else "9" for i in range(100 * streams)]
    weir = on_disk(setup, folder, f"streams{streams}", spread, streams=ports)
    found = []
    with contextlib.ExitStack() as stack:
        stack.callback(weir.close)
        weir.start()
        weir.hold()
        for _ in range(max(1, args.rounds // 5)):
            turn = rounds_of.turn(weir, args.seconds)
            syncs = max(turn["syncs"], 1)
            found.append({"of_a_stream_ms": turn["seconds"] * 1e3 * streams / syncs, "of_all_ms": turn["seconds"] * 1e3 / syncs,
                          "fdatasync_ms": turn["sync_ns"] / syncs / 1e6})
    return {key: spread_of(found, key) for key in found[0]}


# --- a segment roll --------------------------------------------------------------------------------

def roll_turn(setup, weir, seconds):
    weir.release()
    try:
        time.sleep(rounds_of.SETTLE_S)
        before = weir.reading()
        seen = look_on(setup, "roll_watch", weir.run_dir, seconds)
        now = rounds_of.difference(before, weir.reading())
    finally:
        weir.hold()
    return roll_figures.read(seen), now


def roll(setup, args):
    folder = os.path.join(setup.work, "roll")
    os.makedirs(folder, exist_ok=True)
    rounds, turns = [], []
    try:
        with at_half_load(setup, folder, args.seconds, "roll", segment=ROLL_SEGMENT, keep=ROLL_KEEP) as (weir, _, load):
            for i in range(args.rounds):
                lines, turn = roll_turn(setup, weir, ROLL_TURNS * args.seconds)
                rounds.append(lines)
                turns.append(turn)
                say(f"roll: round {i + 1} of {args.rounds}  {turn['rolls']} rolls, {turn['segment_waits']} waited")
    finally:
        shutil.rmtree(folder, True)
    found = roll_figures.all_figures(rounds)
    if not found:
        raise BenchError("no segment rolled")
    return {"half_load": load, "segment_bytes": ROLL_SEGMENT,
            **{key: sum(turn[key] for turn in turns) for key in ("rolls", "segment_waits", "shed")}, **found}


# --- arrival to visible ----------------------------------------------------------------------------

def visible(setup, args):
    """Packets come without a pause, one in 4,096 is for the stream, and goes alone. On a machine of two processors a lane
    has one, for whoever looks on needs the other."""
    lanes = contestants.POLL_CPU
    cores = f"cores: [{lanes}], log_cores: [{lanes if os.cpu_count() < 3 else 2}]"
    setup.device = setup.capture(1000, ",".join(["5140"] + ["9"] * (VISIBLE_ONE_IN - 1)), "visible.pcap")
    rounds = []
    with contextlib.ExitStack() as stack, memory_file_system(os.path.join(setup.work, "memfs")) as memfs:
        weir = contestants.Weir(setup, "visible", os.path.join(memfs, "data"), segment=16 * MIB, keep=64 * MIB, lanes=cores,
                                stream=ARRIVAL + ", linger: 0", storage="visible: written, sync: off")
        stack.callback(weir.close)
        weir.start()
        for i in range(args.rounds):
            rounds.append(watch(setup, weir, "visible", args.seconds, 0))
            say(f"visible: round {i + 1} of {args.rounds}  p99 {rounds[-1]['p99']:.1f} us")
    return {"rounds": {"all": len(rounds)}, "cores": cores, "us": {p: spread_of(rounds, p) for p in PERCENTILES},
            **{key: sum(r[key] for r in rounds) for key in ("events", "left_out", "early")},
            "mark": below([r["p99"] for r in rounds], VISIBLE_US)}


# --- idle ------------------------------------------------------------------------------------------

def used_ns(weir):
    """Of all threads of all its processes."""
    total = 0
    for pid in weir.pids:
        for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
            with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:
                total += int(file.read().split()[0])
    return total


def idle_share(weir, seconds):
    before, start = used_ns(weir), time.monotonic_ns()
    time.sleep(seconds)
    return (used_ns(weir) - before) / (time.monotonic_ns() - start)


class Sleeper:
    """A Weir as its defaults are, which gets nothing until somebody sends."""

    def __init__(self, setup, name, receives, sends, rx=(), tx=()):
        setup.device = receives
        self.setup, self.sends, self.tx = setup, sends, list(tx)
        self.weir = contestants.Weir(setup, name, os.path.join(setup.work, "data-" + name), idle="adaptive", stream=ARRIVAL, prefix=rx, quiet=True)

    def first_after_idle(self, packets, pps):
        """Stamped packets, so far apart that Weir sleeps before each: from their sending to their arrival, which is when
        the lane took and stored them."""
        path = os.path.join(self.setup.work, "wakes.pcap")
        self.setup.capture(1, name="wakes.pcap")
        stamped = subprocess.run([*self.tx, os.path.join(self.setup.build, "replay/weir-replay"), path, "--to", self.sends, "--stamp", "--rate",
                                  f"{pps}pps", "--loop", "forever", "--for", f"{packets / pps}s", "--json"], capture_output=True, text=True, check=False)
        time.sleep(0.5)
        found = subprocess.run([self.weir.weir, "latency", self.weir.data, "bench", "--json"], capture_output=True, text=True, check=False)
        if stamped.returncode != 0 or found.returncode != 0:
            raise BenchError(stamped.stderr + found.stderr)
        run = json.loads(found.stdout)["runs"][-1]
        return {"stored": run["stored"], "missing": run["missing"],
                **{key: run["latency_ns"][key] / 1e3 for key in ("min", "p50", "p90", "p99", "max")}}


def sleepers(setup, stack):
    spaces = servers.Spaces()
    stack.callback(spaces.close)
    device, _ = spaces.wire(1)
    for space in (spaces.rx, spaces.tx):  # nobody else has anything to say there
        servers.command(*spaces.inside(space), "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
    socket = f"/weir-bench-{os.getpid()}.memif"
    return {"af_packet": Sleeper(setup, "af_packet", f"net_af_packet0,iface={device}", f"net_af_packet0,iface={device}",
                                 spaces.inside(spaces.rx), spaces.inside(spaces.tx)),
            "memif": Sleeper(setup, "memif", f"net_memif0,role=server,socket={socket}", f"net_memif0,role=client,socket={socket}")}


def idle(setup, args):
    packets, pps, seconds = (20, 10, 2) if args.quick else (200, 10, 10)
    out = {"rounds": {"all": max(1, args.rounds // 5)}, "wakes": {}, "cpu": {}}
    with contextlib.ExitStack() as stack:
        for name, sleeper in sleepers(setup, stack).items():
            with contextlib.ExitStack() as own:
                own.callback(sleeper.weir.close)
                sleeper.weir.start()
                time.sleep(2)
                cpu, wakes = [], []
                for i in range(out["rounds"]["all"]):
                    say(f"idle: {name}, round {i + 1} of {out['rounds']['all']}")
                    cpu.append(idle_share(sleeper.weir, seconds))
                    wakes.append(sleeper.first_after_idle(packets, pps))
            out["cpu"][name] = {"share": rounds_of.spread(cpu)}
            out["wakes"][name] = {"us": {key: spread_of(wakes, key) for key in ("min", "p50", "p90", "p99", "max")},
                                  "stored": sum(w["stored"] for w in wakes), "missing": sum(w["missing"] for w in wakes)}
            out["mark_wakes_" + name] = below([w["p99"] for w in wakes], WAKES[name])
    worst = max(out["cpu"].values(), key=lambda found: found["share"]["median"])["share"]
    out["mark"] = {"is": worst["median"], "at_most": IDLE_SHARE, "met": worst["median"] <= IDLE_SHARE, "min": worst["min"], "max": worst["max"]}
    return out


class Case:
    def __init__(self, what, run):
        self.what, self.run = what, run


CASES = {
    "durable": Case("arrival to durable at half load, one stream, of linger + sync + 1.5 fdatasyncs of the device", durable),
    "roll": Case("a segment roll at half load: events in the milliseconds at it, of those in all others", roll),
    "visible": Case("arrival to visible, `visible: written`, `sync: off`, `linger: 0`, memory file system", visible),
    "idle": Case("an idle Weir: share of a core, and the first packet after a pause", idle),
}
ON_DISK = ("durable", "roll")


def measure(setup, args, name):
    return CASES[name].run(setup, args)


def print_case(name, case):
    print(f"\n{name}: {CASES[name].what}; {case['rounds']['all']} rounds")
    if "ends" in case:
        roll_figures.print_all(case)
    tables = {"": case} if "us" in case else case.get("wakes", {})
    for who, found in tables.items():
        print(f"  {who:12}" + ", ".join(f"{key} {value['median']:.1f} us ({value['min']:.1f} .. {value['max']:.1f})"
                                        for key, value in found["us"].items()))
    for key, found in case.get("cpu", {}).items():
        print(f"  {key:12}{found['share']['median'] * 100:.2f} % of a core ({found['share']['min'] * 100:.2f} .. {found['share']['max'] * 100:.2f})")
    if "commit" in case:
        print(f"  fdatasync   p50 {case['fdatasync_us']['p50']['median']:.0f} us, p99 {case['fdatasync_us']['p99']['median']:.0f} us (without Weir, at that load: "
              f"{case['half_load']['bytes_per_s'] / 1e9:.2f} GB/s); a commit each {case['commit_ms']['median']:.1f} ms")
        for streams, found in case["commit"].items():
            print(f"  {streams + ' streams':12}a commit of each every {found['of_a_stream_ms']['median']:.1f} ms, fdatasync {found['fdatasync_ms']['median']:.2f} ms")
    for key, mark in case.items():
        if key.startswith("mark"):
            bound = "at_least" if "at_least" in mark else "at_most"
            print(f"  {'met   ' if mark['met'] else 'MISSED'} {mark['is']:.4g} ({bound.replace('_', ' ')} {mark[bound]:g}; {mark['min']:.4g} .. {mark['max']:.4g}) {key[5:]}")
