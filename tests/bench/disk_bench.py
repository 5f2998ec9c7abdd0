"""The disk: Weir against fio, then half of that load."""
import contextlib
import os
import shutil
import time

import contestants
import rounds as rounds_of
from contestants import BenchError
from lane_bench import bytes_per_event_of
from machine import MIB
from progress import say

DISK_SEGMENT, DISK_KEEP = 512 * MIB, 1024 * MIB
HALF_AT_MOST = 0.6


def measure_disk(setup, args, senders):
    """Weir against fio, both onto files that were already written; then the time to durable at half that load."""
    folder = os.path.join(setup.work, "disk")
    os.makedirs(folder, exist_ok=True)
    setup.device = setup.capture(senders)
    weir = contestants.Weir(setup, "disk", os.path.join(folder, "data"), segment=DISK_SEGMENT, keep=DISK_KEEP)
    with contextlib.ExitStack() as stack:
        stack.callback(weir.close)
        stack.callback(shutil.rmtree, folder, True)
        weir.start()
        if not weir.wait_recycled(60):
            raise BenchError("no segment was recycled on the disk")
        weir.hold()
        first = rounds_of.turn(weir, args.seconds)
        block = max(4096, round(first["write_bytes"] / max(first["writes"], 1) / 4096) * 4096)
        per_sync = max(1, round(first["writes"] / max(first["syncs"], 1)))
        fio = contestants.Fio(setup, os.path.join(folder, "fio"), DISK_KEEP // block * block, block, 4, per_sync)
        done = []
        for i in range(args.rounds):
            done.append({"disk": rounds_of.turn(weir, args.seconds), "fio": fio.round()})
            say(f"disk: round {i + 1} of {args.rounds}  {done[-1]['disk']['bytes_per_s'] / 1e9:.2f} GB/s, "
                f"fio {done[-1]['fio']['bytes_per_s'] / 1e9:.2f} GB/s")
        fio.close()
        full = sum(r["disk"]["bytes_per_s"] for r in done) / len(done)
        received = sum(r["disk"]["received"] for r in done) / sum(r["disk"]["seconds"] for r in done)
        event = bytes_per_event_of(done, "disk")
    out = disk_figures(done, fio.facts)
    out["half_load"] = half_load(setup, args, senders, full, received, event)
    return out


def disk_figures(done, fio_facts):
    def total(key):
        return rounds_of.sum_of(done, "disk", key)
    syncs, seconds = max(total("syncs"), 1), total("seconds")
    ratio = rounds_of.spread([r["disk"]["bytes_per_s"] / r["fio"]["bytes_per_s"] for r in done])
    return {"ratio_to_fio": ratio["median"], "spread": {"ratio_to_fio": ratio},
            "rate": rounds_of.spread([r["disk"]["rate"] for r in done])["median"],
            "bytes_per_s": rounds_of.spread([r["disk"]["bytes_per_s"] for r in done]),
            "fio": {**fio_facts, "bytes_per_s": rounds_of.spread([r["fio"]["bytes_per_s"] for r in done])},
            "shed_share": total("shed") / max(total("received"), 1),
            "write_amplification": total("write_bytes") / max(total("batch_bytes"), 1),
            "commit": {"interval_ms": seconds * 1e3 / syncs, "bytes": total("batch_bytes") / syncs,
                       "fdatasync_ms": total("sync_ns") / syncs / 1e6},
            "durable_us": durable(total("commit_ns")),
            "rolls": total("rolls"), "segment_waits": total("segment_waits"), "rounds": len(done)}


def durable(histogram):
    return {f"p{name}": rounds_of.percentile(histogram, share)
            for name, share in (("50", .5), ("90", .9), ("99", .99), ("99_9", .999))}


def half_load(setup, args, senders, full, received, event):
    """The port brings every packet as fast as ever, but only each k-th one is for a stream; the others are counted as
    unrouted. So the load on the log is even, and known. A packet that is not stored costs less, so that the port
    brings more of them than under full load: k is found by trying."""
    every = max(2, round(received * event / (full / 2)))
    for _ in range(4):
        turn = paced(setup, args, senders, every)
        share = turn["bytes_per_s"] / full
        if share <= HALF_AT_MOST:
            break
        every = max(every + 1, round(every * share / 0.5))
    return {"bytes_per_s": turn["bytes_per_s"], "of_full_load": share, "rate": turn["rate"],
            "one_packet_in": every, "durable_us": durable(turn["commit_ns"]),
            "commit_interval_ms": turn["seconds"] * 1e3 / max(turn["syncs"], 1),
            "fdatasync_ms": turn["sync_ns"] / max(turn["syncs"], 1) / 1e6, "shed": turn["shed"],
            "write_amplification": turn["write_bytes"] / max(turn["batch_bytes"], 1),
            "rolls": turn["rolls"], "segment_waits": turn["segment_waits"]}


def paced(setup, args, senders, every):
    setup.device = setup.capture(senders, ",".join(["5140"] + ["9"] * (every - 1)), "half.pcap")
    weir = contestants.Weir(setup, "half", os.path.join(setup.work, "half-data"), segment=DISK_SEGMENT, keep=DISK_KEEP)
    with contextlib.ExitStack() as stack:
        stack.callback(weir.close)
        weir.start()
        weir.wait_recycled(60)
        before = weir.reading()
        time.sleep(max(3.0, args.seconds * args.rounds / 2))
        return rounds_of.difference(before, weir.reading())
