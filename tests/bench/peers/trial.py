"""One trial: a collector is started, packets are sent at one rate, what it stored is counted, and what CPU time that took."""
import os
import shutil
import tempfile
import time

from peers import cpu
from peers.collector import sync_file_system

QUIET_S = 0.1
QUIET_SHARE = 0.15  # of a core, during that: it is done
DRAIN_LIMIT_S = 20
# What is stored later than this after the last packet was sent was not sustained: it was buffered.
BEHIND_S, BEHIND_SHARE = 0.3, 0.1


def wait_quiet(meter):
    """Until the collector has nothing to do any more. How long it still had."""
    started, before = time.monotonic(), meter.own()
    while time.monotonic() - started < DRAIN_LIMIT_S:
        time.sleep(QUIET_S)
        now = meter.own()
        if now - before < QUIET_SHARE * QUIET_S:
            break
        before = now
    return time.monotonic() - started - QUIET_S


def measure(wire, collector, capture, rate, seconds):
    """Everything until what came in is on the disk counts, also what the kernel still had to write then."""
    lost_before, meter = wire.lost(), cpu.Meter(collector.process.pid, wire)
    sent = collector.send(capture, rate, seconds)
    time.sleep(collector.hands_over_s)
    behind = wait_quiet(meter)
    sync_before = time.thread_time()
    sync_file_system(collector.folder)
    used = {**meter.read(), "sync": time.thread_time() - sync_before}
    lost = {place: n - lost_before[place] for place, n in wire.lost().items()}
    return {"rate_wanted": rate, "sent": sent["sent"], "seconds": sent["seconds"], "rate": sent["sent"] / sent["seconds"],
            "sender_kept_up": sent["kept_up"], "sender_cpu": sent["cpu"], "behind_s": behind, "cpu": used, "lost_at": lost}


def run(setup, wire, collector, capture, rate, seconds):
    folder = tempfile.mkdtemp(prefix=f"{collector.name}-", dir=setup.work)
    try:
        collector.start_in(folder)
        try:
            out = measure(wire, collector, capture, rate, seconds)
        finally:
            collector.close()
        out["stored"] = collector.stored()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return judge(out, seconds)


def judge(out, seconds):
    """Sustained: all that was sent is stored, and nothing of it late."""
    used = out["cpu"]
    out["lost"] = out["sent"] - out["stored"]
    out["late"] = out["behind_s"] > BEHIND_S + BEHIND_SHARE * seconds
    out["sustained"] = out["lost"] == 0 and not out["late"]
    # As the whole machine's timer saw it, sender left out: should be near the sum.
    out["machine_cpu"] = used.pop("machine") - out["sender_cpu"] - used.pop("sender_wire")
    total = sum(used.values())
    out["core_share"] = total / out["seconds"]
    out["cpu_s_per_million"] = total / max(out["stored"], 1) * 1e6
    out["both_cpu_s_per_million"] = (total + out["sender_cpu"]) / max(out["stored"], 1) * 1e6
    return out


def where_lost(out):
    """What a trial that was not sustained names as its bound."""
    if out["lost"] == 0:
        return "falls behind" if out["late"] else None
    place = max(out["lost_at"], key=out["lost_at"].get)
    return {"device": "the device's queue", "socket": "its socket"}[place] if out["lost_at"][place] > 0 else "itself, or its ring"
