"""The lane: bare, floor, seal floor, and Weir into the sink and onto a memory file system."""
import contextlib
import os

import contestants
import rounds as rounds_of
from contestants import BenchError
from machine import MEMFS_KEEP, MEMFS_SEGMENT, memory_file_system
from progress import progress


def ratios(rounds, name, floors):
    """Spread of the rate, of its shares of bare and of the floor, and of the floor itself."""
    per_round = []
    for r in rounds:
        floor = r["floor"]["rate"]
        if "seal" in floors:
            floor = min(floor, r["seal"]["bytes_per_s"] / bytes_per_event(r[name]))
        per_round.append((r[name]["rate"], r[name]["rate"] / r["bare"]["rate"], r[name]["rate"] / floor, floor))
    return (rounds_of.spread(list(column)) for column in zip(*per_round))


def lane_figures(all_kept, name, floors):
    """Of the rounds in which the two cores shared a cache; what the others gave stands under `far`. Where none did, of
    all: `near` is 0 then."""
    near, far = rounds_of.near(all_kept, name), rounds_of.far(all_kept, name)
    kept = near or all_kept
    rate, bare, floor, floors_rate = ratios(kept, name, floors)
    events = max(rounds_of.sum_of(kept, name, "events"), 1)
    log_busy = rounds_of.sum_of(kept, name, "log_busy")
    log_all = log_busy + rounds_of.sum_of(kept, name, "log_idle")
    shed = rounds_of.sum_of(kept, name, "shed")
    out = {"rate": rate["median"], "ratio_to_bare": bare["median"], "ratio_to_floor": floor["median"],
           "floor_rate": floors_rate["median"], "rounds": {"near": len(near), "far": len(far)},
           "distance_ns": rounds_of.spread([max(r[name]["distance_ns"]) for r in kept])["median"],
           "spread": {"rate": rate, "ratio_to_bare": bare, "ratio_to_floor": floor},
           "shed_share": shed / (events + shed),
           "bytes_per_event": bytes_per_event_of(kept, name),
           "cycles_per_event": {"polling_core": rounds_of.sum_of(kept, name, "busy") / events,
                                "log_core": log_busy / events},
           "log_core_busy": log_busy / max(log_all, 1),
           "rolls": rounds_of.sum_of(kept, name, "rolls"),
           "segment_waits": rounds_of.sum_of(kept, name, "segment_waits"),
           "realigned": rounds_of.sum_of(kept, name, "realigned")}
    if far:
        rate, bare, floor, _ = ratios(far, name, floors)
        out["far"] = {"rate": rate["median"], "ratio_to_bare": bare["median"], "ratio_to_floor": floor["median"],
                      "distance_ns": rounds_of.spread([min(r[name]["distance_ns"]) for r in far])["median"]}
    return out


def bytes_per_event(turn):
    return turn["bytes"] / max(turn["events"], 1)


def bytes_per_event_of(kept, name):
    return rounds_of.sum_of(kept, name, "bytes") / max(rounds_of.sum_of(kept, name, "events"), 1)


def measure_lanes(setup, args, senders):
    """bare, floor, seal, sink, memfs on one capture. The first three run on one core: it does not matter to them how far
    the other is."""
    setup.device = setup.capture(senders)
    with contextlib.ExitStack() as stack, memory_file_system(os.path.join(setup.work, "memfs")) as memfs:
        sink = contestants.Weir(setup, "sink", os.path.join(setup.work, "data-sink"), sink=True)
        setup.take_plan(sink.plan())
        files = contestants.Weir(setup, "memfs", os.path.join(memfs, "data"), segment=MEMFS_SEGMENT, keep=MEMFS_KEEP)
        taking_part = []
        for start in (lambda: contestants.Bare(setup), lambda: contestants.Floor(setup, "floor"),
                      lambda: contestants.Floor(setup, "seal", os.path.join(memfs, "seal")), sink.start, files.start):
            contestant = start()
            stack.callback(contestant.close)
            if contestant is files and not files.wait_recycled(60):
                raise BenchError("no segment was recycled on the memory file system")
            contestant.hold()
            taking_part.append(contestant)
        done = rounds_of.run(taking_part, args.rounds, args.seconds, setup.distance, progress(f"{senders} senders"))
    kept = rounds_of.keep(done)
    return {"senders": senders,
            "rounds": {"kept": len(kept), "dropped": len(done) - len(kept)},
            "bare": {"rate": rounds_of.spread([r["bare"]["rate"] for r in kept])},
            "floor": {"rate": rounds_of.spread([r["floor"]["rate"] for r in kept]),
                      "cycles_per_event": rounds_of.sum_of(kept, "floor", "cycles")
                      / rounds_of.sum_of(kept, "floor", "events")},
            "seal": {"bytes_per_s": rounds_of.spread([r["seal"]["bytes_per_s"] for r in kept])},
            "slabs": {"count": setup.slabs, "bytes": setup.slab_bytes}, "burst": setup.burst,
            "lane": {"sink": lane_figures(kept, "sink", ["floor"]),
                     "memfs": lane_figures(kept, "memfs", ["floor", "seal"])}}
