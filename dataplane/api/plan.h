/*
 * The plan: everything the dataplane has to do, decided by weir-control.
 *
 * One flat structure without pointers, written by control into a memfd, sealed
 * (F_SEAL_WRITE|SHRINK|GROW|SEAL) and passed over a UNIX socket (control_msg.h).
 * The dataplane maps it read-only and checks it with plan_check() before it uses
 * one byte of it. A reload is a new plan with the next generation.
 *
 * Units are last in a name: _ns nanoseconds, _ms milliseconds, _bytes bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_MAGIC	 UINT64_C(0x4e414c5052494557) /* "WEIRPLAN", little endian */
#define PLAN_VERSION	 2u
#define PLAN_REST_MAX_NS UINT64_C(5000000)

enum {
	PLAN_PORTS_MAX = 8,
	PLAN_LANES_MAX = 32,
	PLAN_CORES_MAX = 64,
	PLAN_STREAMS_MAX = 256,
	PLAN_LISTEN_MAX = 16,	       /* UDP port ranges of one stream */
	PLAN_FILTER_INSNS_MAX = 16384, /* classic BPF instructions of all filters together */
	PLAN_NAME_MAX = 128,	       /* stream and port names, with the NUL */
	PLAN_DEVICE_MAX = 512,	       /* a device string, with the NUL */
	PLAN_PATH_MAX = 384,	       /* a directory, with the NUL */
	PLAN_EAL_ARGS_MAX = 1024,      /* extra EAL arguments, each ended by a NUL */
	PLAN_DATAGRAM_MAX = 65507,     /* the largest UDP payload over IPv4 */
	PLAN_CPU_ANY = 0xffff,	       /* plan_core.cpu: not pinned */
};

enum plan_idle { PLAN_IDLE_SPIN, PLAN_IDLE_ADAPTIVE };
enum plan_visible { PLAN_VISIBLE_DURABLE, PLAN_VISIBLE_WRITTEN };
enum plan_direct { PLAN_DIRECT_AUTO, PLAN_DIRECT_ON, PLAN_DIRECT_OFF };
enum plan_key { PLAN_KEY_SENDER, PLAN_KEY_NONE };

/* Values are Kafka's codec numbers: they go into the batch attributes as they are. */
enum plan_compression {
	PLAN_COMPRESSION_NONE = 0,
	PLAN_COMPRESSION_LZ4 = 3,
	PLAN_COMPRESSION_ZSTD = 4,
};

/* Record headers that a stream asks for, a bit mask, written in this order. */
enum plan_header {
	PLAN_HEADER_SRC = 1 << 0,   /* "src": sender's "address:port" as text */
	PLAN_HEADER_DST = 1 << 1,   /* "dst": destination's "address:port" as text */
	PLAN_HEADER_VLAN = 1 << 2,  /* "vlan": decimal VLAN id; absent on untagged packets */
	PLAN_HEADER_RX_NS = 1 << 3, /* "rx_ns": arrival in ns since 1970, decimal */
};

/* The decoders, in one list (dataplane/decoders.def) that also serves control. */
enum plan_decoder {
#define DECODER(name, doc) PLAN_DECODER_##name,
#include "decoders.def"
#undef DECODER
	PLAN_DECODERS
};

struct plan_port {
	char name[PLAN_NAME_MAX];
	char device[PLAN_DEVICE_MAX]; /* PCI address, or "net_xxx0,key=value,..." */
	uint16_t queues;	  /* RX queues to set up: one for each lane that polls it; 1.. */
	uint16_t rx_descriptors;  /* per queue */
	uint32_t mbufs;		  /* of each queue's private mempool */
	uint32_t mbuf_room_bytes; /* data room of one mbuf, without RTE_PKTMBUF_HEADROOM */
	uint16_t mtu;		  /* 0: leave the device's */
	uint8_t is_pci;
	uint8_t promiscuous;
	uint8_t verify_checksums; /* accepted; checked by a later version of the dataplane */
	uint8_t pad[3];
};

/* One pinned thread. What it does follows from the lanes that name it. */
struct plan_core {
	uint16_t cpu;  /* OS processor number, or PLAN_CPU_ANY */
	uint16_t numa; /* NUMA node of the memory its lanes use */
};

/* Lane i polls queue i of every port that has more than i queues, and owns partition i of
 * every stream. rx_core == log_core is run to completion. */
struct plan_lane {
	uint16_t rx_core;    /* index into plan.cores */
	uint16_t log_core;   /* index into plan.cores */
	uint32_t slabs;	     /* number of slabs; more than the streams in use, at least 4 */
	uint32_t slab_bytes; /* size of one slab, a multiple of 4096, see plan_slab_bytes() */
	uint32_t hot_slabs;  /* free ones that take turns while none is short: what the caches
				    of two cores hold well; 1 .. slabs, 0: all */
};

struct plan_listen {
	uint16_t first, last; /* UDP destination ports, inclusive */
};

/* A stream keeps its slot over reloads: a slot is never given to another name while the
 * dataplane lives, since lanes keep state by slot. */
struct plan_stream {
	char name[PLAN_NAME_MAX]; /* a Kafka topic name: [a-zA-Z0-9._-] */
	uint8_t used;		  /* 0: empty or removed; packets are no longer routed to it */
	uint8_t known;		  /* 1: the name was ever used; its partitions stay readable */
	uint8_t decoder;	  /* enum plan_decoder */
	uint8_t key;		  /* enum plan_key */
	uint8_t headers;	  /* bits of enum plan_header */
	uint8_t compression;	  /* enum plan_compression */
	uint8_t compression_level;
	uint8_t catch_all; /* takes every UDP packet that came this far */
	uint16_t order;	   /* position in the file: the lowest that matches takes the packet */
	uint16_t listens;  /* entries of listen[]; 0 with a filter or catch_all */
	struct plan_listen listen[PLAN_LISTEN_MAX];
	uint32_t filter_first; /* into plan.filter_insns */
	uint32_t filter_insns; /* 0: no filter */
	uint32_t batch_bytes;  /* a batch closes before it would grow beyond; one record always fits
				*/
	uint64_t linger_ns;    /* a batch closes this long after its first event at the latest */
	uint64_t segment_bytes;	   /* roll before the segment would exceed this */
	uint64_t segment_age_ns;   /* roll when the first batch is older; 0: never */
	uint64_t retention_bytes;  /* per partition; 0: no limit; executed by control */
	uint64_t retention_age_ns; /* 0: no limit; executed by control */
};

/* One classic BPF instruction, layout of struct bpf_insn (pcap/bpf.h). */
struct plan_insn {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};

struct plan {
	uint64_t magic;	     /* PLAN_MAGIC */
	uint32_t version;    /* PLAN_VERSION */
	uint32_t size_bytes; /* sizeof(struct plan) */
	uint64_t generation; /* 1 at first, +1 each reload */

	/* Fixed while the dataplane runs: a plan that differs here is refused by name. */
	char run_dir[PLAN_PATH_MAX];	  /* sockets and pid files */
	char storage_path[PLAN_PATH_MAX]; /* the data directory */
	char eal_args[PLAN_EAL_ARGS_MAX]; /* "arg\0arg\0\0", appended to our own */
	uint32_t memory_mib;		  /* what EAL reserves */
	uint8_t hugepages;		  /* 0: --no-huge */
	uint8_t direct;			  /* enum plan_direct: O_DIRECT segment writes */
	uint8_t visible;		  /* enum plan_visible */
	uint8_t sink; /* 1: the log's seam completes at once, writes nothing (bench) */
	uint16_t ports_count, lanes_count, cores_count;
	uint16_t streams_max;	/* slots for which memory is reserved; 1..PLAN_STREAMS_MAX */
	uint16_t main_cpu;	/* where housekeeping and helper threads run, or PLAN_CPU_ANY */
	uint16_t write_depth;	/* segment writes in flight per log core, 1..16 */
	uint32_t prepare_bytes; /* how far ahead of the write position fresh segments are zeroed */
	struct plan_port ports[PLAN_PORTS_MAX];
	struct plan_core cores[PLAN_CORES_MAX];
	struct plan_lane lanes[PLAN_LANES_MAX];

	/* May change with a reload. */
	uint8_t idle;	  /* enum plan_idle */
	uint8_t sync_off; /* 1: never sync but at roll and stop; sync_ns is then ignored */
	uint16_t burst;	  /* packets per poll, 1..256 */
	uint32_t filter_insns_count;
	uint64_t sync_ns; /* group commit interval; 0: after every batch */
	uint64_t rest_ns; /* adaptive: the most between two looks at the ports while packets come,
			     0 (none) .. PLAN_REST_MAX_NS */
	struct plan_stream streams[PLAN_STREAMS_MAX]; /* by slot */
	struct plan_insn filter_insns[PLAN_FILTER_INSNS_MAX];
};

_Static_assert(sizeof(struct plan_insn) == 8, "layout of struct bpf_insn");
_Static_assert(offsetof(struct plan, generation) == 16, "the head never moves");

/* Bytes of a slab for a given batch size: one free block in front for the tail of the batch
 * before, up to a block of phase, the batch (one record of the largest datagram always fits),
 * and one block of slack. A multiple of 4096. */
uint32_t plan_slab_bytes(uint32_t batch_bytes);

/* 0, or -EINVAL with the reason in err. Never reads beyond size. Any thread. */
int plan_check(const struct plan *plan, size_t size, char *err, size_t err_size);

/* Names everything in which next differs from running but may not while the dataplane lives
 * ("lanes.count: running 2, new 4; ..."): -EBUSY and the text; 0 if next may follow. */
int plan_may_follow(const struct plan *running, const struct plan *next, char *err,
		    size_t err_size);

/* A sealed memfd holding the plan, or -errno. The caller closes it. */
int plan_to_memfd(const struct plan *plan);

/* Maps a received plan read-only after checking its seals and contents; NULL with the reason in
 * err. Give it back with plan_unmap(). */
const struct plan *plan_map(int fd, char *err, size_t err_size);
void plan_unmap(const struct plan *plan);

/* Is this a stream's or a port's name: a Kafka topic name of at most PLAN_NAME_MAX - 1 bytes? */
bool plan_name_valid(const char *name);

/* Slot of a stream by name among the known ones, or -1. */
int plan_stream_slot(const struct plan *plan, const char *name);
