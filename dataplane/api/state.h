/*
 * The state block: what the dataplane tells the world, in shared memory.
 *
 * A POSIX shared memory object (shm_open, always tmpfs, so no page is ever written back under a
 * polling core). The dataplane maps it read-write; control, gateway and the command line map it
 * read-only. It outlives a dataplane: its successor finds it, books what was in flight as
 * lost_in_crash and goes on counting. A clean stop leaves it with run_state STATE_STOPPED.
 *
 * Layout: struct state, then the arrays whose offsets stand in it. Every field has one writer,
 * named where it stands. Fields of different writers never share a cache line. Counters only
 * grow. All loads and stores go through state_load() and state_store() (relaxed) but for those
 * marked "release", which publish.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger.h"
#include "plan.h"

#define STATE_MAGIC   UINT64_C(0x5441545352494557) /* "WEIRSTAT" */
#define STATE_VERSION 1u
#define STATE_LINE    64
#define STATE_UNKNOWN UINT64_MAX /* a counter that the driver cannot tell */

enum {
	STATE_RECENT = 2048, /* batches remembered for crash booking: more than a lane has slabs */
	STATE_TEXT_MAX = 256,
};

enum state_run {
	STATE_STARTING = 1,
	STATE_RUNNING,
	STATE_DRAINING, /* clean stop under way */
	STATE_STOPPED,	/* clean stop done: all is durable, files are trimmed */
	STATE_FAILED,	/* gave up; error says why */
};

typedef _Atomic uint64_t state_u64;
typedef _Atomic uint32_t state_u32;

/* Packets of one port on one lane. Writer: the lane's polling core. */
struct state_rx {
	_Alignas(STATE_LINE)
		state_u64 seq; /* odd while the fields from received on are being changed */
	state_u64 begun;    /* packets taken from the port so far, counted before a look at them */
	state_u64 received; /* == the sum of ledger[] whenever seq is even */
	state_u64 received_bytes; /* frame bytes */
	state_u64 ledger[LEDGER_ROWS];
};

/* One lane. */
struct state_lane {
	/* Writer: the polling core. Time in TSC cycles (state.tsc_hz). */
	_Alignas(STATE_LINE) state_u64 polls; /* rx bursts asked for */
	state_u64 polls_empty;		      /* that brought nothing */
	state_u64 cycles_busy;		      /* in iterations that did work */
	state_u64 cycles_idle;		      /* in iterations that did none, sleep included */
	state_u64 sleeps;		      /* times the adaptive idle slept */
	state_u64 slabs_short;		      /* times no free slab was there when one was needed */
	state_u64 last_packet_ns;  /* arrival of the last packet, ns since 1970; 0: none yet */
	state_u64 plan_generation; /* the plan this lane works by */
	/* Writer: the log core. */
	_Alignas(STATE_LINE) state_u64 batches; /* sealed */
	state_u64 log_cycles_busy;
	state_u64 log_cycles_idle;
	state_u64 slabs_queued; /* slabs that the log core holds now (gauge) */
};

/* One log core's device work. Writer: that log core. Index: plan.cores[]. */
struct state_core {
	_Alignas(STATE_LINE) state_u64 writes; /* segment writes completed */
	state_u64 write_bytes;		       /* bytes of them, padding included */
	state_u64 batch_bytes;		       /* bytes of batches, as in the file */
	state_u64 syncs;		       /* fdatasyncs completed */
	state_u64 sync_ns_total, sync_ns_max;  /* their time */
	state_u64 write_ns_total, write_ns_max;
	state_u64 rolls, segment_waits; /* waits: rolls that found no prepared segment */
	state_u64 tail_writes;		/* padded tail blocks written for a sync */
	state_u64 realigned;		/* batches moved in memory because their phase was off */
	state_u64 write_errors;
	state_u64 commit_ns[16]; /* histogram of arrival-of-first-event to durable: bucket i counts
				  * batches below 2^i * 64 us; the last one all above */
};

struct state_recent {
	state_u64 end_offset; /* offset after the batch */
	state_u64 packets; /* packets stored in the partition up to there, since the block began */
};

/* One partition: row = lane, column = slot. */
struct state_partition {
	/* Writer: the lane's polling core. An event is stored when it is copied; the counters know
	 * it when its batch is closed or a poll of all ports got less than a burst, else 16 polls
	 * later at most. The other rows change at once. */
	_Alignas(STATE_LINE) state_u64 packets_stored;
	state_u64 packets_shed, packets_filtered, packets_undecodable;
	state_u64 events[EVENT_ROWS];
	state_u64 value_bytes; /* of stored events */
	/* Writer: the log core (before it runs: the main thread, in recovery). Offsets. */
	_Alignas(STATE_LINE) state_u64 visible_end; /* release. Readers may read below. File bytes
						     * below it are final. */
	state_u64 log_start;			    /* release. First retained offset */
	state_u64 log_end;			    /* next offset to be given */
	state_u64 durable_end;	/* release. Everything below survives a power cut */
	state_u64 segments;	/* files, the active one included */
	state_u64 bytes;	/* of all segments */
	state_u64 active_base;	/* release, before visible_end. Base offset of the newest segment */
	state_u64 active_bytes; /* release, before visible_end. Its valid bytes below visible_end */
	state_u32 leader_epoch;
	state_u32 open;		  /* release. 1: the partition exists; set last */
	state_u32 storage_failed; /* 1: cannot take events now (no space): the polling core sheds */
	state_u32 phase_adjust;	  /* see slab.h; read by the polling core */
	state_u64 block_offset;	  /* log_end when this block first saw the partition. Main thread */
	state_u64 recent_count;	  /* release. Batches sealed since the block began; entry i at i %
				     STATE_RECENT */
	struct state_recent recent[STATE_RECENT];
};

/* One port. Writer: the dataplane's main thread, every 100 ms. */
struct state_port {
	char name[PLAN_NAME_MAX];
	char device[PLAN_DEVICE_MAX];
	char driver[64];
	state_u32 up; /* link state: 0 down, 1 up */
	state_u32 queues;
	state_u64 ipackets, ibytes;
	state_u64 missed; /* dropped before a lane could take it, from where the driver really keeps
			   * it; STATE_UNKNOWN where it cannot tell */
	state_u64 rx_nombuf;
	state_u64 errors;
};

/* Writer: the dataplane's main thread. */
struct state_stream {
	char name[PLAN_NAME_MAX]; /* "" : slot never used */
	state_u32 used;		  /* 0: removed by a reload */
	state_u32 decoder;	  /* enum plan_decoder */
};

struct state {
	uint64_t magic; /* release: stored last, when the block is complete */
	uint32_t version;
	uint32_t layout_check; /* a hash of the sizes and counts this build was made with */
	uint64_t size_bytes;
	uint32_t ports, lanes, cores, streams_max;
	uint64_t off_ports, off_lanes, off_cores, off_streams, off_rx, off_partitions;
	uint64_t tsc_hz;
	uint64_t created_ns; /* ns since 1970 */
	char storage_path[PLAN_PATH_MAX];
	/* Writer: the main thread. */
	_Alignas(STATE_LINE) state_u32 run_state; /* enum state_run, release */
	state_u32 pid;
	state_u32 hugepages, direct; /* what is in use */
	state_u64 plan_generation;   /* all lanes work by it */
	state_u64 starts;	     /* dataplanes that used this block */
	state_u64 crashes;	     /* those of them that did not stop cleanly */
	state_u64 heartbeat_ns;	     /* ns since 1970, every 100 ms */
	state_u64 started_ns;	     /* of this dataplane */
	char error[STATE_TEXT_MAX];  /* with STATE_FAILED */
};

static inline uint64_t state_load(const state_u64 *p)
{
	return atomic_load_explicit((state_u64 *)p, memory_order_relaxed);
}

static inline void state_store(state_u64 *p, uint64_t v)
{
	atomic_store_explicit(p, v, memory_order_relaxed);
}

/* For the field's one writer: no lock prefix. */
static inline void state_add(state_u64 *p, uint64_t n)
{
	state_store(p, state_load(p) + n);
}

static inline struct state_port *state_port(const struct state *s, unsigned port)
{
	return (struct state_port *)((char *)s + s->off_ports) + port;
}
static inline struct state_lane *state_lane(const struct state *s, unsigned lane)
{
	return (struct state_lane *)((char *)s + s->off_lanes) + lane;
}
static inline struct state_core *state_core(const struct state *s, unsigned core)
{
	return (struct state_core *)((char *)s + s->off_cores) + core;
}
static inline struct state_stream *state_stream(const struct state *s, unsigned slot)
{
	return (struct state_stream *)((char *)s + s->off_streams) + slot;
}
static inline struct state_rx *state_rx(const struct state *s, unsigned lane, unsigned port)
{
	return (struct state_rx *)((char *)s + s->off_rx) + (size_t)lane * s->ports + port;
}
static inline struct state_partition *state_partition(const struct state *s, unsigned partition,
						      unsigned slot)
{
	return (struct state_partition *)((char *)s + s->off_partitions) +
	       (size_t)partition * s->streams_max + slot;
}

/* Rows of the partition table: partitions of more lanes than run now stay readable. */
static inline unsigned state_partition_rows(const struct state *s)
{
	(void)s;
	return PLAN_LANES_MAX;
}

/* "/weir-<16 hex digits of a hash of run_dir>", for shm_open. */
void state_name(const char *run_dir, char name[32]);

/*
 * Opens the block for writing, making it anew when there is none or when its layout, storage path,
 * ports, lanes, cores or streams_max differ. *fresh tells which. NULL with errno set. Dataplane
 * only.
 */
struct state *state_create(const struct plan *plan, uint64_t tsc_hz, bool *fresh);

/* Maps the block read-only; NULL: errno ENOENT no block, EPROTO another version. */
const struct state *state_open(const char *run_dir);

/* The same for whoever stores in this data directory, wherever his run_dir is: among the blocks on
 * this machine the one with that storage_path that was alive last. */
const struct state *state_find(const char *storage_path);
void state_close(const struct state *s);

/* Removes the block's name. */
int state_unlink(const char *run_dir);

/* For readers of what a polling core changes in several stores: begins as {0}, asked before each
 * further try. The first follow at once; but the writer may have lost its processor half way
 * through, so then it waits a little before each. False: a second is over, however busy the machine
 * is. */
struct state_retry {
	unsigned tries;
	uint64_t until_ms;
};
bool state_read_again(struct state_retry *retry);

/* A consistent copy of one (lane, port) ledger: received == sum(ledger). Returns false when the
 * writer kept changing it over many tries; the copy is then the last one, perhaps in flux. */
struct state_rx_copy {
	uint64_t received, received_bytes, ledger[LEDGER_ROWS];
};
bool state_read_rx(const struct state *s, unsigned lane, unsigned port, struct state_rx_copy *out);
