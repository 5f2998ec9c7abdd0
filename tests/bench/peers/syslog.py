"""Syslog over UDP to disk: RFC 5424, one message a datagram."""
import glob
import os

from peers.collector import Collector, fetch, installed, lines_in
from peers.wire import HOST, SOCKET_BYTES

# What rsyslog's own page on receiving at high rates has, but for the number of threads: there is one core.
RSYSLOG = """\
module(load="imudp" threads="1" timeRequery="8" batchSize="128")
template(name="raw" type="string" string="%rawmsg%\\n")
input(type="imudp" address="{host}" port="{port}" ruleset="store" rcvbufSize="{buffer}")
ruleset(name="store" queue.type="fixedArray" queue.size="250000" queue.dequeueBatchSize="4096" queue.workerThreads="1") {{
    action(type="omfile" file="{out}" template="raw" ioBufferSize="64k" flushOnTXEnd="off" asyncWriting="on")
}}
"""

# The knobs that its administration guide names for UDP at high rates.
SYSLOG_NG = """\
@version: 3.38
options {{ threaded(yes); use-dns(no); keep-hostname(yes); stats-freq(0); log-fifo-size(1000000); flush-lines(1000); }};
source wire {{
    network(ip("{host}") port({port}) transport("udp") flags(syslog-protocol) so-rcvbuf({buffer})
            log-fetch-limit(1000) log-iw-size(200000));
}};
destination disk {{ file("{out}"); }};
log {{ source(wire); destination(disk); flags(flow-control); }};
"""


class Rsyslog(Collector):
    name = "rsyslog"
    durable = "page cache; no fsync"
    unequal = "parses each message; writes it as it came"

    def prepare(self):
        self.program = installed("rsyslogd")

    def start(self):
        config = self.write("conf", RSYSLOG.format(host=HOST, port=self.port, buffer=SOCKET_BYTES, out=self.path("out")))
        # -x: no names of senders are asked for
        self.begin(self.program, "-n", "-x", "-f", config, "-i", self.path("pid"))

    def stored(self):
        return lines_in(self.path("out"))


class SyslogNg(Collector):
    name = "syslog_ng"
    durable = "page cache; no fsync"
    unequal = "parses each message; writes it anew in its own format"

    def prepare(self):
        """Its package and rsyslog's exclude each other: it is unpacked, not installed."""
        self.root = fetch("fetch-unpacked", "syslog-ng-core")

    def start(self):
        config = self.write("conf", SYSLOG_NG.format(host=HOST, port=self.port, buffer=SOCKET_BYTES, out=self.path("out")))
        libraries = [path for place in ("lib/*-linux-gnu", "usr/lib/*-linux-gnu", "usr/lib/syslog-ng")
                     for path in glob.glob(os.path.join(self.root, place))]
        modules = glob.glob(os.path.join(self.root, "usr/lib/syslog-ng/*/"))[0]
        files = [word for option in ("--pidfile", "--control", "--persist-file")
                 for word in (option, self.path(option.strip("-")))]
        self.begin("env", "LD_LIBRARY_PATH=" + ":".join(libraries), os.path.join(self.root, "usr/sbin/syslog-ng"),
                   "-F", "--no-caps", "-f", config, "--module-path", modules, *files)

    def stored(self):
        return lines_in(self.path("out"))
