/*
 * How long events take from their arrival until readers may see them, or until they are durable:
 * looks at the partition's end in the state block again and again, then reads from the log when
 * each event arrived (its header rx_ns).
 *
 *     end_watch RUN_DIR DATA_DIR STREAM visible|durable SECONDS PAUSE_US
 *
 * PAUSE_US 0: without a pause, and what became visible while this program had no processor is left
 * out (and counted): it says nothing about Weir. Else it sleeps so long between two looks, and the
 * figures are too large by up to that. Prints one JSON object; times in microseconds.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "bench_tool.h"
#include "dataplane/api/log_reader.h"
#include "dataplane/api/state.h"
#include "replay/histogram.h"

enum { SIGHTS_MAX = 1 << 22, BLIND_NS = 5000, BLIND_PAUSED_NS = 200000 };

/* The end moved: seen then, and `blind_ns` after the look before. */
struct sight {
	uint64_t end, real_ns, blind_ns;
};

static struct sight sights[SIGHTS_MAX];
static size_t sights_count;
static struct histogram ages;
static uint64_t left_out, early;

/* The clock that Weir disciplines its own by. */
static uint64_t real_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static const struct state_partition *find(const struct state *state, const char *stream)
{
	for (unsigned slot = 0; slot < state->streams_max; slot++)
		if (strcmp(state_stream(state, slot)->name, stream) == 0)
			return state_partition(state, 0, slot);
	die("no such stream");
}

static void watch(const state_u64 *end, double seconds, long pause_us)
{
	const struct timespec pause = {.tv_nsec = pause_us * 1000};
	uint64_t start = real_ns(), before = start, known = state_load(end);

	while (before - start < (uint64_t)(seconds * 1e9) && sights_count < SIGHTS_MAX) {
		if (pause_us)
			nanosleep(&pause, NULL);
		uint64_t now_end =
			atomic_load_explicit((state_u64 *)(uintptr_t)end, memory_order_acquire);
		uint64_t now = real_ns();
		if (now_end != known)
			sights[sights_count++] = (struct sight){now_end, now, now - before};
		known = now_end;
		before = now;
	}
}

static uint64_t arrival_of(const struct record *rec)
{
	struct record_header header;
	struct header_iter it;
	uint64_t value = 0;

	header_iter_init(&it, rec);
	while (header_next(&it, &header)) {
		if (header.key_len != 5 || memcmp(header.key, "rx_ns", 5) != 0)
			continue;
		for (int i = 0; i < header.value_len; i++)
			value = value * 10 + (header.value[i] - '0');
	}
	if (!value)
		die("an event without the header rx_ns");
	return value;
}

static void take(const struct record *rec, const struct sight *sight, uint64_t blind_ns)
{
	uint64_t arrival = arrival_of(rec);

	if (sight->blind_ns > blind_ns) {
		left_out++;
		return;
	}
	early += arrival > sight->real_ns;
	histogram_count(&ages, arrival > sight->real_ns ? 0 : sight->real_ns - arrival);
}

/* The events between the first sight, when it is not known how long the end had been there, and the
 * last. */
static void read_events(struct log_reader *reader, uint64_t blind_ns)
{
	const struct sight *sight = sights, *last = sights + sights_count - 1;
	struct log_batch batch;
	struct record_iter it;
	struct record rec;

	log_reader_limit(reader, last->end);
	if (log_reader_seek(reader, sights[0].end) < 0)
		die("what was watched is not there any more");
	while (log_reader_next(reader, &batch) == LOG_READ_BATCH) {
		if (log_reader_records(reader, &batch, &it) != BATCH_OK)
			die("a batch that cannot be read");
		while (record_next(&it, &rec)) {
			while (sight < last && (uint64_t)rec.offset >= sight->end)
				sight++;
			if ((uint64_t)rec.offset >= sights[0].end)
				take(&rec, sight, blind_ns);
		}
	}
}

static double us(double share)
{
	return (double)histogram_percentile(&ages, share) / 1e3;
}

int main(int argc, char **argv)
{
	const struct state *state = argc == 7 ? state_open(argv[1]) : NULL;
	struct log_reader *reader;
	char err[512];

	if (!state)
		die("%s",
		    argc == 7 ? "no state block"
			      : "usage: RUN_DIR DATA_DIR STREAM visible|durable SECONDS PAUSE_US");
	const struct state_partition *p = find(state, argv[3]);
	long pause_us = atol(argv[6]);

	prctl(PR_SET_TIMERSLACK, 1UL);
	memset(sights, 0, sizeof(sights)); /* first touch now */
	if (log_reader_open(&reader, argv[2], argv[3], 0, err, sizeof(err)) < 0)
		die("%s", err);
	watch(strcmp(argv[4], "durable") == 0 ? &p->durable_end : &p->visible_end, atof(argv[5]),
	      pause_us);
	if (sights_count < 2)
		die("the end did not move");
	read_events(reader, pause_us ? BLIND_PAUSED_NS + (uint64_t)pause_us * 1000 : BLIND_NS);
	printf("{\"events\":%" PRIu64 ",\"left_out\":%" PRIu64 ",\"early\":%" PRIu64
	       ",\"sights\":%zu,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p99_9\":%.1f}\n",
	       ages.count, left_out, early, sights_count, us(.5), us(.9), us(.99), us(.999));
	log_reader_close(reader);
	state_close(state);
	return 0;
}
