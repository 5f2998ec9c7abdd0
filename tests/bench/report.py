"""What scripts/bench prints for people."""
import rounds as rounds_of


def print_lanes(result, event_bytes):
    r = result["rounds"]
    bare, floor = result["bare"]["rate"], result["floor"]["rate"]
    print(f"\n{result['senders']} sender(s), {event_bytes}-byte events, {r['kept']} rounds kept, {r['dropped']} dropped; "
          f"{result['slabs']['count']} slabs of {result['slabs']['bytes'] // 1024} KiB, burst {result['burst']}")
    print(f"  {'':24}{'M events/s':>11}{'of bare':>9}{'of floor':>10}   spread of that    cycles/event poll, log")
    print(f"  {'bare (testpmd rxonly)':24}{bare['median'] / 1e6:11.1f}")
    print(f"  {'floor':24}{floor['median'] / 1e6:11.1f}{floor['median'] / bare['median']:9.2f}"
          f"{'':30}{result['floor']['cycles_per_event']:10.0f}")
    print(f"  {'seal floor':24}{result['lane']['memfs']['bytes_per_event'] and result['seal']['bytes_per_s']['median'] / result['lane']['memfs']['bytes_per_event'] / 1e6:11.1f}"
          f"     ({result['seal']['bytes_per_s']['median'] / 1e9:.1f} GB/s)")
    for name, text in (("sink", "weir, sink"), ("memfs", "weir, memory files")):
        lane = result["lane"][name]
        low, high = lane["spread"]["ratio_to_floor"]["min"], lane["spread"]["ratio_to_floor"]["max"]
        cycles = lane["cycles_per_event"]
        print(f"  {text:24}{lane['rate'] / 1e6:11.1f}{lane['ratio_to_bare']:9.2f}{lane['ratio_to_floor']:10.2f}"
              f"   {low:.2f} .. {high:.2f}{cycles['polling_core']:19.0f}{cycles['log_core']:6.0f}"
              f"   {lane['shed_share'] * 100:.1f} % shed")
        if "far" in lane or not lane["rounds"]["near"]:
            far = lane.get("far", lane)
            print(f"  {'  cores far apart':24}{far['rate'] / 1e6:11.1f}{far['ratio_to_bare']:9.2f}{far['ratio_to_floor']:10.2f}"
                  f"   {lane['rounds']['far']} rounds at {far['distance_ns']:.0f} ns a round trip, against "
                  f"{lane['rounds']['near']} at less than {rounds_of.FAR_NS}")


def print_disk(disk):
    spread, fio, half = disk["spread"]["ratio_to_fio"], disk["fio"], disk["half_load"]
    print(f"\ndisk, {disk['rounds']} rounds: {disk['bytes_per_s']['median'] / 1e9:.2f} GB/s, {disk['rate'] / 1e6:.1f} M "
          f"events/s; fio {fio['bytes_per_s']['median'] / 1e9:.2f} GB/s (bs {fio['block']}, depth {fio['depth']}, "
          f"fdatasync every {fio['writes_per_sync']} writes)")
    print(f"  ratio to fio {disk['ratio_to_fio']:.2f} ({spread['min']:.2f} .. {spread['max']:.2f}); a commit each "
          f"{disk['commit']['interval_ms']:.1f} ms, {disk['commit']['bytes'] / 1e6:.1f} MB; "
          f"{disk['rolls']} rolls, {disk['segment_waits']} waited; "
          f"{disk['write_amplification']:.3f} bytes written for each of the log")
    print(f"  at {half['bytes_per_s'] / 1e9:.2f} GB/s, {half['of_full_load'] * 100:.0f} % of that, {half['shed']} shed, "
          f"{half['segment_waits']} of {half['rolls']} rolls waited: arrival to durable in us "
          + ", ".join(f"{k} < {v}" for k, v in half["durable_us"].items())
          + f"; a commit each {half['commit_interval_ms']:.1f} ms, fdatasync {half['fdatasync_ms']:.2f} ms; "
          f"{half['write_amplification']:.3f} bytes written for each of the log")


def print_case(name, what, case):
    rounds = case["rounds"]
    print(f"\n{name}: {what}; {rounds['near'] or rounds['all']} rounds, {'near' if rounds['near'] else 'far or moving'} cores")
    for who, found in case.items():
        if not isinstance(found, dict) or "rate" not in found:
            continue
        cycles = found.get("cycles_per_event")
        print(f"  {who:12}{found['rate']['median'] / 1e6:9.1f} M/s ({found['rate']['min'] / 1e6:.1f} .. {found['rate']['max'] / 1e6:.1f})"
              f"{found['value_rate']['median'] / 1e9:9.2f} GB/s"
              + (f"   cycles/event {cycles['polling_core']:.0f}, {cycles['log_core']:.0f}; {found['shed_share'] * 100:.1f} % shed"
                 if cycles else ""))
    for mark in (case["mark"], case.get("least")):
        if mark and mark["at_least"] and mark.get("applies", True):
            print(f"  {'met   ' if mark['met'] else 'MISSED'} {mark['is']:.4g} (at least {mark['at_least']:g}; "
                  f"{case['ratio']['min']:.2f} .. {case['ratio']['max']:.2f})")
