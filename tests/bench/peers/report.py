"""What scripts/bench --peers prints for people."""


def cell(found, scale, form):
    return f"{found['median'] / scale:{form}} ({found['min'] / scale:{form}}..{found['max'] / scale:{form}})"


def row(name, kind, found):
    if not found:
        return f"  {name:16}{kind:9}not sustained"
    both = found["both_cpu_s_per_million"]["median"]
    bounds = found.get("bound_by", [])
    bound = max(set(bounds), key=bounds.count) if bounds else ""
    return (f"  {name:16}{kind:9}{cell(found['rate'], 1e3, '.0f'):22}{cell(found['cpu_s_per_million'], 1, '.2f'):24}{both:8.2f}"
            f"{found['core_share']['median']:8.2f}   {found['rounds']}/{found['of']}   {bound}")


def print_group(name, group):
    print(f"\n{name}: common rate {group['common_rate'] / 1e3:g} k/s")
    print(f"  {'':25}{'k events/s':22}{'CPU s/million':24}{'+sender':>8}{'cores':>8}   rounds   bound by")
    for peer, found in group["peers"].items():
        if not found["trials"]["highest"]:
            continue
        print(row(peer, "highest", found["highest"]))
        if found["trials"]["common"]:
            print(row("", "common", found["common"]))
    for peer, why in group["left_out"].items():
        print(f"  {peer:16}left out: {why.splitlines()[-1] if why else why}")
    for peer, found in group["peers"].items():
        print(f"    {peer}: {found['unequal']}; durable: {found['durable']}")


def print_all(result):
    for name, group in result["groups"].items():
        print_group(name, group)
    print()
    for name, mark in result["marks"].items():
        print(f"  {'met   ' if mark['met'] else 'MISSED'} {name}: {mark['is']:.2f} (at most {mark['at_most']:.2f})")
