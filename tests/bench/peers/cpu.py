"""Whose CPU time is counted, and how.

A receiver's is that of its processes, by their CPU clocks (all threads, io_uring's too), and that of all kernel threads: the
one that receives from the wire (see wire.py), and those that write pages back. All in nanoseconds of the scheduler's own
clock, none of it sampled. Left out: the sender's process, and the kernel thread that receives at its end. On a machine
that does anything else meanwhile, the kernel's threads work for that too: measure on a quiet one."""
import os

from gateway_servers import cpu_seconds

KTHREADD = 2


def stat(pid):
    """Name and parent of a process."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        text = file.read()
    name, rest = text[text.index("(") + 1:text.rindex(")")], text[text.rindex(")") + 2:].split()
    return name, int(rest[1])


def processes():
    """Of all: pid, name, parent."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                yield int(entry), *stat(entry)
            except (FileNotFoundError, ProcessLookupError):
                pass


def kernel_threads(prefix=""):
    return {pid for pid, name, parent in processes() if parent == KTHREADD and name.startswith(prefix)}


def tree(root):
    """A process and all that came from it."""
    children = {}
    for pid, _, parent in processes():
        children.setdefault(parent, []).append(pid)
    found, open_ends = [], [root]
    while open_ends:
        pid = open_ends.pop()
        found.append(pid)
        open_ends += children.get(pid, [])
    return found


def process_seconds(pids):
    total = 0
    for pid in pids:
        try:
            total += cpu_seconds(pid)
        except OSError:
            pass
    return total


def thread_seconds(pids):
    out = {}
    for pid in pids:
        try:
            with open(f"/proc/{pid}/schedstat", encoding="utf-8") as file:
                out[pid] = int(file.read().split()[0]) / 1e9
        except (FileNotFoundError, ProcessLookupError):
            pass
    return out


def busy_seconds():
    """Of the whole machine, sampled by its timer: a check, not a figure."""
    with open("/proc/stat", encoding="utf-8") as file:
        user, nice, system, _, _, irq, softirq = map(int, file.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


class Meter:
    """Of one receiver, from its making on."""

    def __init__(self, root, wire):
        self.root, self.wire = root, wire
        self.pids = tree(root)
        self.processes = process_seconds(self.pids)
        self.threads = thread_seconds(kernel_threads())
        self.busy = busy_seconds()

    def own(self):
        """Only the processes: cheap."""
        return process_seconds(self.pids)

    def read(self):
        after = thread_seconds(kernel_threads())
        grown = {pid: seconds - self.threads.get(pid, 0) for pid, seconds in after.items()}
        wire, other = grown.pop(self.wire.receiving, 0), grown.pop(self.wire.sending, 0)
        out = {"processes": process_seconds(tree(self.root)) - self.processes, "wire": wire, "kernel": sum(grown.values())}
        return {**out, "sender_wire": other, "machine": busy_seconds() - self.busy}
