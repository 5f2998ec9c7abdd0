"""Who serves in scripts/bench --gateway: weir-gateway, a real Kafka broker, bare sendfile; and the programs that read
from them. All of them run in network namespaces that have nothing else in them."""
import contextlib
import glob
import json
import os
import re
import subprocess
import time

from contestants import BenchError

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GOLDEN = os.path.join(ROOT, "tests/golden")
START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 60
# What kafka-server-start.sh gives the broker where nobody says otherwise, and kafka-consumer-perf-test.sh its client.
JVM = ["-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
       "-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true"]
BROKER_HEAP, CLIENT_HEAP = ["-Xms1g", "-Xmx1g"], ["-Xmx512m"]


class Spaces:
    """Two network namespaces: servers and readers in `rx`, the sender of packets in `tx`, with a pair of veth devices
    between them for each name asked for."""

    def __init__(self):
        self.rx, self.tx = (f"wb{os.getpid()}{end}" for end in ("r", "t"))
        self.stack = contextlib.ExitStack()
        for space in (self.rx, self.tx):
            ip("netns", "add", space)
            self.stack.callback(ip, "netns", "del", space)
            ip("-n", space, "link", "set", "lo", "up")
            # Whatever this machine is set to: bbr spends a timer on each piece, also over loopback. Without losses reno
            # does what cubic, Debian's default, does; and unlike that one it can be chosen in every namespace.
            command(*self.inside(space), "sysctl", "-qw", "net.ipv4.tcp_congestion_control=reno")

    def wire(self, number):
        """Packets to the address that is returned arrive at the device of that name in rx."""
        device, net = f"bench{number}", f"10.91.{number}"
        ip("link", "add", device, "netns", self.tx, "type", "veth", "peer", "name", device, "netns", self.rx)
        for space, host in ((self.tx, 2), (self.rx, 1)):
            # veth leaves checksums to the device that is none
            command(*self.inside(space), "ethtool", "-K", device, "tx", "off", "gro", "off")
            ip("-n", space, "addr", "add", f"{net}.{host}/24", "dev", device)
            ip("-n", space, "link", "set", device, "up")
        mac = json.loads(ip("-n", self.rx, "-j", "link", "show", device))[0]["address"]
        ip("-n", self.tx, "neigh", "add", f"{net}.1", "lladdr", mac, "dev", device)
        return device, f"{net}.1"

    @staticmethod
    def inside(space):
        return ["ip", "netns", "exec", space]

    def run(self, *words, timeout=120):
        return command(*self.inside(self.rx), *words, timeout=timeout)

    def start(self, *words, space=None, **more):
        """`ip netns exec` becomes the program: the pid is the program's own."""
        return subprocess.Popen([*self.inside(space or self.rx), *words], **more)

    def close(self):
        self.stack.close()


def command(*words, timeout=120):
    try:
        out = subprocess.run(words, capture_output=True, text=True, check=False, timeout=timeout, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{' '.join(words)}: not done in {timeout} s") from error
    if out.returncode != 0:
        raise BenchError(f"{' '.join(words)}:\n{(out.stdout + out.stderr)[-2000:]}")
    return out.stdout


def text_of(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def ip(*words):
    return command("ip", *words)


def end(process, seconds):
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def cpu_seconds(pid):
    """Of all threads of a process, also those that ended: its CPU clock, as clock_getcpuclockid() names it."""
    return time.clock_gettime((~pid << 3) | 2)


class Server:
    """One process that listens at 127.0.0.1:port in the namespace rx."""

    def __init__(self, spaces, name, port):
        self.spaces, self.name, self.port = spaces, name, port
        self.process = None
        self.address = f"127.0.0.1:{port}"

    def launch(self, words, log, ready, timeout=START_TIMEOUT_S):
        """Until `ready` stands in the log, or, where it is a function, says so."""
        with open(log, "w", encoding="utf-8") as out:
            self.process = self.spaces.start(*words, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        until = time.monotonic() + timeout
        while time.monotonic() < until and self.process.poll() is None:
            if ready() if callable(ready) else ready in text_of(log):
                return self
            time.sleep(0.05)
        self.close()
        raise BenchError(f"{self.name} does not start:\n" + text_of(log)[-2000:])

    def stay_on(self, cpus):
        for thread in os.listdir(f"/proc/{self.process.pid}/task"):
            os.sched_setaffinity(int(thread), cpus)

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def close(self):
        if self.process and self.process.poll() is None:
            end(self.process, STOP_TIMEOUT_S)
        self.process = None


class Gateway(Server):
    """weir-gateway over a data directory, without a dataplane."""

    def __init__(self, spaces, work, build, data):
        super().__init__(spaces, "weir", 9192)
        groups = os.path.join(work, "groups")
        self.launch([os.path.join(build, "gateway/weir-gateway"), "--data", data, "--listen", self.address,
                     "--groups", groups], os.path.join(work, "gateway.log"), "listens on")


class Floor(Server):
    """Bare sendfile() of the segments."""

    def __init__(self, spaces, work, build, segments):
        super().__init__(spaces, "bare", 9292)
        self.launch([os.path.join(build, "tests/bench/sendfile_floor"), str(self.port), *segments],
                    os.path.join(work, "floor.log"), "ready")


PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:9093
listeners=PLAINTEXT://{address},CONTROLLER://127.0.0.1:9093
advertised.listeners=PLAINTEXT://{address}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={log}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.retention.ms=-1
"""


class Broker(Server):
    """A real Kafka broker (KRaft, one node, its defaults, the JVM's options of its own start script)."""

    prefix = ()  # of the command that starts it

    def __init__(self, spaces, work):
        super().__init__(spaces, "kafka", 9092)
        self.jars = os.path.join(command(os.path.join(GOLDEN, "fetch-kafka"), timeout=900).strip(), "jars")
        self.work, self.log_dir = work, os.path.join(work, "kafka")
        self.config = os.path.join(work, "server.properties")

    def tool(self, *words):
        return self.spaces.run(os.path.join(GOLDEN, "kafka-tool"), *words)

    def start(self):
        self.launch([*self.prefix, *self.java(BROKER_HEAP, "broker"), "kafka.Kafka", self.config],
                    os.path.join(self.work, "kafka.log"), "Kafka Server started")
        return self

    def java(self, heap, log):
        return ["java", *heap, *JVM, f"-Dlog4j2.configurationFile={GOLDEN}/log4j2-{log}.properties",
                "-cp", self.jars + "/*"]

    def begin(self, topics):
        """For the first time, with empty topics by name, each with its settings."""
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(PROPERTIES.format(address=self.address, log=self.log_dir))
        uuid = self.tool("kafka.tools.StorageTool", "random-uuid").strip()
        self.tool("kafka.tools.StorageTool", "format", "--standalone", "-t", uuid, "-c", self.config)
        self.start()
        for name, settings in topics.items():
            words = [word for pair in settings.items() for word in ("--config", "=".join(pair))]
            self.tool("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", self.address, "--create",
                      "--topic", name, "--partitions", "1", *words)
        return self

    def take(self, topic, segments, empty_topics):
        """For the first time, with a topic that holds these segments: the files themselves (links), to which it appends
        nothing. It makes its own indexes. Besides, empty topics as above."""
        self.begin({topic: {}, **empty_topics})
        self.close()
        partition = os.path.join(self.log_dir, topic + "-0")
        for name in os.listdir(partition):
            if re.match(r"\d{20}\.|leader-epoch", name):
                os.unlink(os.path.join(partition, name))
        for path in segments:
            os.link(path, os.path.join(partition, os.path.basename(path)))
        for name in [".kafka_cleanshutdown", *glob.glob("*-offset-checkpoint", root_dir=self.log_dir)]:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.log_dir, name))
        return self.start()


LIVE = """\
run_dir: {run}
hugepages: {hugepages}
ports:
  - {{name: bench, device: "net_af_packet0,iface={device},blocksz=65536,framesz=2048,framecnt=32768"}}
storage: {{path: {data}, visible: {visible}, sync: {sync}}}
streams:
  - {{name: {stream}, listen: {{udp: 5140}}, linger: {linger}}}
control: {{listen: "off"}}
gateway: {{listen: "{address}"}}
"""


class WholeWeir(Server):
    """`weir run` with a config, out of the tree that self.setup tells of."""

    config = run_dir = None

    @property
    def weir(self):
        return os.path.join(self.setup.build, "control/weir")

    def run(self, work, text, *prefix):
        self.run_dir, self.config = os.path.join(work, "run"), os.path.join(work, "weir.yaml")
        os.makedirs(self.run_dir)
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(text)
        self.launch([*prefix, self.weir, "run", "-c", self.config], os.path.join(work, "weir.log"), self.is_ready)

    def is_ready(self):
        status = self.status()
        return status and status["run_state"] == "running"

    def status(self):
        out = subprocess.run([self.weir, "status", "-c", self.config, "--json"], capture_output=True, text=True, check=False)
        return json.loads(out.stdout) if out.returncode == 0 and out.stdout else None

    def close(self):
        status = self.status() if self.process else None
        super().close()
        # A dataplane outlives a control that had to be killed. Here it must not.
        if status and status.get("pid"):
            with contextlib.suppress(OSError), open(f"/proc/{status['pid']}/cmdline", "rb") as file:
                if self.run_dir.encode() in file.read():
                    os.kill(status["pid"], 9)


class Live(WholeWeir):
    """As users run it on a veth device, every setting at its default but these few, and with its gateway."""

    def __init__(self, spaces, setup, name, settings, number, stream):
        super().__init__(spaces, name, 9392 + number)
        self.setup = setup
        work = os.path.join(setup.work, self.name)
        device, self.host = spaces.wire(number)
        os.makedirs(os.path.join(work, "data"))
        self.run(work, LIVE.format(run=os.path.join(work, "run"), data=os.path.join(work, "data"), device=device, stream=stream,
                                   hugepages="on" if setup.hugepages else "off", address=self.address, **settings))

    def is_ready(self):
        return super().is_ready() and f":{self.port} " in self.spaces.run("ss", "-ltn")
