#include "state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fnv.h"

_Static_assert(sizeof(struct state_rx) % STATE_LINE == 0, "lines of two writers must not meet");
_Static_assert(sizeof(struct state_lane) % STATE_LINE == 0, "lines of two writers must not meet");
_Static_assert(sizeof(struct state_core) % STATE_LINE == 0, "lines of two writers must not meet");
_Static_assert(sizeof(struct state_partition) % STATE_LINE == 0,
	       "lines of two writers must not meet");
_Static_assert(offsetof(struct state_lane, batches) % STATE_LINE == 0, "the log core's line");
_Static_assert(offsetof(struct state_partition, visible_end) % STATE_LINE == 0,
	       "the log core's line");

void state_name(const char *run_dir, char name[32])
{
	size_t len = strlen(run_dir);

	while (len > 1 && run_dir[len - 1] == '/')
		len--;
	snprintf(name, 32, "/weir-%016llx", (unsigned long long)fnv_bytes(FNV_START, run_dir, len));
}

static uint32_t layout_check(void)
{
	const uint32_t shape[] = {
		sizeof(struct state),
		sizeof(struct state_port),
		sizeof(struct state_lane),
		sizeof(struct state_core),
		sizeof(struct state_rx),
		sizeof(struct state_partition),
		sizeof(struct state_stream),
		LEDGER_ROWS,
		EVENT_ROWS,
		STATE_RECENT,
	};
	return (uint32_t)fnv_bytes(FNV_START, shape, sizeof(shape));
}

static uint64_t lines(uint64_t bytes)
{
	return (bytes + STATE_LINE - 1) / STATE_LINE * STATE_LINE;
}

/* What the head of a block of this shape would be. */
static struct state layout_of(uint32_t ports, uint32_t lanes, uint32_t cores, uint32_t streams_max)
{
	struct state s = {.version = STATE_VERSION, .layout_check = layout_check()};
	uint64_t at = lines(sizeof(struct state));

	s.ports = ports;
	s.lanes = lanes;
	s.cores = cores;
	s.streams_max = streams_max;
	s.off_ports = at;
	at += lines(s.ports * sizeof(struct state_port));
	s.off_lanes = at;
	at += s.lanes * sizeof(struct state_lane);
	s.off_cores = at;
	at += s.cores * sizeof(struct state_core);
	s.off_streams = at;
	at += lines(s.streams_max * sizeof(struct state_stream));
	s.off_rx = at;
	at += (uint64_t)s.lanes * s.ports * sizeof(struct state_rx);
	s.off_partitions = at;
	at += (uint64_t)PLAN_LANES_MAX * s.streams_max * sizeof(struct state_partition);
	s.size_bytes = at;
	return s;
}

static bool same_shape(const struct state *a, const struct state *b)
{
	return a->version == b->version && a->layout_check == b->layout_check &&
	       a->size_bytes == b->size_bytes && a->ports == b->ports && a->lanes == b->lanes &&
	       a->cores == b->cores && a->streams_max == b->streams_max &&
	       a->off_ports == b->off_ports && a->off_lanes == b->off_lanes &&
	       a->off_cores == b->off_cores && a->off_streams == b->off_streams &&
	       a->off_rx == b->off_rx && a->off_partitions == b->off_partitions;
}

/* Everything that readers go by fits this build and the size of the object. */
static bool is_sound(const struct state *s, uint64_t size)
{
	if (s->ports > PLAN_PORTS_MAX || s->lanes > PLAN_LANES_MAX || s->cores > PLAN_CORES_MAX ||
	    s->streams_max > PLAN_STREAMS_MAX || s->size_bytes != size)
		return false;
	struct state want = layout_of(s->ports, s->lanes, s->cores, s->streams_max);
	return same_shape(s, &want);
}

/* Names in /dev/shm are free for all: a block that another user made, or may change, is not ours.
 */
static bool is_ours(const struct stat *st)
{
	return st->st_uid == geteuid() && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

static struct state *map_shm(int fd, size_t size, int prot)
{
	void *p = mmap(NULL, size, prot, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static struct state *create_fresh(const char *name, const struct state *want)
{
	/* A reader may still map the old block: take its name away instead of changing it. */
	if (shm_unlink(name) < 0 && errno != ENOENT)
		return NULL;
	int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0640);
	if (fd < 0)
		return NULL;
	struct state *s = NULL;
	if (ftruncate(fd, (off_t)want->size_bytes) == 0)
		s = map_shm(fd, want->size_bytes, PROT_READ | PROT_WRITE);
	int saved = errno;
	close(fd);
	if (!s) {
		shm_unlink(name);
		errno = saved;
		return NULL;
	}
	*s = *want;
	return s;
}

struct state *state_create(const struct plan *plan, uint64_t tsc_hz, bool *fresh)
{
	char name[32];
	struct state want = layout_of(plan->ports_count, plan->lanes_count, plan->cores_count,
				      plan->streams_max);
	struct state *s = NULL;
	struct stat st;

	snprintf(want.storage_path, sizeof(want.storage_path), "%s", plan->storage_path);
	state_name(plan->run_dir, name);
	*fresh = false;
	int fd = shm_open(name, O_RDWR, 0);
	if (fd >= 0) {
		if (fstat(fd, &st) == 0 && is_ours(&st) && (uint64_t)st.st_size == want.size_bytes)
			s = map_shm(fd, want.size_bytes, PROT_READ | PROT_WRITE);
		close(fd);
		if (s && (s->magic != STATE_MAGIC || !same_shape(s, &want) ||
			  strcmp(s->storage_path, want.storage_path) != 0)) {
			munmap(s, want.size_bytes);
			s = NULL;
		}
	}
	if (!s) {
		s = create_fresh(name, &want);
		if (!s)
			return NULL;
		struct timespec now;
		clock_gettime(CLOCK_REALTIME, &now);
		s->created_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
		*fresh = true;
	}
	s->tsc_hz = tsc_hz;
	__atomic_store_n(&s->magic, STATE_MAGIC, __ATOMIC_RELEASE);
	return s;
}

static const struct state *open_block(const char *name)
{
	struct stat st;
	int fd = shm_open(name, O_RDONLY, 0);
	if (fd < 0)
		return NULL;
	struct state *s = NULL;
	if (fstat(fd, &st) == 0 && (size_t)st.st_size >= sizeof(struct state))
		s = map_shm(fd, (size_t)st.st_size, PROT_READ);
	close(fd);
	if (!s) {
		errno = EPROTO;
		return NULL;
	}
	if (__atomic_load_n(&s->magic, __ATOMIC_ACQUIRE) != STATE_MAGIC ||
	    !is_sound(s, (uint64_t)st.st_size)) {
		munmap(s, (size_t)st.st_size);
		errno = EPROTO;
		return NULL;
	}
	return s;
}

const struct state *state_open(const char *run_dir)
{
	char name[32];

	state_name(run_dir, name);
	return open_block(name);
}

static bool same_directory(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

const struct state *state_find(const char *storage_path)
{
	/* Where Linux keeps POSIX shared memory, shm_overview(7). */
	DIR *dir = opendir("/dev/shm");
	const struct state *best = NULL;
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "weir-", 5) != 0)
			continue;
		const struct state *s = open_block(entry->d_name);
		if (!s)
			continue;
		if (same_directory(s->storage_path, storage_path) &&
		    (!best || state_load(&s->heartbeat_ns) > state_load(&best->heartbeat_ns))) {
			state_close(best);
			best = s;
		} else {
			state_close(s);
		}
	}
	if (dir)
		closedir(dir);
	if (!best)
		errno = ENOENT;
	return best;
}

void state_close(const struct state *s)
{
	if (s)
		munmap((void *)(uintptr_t)s, s->size_bytes);
}

int state_unlink(const char *run_dir)
{
	char name[32];

	state_name(run_dir, name);
	return shm_unlink(name) < 0 ? -errno : 0;
}

bool state_read_again(struct state_retry *retry)
{
	enum { AT_ONCE = 3000, PATIENCE_MS = 1000 };
	struct timespec now;

	if (retry->tries++ < AT_ONCE)
		return true;
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	if (!retry->until_ms)
		retry->until_ms = ms + PATIENCE_MS;
	usleep(100);
	return ms < retry->until_ms;
}

bool state_read_rx(const struct state *s, unsigned lane, unsigned port, struct state_rx_copy *out)
{
	struct state_rx *rx = state_rx(s, lane, port);
	struct state_retry retry = {0};

	do {
		uint64_t before = atomic_load_explicit(&rx->seq, memory_order_acquire);
		out->received = state_load(&rx->received);
		out->received_bytes = state_load(&rx->received_bytes);
		for (int i = 0; i < LEDGER_ROWS; i++)
			out->ledger[i] = state_load(&rx->ledger[i]);
		atomic_thread_fence(memory_order_acquire);
		if (!(before & 1) && state_load(&rx->seq) == before)
			return true;
	} while (state_read_again(&retry));
	return false;
}
