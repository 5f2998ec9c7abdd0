#!/usr/bin/env python3
"""Do the lines that readers wrote say what the log holds? compare.py [--repeats] WANT FILE...

Every record of WANT stands in the FILEs, exactly once and the same; in each FILE a partition's offsets rise. With --repeats a
record may come again, and must be the same then. Prints what is wrong (exit 1), or how much was compared.
"""
import sys


def lines(name):
    with open(name) as f:
        for number, line in enumerate(f, 1):
            fields = line.rstrip("\n").split("\t")
            if len(fields) not in (5, 6):
                sys.exit(f"{name}:{number}: not a record: {line[:80]!r}")
            yield number, int(fields[0]), int(fields[1]), fields[2:]


def main():
    repeats = sys.argv[1] == "--repeats"
    want_name, *names = sys.argv[2 if repeats else 1:]
    want = {(partition, offset): rest for _, partition, offset, rest in lines(want_name)}
    seen, again = {}, 0
    for name in names:
        last = {}
        for number, partition, offset, rest in lines(name):
            where = f"{name}:{number}: partition {partition} offset {offset}"
            expected = want.get((partition, offset))
            if expected is None:
                sys.exit(f"{where}: no such record")
            if rest != expected[:len(rest)]:
                field = next(i for i, text in enumerate(rest) if text != expected[i])
                sys.exit(f"{where}: {('timestamp', 'key', 'value', 'headers')[field]} "
                         f"{rest[field][:60]}, expected {expected[field][:60]}")
            if (partition, offset) in seen:
                again += 1
                if not repeats:
                    sys.exit(f"{where}: once more; first at {seen[partition, offset]}")
            elif offset <= last.get(partition, -1):
                sys.exit(f"{where}: after {last[partition]}")
            seen.setdefault((partition, offset), f"{name}:{number}")
            last[partition] = offset
    missing = sorted(set(want) - set(seen))
    if missing:
        sys.exit(f"{len(missing)} of {len(want)} records are missing, the first: partition {missing[0][0]} offset {missing[0][1]}")
    print(f"{len(want)} records of {len({key[0] for key in want})} partitions" + (f", {again} of them again" if repeats else ""))


if __name__ == "__main__":
    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code)
            sys.exit(1)
        raise
