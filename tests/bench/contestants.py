"""Those who take part in scripts/bench. Each is started once, then held by SIGSTOP and let run by SIGCONT, one at a
time. A reading is a dict with at least ns (a clock), events and bytes; the rate is the difference of two."""
import json
import mmap
import os
import re
import select
import shutil
import signal
import struct
import subprocess
import time

POLL_CPU = "1" if os.cpu_count() > 1 else "0"
START_TIMEOUT_S = 60


class BenchError(Exception):
    pass


class Contestant:
    """A process that is stopped and continued; the others build on it."""

    def __init__(self, name):
        self.name = name
        self.process = None
        self.pids = []

    def hold(self):
        for pid in self.pids:
            os.kill(pid, signal.SIGSTOP)

    def release(self):
        for pid in reversed(self.pids):
            os.kill(pid, signal.SIGCONT)

    def close(self):
        for pid in self.pids or ([self.process.pid] if self.process else []):
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def eal_args(setup, name):
    args = ["--no-pci", f"--file-prefix=bench-{os.getpid()}-{name}", "-m", str(setup.eal_mib), "--log-level=*:4"]
    return args + (["--huge-unlink"] if setup.hugepages else ["--no-huge"])


class Bare(Contestant):
    """dpdk-testpmd, rxonly, on the same virtual device, core and burst."""

    def __init__(self, setup):
        super().__init__("bare")
        main_cpu = "0" if POLL_CPU != "0" else "1"
        command = ["stdbuf", "-oL", "dpdk-testpmd", "-l", f"{main_cpu},{POLL_CPU}", "--main-lcore", main_cpu, *eal_args(setup, "bare"),
                   "--vdev", setup.device, "--", "-i", "--nb-cores=1", "--forward-mode=rxonly",
                   f"--burst={setup.burst}", f"--total-num-mbufs={setup.mbufs}", "--mbcache=256", "--no-lsc-interrupt"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, bufsize=0)
        self.pids = [self.process.pid]
        try:
            self.say("start")
            self.reading()
        except BaseException:
            self.close()
            raise

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")

    def reading(self):
        self.say("show port stats 0")
        text = ""
        while not re.search(r"Tx-pps.*\n", text):
            if not select.select([self.process.stdout], [], [], START_TIMEOUT_S)[0]:
                raise BenchError("dpdk-testpmd does not answer:\n" + text[-2000:])
            got = os.read(self.process.stdout.fileno(), 65536)
            if not got:
                raise BenchError("dpdk-testpmd ended:\n" + text[-2000:])
            text += got.decode()
        found = dict(re.findall(r"(RX-packets|RX-bytes|Rx-pps): *(\d+)", text))
        # testpmd times its own rate, from one show to the next: better than our clock at this end of a pipe.
        return {"ns": time.monotonic_ns(), "events": int(found["RX-packets"]), "bytes": int(found["RX-bytes"]),
                "rate": int(found["Rx-pps"])}


class Floor(Contestant):
    """lane_floor in one mode."""

    MODES = ["bare", "floor", "checked", "seal", "sealed", "lane"]

    def __init__(self, setup, mode, seal_file=None):
        super().__init__(mode)
        self.index = self.MODES.index(mode)
        counts = os.path.join(setup.work, f"counts-{mode}")
        command = [os.path.join(setup.build, "tests/bench/lane_floor"), "--device", setup.device, "--modes", mode,
                   "--slabs", str(setup.slabs), "--slab-bytes", str(setup.slab_bytes),
                   "--batch-bytes", str(setup.batch_bytes), "--burst", str(setup.burst),
                   "--mbufs", str(setup.mbufs), "--turn", "1000", "--seconds", "100000", "--counts", counts]
        if seal_file:
            command += ["--file", seal_file, "--file-bytes", str(setup.memfs_bytes)]
        command += ["--", "-l", POLL_CPU, *eal_args(setup, mode)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.pids = [self.process.pid]
        if self.process.stdout.readline().strip() != "ready":
            self.close()
            raise BenchError("lane_floor does not start: " + " ".join(command))
        with open(counts, "rb") as file:
            self.counts = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)

    def reading(self):
        events, done, ns, cycles = struct.unpack_from("<4Q", self.counts, 64 * self.index)
        return {"ns": ns, "events": events, "bytes": done, "cycles": cycles}


CONFIG = """\
run_dir: {run}
hugepages: {hugepages}
ports:
  - {{name: bench, device: "{device}"}}
lanes: {{idle: {idle}, slabs: {slabs}{lanes}}}
storage: {{path: {data}, segment_size: {segment}, sink: {sink}{storage}}}
streams:
{streams}control: {{listen: "off"}}
gateway: {{listen: "off"}}
"""


STREAM = "  - {{name: {name}, listen: {{udp: {port}}}, batch_size: {batch}, retention: {{size: {keep}}}{more}}}\n"


class Weir(Contestant):
    """weir run, spinning unless `idle` says otherwise; with one lane, of one polling core and one log core, unless `lanes`
    says otherwise. `streams`: the ports of each; `decoder` and `stream`, the decoder and more keys of all; `storage`: more
    keys of that. `prefix`: what starts it, in a network namespace, where `quiet` says that no packets come by themselves."""

    def __init__(self, setup, name, data, sink=False, segment=256 << 20, keep=512 << 20, lanes="", streams=("5140",), decoder=None,
                 idle="spin", stream="", storage="", prefix=(), quiet=False):
        super().__init__(name)
        self.prefix, self.quiet = list(prefix), quiet
        self.run_dir = os.path.join(setup.work, f"run-{name}")
        self.data, self.keep = data, keep
        os.makedirs(self.run_dir, exist_ok=True)
        os.makedirs(data, exist_ok=True)
        self.config = os.path.join(setup.work, f"{name}.yaml")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(run=self.run_dir, hugepages="on" if setup.hugepages else "off",
                                     device=setup.device, slabs=setup.config_slabs, lanes=lanes and ", " + lanes, idle=idle,
                                     storage=storage and ", " + storage, data=data,
                                     segment=segment, sink=str(sink).lower(), streams=self.streams(setup, streams, decoder, stream)))
        self.weir = os.path.join(setup.build, "control/weir")
        self.log = os.path.join(setup.work, f"{name}.log")
        self.state_rate = os.path.join(setup.build, "tests/bench/state_rate")
        self.reader = None

    def streams(self, setup, ports, decoder, keys):
        more = (f", decoder: {decoder}" if decoder else "") + (keys and ", " + keys)
        return "".join(STREAM.format(name="bench" if len(ports) == 1 else f"bench{i}", port=port, batch=setup.batch_bytes,
                                     keep=self.keep, more=more) for i, port in enumerate(ports))

    def plan(self):
        out = subprocess.run([self.weir, "plan", "--json", self.config], capture_output=True, text=True, check=False)
        if out.returncode != 0:
            raise BenchError(f"weir plan {self.config}: {out.stderr}")
        return json.loads(out.stdout)

    def start(self):
        try:
            return self.start_and_wait()
        except BaseException:
            self.close()
            raise

    def start_and_wait(self):
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([*self.prefix, self.weir, "run", "-c", self.config], stdout=log, stderr=log)
        until = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < until and self.process.poll() is None:
            time.sleep(0.2)
            if not self.reader:
                self.reader = self.open_reader()
            if self.reader:
                now = self.reading()
                self.pids = [self.process.pid] + ([now["pid"]] if now["pid"] else [])
                if now["run_state"] == 2 and (now["events"] or self.quiet):
                    return self
        with open(self.log, encoding="utf-8") as log:
            raise BenchError(f"weir ({self.name}) does not start:\n" + log.read())

    def open_reader(self):
        reader = subprocess.Popen([self.state_rate, self.run_dir], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True)
        time.sleep(0.05)
        return reader if reader.poll() is None else None

    def reading(self):
        self.reader.stdin.write("\n")
        self.reader.stdin.flush()
        now = json.loads(self.reader.stdout.readline())
        now["bytes"] = now["batch_bytes"]
        return now

    def wait_recycled(self, seconds):
        """Until rolls go into files all of whose blocks were written before: a spare lies there, and the log went round
        all its files some times. (First touch of a page or block is slow on virtual machines.)"""
        partition = os.path.join(self.data, "bench-0")
        rounds_of_files, start = 3, self.reading()["batch_bytes"]
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            written = self.reading()["batch_bytes"] - start
            if written > rounds_of_files * 2 * self.keep and any(n.startswith("spare-") for n in os.listdir(partition)):
                return True
            time.sleep(0.02)
        return False

    def close(self):
        if self.reader:
            self.reader.stdin.close()
            self.reader.wait()
        super().close()
        for pid in self.pids[1:]:  # a dataplane outlives a control that died; here it must not: it spins
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if self.run_dir.encode() in file.read():
                        os.kill(pid, signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError):
                pass
        shutil.rmtree(self.data, ignore_errors=True)


class Fio:
    """fio on a file that was already written. Made anew each round: it has nothing that needs to be warm."""

    def __init__(self, setup, path, size, block, depth, writes_per_sync):
        self.name = "fio"
        self.path = path
        self.seconds = setup.seconds
        self.args = ["fio", "--name=bench", f"--filename={path}", f"--size={size}", "--rw=write", f"--bs={block}",
                     "--ioengine=io_uring", f"--iodepth={depth}", "--direct=1", "--fixedbufs", "--registerfiles",
                     f"--fdatasync={writes_per_sync}", "--overwrite=1", "--fallocate=none", "--end_fsync=0",
                     "--output-format=json"]
        self.facts = {"block": block, "depth": depth, "writes_per_sync": writes_per_sync, "file_bytes": size}
        subprocess.run(["fio", "--name=fill", f"--filename={path}", f"--size={size}", "--rw=write", "--bs=1M",
                        "--ioengine=io_uring", "--iodepth=4", "--direct=1", "--end_fsync=1"],
                       check=True, stdout=subprocess.DEVNULL)

    def round(self):
        out = subprocess.run(self.args + ["--time_based", f"--runtime={int(self.seconds * 1000)}ms"], check=True,
                             capture_output=True, text=True).stdout
        job = json.loads(out[out.index("{"):])["jobs"][0]
        return {"bytes_per_s": job["write"]["bw_bytes"]}

    def close(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
