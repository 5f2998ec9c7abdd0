"""What roll_watch saw, milliseconds at segment rolls against all others: does a roll show in a histogram of events per
millisecond?"""
import rounds as rounds_of

MS = 1_000_000
AT_ROLL_MS = 5  # from the roll on; and the millisecond before: the roll is counted when the log core is done with it
OFF_NS = 100_000  # a look that came so much late or early: its millisecond was none, the watcher had no processor
NO_DIP = 0.9
BUSY = 0.1  # a lane that stands still so much away from rolls has no core to itself, and a p10 of nothing cannot dip
# In the order of a packet's way. Batches are appended whole and commits come every few milliseconds, so behind the first
# end few milliseconds are like the one before, and it is the mean that tells of a dip.
ENDS = {"stored": ("p10", "p50"), "appended": ("mean",), "visible": ("mean",), "durable": ("mean",)}
COLUMNS = ("ns", "stored", "appended", "visible", "durable", "rolls", "waits", "told")
PLACES = ("at_rolls", "elsewhere")
HISTOGRAM_TENTHS = 30


def read(text):
    """Lines of roll_watch, each with `place`: a roll's is from when it began to wait for a file, if it did."""
    lines = [{**dict(zip(COLUMNS, map(int, row.split()))), "place": "elsewhere"} for row in text.splitlines()]
    waits = None
    for i, line in enumerate(lines):
        if line["waits"] and waits is None:
            waits = i
        if line["rolls"]:
            put_at_roll(lines, max(0, i - 1 if waits is None else min(waits, i - 1)), i)
            waits = None
    if waits is not None:
        put_at_roll(lines, waits, len(lines))
    return lines


def put_at_roll(lines, begun, roll):
    for line in lines[begun:roll]:
        line["place"] = "at_rolls"
    left = AT_ROLL_MS * MS
    for line in lines[roll:]:
        if left <= MS // 2:
            break
        line["place"] = "at_rolls"
        left -= line["ns"]


def is_whole(line):
    return abs(line["ns"] - MS) <= OFF_NS


def stretches(lines, end):
    """Those in which nothing came: nanoseconds, and the place: at a roll if any part of it was."""
    stretch, place = 0, "elsewhere"
    for line in [*lines, {end: 1}]:
        if line[end] == 0:
            stretch += line["ns"]
            place = "at_rolls" if line["place"] == "at_rolls" else place
            continue
        yield stretch, place
        stretch, place = 0, "elsewhere"


def standstills(lines, end):
    """The longest in each place, in whole milliseconds: no look was closer."""
    found = list(stretches(lines, end))
    return {place: round(max((ns for ns, there in found if there == place), default=0) / MS) for place in PLACES}


def share_of(values, share):
    """Of sorted ones."""
    return values[min(len(values) - 1, int(share * len(values)))]


def figures(lines, end, place):
    """Of the milliseconds in one place. The mean is of all the time, whoever had a processor."""
    there = [line for line in lines if line["place"] == place]
    counts = sorted(line[end] for line in there if is_whole(line))
    if not counts:
        return None
    return {"ms": len(counts), "nothing": sum(count == 0 for count in counts), "least": counts[0],
            **{name: share_of(counts, share) for name, share in (("p1", .01), ("p10", .1), ("p50", .5))},
            "mean": sum(line[end] for line in there) * MS / sum(line["ns"] for line in there)}


def histogram(lines, end, place, mean):
    """How many milliseconds had so many tenths of `mean`; the last bucket is open."""
    out = [0] * (HISTOGRAM_TENTHS + 1)
    for line in lines:
        if line["place"] == place and is_whole(line):
            out[min(HISTOGRAM_TENTHS, int(10 * line[end] / max(mean, 1)))] += 1
    return out


def told_ms(lines):
    """From a roll until readers were told of the new segment. Those of rolls that came before that count as one."""
    out, since = [], None
    for line in lines:
        if line["rolls"] and since is None:
            since = 0
        if since is not None:
            since += line["ns"]
            if line["told"]:
                out.append(since / MS)
                since = None
    return out


def round_figures(lines):
    return {end: {place: figures(lines, end, place) for place in PLACES} for end in ENDS}


def mark(values, bound, limit):
    found = rounds_of.spread(values)
    met = found["median"] >= limit if bound == "at_least" else found["median"] <= limit
    return {"is": found["median"], bound: limit, "met": met, "min": found["min"], "max": found["max"]}


def marks(rounds):
    """Ratios are those inside a round; standstills are compared by their difference, for there may be none."""
    seen = [(lines, round_figures(lines)) for lines in rounds]
    out = {}
    for end, names in ENDS.items():
        for name in names:
            out[f"mark_{end}_{name}"] = mark([found[end]["at_rolls"][name] / max(found[end]["elsewhere"][name], 1)
                                              for _, found in seen], "at_least", NO_DIP)
        still = [standstills(lines, end) for lines, _ in seen]
        out[f"mark_{end}_standstill_ms"] = mark([s["at_rolls"] - s["elsewhere"] for s in still], "at_most", 0)
    return out


def is_busy(lines):
    """Not for what a roll began, however long it went on."""
    still = sum(ns for ns, place in stretches(lines, "stored") if place == "elsewhere")
    return still > BUSY * sum(line["ns"] for line in lines)


def all_figures(rounds):
    """`rounds`: lines of each. Kept are those in which a segment rolled and the lane had its processor; if there are none
    of the latter, all that rolled, but without marks. None: no segment rolled."""
    rolled = [lines for lines in rounds if all(figures(lines, "stored", place) for place in PLACES)]
    kept = [lines for lines in rolled if not is_busy(lines)]
    if not rolled:
        return None
    out = together(kept or rolled)
    out["rounds"] = {"all": len(rounds), "rolled": len(rolled), "kept": len(kept)}
    return {**out, **marks(kept)} if kept else out


def together(rounds):
    lines = [line for one in rounds for line in one]
    ends = {}
    for end in ENDS:
        still = [standstills(one, end) for one in rounds]
        ends[end] = {place: figures(lines, end, place) for place in PLACES}
        for place, found in ends[end].items():
            found["standstill_ms"] = max(s[place] for s in still)
            found["histogram"] = histogram(lines, end, place, ends[end]["elsewhere"]["mean"])
    left_out = {place: sum(line["ns"] for line in lines if line["place"] == place and not is_whole(line)) / MS for place in PLACES}
    told = [ms for one in rounds for ms in told_ms(one)]
    return {"ends": ends, "left_out_ms": left_out, "told_ms": told and rounds_of.spread(told)}


def print_all(case):
    load, left_out = case["half_load"], case["left_out_ms"]
    print(f"  {case['rolls']} rolls, {case['segment_waits']} waited; {load['bytes_per_s'] / 1e9:.2f} GB/s, {load['of_full_load'] * 100:.0f} % of full load; "
          f"{case['shed']} shed; left out {left_out['at_rolls']:.0f} ms at rolls, {left_out['elsewhere']:.0f} ms elsewhere")
    if case["told_ms"]:
        print(f"  readers told of a new segment after {case['told_ms']['median']:.1f} ms ({case['told_ms']['min']:.1f} .. {case['told_ms']['max']:.1f})")
    print(f"  {case['rounds']['rolled']} rounds with rolls, {case['rounds']['kept']} of them kept"
          + ("" if case["rounds"]["kept"] else ": in all of them the lane stood still away from rolls, too; no marks, for something else ran on its core"))
    print(f"  {'events a millisecond':22}{'p50':>8}{'p10':>8}{'p1':>8}{'least':>8}{'mean':>8}   with nothing   longest standstill")
    for end, places in case["ends"].items():
        for place, found in places.items():
            print(f"  {end + ' ' + place.replace('_', ' '):22}" + "".join(f"{found[name]:8.0f}" for name in ("p50", "p10", "p1", "least", "mean"))
                  + f"{found['nothing']:8} of {found['ms']:<8}{found['standstill_ms']:8} ms")
