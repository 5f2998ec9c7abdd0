"""The one sender of packets: `weir replay`, on a CPU of its own."""
import json
import os
import subprocess

from contestants import BenchError
from peers.wire import DEVICE

LEAST_OF_WANTED = 0.94  # below, it was the sender that could not
OVER_VETH = f"net_af_packet0,iface={DEVICE},blocksz=65536,framesz=2048,framecnt=4096,qdisc_bypass=1"


def send(setup, prefix, device, capture, rate, seconds):
    """Plays the capture's frames over and over at that rate. What was sent, in how many seconds, and what CPU time that took,
    the start of the program with it."""
    words = [*prefix, os.path.join(setup.build, "replay/weir-replay"), capture, "--to", device, "--rate", f"{rate:.0f}pps",
             "--for", f"{seconds * 1000:.0f}ms", "--json"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    text, errors = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise BenchError("weir replay failed: " + errors[-1000:])
    out = json.loads(text)
    # What the device did not take in the end was meant for the receiver too.
    sent = out["device"]["taken"] + out["device"]["given_up"]
    return {"sent": sent, "seconds": out["sent"]["seconds"], "cpu": usage.ru_utime + usage.ru_stime,
            "kept_up": sent >= LEAST_OF_WANTED * rate * seconds}
