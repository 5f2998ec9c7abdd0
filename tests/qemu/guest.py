"""A Debian 12 server in QEMU: power, reset, its serial console in a file, and an administrator's
shell over a virtio port (tests/qemu/build-image puts the other end into the guest)."""

import base64
import os
import shutil
import socket
import subprocess
import time


BOOT_S = 420  # 20 s on a machine that has nothing else to do; emulation suffers most from others


class GuestError(Exception):
    pass


class Guest:
    def __init__(self, image, work, wires, payload, cpus=2, memory="1536M"):
        self.image, self.work, self.wires, self.payload = image, work, wires, payload
        self.cpus, self.memory = cpus, memory
        self.disk = os.path.join(work, "disk.qcow2")
        self.console = os.path.join(work, "console.log")
        self.qemu = self.hand = None
        self.buffer = b""
        self.boot_id = None
        base = os.path.join(image, "disk.ext4")
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", self.disk],
                       check=True)

    def command(self):
        # Software emulation: /dev/kvm may exist and still not work.
        args = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max",
                "-machine", "q35,kernel-irqchip=split", "-smp", str(self.cpus), "-m", self.memory,
                "-device", "intel-iommu,intremap=on,caching-mode=on",
                "-nodefaults", "-no-user-config", "-display", "none",
                "-chardev", f"file,id=console,path={self.console},append=on",
                "-device", "isa-serial,chardev=console",
                "-kernel", os.path.join(self.image, "vmlinuz"),
                "-initrd", os.path.join(self.image, "initrd"),
                "-append", "root=/dev/vda rw console=ttyS0 intel_iommu=on iommu=pt loglevel=5 "
                           "mitigations=off panic=5 systemd.show_status=false",
                "-drive", f"if=virtio,file={self.disk},format=qcow2,cache=writeback",
                "-drive", f"if=virtio,file={self.payload},format=raw,readonly=on",
                "-object", "rng-random,filename=/dev/urandom,id=rng", "-device", "virtio-rng-pci,rng=rng",
                "-device", "virtio-serial-pci",
                "-chardev", f"socket,id=hand,path={self.work}/hand.sock,server=on,wait=off",
                "-device", "virtserialport,chardev=hand,name=hand"]
        slot = 0x10
        for wire in self.wires:
            extra = ",disable-legacy=on,iommu_platform=on" if wire.model == "virtio-net-pci" else ""
            args += ["-netdev", wire.netdev(), "-device",
                     f"{wire.model},netdev={wire.name},mac={wire.mac},addr={slot:#x}{extra}"]
            wire.pci = f"0000:00:{slot:02x}.0"
            slot += 1
        return args

    def power_on(self, timeout=BOOT_S):
        log = open(os.path.join(self.work, "qemu.log"), "ab")
        self.qemu = subprocess.Popen(self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            self.hand = socket.socket(socket.AF_UNIX)
            try:
                self.hand.connect(f"{self.work}/hand.sock")
                break
            except OSError:
                if self.qemu.poll() is not None or time.monotonic() > deadline:
                    raise GuestError("QEMU did not start, see qemu.log")
                time.sleep(0.1)
        self.buffer = b""
        self.wait_boot(timeout)

    def line(self, timeout):
        deadline = time.monotonic() + timeout
        while b"\n" not in self.buffer:
            self.hand.settimeout(max(0.1, deadline - time.monotonic()))
            try:
                more = self.hand.recv(65536)
            except TimeoutError:
                raise GuestError(f"the guest said nothing for {timeout:.0f} s (hand.log)") from None
            if not more:
                raise GuestError("QEMU went away")
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode(errors="replace")

    def wait_boot(self, timeout=BOOT_S):
        """Until the guest greets with a boot id that is not the last one."""
        deadline = time.monotonic() + timeout
        while True:
            words = self.line(max(1, deadline - time.monotonic())).split()
            if len(words) == 2 and words[0] == "hello" and words[1] != self.boot_id:
                self.boot_id = words[1]
                return

    def run(self, script, timeout=240):
        """(exit status, output) of a shell script in the guest, run as root."""
        with open(os.path.join(self.work, "hand.log"), "a") as log:
            print(f"# {script}", file=log, flush=True)
            self.hand.sendall(base64.b64encode(script.encode()) + b"\n")
            status, _, out = self.line(timeout).partition(" ")
            while status == "hello":  # of a boot that was given up on, or of a hand that restarted
                status, _, out = self.line(timeout).partition(" ")
            out = base64.b64decode(out).decode(errors="replace").rstrip("\n")
            print(f"{out}\n-> {status}", file=log)
        return int(status), out

    def ok(self, script, timeout=240):
        status, out = self.run(script, timeout)
        if status != 0:
            raise GuestError(f"in the guest: {script}\n  exit {status}: {out}")
        return out

    def until(self, script, what, timeout=60):
        """Repeats a script until it succeeds; its output."""
        deadline = time.monotonic() + timeout
        while True:
            status, out = self.run(script)
            if status == 0:
                return out
            if time.monotonic() > deadline:
                raise GuestError(f"waited {timeout} s for {what}; last: exit {status}: {out}")
            time.sleep(1)

    def reboot(self, timeout=BOOT_S):
        self.hand.sendall(base64.b64encode(b"systemctl reboot") + b"\n")
        self.wait_boot(timeout)

    def pull_the_plug(self):
        """Power off without a word to the guest. What it had in memory is gone; what its disk had taken
        is kept, flushed or not: a disk that forgets, too, is the log simulator's part."""
        self.qemu.kill()
        self.qemu.wait()
        self.hand.close()

    def power_off(self, timeout=180):
        self.hand.sendall(base64.b64encode(b"systemctl poweroff") + b"\n")
        try:
            self.qemu.wait(timeout)
        except subprocess.TimeoutExpired:
            raise GuestError(f"the guest did not power off within {timeout} s") from None

    def close(self):
        if self.qemu and self.qemu.poll() is None:
            self.pull_the_plug()

    @staticmethod
    def have_qemu():
        return bool(shutil.which("qemu-system-x86_64") and shutil.which("qemu-img"))
