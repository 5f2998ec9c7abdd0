#include "retention.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log_text.h"

enum {
	ANSWER_TIMEOUT_MS = 30000,
	ASKED_AT_ONCE = 8, /* the dataplane has packets to move, too */
	TIMEINDEX_ENTRY = 12,
	BASE_DIGITS = 20,
};

struct segment {
	uint64_t base, bytes;
};

/* What is remembered of one partition. */
struct watched {
	bool asked;		   /* a request is under way */
	uint64_t asked_start;	   /* for this log start */
	uint64_t segments, age_ns; /* at the last look ... */
	uint64_t next_look_ns;	   /* ... which holds until then */
	struct retention *owner;
	char name[PLAN_NAME_MAX + 12];
};

struct retention {
	struct dataplane_link *link;
	char run_dir[PLAN_PATH_MAX];
	unsigned asked;
	struct watched watched[PLAN_LANES_MAX][PLAN_STREAMS_MAX];
};

static bool parse_base(const char *name, uint64_t *base)
{
	if (strlen(name) != BASE_DIGITS + 4 || strcmp(name + BASE_DIGITS, ".log") != 0 ||
	    strspn(name, "0123456789") != BASE_DIGITS)
		return false;
	*base = strtoull(name, NULL, 10);
	return true;
}

static int by_base(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;

	return (x->base > y->base) - (x->base < y->base);
}

/* The sealed segments, oldest first. Their number, or -errno. */
static int list_sealed(DIR *dir, uint64_t active_base, struct segment **out)
{
	struct segment *list = NULL;
	int count = 0, room = 0;

	for (struct dirent *e; (e = readdir(dir));) {
		uint64_t base;
		struct stat st;

		if (!parse_base(e->d_name, &base) || base >= active_base ||
		    fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (count == room) {
			room = room ? room * 2 : 64;
			struct segment *more = realloc(list, (size_t)room * sizeof(*list));
			if (!more) {
				free(list);
				return -ENOMEM;
			}
			list = more;
		}
		list[count++] = (struct segment){.base = base, .bytes = (uint64_t)st.st_size};
	}
	if (count)
		qsort(list, (size_t)count, sizeof(*list), by_base);
	*out = list;
	return count;
}

/* The newest record's time, from the last entry of the .timeindex; without one, the time of the
 * last write to the .log. */
static uint64_t newest_ns(int dir, uint64_t base)
{
	char name[64];
	struct stat st;
	uint64_t entry_ms = 0;

	snprintf(name, sizeof(name), "%020" PRIu64 ".timeindex", base);
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0) {
		uint64_t entry;
		if (fstat(fd, &st) == 0 && st.st_size >= TIMEINDEX_ENTRY &&
		    pread(fd, &entry, sizeof(entry),
			  st.st_size / TIMEINDEX_ENTRY * TIMEINDEX_ENTRY - TIMEINDEX_ENTRY) ==
			    sizeof(entry))
			entry_ms = be64toh(entry);
		close(fd);
	}
	if (entry_ms > 0 && entry_ms < UINT64_MAX / 1000000)
		return entry_ms * 1000000;
	snprintf(name, sizeof(name), "%020" PRIu64 ".log", base);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return UINT64_MAX;
	return (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
}

static void judge_list(int dir, const struct segment *list, int count, uint64_t active_base,
		       uint64_t left, const struct retention_limits *limits, uint64_t now_ns,
		       struct retention_verdict *v)
{
	int i = 0;

	for (; i < count; i++) {
		bool goes = limits->bytes && left - list[i].bytes >= limits->bytes;
		if (!goes && limits->age_ns) {
			uint64_t newest = newest_ns(dir, list[i].base);
			goes = now_ns > newest && now_ns - newest > limits->age_ns;
			if (!goes && newest < UINT64_MAX - limits->age_ns)
				v->next_look_ns = newest + limits->age_ns;
		}
		if (!goes)
			break;
		left -= list[i].bytes;
		v->segments++;
		v->bytes += list[i].bytes;
	}
	v->log_start = i < count ? list[i].base : active_base;
}

/* The newest sealed file keeps its full prepared size until the dataplane has trimmed it; what the
 * log holds in all tells how much of it is true. */
static uint64_t without_untrimmed(struct segment *newest, uint64_t total, uint64_t log_bytes)
{
	uint64_t excess = log_bytes && total > log_bytes ? total - log_bytes : 0;

	if (excess > newest->bytes)
		excess = newest->bytes;
	newest->bytes -= excess;
	return total - excess;
}

int retention_judge(const char *dir_path, uint64_t active_base, uint64_t active_bytes,
		    uint64_t log_bytes, const struct retention_limits *limits, uint64_t now_ns,
		    struct retention_verdict *verdict)
{
	struct segment *list = NULL;
	uint64_t total = active_bytes;
	DIR *dir = opendir(dir_path);

	*verdict = (struct retention_verdict){.next_look_ns = UINT64_MAX};
	if (!dir)
		return -errno;
	int count = list_sealed(dir, active_base, &list);
	for (int i = 0; i < count; i++)
		total += list[i].bytes;
	if (count > 0)
		total = without_untrimmed(&list[count - 1], total, log_bytes);
	if (count >= 0)
		judge_list(dirfd(dir), list, count, active_base, total, limits, now_ns, verdict);
	closedir(dir);
	free(list);
	return count < 0 ? count : 0;
}

int retention_create(struct retention **out, struct dataplane_link *link, const char *run_dir)
{
	struct retention *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->link = link;
	snprintf(r->run_dir, sizeof(r->run_dir), "%s", run_dir);
	for (int p = 0; p < PLAN_LANES_MAX; p++)
		for (int slot = 0; slot < PLAN_STREAMS_MAX; slot++)
			r->watched[p][slot].owner = r;
	*out = r;
	return 0;
}

void retention_destroy(struct retention *r)
{
	free(r);
}

static void on_answer(void *ctx, int status, const char *text, int fd)
{
	struct watched *w = ctx;

	w->asked = false;
	w->owner->asked--;
	if (fd >= 0)
		close(fd);
	/* Busy: the round before is still at work; a later round asks again. */
	if (status != 0 && status != -EBUSY && status != -ECONNRESET)
		log_warning("retention: %s: %s (%s)", w->name, text[0] ? text : "refused",
			    strerror(-status));
}

static void ask(struct retention *r, unsigned partition, unsigned slot,
		const struct retention_verdict *v)
{
	struct watched *w = &r->watched[partition][slot];
	const uint64_t arg[4] = {slot, partition, v->log_start};

	int rc = dataplane_link_ask(r->link, CONTROL_RETAIN, arg, -1, ANSWER_TIMEOUT_MS, on_answer,
				    w);
	if (rc < 0)
		return;
	if (w->asked_start != v->log_start)
		log_info("retention: %s: %" PRIu64 " segment%s, %" PRIu64
			 " bytes, go; first offset is now %" PRIu64,
			 w->name, v->segments, v->segments == 1 ? "" : "s", v->bytes, v->log_start);
	w->asked = true;
	w->asked_start = v->log_start;
	r->asked++;
}

/* Whether a look at the directory can bring anything. */
static bool worth_a_look(struct watched *w, const struct state_partition *p,
			 const struct plan_stream *stream, uint64_t now_ns)
{
	uint64_t segments = state_load(&p->segments);
	bool changed = segments != w->segments || w->age_ns != stream->retention_age_ns;

	if (segments < 2)
		return false;
	if (stream->retention_bytes && state_load(&p->bytes) > stream->retention_bytes)
		return true;
	return stream->retention_age_ns && (changed || now_ns >= w->next_look_ns);
}

static void look(struct retention *r, const struct plan *plan, const struct state *state,
		 unsigned partition, unsigned slot)
{
	const struct plan_stream *stream = &plan->streams[slot];
	const struct state_partition *p = state_partition(state, partition, slot);
	struct watched *w = &r->watched[partition][slot];
	const struct retention_limits limits = {stream->retention_bytes, stream->retention_age_ns};
	struct retention_verdict v;
	uint64_t now_ns = loop_real_ns();
	char dir[PLAN_PATH_MAX + PLAN_NAME_MAX + 16];

	if (w->asked || !worth_a_look(w, p, stream, now_ns))
		return;
	snprintf(w->name, sizeof(w->name), "%s-%u", stream->name, partition);
	snprintf(dir, sizeof(dir), "%s/%s", plan->storage_path, w->name);
	uint64_t active_base = atomic_load_explicit(&p->active_base, memory_order_acquire);
	uint64_t log_bytes = state_load(&p->bytes);
	uint64_t active_bytes = atomic_load_explicit(&p->active_bytes, memory_order_acquire);
	/* A roll in between: the old size beside the new base would count one segment twice. */
	if (active_base != atomic_load_explicit(&p->active_base, memory_order_acquire))
		return;
	int rc = retention_judge(dir, active_base, active_bytes, log_bytes, &limits, now_ns, &v);
	if (rc < 0) {
		log_warning("retention: %s: %s", dir, strerror(-rc));
		w->next_look_ns = now_ns + UINT64_C(60000000000);
		return;
	}
	w->segments = state_load(&p->segments);
	w->age_ns = stream->retention_age_ns;
	w->next_look_ns = v.next_look_ns;
	if (v.segments && v.log_start > atomic_load_explicit(&p->log_start, memory_order_acquire))
		ask(r, partition, slot, &v);
}

void retention_round(struct retention *r, const struct plan *plan)
{
	const struct state *state = dataplane_link_ready(r->link) ? state_open(r->run_dir) : NULL;

	if (!state)
		return;
	for (unsigned slot = 0; slot < plan->streams_max && slot < state->streams_max; slot++) {
		const struct plan_stream *stream = &plan->streams[slot];
		if (!stream->known || (!stream->retention_bytes && !stream->retention_age_ns))
			continue;
		for (unsigned i = 0; i < state_partition_rows(state); i++)
			if (r->asked < ASKED_AT_ONCE &&
			    atomic_load_explicit(&state_partition(state, i, slot)->open,
						 memory_order_acquire))
				look(r, plan, state, i, slot);
	}
	state_close(state);
}
