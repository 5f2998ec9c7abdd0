"""Who takes packets from the wire and puts them on disk: what all of them have in common."""
import ctypes
import os
import signal
import subprocess

import gateway_servers as servers
from contestants import BenchError
from peers import sender
from peers.wire import RECEIVE_CPU

HERE = os.path.dirname(os.path.abspath(__file__))
STOP_TIMEOUT_S = 30
libc = ctypes.CDLL(None, use_errno=True)


def fetch(program, *words):
    """A path that one of the fetch programs prints; they keep what they fetched."""
    out = subprocess.run([os.path.join(HERE, program), *words], capture_output=True, text=True, check=False, timeout=3600,
                         stdin=subprocess.DEVNULL)
    if out.returncode != 0:
        raise BenchError((out.stderr.strip() or f"{program} failed").splitlines()[0])
    return out.stdout.strip()


def installed(program):
    path = servers.command("sh", "-c", f"command -v {program} || echo").strip()
    if not path:
        raise BenchError(f"{program} is not installed (scripts/deps peers)")
    return path


def sync_file_system(folder):
    """All that lies in its page cache goes to the disk now."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if libc.syncfs(fd) != 0:
            raise BenchError("syncfs: " + os.strerror(ctypes.get_errno()))
    finally:
        os.close(fd)


class Collector(servers.Server):
    """One program, started anew for each trial, in a folder of its own. `name` is in the JSON; `durable` says what is safe
    when; `unequal` where the comparison limps."""

    name = durable = unequal = ""
    stop_signal = signal.SIGTERM
    first_rate = 20000  # where the search begins
    hands_over_s = 0  # so long may the kernel keep what came in, before it wakes the program for it

    def __init__(self, setup, wire, group):
        super().__init__(wire, self.name, group.port)
        self.setup, self.wire, self.group, self.folder = setup, wire, group, None
        self.prepare()

    def prepare(self):
        """Whatever it needs is fetched; BenchError says why it cannot take part."""

    def start_in(self, folder):
        self.folder = folder
        self.start()

    def start(self):
        """Until it listens."""
        raise NotImplementedError

    def send(self, capture, rate, seconds):
        return sender.send(self.setup, self.wire.sender(), sender.OVER_VETH, capture, rate, seconds)

    def stored(self):
        """How many events lie in its files, after it ended."""
        raise NotImplementedError

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def begin(self, *words, ready=None):
        self.launch(["taskset", "-c", str(RECEIVE_CPU), *words], self.path("log"), ready or self.listens)

    def listens(self):
        return f":{self.port} " in self.wire.run("ss", "-uln")

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                pass
        super().close()


def lines_in(path):
    return int(servers.command("wc", "-l", path).split()[0])
