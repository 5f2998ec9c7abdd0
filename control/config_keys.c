/* The table of keys, in the order in which docs/config.md lists them. */
#include "config_keys.h"

#include "config.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)
#define TIB (GIB * 1024)
#define US  UINT64_C(1000)
#define MS  (US * 1000)
#define SEC (MS * 1000)
#define DAY (SEC * 86400)

#define TOP(field)    offsetof(struct config, field)
#define PORT(field)   offsetof(struct config_port, field)
#define STREAM(field) offsetof(struct config_stream, field)

static const struct config_word yes_no[] = {{"false", 0}, {"true", 1}, {"no", 0}, {"yes", 1},
					    {"off", 0},	  {"on", 1},   {NULL, 0}};
static const struct config_word switches[] = {{"auto", CONFIG_SWITCH_AUTO},
					      {"on", CONFIG_SWITCH_ON},
					      {"off", CONFIG_SWITCH_OFF},
					      {NULL, 0}};
static const struct config_word idles[] = {
	{"adaptive", PLAN_IDLE_ADAPTIVE}, {"spin", PLAN_IDLE_SPIN}, {NULL, 0}};
static const struct config_word visibles[] = {
	{"durable", PLAN_VISIBLE_DURABLE}, {"written", PLAN_VISIBLE_WRITTEN}, {NULL, 0}};
static const struct config_word directs[] = {
	{"auto", PLAN_DIRECT_AUTO}, {"on", PLAN_DIRECT_ON}, {"off", PLAN_DIRECT_OFF}, {NULL, 0}};
static const struct config_word decoders[] = {
#define DECODER(name, doc) {#name, PLAN_DECODER_##name},
#include "dataplane/api/decoders.def"
#undef DECODER
	{NULL, 0}};
static const struct config_word record_keys[] = {
	{"sender", PLAN_KEY_SENDER}, {"none", PLAN_KEY_NONE}, {NULL, 0}};
static const struct config_word record_headers[] = {{"src", PLAN_HEADER_SRC},
						    {"dst", PLAN_HEADER_DST},
						    {"vlan", PLAN_HEADER_VLAN},
						    {"rx_ns", PLAN_HEADER_RX_NS},
						    {NULL, 0}};
static const struct config_word compressions[] = {{"none", PLAN_COMPRESSION_NONE},
						  {"lz4", PLAN_COMPRESSION_LZ4},
						  {"zstd", PLAN_COMPRESSION_ZSTD},
						  {NULL, 0}};

/* clang-format off */
const struct config_key config_keys[] = {
	{"run_dir", CONFIG_PATH, .offset = TOP(run_dir), .dflt = "/run/weir", .example = "/run/weir",
	 .why = "Directory of the sockets through which the processes talk. Two Weirs on one machine need two of "
		"them. A relative path counts from the working directory."},
	{"hugepages", CONFIG_WORD, .offset = TOP(hugepages), .words = switches, .dflt = "auto", .example = "on",
	 .why = "Whether packet memory lies in hugepages. `auto` takes them when enough are free at start, else "
		"does without, at about three quarters of the speed; `on` refuses to start without."},
	{"eal_args", CONFIG_ARGS, .offset = TOP(eal_args), .min = 0, .max = 64,
	 .example = "[\"--log-level=lib.eal:debug\"]",
	 .why = "More arguments for DPDK's EAL, each an entry of its own, appended to those that the plan makes."},
	{"max_streams", CONFIG_NUMBER, .offset = TOP(max_streams), .min = 1, .max = PLAN_STREAMS_MAX,
	 .special = "auto", .special_value = CONFIG_AUTO, .dflt = "auto", .example = "32",
	 .why = "Streams for which memory is reserved at start, so that a reload can add some. A name that was "
		"removed keeps its place until a restart. `auto` is eight more than the file has."},

	{"ports", CONFIG_MAPS, .required = true, .min = 1, .max = PLAN_PORTS_MAX,
	 .why = "Where packets come from."},
	{"ports[].name", CONFIG_NAME, .offset = PORT(name), .example = "uplink",
	 .why = "Name of the port in status and metrics. Without one it is `port` and its place in the list."},
	{"ports[].device", CONFIG_DEVICE, .offset = PORT(device), .required = true,
	 .example = "\"0000:3b:00.0\"",
	 .why = "A PCI address, or a DPDK virtual device with its arguments: `net_af_packet0,iface=eth1`, "
		"`net_af_xdp0,iface=eth1`, `net_pcap0,rx_pcap=x.pcap`."},
	{"ports[].queues", CONFIG_NUMBER, .offset = PORT(queues), .min = 1, .max = PLAN_LANES_MAX,
	 .special = "auto", .special_value = CONFIG_AUTO, .dflt = "auto", .example = "2",
	 .why = "RX queues to use; lane i polls queue i. `auto` is one for each lane on a NIC, and as many as the "
		"arguments of a virtual device give it."},
	{"ports[].rx_descriptors", CONFIG_NUMBER, .offset = PORT(rx_descriptors), .min = 32, .max = 32768,
	 .special = "auto", .special_value = CONFIG_AUTO, .dflt = "auto", .example = "2048",
	 .why = "Packets that the NIC can hold for a lane that is late, per queue. `auto` is 2048 on a NIC, 512 "
		"on a virtual device."},
	{"ports[].mbufs", CONFIG_NUMBER, .offset = PORT(mbufs), .min = 1024, .max = 1 << 24,
	 .special = "auto", .special_value = CONFIG_AUTO, .dflt = "auto", .example = "16383",
	 .why = "Packet buffers of each queue. `auto` suits the driver; `net_pcap` with `infinite_rx` needs one for "
		"every packet of the file, which `auto` counts."},
	{"ports[].mtu", CONFIG_NUMBER, .offset = PORT(mtu), .min = 68, .max = 65535, .special = "auto",
	 .special_value = CONFIG_AUTO, .dflt = "auto", .example = "9000",
	 .why = "Largest IP packet to take. `auto` leaves the device's own."},
	{"ports[].promiscuous", CONFIG_WORD, .offset = PORT(promiscuous), .words = yes_no, .dflt = "true",
	 .example = "false",
	 .why = "Whether the NIC hands over frames for other stations too, as a mirror port needs."},
	{"ports[].address", CONFIG_CIDRS, .offset = PORT(address), .later = true, .min = 0,
	 .max = CONFIG_ADDRESSES_MAX, .example = "[10.20.0.5/24, \"2001:db8::5/64\"]",
	 .why = "Addresses that Weir answers for (ARP, neighbour discovery, ping) where the kernel has lost the NIC."},
	{"ports[].multicast", CONFIG_GROUPS, .offset = PORT(multicast), .later = true, .min = 0,
	 .max = CONFIG_ADDRESSES_MAX, .example = "[239.1.1.1]",
	 .why = "Multicast groups to join."},
	{"ports[].verify_checksums", CONFIG_WORD, .offset = PORT(verify_checksums), .words = yes_no,
	 .later = true, .dflt = "false", .example = "true",
	 .why = "Whether packets with a wrong IP or UDP checksum are dropped and counted."},

	{"lanes", CONFIG_MAP, .why = "How the work is spread over cores."},
	{"lanes.count", CONFIG_NUMBER, .offset = TOP(lanes.count), .min = 1, .max = PLAN_LANES_MAX,
	 .special = "auto", .special_value = CONFIG_AUTO, .dflt = "auto", .example = "2",
	 .why = "Lanes: each is one RX queue of every port, one polling core, and partition i of every stream. `auto` "
		"follows the queues of virtual devices; on a NIC it takes half of the cores near it, at most 8."},
	{"lanes.idle", CONFIG_WORD, .offset = TOP(lanes.idle), .reload = true, .words = idles,
	 .dflt = "adaptive", .example = "spin",
	 .why = "What a lane does when nothing comes. `spin` polls on: lowest latency, a core at 100 %. `adaptive` "
		"waits on the port or sleeps, up to about 5 ms."},
	{"lanes.rest", CONFIG_DURATION, .offset = TOP(lanes.rest_ns), .reload = true, .min = 0, .max = 5 * MS,
	 .special = "auto", .special_value = CONFIG_REST_AUTO, .dflt = "auto", .example = "100us",
	 .why = "How long a polling core in `adaptive` rests at most between two looks at its ports while packets come: "
		"fewer wake-ups, a later arrival. It rests for less when more come, and not at all from some 100,000s a "
		"second on. `auto` is a quarter of the shortest linger, at most 250us where all ports are af_packet, 100us "
		"with af_xdp or memif, and 0 with any other device: its ring might fill meanwhile."},
	{"lanes.cores", CONFIG_CPUS, .offset = TOP(lanes.cores), .min = 1, .max = PLAN_LANES_MAX,
	 .example = "[2, 3]",
	 .why = "Processors that poll, one a lane, instead of those that Weir would choose. `2-5` is a range."},
	{"lanes.log_cores", CONFIG_CPUS, .offset = TOP(lanes.log_cores), .min = 1, .max = PLAN_LANES_MAX,
	 .example = "[4]",
	 .why = "Processors that write the log. Fewer than lanes share; the same list as `lanes.cores` means that "
		"each polling core writes its own log."},
	{"lanes.slabs", CONFIG_NUMBER, .offset = TOP(lanes.slabs), .min = 4, .max = 1024, .special = "auto",
	 .special_value = CONFIG_AUTO, .dflt = "auto", .example = "24",
	 .why = "Batch buffers of a lane. As many as stay in the cache (2 to 4 MiB) take turns; the others ride out a "
		"disk that stalls. `auto` adds 32 MiB of those, but has at least one buffer for each stream, each "
		"write in flight, and two more."},
	{"lanes.burst", CONFIG_NUMBER, .offset = TOP(lanes.burst), .reload = true, .min = 1, .max = 256,
	 .dflt = "64", .example = "32",
	 .why = "Packets to take from a port at a time at most."},

	{"storage", CONFIG_MAP, .why = "The log on disk."},
	{"storage.path", CONFIG_PATH, .offset = TOP(storage.path), .dflt = "/var/lib/weir",
	 .example = "/var/lib/weir",
	 .why = "The data directory. One Weir may own it at a time. A relative path counts from the working directory."},
	{"storage.segment_size", CONFIG_SIZE, .offset = TOP(storage.segment_bytes), .reload = true,
	 .min = 128 * KIB, .max = INT32_MAX, .dflt = "1GiB", .example = "256MiB",
	 .why = "A segment is closed before it would grow beyond this. Retention removes whole segments."},
	{"storage.segment_age", CONFIG_DURATION, .offset = TOP(storage.segment_age_ns), .reload = true,
	 .min = SEC, .max = 3650 * DAY, .special = "never", .special_value = 0, .dflt = "7d", .example = "1h",
	 .why = "A segment is closed when its first batch is older than this."},
	{"storage.sync", CONFIG_DURATION, .offset = TOP(storage.sync_ns), .reload = true, .min = 0,
	 .max = 3600 * SEC, .special = "off", .special_value = CONFIG_OFF, .dflt = "2ms", .example = "5ms",
	 .why = "Group commit: how long written batches may wait for their fdatasync. `0` syncs after every batch; "
		"`off` leaves it to the kernel, so a power cut may take seconds of data."},
	{"storage.visible", CONFIG_WORD, .offset = TOP(storage.visible), .words = visibles, .dflt = "durable",
	 .example = "written",
	 .why = "When readers see a batch. `written` is sooner and survives the death of a process, but what was read "
		"may be gone after a power cut."},
	{"storage.direct", CONFIG_WORD, .offset = TOP(storage.direct), .words = directs, .dflt = "auto",
	 .example = "off",
	 .why = "Whether segments are written past the page cache (O_DIRECT). `auto` does so where the file system "
		"can."},
	{"storage.write_depth", CONFIG_NUMBER, .offset = TOP(storage.write_depth), .min = 1, .max = 16,
	 .dflt = "4", .example = "2",
	 .why = "Segment writes in flight per log core. 2 to 4 keep a disk busy."},
	{"storage.prepare", CONFIG_SIZE, .offset = TOP(storage.prepare_bytes), .min = 0, .max = GIB,
	 .dflt = "64MiB", .example = "16MiB",
	 .why = "How far ahead of the write position a fresh segment is zeroed, so that writes meet blocks that are "
		"there already. `0` prepares nothing. Rounded down to 4 KiB."},
	{"storage.sink", CONFIG_WORD, .offset = TOP(storage.sink), .words = yes_no, .dflt = "false",
	 .example = "true",
	 .why = "Write nothing: every write is said to be done at once. Only for measuring what the rest costs."},

	{"streams", CONFIG_MAPS, .required = true, .reload = true, .min = 1, .max = PLAN_STREAMS_MAX,
	 .why = "Where packets go. Tried in the order of the file; the first that matches takes the packet."},
	{"streams[].name", CONFIG_NAME, .offset = STREAM(name), .required = true, .reload = true,
	 .example = "syslog",
	 .why = "The Kafka topic, and the directory below `storage.path`: letters, digits, `.`, `_`, `-`."},
	{"streams[].listen", CONFIG_MAP, .reload = true,
	 .why = "What the stream takes, by UDP destination port."},
	{"streams[].listen.udp", CONFIG_UDP_PORTS, .offset = STREAM(udp), .reload = true, .min = 1,
	 .max = PLAN_LISTEN_MAX, .example = "[2055, 9995-9999]",
	 .why = "Ports and ranges of ports, or `any` for all that no stream before wants."},
	{"streams[].filter", CONFIG_TEXT, .offset = STREAM(filter), .reload = true, .size = CONFIG_FILTER_MAX,
	 .example = "\"udp and dst port 514 and src net 10.0.0.0/8\"",
	 .why = "A pcap filter instead of `listen`. It runs at the IP header, so `udp` matches tagged frames too, and "
		"Ethernet words (`ether`, `vlan`) do not work."},
	{"streams[].decoder", CONFIG_WORD, .offset = STREAM(decoder), .reload = true, .words = decoders,
	 .dflt = "datagram", .example = "lines",
	 .why = "What makes events of a packet. `datagram`: one UDP payload is one event. `lines`: newline-separated "
		"events, many to a packet."},
	{"streams[].key", CONFIG_WORD, .offset = STREAM(key), .reload = true, .words = record_keys,
	 .dflt = "sender", .example = "none",
	 .why = "Key of each record: the sender's address and port as text, or none."},
	{"streams[].headers", CONFIG_WORDS, .offset = STREAM(headers), .reload = true, .words = record_headers,
	 .min = 0, .max = 4, .dflt = "[]", .example = "[src, rx_ns]",
	 .why = "Headers of each record: `src` and `dst` address and port, `vlan` id, `rx_ns` arrival in nanoseconds "
		"since 1970."},
	{"streams[].batch_size", CONFIG_SIZE, .offset = STREAM(batch_bytes), .reload = true, .min = 4 * KIB,
	 .max = 64 * MIB, .dflt = "256KiB", .example = "1MiB",
	 .why = "A batch closes before it would grow beyond this; one record always fits. Larger batches cost less per "
		"event and leave the cache sooner. A reload cannot make it larger than the largest at start."},
	{"streams[].linger", CONFIG_DURATION, .offset = STREAM(linger_ns), .reload = true, .min = 0,
	 .max = 3600 * SEC, .dflt = "1ms", .example = "500us",
	 .why = "A batch closes this long after its first event at the latest: the latency that an idle stream adds."},
	{"streams[].compression", CONFIG_WORD, .offset = STREAM(compression), .reload = true,
	 .words = compressions, .dflt = "none", .example = "lz4",
	 .why = "Codec of the batches. It runs on the log core."},
	{"streams[].compression_level", CONFIG_NUMBER, .offset = STREAM(compression_level), .reload = true,
	 .min = 1, .max = 22, .special = "auto", .special_value = CONFIG_AUTO, .dflt = "auto", .example = "3",
	 .why = "The codec's level: lz4 1 to 12, zstd 1 to 22. `auto` is the codec's own default."},
	{"streams[].segment_size", CONFIG_SIZE, .offset = STREAM(segment_bytes), .reload = true,
	 .min = 128 * KIB, .max = INT32_MAX, .example = "256MiB",
	 .why = "As `storage.segment_size`, which it takes when not given, for this stream."},
	{"streams[].segment_age", CONFIG_DURATION, .offset = STREAM(segment_age_ns), .reload = true, .min = SEC,
	 .max = 3650 * DAY, .special = "never", .special_value = 0, .example = "1h",
	 .why = "As `storage.segment_age`, which it takes when not given, for this stream."},
	{"streams[].retention", CONFIG_MAP, .reload = true,
	 .why = "What is kept. Whole segments go, the active one never does."},
	{"streams[].retention.size", CONFIG_SIZE, .offset = STREAM(retention_bytes), .reload = true,
	 .min = 128 * KIB, .max = 1024 * 1024 * TIB, .special = "unlimited", .special_value = 0, .dflt = "unlimited",
	 .example = "100GiB",
	 .why = "Bytes to keep of each partition. The oldest segments go first."},
	{"streams[].retention.age", CONFIG_DURATION, .offset = STREAM(retention_age_ns), .reload = true,
	 .min = SEC, .max = 36500 * DAY, .special = "unlimited", .special_value = 0, .dflt = "7d", .example = "30d",
	 .why = "Segments go when their newest event arrived longer ago than this."},

	{"control", CONFIG_MAP, .why = "The controlling process."},
	{"control.listen", CONFIG_LISTEN, .offset = TOP(control.listen), .special = "off",
	 .dflt = "\"127.0.0.1:9600\"", .example = "\"[::1]:9600\"",
	 .why = "Where HTTP answers: `/metrics`, `/healthz`, `/readyz`, `/api/status`. It asks nobody who they are, so "
		"keep it on the loopback or behind something that does."},
	{"control.insecure", CONFIG_WORD, .offset = TOP(control.insecure), .words = yes_no, .dflt = "false",
	 .example = "true",
	 .why = "Says that a `control.listen` beyond the loopback is meant: whoever reaches it may read status and "
		"metrics. Without it such an address is refused."},

	{"gateway", CONFIG_MAP, .why = "The Kafka protocol over the log, served by weir-gateway. A reload restarts it if "
		"one of its keys changed: clients connect again. Where it is a unit of systemd's, the reload says so, and "
		"`systemctl restart weir-gateway` does it."},
	{"gateway.listen", CONFIG_LISTEN, .offset = TOP(gateway.listen), .reload = true, .special = "off",
	 .dflt = "\"127.0.0.1:9092\"", .example = "\"10.0.0.5:9092\"",
	 .why = "Where Kafka clients connect. It asks nobody who they are. `off`: there is no gateway."},
	{"gateway.insecure", CONFIG_WORD, .offset = TOP(gateway.insecure), .words = yes_no, .reload = true,
	 .dflt = "false", .example = "true",
	 .why = "Says that a `gateway.listen` beyond the loopback is meant: whoever reaches it may read every stream, and "
		"move the offsets of every group. Without it such an address is refused."},
	{"gateway.advertised", CONFIG_HOST, .offset = TOP(gateway.advertised), .reload = true,
	 .example = "\"weir.example:9092\"",
	 .why = "Where clients are told to connect, as Kafka's `advertised.listeners`: for those who reach the gateway "
		"through a proxy or under another name. Without it each is told the address at which it reached the gateway."},
	{"gateway.groups", CONFIG_FILE, .offset = TOP(gateway.groups), .reload = true, .example = "/var/lib/weir/weir.groups",
	 .why = "The file that keeps what consumer groups have committed. Without it that is `weir.groups` in "
		"`storage.path`, so that commits and log stay together."},
};
/* clang-format on */

const unsigned config_keys_count = sizeof(config_keys) / sizeof(config_keys[0]);
_Static_assert(sizeof(config_keys) / sizeof(config_keys[0]) <= CONFIG_KEYS_MAX,
	       "raise CONFIG_KEYS_MAX");
