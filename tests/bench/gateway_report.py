"""What scripts/bench --gateway prints for people."""


def cell(spread, scale, form="8.2f"):
    return f"{spread['median'] / scale:{form}} ({spread['min'] / scale:.2f} .. {spread['max'] / scale:.2f})"


def kept(rounds):
    if not rounds["near"]:
        return f"{rounds['all']} rounds, the cores far apart in each"
    return f"{rounds['near']} of {rounds['all']} rounds, those with near cores"


def print_raw(raw):
    names = {"floor": "bare sendfile", "weir": "weir", "kafka": "kafka", "floor_copy": "bare sendfile, copied",
             "weir_copy": "weir, copied"}
    for kind, found in raw.items():
        print(f"\nraw reader, {kind}: {kept(found['rounds'])}")
        print(f"  {'':24}{'GB/s':>8}{'':19}{'CPU s/GB':>8}{'':19}of the floor")
        for name, text in names.items():
            if name not in found:
                continue
            share = found[name].get("ratio_to_floor")
            print(f"  {text:24}{cell(found[name]['bytes_per_s'], 1e9):27}{cell(found[name]['cpu_s_per_gb'], 1, '8.3f'):27}"
                  + (cell(share, 1, ".2f") if share else ""))


def print_clients(clients):
    for client, kinds in clients.items():
        for kind, found in kinds.items():
            print(f"\n{client.replace('_', '-')}, {kind}: {kept(found['rounds'])}")
            print(f"  {'':10}{'MB/s':>8}{'':21}{'M records/s':>12}{'':16}{'CPU s/GB':>8}{'':19}of kafka's")
            for name in ("weir", "kafka"):
                share = found[name].get("cpu_ratio_to_kafka")
                print(f"  {name:10}{cell(found[name]['bytes_per_s'], 1e6, '8.0f'):31}"
                      f"{cell(found[name]['records_per_s'], 1e6):27}{cell(found[name]['cpu_s_per_gb'], 1, '8.3f'):27}"
                      + (cell(share, 1, ".2f") if share else ""))


def print_latency(latency):
    print(f"\narrival to consumer at {latency['events_per_s']} events/s: {kept(latency['rounds'])}; milliseconds")
    print(f"  {'':18}{'p50':>8}{'':19}{'p99':>8}{'':19}{'p99.9':>8}{'':19}missing")
    for name, found in latency.items():
        if name in ("rounds", "events_per_s", "settings"):
            continue
        print(f"  {name.replace('_', ' '):18}" + "".join(f"{cell(found[p + '_us'], 1e3):27}" for p in ("p50", "p99", "p99_9"))
              + str(found["missing"]))


def print_all(result):
    log = result["log"]
    print(f"\nlog: {log['bytes'] / 1e9:.2f} GB in {log['segments']} segments, {log['records'] / 1e6:.1f} M records")
    print_raw(result["raw"])
    print_clients(result["clients"])
    print_latency(result["latency"])
    print()
    for name, mark in result["marks"].items():
        bound = f">= {mark['at_least']:.2f}" if "at_least" in mark else f"<= {mark['at_most']:.2f}"
        print(f"  {'met   ' if mark['met'] else 'MISSED'} {name}: {mark['is']:.2f} {bound}")
