/* What must be in the files of a partition after each of its lives. */
#include "log_sim.h"

static bool is_value(const struct testing_record *r, uint64_t seed)
{
	for (unsigned k = 0; k < r->value_bytes; k++)
		if (r->value[k] != testing_value(seed, k))
			return false;
	return true;
}

static void check_record(void *arg, const struct testing_record *r)
{
	const struct world *w = arg;

	CHECK(r->offset < w->seeds_room, "offset %lu", r->offset);
	if (is_value(r, w->seeds[r->offset]))
		return;
	uint64_t seed = 1;
	while (seed < w->next_seed && !is_value(r, seed))
		seed++;
	CHECK(0, "offset %lu holds seed %lu, not %lu; next is %lu, log_end %lu", r->offset, seed,
	      w->seeds[r->offset], w->next_seed, state_load(&w->t.st->log_end));
}

struct bases {
	uint64_t base[4096];
	unsigned count;
};

static int add_base(void *arg, const char *name, int is_dir)
{
	struct bases *b = arg;

	if (strlen(name) == 24 && strcmp(name + 20, ".log") == 0)
		b->base[b->count++] = strtoull(name, NULL, 10);
	return 0;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static struct bases list_segments(struct world *w)
{
	struct bases b = {.count = 0};

	w->disk->ops->list(w->disk, STORAGE "/s-0", add_base, &b);
	qsort(b.base, b.count, sizeof(b.base[0]), by_value);
	return b;
}

static void check_indexes(struct world *w, uint64_t base, const uint8_t *log, uint64_t len)
{
	struct testing_index want = testing_index_of(log, len, base);
	char path[128];
	uint64_t n;

	snprintf(path, sizeof(path), STORAGE "/s-0/%020lu.index", base);
	const uint8_t *bytes = disk_sim_file(w->disk, path, &n);
	CHECK(bytes && n == want.index_bytes && !memcmp(bytes, want.index, n),
	      "%s: %lu bytes, not %lu", path, bytes ? n : 0, want.index_bytes);
	snprintf(path, sizeof(path), STORAGE "/s-0/%020lu.timeindex", base);
	bytes = disk_sim_file(w->disk, path, &n);
	CHECK(bytes && n == want.times_bytes && !memcmp(bytes, want.times, n),
	      "%s: %lu bytes, not %lu", path, bytes ? n : 0, want.times_bytes);
	free(want.index);
	free(want.times);
}

/* A segment followed by another is always read to the next one's base. */
void check_files(struct world *w, uint64_t end, bool exact)
{
	struct bases b = list_segments(w);
	uint64_t offset, len;
	const char *why;
	char path[128];

	CHECK(b.count > 0, "no segment");
	offset = b.base[0];
	CHECK(offset <= w->log_start || w->log_start == 0, "first %lu, log start %lu", offset,
	      w->log_start);
	for (unsigned i = 0; i < b.count && (offset < end || exact); i++) {
		bool last = i + 1 == b.count;

		CHECK(b.base[i] == offset, "segment %lu, not %lu", b.base[i], offset);
		snprintf(path, sizeof(path), STORAGE "/s-0/%020lu.log", offset);
		const uint8_t *log = disk_sim_file(w->disk, path, &len);
		uint64_t valid = testing_walk(log, len, &offset, &why, check_record, w);
		if (!last)
			CHECK(offset == b.base[i + 1] || offset >= end,
			      "%s ends at %lu, not %lu: %s", path, offset, b.base[i + 1], why);
		if (!exact)
			continue;
		CHECK(valid == len, "%s: %s at %lu of %lu", path, why, valid, len);
		check_indexes(w, b.base[i], log, len);
	}
	CHECK(offset >= end, "ends at %lu, not %lu: %s", offset, end, why);
	if (exact)
		CHECK(offset == end, "goes on to %lu behind %lu", offset, end);
}

void check_recovered(struct world *w, uint64_t end)
{
	struct bases b = list_segments(w);
	uint64_t offset = b.base[0], len;
	const char *why;
	char path[128];

	for (unsigned i = 0; i < b.count; i++) {
		snprintf(path, sizeof(path), STORAGE "/s-0/%020lu.log", b.base[i]);
		const uint8_t *log = disk_sim_file(w->disk, path, &len);
		CHECK(b.base[i] == offset, "segment %lu, not %lu", b.base[i], offset);
		uint64_t valid = testing_walk(log, len, &offset, &why, check_record, w);
		if (i + 1 < b.count) {
			CHECK(valid == len, "%s: %s at %lu of %lu", path, why, valid, len);
			check_indexes(w, b.base[i], log, len);
			continue;
		}
		/* Nothing old behind the end: it was cut off, then extended with zeros. */
		for (uint64_t k = valid; k < len; k++)
			CHECK(log[k] == 0, "%s: byte %lu behind the end is not zero", path, k);
	}
	CHECK(offset == end, "files end at %lu, log_end is %lu", offset, end);
}
