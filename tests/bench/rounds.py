"""Short alternating rounds, which of them count, and what they say."""
import statistics
import time

SETTLE_S = 0.2
LEAST_OF_BEST_BARE = 0.9
# A round trip of a cache line between two cores is 50 to 110 ns within one L3 cache and 300 to 370 between two, on the
# machine of docs/performance.md.
FAR_NS = 180


def difference(before, after):
    ns = after["ns"] - before["ns"]
    out = {key: after[key] - before[key] for key in after
           if isinstance(after[key], int) and key not in ("ns", "tsc_hz", "pid", "run_state", "rate")}
    out["seconds"] = ns / 1e9
    out["rate"] = after["rate"] if "rate" in after else (after["events"] - before["events"]) * 1e9 / max(ns, 1)
    out["bytes_per_s"] = (after["bytes"] - before["bytes"]) * 1e9 / max(ns, 1)
    if "commit_ns" in after:
        out["commit_ns"] = [b - a for a, b in zip(before["commit_ns"], after["commit_ns"])]
    return out


def turn(contestant, seconds):
    """One contestant runs alone for a moment."""
    if hasattr(contestant, "round"):
        return contestant.round()
    contestant.release()
    try:
        time.sleep(SETTLE_S)
        before = contestant.reading()
        time.sleep(seconds)
        return difference(before, contestant.reading())
    finally:
        contestant.hold()


def run(contestants, rounds, seconds, distance, progress):
    """A list of rounds, each a dict by name. `distance` tells the round trip between the cores, asked around each turn."""
    done = []
    for i in range(rounds):
        done.append({})
        before = distance()
        for c in contestants:
            now = turn(c, seconds)
            after = distance()
            done[-1][c.name] = {**now, "distance_ns": [before, after]}
            before = after
        progress(i + 1, rounds, done[-1])
    return done


def keep(rounds):
    """Those whose bare rate came near its own best: in the others the machine was not itself."""
    best = max(r["bare"]["rate"] for r in rounds)
    return [r for r in rounds if r["bare"]["rate"] >= LEAST_OF_BEST_BARE * best]


def is_near(one, name):
    """Whether the two cores shared a cache when this contestant had its turn."""
    return max(one[name]["distance_ns"]) < FAR_NS


def near(rounds, name):
    return [r for r in rounds if is_near(r, name)]


def far(rounds, name):
    """Those in which they did not. (Where they were moved during the turn it is neither.)"""
    return [r for r in rounds if min(r[name]["distance_ns"]) >= FAR_NS]


def spread(values):
    values = sorted(values)
    return {"median": statistics.median(values), "min": values[0], "max": values[-1]}


def percentile(histogram, share):
    """Upper bound in microseconds of the bucket in which that share of the batches lies; buckets end at
    2^i * 64 us, the last one is open (None)."""
    total, seen = sum(histogram), 0
    if not total:
        return None
    for i, count in enumerate(histogram):
        seen += count
        if seen >= share * total:
            return None if i == len(histogram) - 1 else 64 << i
    return None


def sum_of(rounds, name, key):
    values = [r[name][key] for r in rounds]
    return [sum(column) for column in zip(*values)] if isinstance(values[0], list) else sum(values)
