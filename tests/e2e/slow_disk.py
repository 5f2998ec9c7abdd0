#!/usr/bin/python3
"""A directory as a slow disk shows it, read-only: slow_disk.py FROM MOUNT MS COUNT_FILE [BAD_FILE]. Each read of a
segment, of its bytes or its indexes, takes MS milliseconds; how many there were stands in COUNT_FILE. What was read once is in
the page cache, as with other file systems. While there is a BAD_FILE, with a path and a number in it, the byte of that number
of that file cannot be read."""
import errno
import os
import sys
import time

import fusepy as fuse

source, mount, delay, counts = sys.argv[1], sys.argv[2], int(sys.argv[3]) / 1000, sys.argv[4]
bad_file = sys.argv[5] if len(sys.argv) > 5 else None


def is_bad(path, offset, size):
    if not bad_file or not os.path.exists(bad_file):
        return False
    with open(bad_file) as f:
        bad_path, byte = f.read().split()
    return path == bad_path and offset <= int(byte) < offset + size


class SlowDisk(fuse.Operations):
    reads = 0

    def getattr(self, path, fh=None):
        try:
            st = os.lstat(source + path)
        except OSError as e:
            raise fuse.FuseOSError(e.errno) from e
        return {k: getattr(st, k) for k in ("st_mode", "st_nlink", "st_size", "st_ino", "st_uid", "st_gid", "st_mtime")}

    def readdir(self, path, fh):
        return [".", ".."] + os.listdir(source + path)

    def open(self, path, flags):
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise fuse.FuseOSError(errno.EROFS)
        return os.open(source + path, flags)

    def read(self, path, size, offset, fh):
        if path.endswith((".log", ".index", ".timeindex")):
            SlowDisk.reads += 1
            with open(counts, "w") as out:
                out.write(str(SlowDisk.reads))
            time.sleep(delay)
            if is_bad(path, offset, size):
                raise fuse.FuseOSError(errno.EIO)
        return os.pread(fh, size, offset)

    def release(self, path, fh):
        os.close(fh)


fuse.FUSE(SlowDisk(), mount, foreground=True, ro=True, kernel_cache=True)
