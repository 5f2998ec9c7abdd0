"""From a bare server to stored events, a reboot, and a power cut under load: run by run.sh.

Everything inside the guest is done by what `meson install` laid down: weir-setup-host, the units,
weir. The frames come from outside, by the NICs."""

import json
import sys
import time

from frames import Load, Wire
from guest import Guest, GuestError

CONFIG = "/etc/weir/weir.yaml"
EVENTS = 1000  # for each NIC and step


def say(text):
    print(f"qemu: {time.monotonic() - BEGIN:5.0f} s  {text}", flush=True)


def check(condition, text):
    if not condition:
        raise GuestError(text)


class Proof:
    def __init__(self, image, work, payload, config):
        self.wires = [Wire("e1000e", "e1000e", "52:54:00:00:00:10"),
                      Wire("virtio", "virtio-net-pci", "52:54:00:00:00:11")]
        self.streams = {514: "syslog", 8125: "metrics"}
        self.guest = Guest(image, work, self.wires, payload)
        self.config = config
        self.stored = 0

    # --- looking into the guest ---

    def status(self):
        return json.loads(self.guest.ok("weir status --json"))

    def wait_running(self):
        # stderr apart: only the object counts.
        self.guest.until("weir status --json 2>/dev/null | grep -q '\"run_state\": *\"running\"'",
                         "a running Weir", 180)
        return self.status()

    def wait_events(self, count):
        """Until so many events are durable since the log began."""
        deadline = time.monotonic() + 120
        while True:
            status = self.status()
            durable = sum(p["durable_end"] for p in status["partitions"])
            if durable >= count:
                return status
            check(time.monotonic() < deadline,
                  f"{durable} of {count} events durable; {json.dumps(status['ledger']['packets'])} "
                  f"{json.dumps(status['ports'])}")
            time.sleep(0.5)

    def verify(self):
        status, out = self.guest.run("weir verify /var/lib/weir --json 2>/dev/null", 120)
        totals = json.loads(out)["totals"]
        faults = {k: totals[k] for k in ("crc_failures", "offset_gaps", "index_errors")}
        check(status == 0 and not any(faults.values()), f"weir verify: exit {status}, {totals}")
        return json.loads(out)

    def contents(self, ends):
        """A hash of all events of each partition up to its end."""
        return {(stream, n): self.guest.ok(f"weir cat /var/lib/weir {stream}-{n} --count {end} --format hex | sha256sum")
                for (stream, n), end in ends.items() if end}

    def durable_ends(self, status):
        return {(p["stream"], p["partition"]): p["durable_end"] for p in status["partitions"]}

    def expect_vfio(self):
        for wire in self.wires:
            driver = self.guest.ok(f"basename $(readlink /sys/bus/pci/devices/{wire.pci}/driver)")
            check(driver == "vfio-pci", f"{wire.pci} ({wire.model}) is with {driver}")

    def send(self, count):
        """count events by each NIC, half of them for each stream; all of them must be stored."""
        for wire in self.wires:
            for port in self.streams:
                wire.send_events(count // 2, port)
        self.stored += count * len(self.wires)
        status = self.wait_events(self.stored)
        check(status["balanced"] is True, f"the ledger does not balance: {status['ledger']}")
        durable = sum(self.durable_ends(status).values())
        check(durable == self.stored, f"{durable} events durable, {self.stored} sent")
        for port in status["ports"]:
            check(port["ipackets"] >= count, f"port {port['name']} received {port['ipackets']}")
        return status

    # --- the steps ---

    def install(self):
        self.guest.ok("mount -o ro /dev/vdb /mnt && cp -a /mnt/. / && umount /mnt")
        # What a package's scripts do after laying down the files.
        self.guest.ok("systemd-sysusers && systemd-tmpfiles --create; systemctl daemon-reload")
        self.guest.ok("ldconfig")
        missing = self.guest.ok("cd /usr/local && ldd bin/weir bin/weir-control bin/weir-gateway libexec/weir/weir-dataplane"
                                " | sed -n '/not found/p'")
        check(not missing, f"the guest lacks libraries (build-image, docs/deploy.md): {missing}")
        self.guest.ok(f"cat > {CONFIG} <<'END'\n{self.config}\nEND")

    def setup_host(self):
        names = [self.guest.ok(f"ls /sys/bus/pci/devices/{w.pci}/net /sys/bus/pci/devices/{w.pci}/virtio*/net"
                               " 2>/dev/null | grep -v :", 10) for w in self.wires]
        in_use, other = names
        self.guest.ok(f"ip addr add 10.1.1.1/24 dev {in_use} && ip link set {in_use} up")
        status, out = self.guest.run(f"weir-setup-host --hugepages 512MiB {other} {in_use}")
        check(status == 1 and "10.1.1.1/24" in out, f"setup-host took a NIC in use: exit {status}: {out}")
        self.guest.ok(f"ip route add default via 10.1.1.2 dev {in_use}")
        status, out = self.guest.run(f"weir-setup-host --hugepages 512MiB {in_use}")
        check(status == 1 and "default route" in out,
              f"setup-host took the NIC of the default route: exit {status}: {out}")
        self.guest.ok(f"ip link set {in_use} down && ip addr flush dev {in_use}")
        say(self.guest.ok(f"weir-setup-host --hugepages 512MiB {in_use} {other}").replace("\n", "\n" + " " * 14))
        self.expect_vfio()
        self.expect_hugepages()

    def expect_hugepages(self):
        pages = int(self.guest.ok("cat /proc/sys/vm/nr_hugepages"))
        check(pages >= 256, f"{pages} hugepages, 512 MiB were asked for")

    def start(self):
        self.guest.ok(f"weir check {CONFIG}")
        self.guest.ok("systemctl enable --now weir-control weir-dataplane weir-gateway")
        self.wait_running()
        # The daemons keep their place: not root, and each its own unit.
        users = self.guest.ok("ps -o user= -C weir-dataplane,weir-control,weir-gateway").split()
        check(users == ["weir"] * 3, f"Weir's three processes run as {users}")

    def control_dies(self):
        before = self.guest.ok("systemctl show -p MainPID --value weir-dataplane")
        self.guest.ok("systemctl kill -s KILL weir-control")
        self.send(100)
        self.guest.until("curl -sf http://127.0.0.1:9600/readyz || "
                         "python3 -c 'import urllib.request as u; u.urlopen(\"http://127.0.0.1:9600/readyz\")'",
                         "a new control that is ready", 90)
        after = self.guest.ok("systemctl show -p MainPID --value weir-dataplane")
        check(before == after, "the death of weir-control took weir-dataplane along")

    def main_pid(self, unit):
        return int(self.guest.ok(f"systemctl show -p MainPID --value {unit}"))

    def wait_gateway(self, condition, what):
        self.guest.until("weir status --json 2>/dev/null | python3 -c 'import json, sys; "
                         f"gateway = json.load(sys.stdin)[\"gateway\"]; sys.exit(not ({condition}))'", what, 60)

    def read_back(self, port):
        """What kcat reads of each stream is what the log holds, value by value."""
        for (stream, number), end in self.durable_ends(self.status()).items():
            got, stored = self.guest.ok(
                f"kcat -b 127.0.0.1:{port} -C -q -t {stream} -p {number} -o beginning -e -f '%s\\n' | tee /tmp/got | wc -l; "
                f"weir cat /var/lib/weir {stream}-{number} --format value | cmp /tmp/got && echo the same").splitlines()
            check(int(got) == end and stored == "the same", f"kcat read {got} of the {end} events of {stream}-{number}: {stored}")

    def gateway(self):
        """The unit serves what is stored to any client, comes back when it is killed, and follows the config."""
        self.wait_gateway('gateway["alive"]', "a gateway that runs")
        pid = self.status()["gateway"]["pid"]
        check(pid == self.main_pid("weir-gateway"), f"the gateway that runs is {pid}, not the unit's")
        # ApiVersions, version 0: the answer repeats the correlation id 7, and says no error.
        ask = ("import socket; s = socket.create_connection((\"127.0.0.1\", {port})); "
               "s.sendall(bytes.fromhex(\"0000000a00120000 00000007 ffff\")); "
               "print(s.recv(10)[4:].hex())")
        answer = self.guest.ok(f"python3 -c '{ask.format(port=9092)}'")
        check(answer == "000000070000", f"the gateway answers {answer}")
        self.read_back(9092)
        self.guest.ok("systemctl kill -s KILL weir-gateway")
        self.wait_gateway(f'gateway["alive"] and gateway["pid"] != {pid}', "a new gateway after kill -9")
        self.guest.ok(f"echo 'gateway: {{listen: \"127.0.0.1:9093\"}}' >> {CONFIG}")
        out = self.guest.ok("weir reload")
        check("systemctl restart weir-gateway" in out, f"weir reload says: {out}")
        self.guest.ok("systemctl restart weir-gateway")
        self.wait_gateway('gateway["alive"] and gateway["address"] == "127.0.0.1:9093"', "the gateway at its new port")
        answer = self.guest.ok(f"python3 -c '{ask.format(port=9093)}'")
        check(answer == "000000070000", f"the gateway answers {answer}")

    def reboot(self):
        self.guest.reboot()
        status = self.wait_running()
        self.wait_gateway('gateway["alive"]', "a gateway after the reboot")
        self.expect_vfio()
        self.expect_hugepages()
        ends = sum(self.durable_ends(status).values())
        check(ends == self.stored, f"after the reboot {ends} events are there, {self.stored} were stored")
        crashes = status["crashes"]
        check(crashes == 0, f"a reboot is a clean stop, but {crashes} crashes are counted")

    def power_cut(self):
        loads = [Load(wire, port) for wire, port in zip(self.wires, self.streams)]
        for load in loads:
            load.start()
        # Well into the load, so that the cut falls between writes and syncs.
        status = self.wait_events(self.stored + 3000)
        durable = self.durable_ends(status)
        before = self.contents(durable)
        self.guest.pull_the_plug()
        for load in loads:
            load.stop()
        say(f"the power is cut under load at {sum(durable.values())} durable events")
        self.guest.power_on()
        status = self.wait_running()
        self.expect_vfio()
        ends = self.durable_ends(status)
        for partition, end in durable.items():
            check(ends.get(partition, 0) >= end,
                  f"{partition}: durable up to {end} before the power cut, now {ends.get(partition)}")
        check(self.contents(durable) == before, "what was durable before the power cut reads differently after it")
        found = {(p["stream"], p["partition"]): p for p in self.verify()["partitions"]}
        for partition, end in durable.items():
            check(found[partition]["first_offset"] == 0 and found[partition]["next_offset"] >= end
                  and found[partition]["records"] == found[partition]["next_offset"],
                  f"weir verify: {found[partition]}, durable was {end}")
        self.stored = sum(ends.values())

    def undo(self):
        self.guest.ok("systemctl stop weir-control weir-dataplane weir-gateway", 180)
        check(self.guest.ok("systemctl show -p Result --value weir-gateway") == "success", "the gateway's end")
        self.verify()
        self.guest.ok("weir-setup-host --undo")
        for wire in self.wires:
            driver = self.guest.ok(f"basename $(readlink /sys/bus/pci/devices/{wire.pci}/driver)")
            check(driver != "vfio-pci", f"{wire.pci} is still with vfio-pci after --undo")
        check(self.guest.ok("cat /proc/sys/vm/nr_hugepages") == "0", "--undo left hugepages")

    def run(self):
        try:
            self.guest.power_on()
            say("the bare server is up")
            self.install()
            self.setup_host()
            self.start()
            say("installed, both NICs on vfio-pci, Weir runs")
            self.send(EVENTS)
            self.verify()
            say(f"{self.stored} events from outside are stored, the ledger balances, the log is whole")
            self.control_dies()
            say("weir-control was killed, the dataplane went on, a new control is there")
            self.gateway()
            say("weir-gateway lets kcat read what is stored, came back when it was killed, and follows the config")
            self.reboot()
            self.send(EVENTS)
            self.verify()
            say("after a reboot it came up by itself and went on storing")
            self.power_cut()
            self.send(EVENTS)
            say("after the power cut it came up by itself, nothing durable is gone, and it went on")
            self.undo()
            self.guest.power_off()
            say("stopped, verified, everything undone")
        except GuestError:
            self.post_mortem()
            raise
        finally:
            self.guest.close()

    def post_mortem(self):
        try:
            _, out = self.guest.run("systemctl status --no-pager -l weir-host weir-control weir-dataplane weir-gateway; "
                                    "journalctl --no-pager -b -o short-monotonic -u weir-host "
                                    "-u weir-control -u weir-dataplane -u weir-gateway | tail -60")
            print(out)
        except (GuestError, OSError):
            print("the guest does not answer; the end of its console:")
            with open(self.guest.console, errors="replace") as console:
                print("".join(console.readlines()[-30:]))


if __name__ == "__main__":
    BEGIN = time.monotonic()
    image, work, payload, config = sys.argv[1:]
    with open(config) as file:
        text = file.read()
    try:
        Proof(image, work, payload, text).run()
    except GuestError as error:
        print(f"FAIL: {error}")
        sys.exit(1)
