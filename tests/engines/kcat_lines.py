#!/usr/bin/env python3
"""Makes lines for compare.py of what docs/engines/kcat/read.sh prints: kcat_lines.py <IN >OUT"""
import sys

data, at = sys.stdin.buffer.read(), 0
while at < len(data):
    end = data.index(b"\n", at)
    *place, key_length, value_length = data[at:end].decode().split()
    key_end = end + 1 + max(int(key_length), 0)
    at = key_end + int(value_length)
    key = "-" if key_length == "-1" else data[end + 1:key_end].hex()
    assert data[at:at + 1] == b"\n", f"no record at {end}"
    print(*place, key, data[key_end:at].hex(), sep="\t")
    at += 1
