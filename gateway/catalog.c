#include "catalog.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api/fnv.h"

static bool same_directory(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The same on this machine for this directory for ever: FNV-1a, as text. */
static void make_cluster_id(struct catalog *catalog)
{
	char machine[40] = "";
	FILE *in = fopen("/etc/machine-id", "r");

	if (in) {
		if (!fgets(machine, sizeof(machine), in))
			machine[0] = 0;
		fclose(in);
	}
	uint64_t hash = fnv_text(fnv_text(fnv_text(FNV_START, machine), ":"), catalog->data_dir);
	snprintf(catalog->cluster_id, sizeof(catalog->cluster_id), "weir-%016llx",
		 (unsigned long long)hash);
}

/* A successor's block in place of the one at hand; none leaves that one. */
static void find_state(struct catalog *catalog)
{
	const struct state *found = NULL;

	if (catalog->run_dir[0])
		found = state_open(catalog->run_dir);
	/* One started by hand may have a run_dir of its own. */
	if (!found && catalog->data_dir[0])
		found = state_find(catalog->data_dir);
	if (found && catalog->data_dir[0] &&
	    !same_directory(found->storage_path, catalog->data_dir)) {
		state_close(found);
		found = NULL;
	}
	if (!found)
		return;
	if (catalog->state && catalog->state->created_ns == found->created_ns) {
		state_close(found);
		return;
	}
	for (size_t i = 0; i < catalog->all_count; i++)
		catalog->all[i]->live = NULL;
	state_close(catalog->state);
	catalog->state = found;
	if (!catalog->data_dir[0])
		snprintf(catalog->data_dir, sizeof(catalog->data_dir), "%.*s", PLAN_PATH_MAX - 1,
			 found->storage_path);
}

struct topic *catalog_topic(const struct catalog *catalog, struct wire_string name)
{
	return names_find_string(&catalog->topics_by_name, name);
}

struct topic *catalog_topic_by_id(const struct catalog *catalog, const uint8_t id[TOPIC_ID_BYTES])
{
	return names_find(&catalog->topics_by_id, id, TOPIC_ID_BYTES);
}

struct partition *catalog_partition(const struct topic *topic, int32_t number)
{
	if (!topic || number < 0 || number >= PLAN_LANES_MAX)
		return NULL;
	return topic->partitions[number];
}

static bool room_for_one(struct catalog *catalog)
{
	enum { STEP = 64 };

	if (catalog->all_count % STEP)
		return true;
	struct partition **all =
		realloc(catalog->all, (catalog->all_count + STEP) * sizeof(struct partition *));
	if (all)
		catalog->all = all;
	return all != NULL;
}

/* The entry, made if it is not there yet; NULL: no such directory, or no memory. */
static struct partition *entry_of(struct catalog *catalog, const char *stream, uint32_t number)
{
	struct topic *topic = catalog_topic(
		catalog, (struct wire_string){.at = stream, .len = (int32_t)strlen(stream)});
	struct partition *p = catalog_partition(topic, (int32_t)number);

	if (p || number >= PLAN_LANES_MAX || (!topic && catalog->topics_count == LIMIT_TOPICS))
		return p;
	if (!room_for_one(catalog))
		return NULL;
	p = partition_create(catalog->data_dir, stream, number);
	if (!p)
		return NULL;
	if (!topic) {
		topic = calloc(1, sizeof(*topic));
		if (!topic) {
			partition_destroy(p);
			return NULL;
		}
		memcpy(topic->name, p->stream, sizeof(topic->name));
		topic->number = catalog->topics_count++;
		catalog->topics[topic->number] = topic;
		names_put(&catalog->topics_by_name, &topic->by_name, topic->name,
			  strlen(topic->name), topic);
	}
	topic->partitions[number] = p;
	topic->count++;
	catalog->all[catalog->all_count++] = p;
	return p;
}

static void attach_live(struct catalog *catalog)
{
	const struct state *state = catalog->state;
	char name[PLAN_NAME_MAX];

	for (unsigned slot = 0; slot < state->streams_max; slot++) {
		/* The main thread of a dataplane may be writing it: a copy, with an end. */
		memcpy(name, state_stream(state, slot)->name, sizeof(name));
		name[sizeof(name) - 1] = 0;
		if (!plan_name_valid(name))
			continue;
		for (unsigned i = 0; i < state_partition_rows(state); i++) {
			const struct state_partition *live = state_partition(state, i, slot);

			if (!atomic_load_explicit((state_u32 *)&live->open, memory_order_acquire))
				continue;
			struct partition *p = entry_of(catalog, name, i);
			if (p && p->live != live) {
				p->live = live;
				p->segments_count = 0;
				/* What was read so far it may write on, in files as large. */
				p->scanned = false;
			}
		}
	}
}

/* A dataplane that is about to recover partitions: until it has, nobody knows where they end. */
static bool recovering(const struct state *state)
{
	if (!state || atomic_load_explicit((state_u32 *)&state->run_state, memory_order_acquire) !=
			      STATE_STARTING)
		return false;
	pid_t pid = (pid_t)atomic_load_explicit((state_u32 *)&state->pid, memory_order_relaxed);
	return pid > 0 && !(kill(pid, 0) < 0 && errno == ESRCH);
}

/* All partitions of a topic say the same id, if they say one. */
static void find_id(const struct catalog *catalog, const struct topic *topic,
		    uint8_t id[TOPIC_ID_BYTES])
{
	for (unsigned n = 0; n < PLAN_LANES_MAX; n++) {
		const struct partition *p = topic->partitions[n];

		if (!p || !p->has_topic_id)
			continue;
		memcpy(id, p->topic_id, TOPIC_ID_BYTES);
		return;
	}
	topic_id_derive(catalog->cluster_id, topic->name, id);
}

static void name_id(struct catalog *catalog, struct topic *topic)
{
	uint8_t id[TOPIC_ID_BYTES];

	find_id(catalog, topic, id);
	if (topic->by_id.of && memcmp(id, topic->id, sizeof(id)) == 0)
		return;
	names_remove(&catalog->topics_by_id, &topic->by_id);
	memcpy(topic->id, id, sizeof(id));
	names_put(&catalog->topics_by_id, &topic->by_id, topic->id, sizeof(id), topic);
}

static void refresh(struct catalog *catalog)
{
	struct log_dir_partition *list = NULL;
	size_t count = 0;
	bool wait;

	find_state(catalog);
	wait = recovering(catalog->state);
	if (catalog->state)
		attach_live(catalog);
	if (log_dir_partitions(catalog->data_dir, &list, &count) == 0)
		for (size_t i = 0; i < count; i++)
			entry_of(catalog, list[i].stream, list[i].partition);
	free(list);
	for (size_t i = 0; i < catalog->all_count; i++) {
		catalog->all[i]->unavailable = wait && !catalog->all[i]->live;
		partition_refresh(catalog->all[i], catalog->data_dir);
	}
	for (unsigned i = 0; i < catalog->topics_count; i++)
		name_id(catalog, catalog->topics[i]);
}

void catalog_refresh(struct catalog *catalog, uint64_t now_ms)
{
	if (now_ms < catalog->refreshed_ms + REFRESH_MS)
		return;
	catalog->refreshed_ms = now_ms;
	refresh(catalog);
}

bool catalog_moved(struct catalog *catalog)
{
	uint64_t ends = 0;

	/* Ends only rise, so their sum tells. */
	for (size_t i = 0; i < catalog->all_count; i++)
		ends += partition_end(catalog->all[i]);
	if (ends == catalog->ends)
		return false;
	catalog->ends = ends;
	catalog->moves++;
	return true;
}

int catalog_open(struct catalog *catalog, const char *run_dir, const char *data_dir)
{
	struct stat st;

	*catalog = (struct catalog){0};
	snprintf(catalog->run_dir, sizeof(catalog->run_dir), "%s", run_dir ? run_dir : "");
	snprintf(catalog->data_dir, sizeof(catalog->data_dir), "%s", data_dir ? data_dir : "");
	find_state(catalog);
	if (!catalog->data_dir[0])
		return -ENOENT;
	if (stat(catalog->data_dir, &st) < 0)
		return -errno;
	make_cluster_id(catalog);
	refresh(catalog);
	return 0;
}

void catalog_close(struct catalog *catalog)
{
	for (size_t i = 0; i < catalog->all_count; i++)
		partition_destroy(catalog->all[i]);
	for (unsigned i = 0; i < catalog->topics_count; i++)
		free(catalog->topics[i]);
	names_clear(&catalog->topics_by_name);
	names_clear(&catalog->topics_by_id);
	free(catalog->all);
	catalog->all = NULL;
	catalog->topics_count = catalog->all_count = 0;
	state_close(catalog->state);
	catalog->state = NULL;
}
