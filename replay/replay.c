#include "replay.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "control/memory.h"
#include "dataplane/api/plan.h"
#include "dataplane/clock.h"
#include "dataplane/eal_args.h"
#include "neighbour.h"

enum {
	MIB = 1 << 20,
	FRAME_MAX_UNKNOWN = 9216, /* read from disk while sending: of what no packet is known yet */
	START_MS = 20,		  /* until all cores are ready */
	LOOK_MS = 20,
	PROGRESS_MS = 1000,
};

struct replay {
	struct replay_options options;
	struct feed *feed;
	struct device device;
	bool eal, opened, hugepages;
	uint16_t runs;
	struct sender *senders;
};

/* --- opening ------------------------------------------------------------------------------- */

static int start_eal(struct replay *r, uint32_t frame_bytes, char *err, size_t err_size)
{
	const struct replay_options *o = &r->options;
	uint64_t bytes = device_memory_bytes(o->queues, frame_bytes);
	uint16_t cpus[1 + FEED_QUEUES_MAX] = {PLAN_CPU_ANY};

	for (unsigned q = 0; q < o->queues; q++)
		cpus[q + 1] = o->cpus ? o->cpus[q] : PLAN_CPU_ANY;
	r->hugepages = memory_hugepages_free() >= bytes;
	eal_args_add("weir-replay");
	eal_args_lcores(cpus, 1 + o->queues);
	if (device_is_pci(o->device)) {
		eal_args_add("-a");
		eal_args_add("%s", o->device);
	} else {
		eal_args_add("--no-pci");
	}
	eal_args_add("--log-level=*:4"); /* errors */
	eal_args_add("--no-telemetry");
	eal_args_add("--file-prefix=weir-replay-%d", (int)getpid());
	if (r->hugepages) {
		eal_args_add("--in-memory");
	} else {
		eal_args_add("--no-huge");
		eal_args_add("--no-shconf");
	}
	eal_args_add("-m");
	eal_args_add("%u", (unsigned)((bytes / MIB + 2) & ~UINT64_C(1)));
	int rc = eal_args_start(err, err_size);
	r->eal = rc == 0;
	return rc;
}

/* Of captures that were gone through, not even one packet can be sent. */
static int check_any(const struct replay *r, char *err, size_t err_size)
{
	const struct replay_options *o = &r->options;
	const struct feed_counts *counts = feed_counts(r->feed);
	char why[768];

	if (counts->packets)
		return 0;
	if (counts->other_size)
		snprintf(why, sizeof(why), "no packet that can be made as long as asked for");
	else
		captures_why_none(feed_captures(r->feed), why, sizeof(why));
	snprintf(err, err_size, "%s%s: %s", o->paths[0],
		 o->paths_count > 1 ? " and the others" : "", why);
	return -ENODATA;
}

/* EAL leaves its folder behind, one for each run. */
static void end_eal(void)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", rte_eal_get_runtime_dir());
	rte_eal_cleanup();
	rmdir(dir);
}

/* Opens the feed. */
static int read_captures(struct replay *r, uint32_t frame_size, char *err, size_t err_size)
{
	const struct replay_options *o = &r->options;
	uint32_t interface_max = device_interface_frame_max(o->device);
	struct feed_options feed = {
		.paths = o->paths,
		.paths_count = o->paths_count,
		.queues = o->queues,
		.memory_bytes = o->memory_bytes ? o->memory_bytes : memory_available() / 2,
		.frame_max = CAPTURE_FRAME_MAX,
		.frame_max_from_disk = frame_size ? CAPTURE_FRAME_MAX : FRAME_MAX_UNKNOWN,
		.frame_size = frame_size,
		.spread = o->spread != 0,
		.stamp = o->stamp,
		.again = o->frame_longest != 0,
		.stop = o->stop,
	};
	if (interface_max && !frame_size)
		feed.frame_max = feed.frame_max_from_disk = interface_max;
	int rc = feed_open(&r->feed, &feed, err, err_size);

	if (rc < 0)
		return rc;
	return feed_in_memory(r->feed) ? check_any(r, err, err_size) : 0;
}

/* What the device's buffers have to hold. */
static uint32_t longest_frame(const struct replay *r)
{
	uint32_t interface_max = device_interface_frame_max(r->options.device);
	uint32_t longest = interface_max ? interface_max : FRAME_MAX_UNKNOWN;

	if (feed_in_memory(r->feed))
		longest = feed_counts(r->feed)->longest;
	return longest < r->options.frame_longest ? r->options.frame_longest : longest;
}

static int find_macs(struct replay *r, char *err, size_t err_size)
{
	struct rewrite_to *to = &r->options.to;

	memcpy(to->source_mac, r->device.mac, sizeof(to->source_mac));
	if (!r->options.resolve_mac)
		return 0;
	to->set_macs = true;
	return neighbour_resolve(&r->device, to, to->destination_mac, err, err_size);
}

static int check_frame_longest(const struct replay_options *o, char *err, size_t err_size)
{
	uint32_t interface_max = device_interface_frame_max(o->device);

	if (!interface_max || o->frame_longest <= interface_max)
		return 0;
	snprintf(err, err_size,
		 "device \"%s\" sends frames of %u bytes at most, not %u (without FCS)", o->device,
		 interface_max, o->frame_longest);
	return -EMSGSIZE;
}

int replay_open(struct replay **out, const struct replay_options *options, char *err,
		size_t err_size)
{
	struct replay *r = calloc(1, sizeof(*r));
	uint32_t longest = 0;

	if (r)
		r->senders = aligned_alloc(_Alignof(struct sender),
					   options->queues * sizeof(r->senders[0]));
	if (!r || !r->senders) {
		free(r);
		snprintf(err, err_size, "out of memory");
		return -ENOMEM;
	}
	r->options = *options;
	clock_init();
	int rc = check_frame_longest(options, err, err_size);
	if (rc == 0)
		rc = read_captures(r, 0, err, err_size);
	if (rc == 0) {
		longest = longest_frame(r);
		rc = start_eal(r, longest, err, err_size);
	}
	if (rc == 0) {
		rc = device_open(&r->device, options->device, options->queues, longest,
				 options->stop, err, err_size);
		r->opened = rc == 0;
	}
	if (rc == 0)
		rc = find_macs(r, err, err_size);
	if (rc < 0) {
		replay_close(r);
		return rc;
	}
	*out = r;
	return 0;
}

int replay_load(struct replay *r, uint32_t frame_size, char *err, size_t err_size)
{
	feed_close(r->feed);
	r->feed = NULL;
	return read_captures(r, frame_size, err, err_size);
}

void replay_close(struct replay *r)
{
	if (!r)
		return;
	feed_close(r->feed);
	if (r->opened)
		device_close(&r->device);
	if (r->eal)
		end_eal();
	free(r->senders);
	free(r);
}

const struct feed *replay_feed(const struct replay *r)
{
	return r->feed;
}

const struct device *replay_device(const struct replay *r)
{
	return &r->device;
}

bool replay_hugepages(const struct replay *r)
{
	return r->hugepages;
}

uint64_t replay_ns(uint64_t cycles)
{
	return (uint64_t)((double)cycles * 1e9 / (double)clock_tsc_hz());
}

/* --- one trial ----------------------------------------------------------------------------- */

static void prepare_senders(struct replay *r, const struct replay_trial *trial)
{
	const struct replay_options *o = &r->options;
	struct send_options send = {
		.port = r->device.id,
		.queues = (uint16_t)o->queues,
		.burst = (uint16_t)o->burst,
		.paced = trial->pace.kind != PACE_TOPSPEED,
		.stamp = o->stamp,
		.spread = o->spread,
		.end = UINT64_MAX,
		.packets = UINT64_MAX,
		.stop = o->stop,
	};

	clock_discipline();
	uint64_t now = rte_rdtsc();
	send.run = (uint16_t)(clock_at(now).real_ns / 1000000 + r->runs++);
	send.start = now + clock_tsc_hz() / 1000 * START_MS;
	if (trial->for_ns)
		send.end = send.start +
			   (uint64_t)((double)trial->for_ns * (double)clock_tsc_hz() / 1e9);
	for (unsigned q = 0; q < o->queues; q++) {
		struct sender *s = &r->senders[q];

		memset(s, 0, sizeof(*s));
		s->options = send;
		s->options.queue = (uint16_t)q;
		if (trial->packets)
			s->options.packets =
				trial->packets / o->queues + (q < trial->packets % o->queues);
		s->options.pool = r->device.tx_pools[q];
		feed_cursor_begin(&s->cursor, r->feed, q);
	}
}

static void show_progress(const struct replay *r, const struct replay_trial *trial, double seconds)
{
	uint64_t packets = 0, bytes = 0;

	for (unsigned q = 0; q < r->options.queues; q++) {
		packets +=
			atomic_load_explicit(&r->senders[q].counts.packets, memory_order_relaxed);
		bytes += atomic_load_explicit(&r->senders[q].counts.bytes, memory_order_relaxed);
	}
	trial->progress(seconds, packets, bytes, trial->ctx);
}

/* Until all senders have ended. */
static void wait_for_senders(const struct replay *r, const struct replay_trial *trial)
{
	uint64_t hz = clock_tsc_hz(), start = rte_rdtsc();
	uint64_t second = hz / 1000 * PROGRESS_MS, next = start + second;

	for (unsigned q = 0; q < r->options.queues; q++)
		while (rte_eal_get_lcore_state(q + 1) == RUNNING) {
			rte_delay_us_sleep(LOOK_MS * 1000);
			clock_discipline();
			uint64_t now = rte_rdtsc();
			if (now < next || !trial->progress)
				continue;
			show_progress(r, trial, (double)(now - start) / (double)hz);
			next += second;
		}
	rte_eal_mp_wait_lcore();
}

static void add_sender(struct replay_result *result, const struct sender *s, uint64_t *first,
		       uint64_t *last)
{
	const struct send_counts *c = &s->counts;

	result->end = s->end > result->end ? s->end : result->end;
	result->taken += c->packets;
	result->bytes += c->bytes;
	result->offered_again += c->offered_again;
	result->starved += c->starved;
	result->given_up += c->given_up;
	result->stamped += s->stamped;
	histogram_merge(&result->gap_error, &c->gap_error);
	histogram_merge(&result->late, &c->late);
	if (c->first_tsc && c->first_tsc < *first)
		*first = c->first_tsc;
	if (c->last_tsc > *last)
		*last = c->last_tsc;
}

static void conclude(struct replay *r, const struct device_counts *before,
		     struct replay_result *result)
{
	struct device_counts *device = &result->device;
	uint64_t first = UINT64_MAX, last = 0;

	result->run = r->senders[0].options.run;

	for (unsigned q = 0; q < r->options.queues; q++)
		add_sender(result, &r->senders[q], &first, &last);
	if (last > first)
		result->seconds = (double)(last - first) / (double)clock_tsc_hz();
	device_flush(&r->device);
	device_counts_since(&r->device, before, device);
	result->sent =
		result->taken - (device->errors < result->taken ? device->errors : result->taken);
}

int replay_run(struct replay *r, const struct replay_trial *trial, struct replay_result *result,
	       char *err, size_t err_size)
{
	const struct feed_start start = {
		.pace = trial->pace, .loops = trial->loops, .to = r->options.to};
	struct device_counts before;

	memset(result, 0, sizeof(*result));
	int rc = feed_start(r->feed, &start, err, err_size);
	if (rc < 0)
		return rc;
	device_counts(&r->device, &before);
	prepare_senders(r, trial);
	for (unsigned q = 0; q < r->options.queues; q++)
		rte_eal_remote_launch(send_run, &r->senders[q], q + 1);
	wait_for_senders(r, trial);
	rc = feed_stop(r->feed, err, err_size);
	conclude(r, &before, result);
	if (rc == 0 && result->end == SEND_DONE)
		rc = check_any(r, err, err_size);
	if (rc == 0 && result->device.interface_gone) {
		snprintf(err, err_size, "device \"%s\": its interface went away meanwhile",
			 r->options.device);
		rc = -ENODEV;
	}
	if (rc == 0 && result->end == SEND_STALLED) {
		snprintf(err, err_size,
			 "device \"%s\" took nothing for %d s: is the other end still there?",
			 r->options.device, SEND_STALL_S);
		rc = -ETIMEDOUT;
	}
	return rc;
}
