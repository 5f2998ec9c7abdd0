#!/usr/bin/env python3
"""Reads a partition's .log files by the format's published rules, sharing no code with weir.

records.py DIR [--from N] [--to N] [--format tsv|hex|first|hash|end]   (--to is exclusive)
tsv: offset, timestamp, key, value in hex, headers "name=value,..."; hex: the value; first: its first word; hash: SHA-256 over all;
end: for each file its name, the bytes of its valid batches, its size, its batches and the next offset.
"""
import argparse
import ctypes
import glob
import hashlib
import os
import struct
import subprocess
import sys

HEAD = struct.Struct(">qiibIhiqqqhii")  # baseOffset ... recordCount


def inflate_lz4(data, context=[], room=ctypes.create_string_buffer(1 << 20)):
    """One LZ4 frame, by the library: a process for each batch would take most of a test's time."""
    lib = ctypes.CDLL("liblz4.so.1")
    lib.LZ4F_decompress.restype = lib.LZ4F_createDecompressionContext.restype = ctypes.c_size_t
    if not context:
        context.append(ctypes.c_void_p())
        assert lib.LZ4F_createDecompressionContext(ctypes.byref(context[0]), 100) == 0
    out, at = b"", 0
    left = 1
    while left:
        got, taken = ctypes.c_size_t(len(room)), ctypes.c_size_t(len(data) - at)
        left = lib.LZ4F_decompress(context[0], room, ctypes.byref(got), data[at:], ctypes.byref(taken), None)
        assert left < 1 << 32 and got.value + taken.value > 0, "LZ4 frame"
        out += ctypes.string_at(room, got.value)
        at += taken.value
    assert at == len(data), f"{len(data) - at} bytes behind the LZ4 frame"
    return out


def inflate_zstd(data):
    return subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, check=True).stdout


CODECS = {0: None, 3: inflate_lz4, 4: inflate_zstd}


def crc32c_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = (n >> 1) ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


TABLE = crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def varint(data, at):
    shift = value = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at


def blob(data, at):
    size, at = varint(data, at)
    if size < 0:
        return None, at
    return data[at:at + size], at + size


def records_of(body, count, base_offset, base_time):
    at = 0
    for i in range(count):
        size, at = varint(body, at)
        end = at + size
        assert body[at] == 0, "record attributes"
        time_delta, at = varint(body, at + 1)
        offset_delta, at = varint(body, at)
        assert offset_delta == i, f"offset delta {offset_delta} of record {i}"
        key, at = blob(body, at)
        value, at = blob(body, at)
        headers = []
        number, at = varint(body, at)
        for _ in range(number):
            name, at = blob(body, at)
            text, at = blob(body, at)
            headers.append((name, text))
        assert at == end, f"record {i} is {end - at} bytes longer than its fields"
        yield base_offset + i, base_time + time_delta, key, value, headers
    assert at == len(body), f"{len(body) - at} bytes behind the last record"


def partition(directory, first=0, last=1 << 62, check_crc=False, ends=None):
    """Yields (offset, timestamp, key, value, headers); stops at the end of what is valid."""
    files = sorted(glob.glob(os.path.join(directory, "[0-9]*.log")))
    expected = None
    for number, name in enumerate(files):
        base = int(os.path.basename(name)[:-4])
        if number + 1 < len(files) and int(os.path.basename(files[number + 1])[:-4]) <= first:
            continue
        assert expected is None or base == expected, f"{name}: offset {expected} expected"
        expected = base
        with open(name, "rb") as f:
            data = f.read()
        at = batches = 0
        while at + HEAD.size <= len(data) and expected < last:
            (offset, length, epoch, magic, crc, attributes, last_delta, base_time, max_time, producer,
             producer_epoch, sequence, count) = HEAD.unpack_from(data, at)
            end = at + 12 + length
            if magic != 2 or offset != expected or length < HEAD.size - 12 or end > len(data):
                break
            assert count == last_delta + 1 and count > 0, f"{name} at {at}: {count} records"
            assert (producer, producer_epoch, sequence) == (-1, -1, -1), f"{name} at {at}: producer"
            if offset + count > first:
                if check_crc:
                    assert crc32c(data[at + 21:end]) == crc, f"{name} at {at}: CRC"
                body = data[at + HEAD.size:end]
                inflate = CODECS[attributes & 7]
                if inflate:
                    body = inflate(body)
                top = None
                for record in records_of(body, count, offset, base_time):
                    top = record[1] if top is None else max(top, record[1])
                    if first <= record[0] < last:
                        yield record
                assert top == max_time, f"{name} at {at}: maxTimestamp"
            expected = offset + count
            at = end
            batches += 1
        if expected >= last:
            return
        if ends is not None:
            ends.append((name, at, len(data), batches, expected))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--to", dest="last", type=int, default=1 << 62)
    parser.add_argument("--format", choices=["tsv", "hex", "first", "hash", "end"], default="tsv")
    parser.add_argument("--crc", action="store_true")
    args = parser.parse_args()
    digest = hashlib.sha256()
    count = 0
    ends = []
    for offset, time, key, value, headers in partition(args.directory, args.first, args.last, args.crc, ends):
        count += 1
        if args.format == "hex":
            print((value or b"").hex())
        elif args.format == "first":
            print(value.split(b" ", 1)[0].decode())
        elif args.format == "tsv":
            text = ",".join(f"{n.decode()}={v.decode()}" for n, v in headers)
            print(offset, time, "" if key is None else key.decode(), value.hex(), text, sep="\t")
        elif args.format == "hash":
            digest.update(struct.pack(">qqii", offset, time, len(key or b""), len(value)) + (key or b"") + value)
    if args.format == "hash":
        print(count, digest.hexdigest())
    if args.format == "end":
        for end in ends:
            print(*end)


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        sys.exit(0)
