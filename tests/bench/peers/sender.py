"""The one sender of packets: whoever sends otherwise, changes this file."""
import json
import os
import subprocess

from contestants import BenchError
from peers.wire import DEVICE

LEAST_OF_WANTED = 0.94  # below, it was the sender that could not


def send(setup, wire, capture, rate, seconds):
    """Plays the capture's frames over and over at that rate (0: as fast as it can) on the sender's CPU. What was sent, in
    how many seconds, and what CPU time that took."""
    # Real-time: what else happens on that CPU shall not make gaps.
    command = wire.sender("chrt", "-f", "1", os.path.join(setup.build, "tests/bench/frame_sender"), DEVICE, capture, str(rate), str(seconds))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise BenchError("frame_sender failed: " + text)
    out = json.loads(text)
    # What the device refused was meant for the receiver too.
    sent = out["sent"] + out["refused"]
    return {"sent": sent, "seconds": out["seconds"], "cpu": usage.ru_utime + usage.ru_stime,
            "kept_up": rate == 0 or sent >= LEAST_OF_WANTED * rate * seconds}
