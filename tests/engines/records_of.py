#!/usr/bin/env python3
"""Prints a stream's records as readers must see them: records_of.py DATA_DIR STREAM

partition, offset, timestamp, key in hex or "-", value in hex, headers "name=hex,..." or "-". Reads by records.py, which
shares no code with weir, and checks every CRC.
"""
import glob
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import records  # noqa: E402

data, stream = sys.argv[1:]
directories = glob.glob(os.path.join(data, glob.escape(stream) + "-[0-9]*"))
for directory in sorted(directories, key=lambda name: int(name.rsplit("-", 1)[1])):
    partition = directory.rsplit("-", 1)[1]
    for offset, time, key, value, headers in records.partition(directory, check_crc=True):
        text = ",".join(f"{name.decode()}={content.hex()}" for name, content in headers)
        print(partition, offset, time, "-" if key is None else key.hex(), value.hex(), text or "-", sep="\t")
