#!/usr/bin/env python3
"""What engines must find in records, by other means: results_of.py counts|totals WANT | clusters WANT CENTRES

counts: records, bytes and the sum of CRC-32s by sender and second, as docs/engines/spark/aggregate.py writes them;
totals: the same by partition, as docs/engines/ray/map_batches.py does;
clusters: how many records are next to each of the centres that docs/engines/spark/learn.py wrote.
"""
import collections
import sys
import zlib


def records(name):
    for line in open(name):
        partition, _, time, key, value = line.rstrip("\n").split("\t")[:5]
        yield int(partition), int(time), "-" if key == "-" else bytes.fromhex(key).decode(), bytes.fromhex(value)


def print_sums(pairs):
    """Of (group, value) pairs."""
    found = collections.defaultdict(lambda: [0, 0, 0])
    for group, value in pairs:
        row = found[group]
        for i, more in enumerate((1, len(value), zlib.crc32(value))):
            row[i] += more
    for group, row in sorted(found.items()):
        print(*group, *row, sep="\t")


def counts(want):
    print_sums(((sender, time // 1000), value) for _, time, sender, value in records(want))


def totals(want):
    print_sums(((partition,), value) for partition, _, _, value in records(want))


def clusters(want, centres):
    centres = [[float(text) for text in line.split("\t")] for line in open(centres)]
    found = collections.Counter()
    for *_, value in records(want):
        point = len(value), sum(48 <= byte <= 57 for byte in value), value.count(b" ")
        found[min(range(len(centres)), key=lambda i: sum((a - b) ** 2 for a, b in zip(point, centres[i])))] += 1
    for cluster, count in sorted(found.items()):
        print(cluster, count, sep="\t")


{"counts": counts, "totals": totals, "clusters": clusters}[sys.argv[1]](*sys.argv[2:])
