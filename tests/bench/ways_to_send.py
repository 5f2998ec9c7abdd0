#!/usr/bin/env python3
"""Which way of sending files wins: ways_to_send.py BUILD [ROUNDS [SECONDS]]

The same reader (gateway_reader --bare) takes warm files from sendfile_floor over loopback, one way after the other in each
round; medians of bytes/s and of CPU seconds per GB of the server. Reader and server are on a core each.
"""
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile

WAYS = {"sendfile": [], "copy": ["--copy"], "splice": ["--splice"], "io_uring": ["--uring"], "io_uring, zero copy": ["--uring-zc"]}
SEGMENTS, BATCHES, BATCH_BYTES = 4, 2048, 64 << 10
PORT = 19377
TICK = os.sysconf("SC_CLK_TCK")


def write_segment(folder, number):
    """Batches of one record each: the reader looks at their heads only."""
    path = os.path.join(folder, f"{number * BATCHES:020}.log")
    with open(path, "wb") as out:
        for offset in range(number * BATCHES, (number + 1) * BATCHES):
            head = struct.pack(">qiibIhiqqqhii", offset, BATCH_BYTES - 12, 0, 2, 0, 0, 0, 0, 0, -1, -1, -1, 1)
            out.write(head + os.urandom(BATCH_BYTES - len(head)))
    return path


def cpu_s(pid):
    """All its threads, the kernel's for io_uring too."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def turn(build, options, segments, seconds, cores):
    server = subprocess.Popen(["taskset", "-c", str(cores[-1]), f"{build}/tests/bench/sendfile_floor", *options, str(PORT), *segments],
                              stdout=subprocess.PIPE)
    try:
        if server.stdout.readline() != b"ready\n":
            sys.exit("sendfile_floor did not start")
        found = json.loads(subprocess.run(
            ["taskset", "-c", str(cores[0]), f"{build}/tests/bench/gateway_reader", "--port", str(PORT), "--bare", "--connections", "4",
             "--max-bytes", "1048576", "--seconds", str(seconds), *segments], check=True, stdout=subprocess.PIPE).stdout)
        return found["bytes"] / found["seconds"] / 1e9, cpu_s(server.pid) / (found["bytes"] / 1e9)
    finally:
        server.terminate()
        server.wait()


def main():
    build, rounds, seconds = (*sys.argv[1:], *["9", "2"][len(sys.argv) - 2:])
    cores = sorted(os.sched_getaffinity(0))
    got = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory(prefix="weir-ways.") as folder:
        segments = [write_segment(folder, number) for number in range(SEGMENTS)]
        for _ in range(int(rounds)):
            for name, options in WAYS.items():
                got[name].append(turn(build, options, segments, seconds, cores))
    for name, turns in got.items():
        rates, costs = zip(*turns)
        print(f"{name:20} {statistics.median(rates):6.2f} GB/s [{min(rates):.2f}-{max(rates):.2f}]   "
              f"{statistics.median(costs):6.3f} CPU s/GB [{min(costs):.3f}-{max(costs):.3f}]")


main()
