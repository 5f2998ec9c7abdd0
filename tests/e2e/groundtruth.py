#!/usr/bin/env python3
"""Checks what `pcaps.py expect` found in merged captures against the lists that came with them.

groundtruth.py EXPECT_TSV CAPTURES_DIR FILE...    FILEs in the order in which they were merged
Each expected datagram must stand in its file's list with the same addresses, length and CRC-32; those of the
list that are not expected must be ones that came in pieces, in two tags, or cut.
"""
import gzip
import os
import sys
import zlib

expect_tsv, directory, files = sys.argv[1], sys.argv[2], sys.argv[3:]
manifest = {}
with open(os.path.join(directory, "MANIFEST.tsv")) as f:
    names = f.readline().rstrip("\n").split("\t")
    for line in f:
        row = dict(zip(names, line.rstrip("\n").split("\t")))
        manifest[row["file"]] = row

expected = []
with open(expect_tsv) as f:
    for line in f:
        frame, src, sport, dst, dport, _vlan, payload = line.rstrip("\n").split("\t")
        data = bytes.fromhex(payload)
        expected.append((int(frame), src, dst, sport, dport, str(len(data)), f"{zlib.crc32(data):08x}"))

first, at, checked, in_pieces = 1, 0, 0, 0
for name in files:
    row = manifest[name]
    last = first + int(row["packets"])
    mine = []
    while at < len(expected) and expected[at][0] < last:
        mine.append((expected[at][0] - first + 1, *expected[at][1:]))
        at += 1
    listed = set()
    path = os.path.join(directory, "groundtruth", name.replace("/", "__")[:-5] + ".datagrams.tsv.gz")
    # A capture without a datagram has no list.
    with gzip.open(path, "rt") if row["udp_datagrams"] != "0" else open(os.devnull) as f:
        f.readline()
        for line in f:
            frame, *rest = line.rstrip("\n").split("\t")
            listed.add((int(frame), *rest))
    strange = [m for m in mine if m not in listed]
    if strange:
        sys.exit(f"{name}: not in its list of datagrams: {strange[:3]}")
    left = len(listed) - len(mine)
    facts = row["frame_facts"]
    if left and not any(fact in facts for fact in ("fragment_frames", "vlan2_frames", "snapped")):
        sys.exit(f"{name}: {left} datagrams of its list were not expected, without a reason: {facts}")
    checked += len(mine)
    in_pieces += left
    first = last
if at != len(expected):
    sys.exit(f"{len(expected) - at} datagrams expected behind the last file")
print(f"{checked} datagrams agree with the lists; {in_pieces} came in pieces, in two tags or cut")
