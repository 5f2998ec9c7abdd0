/*
 * Topics and partitions: the streams that the dataplane's state block names, and whatever else lies
 * in the data directory. Entries stay while the gateway runs. One thread.
 */
#pragma once

#include "limits.h"
#include "names.h"
#include "partition.h"
#include "wire.h"

struct topic {
	char name[LOG_STREAM_NAME_MAX];
	uint8_t id[TOPIC_ID_BYTES];
	struct name by_name, by_id;
	unsigned number;			      /* its place among the catalog's topics */
	unsigned count;				      /* of partitions that are there */
	struct partition *partitions[PLAN_LANES_MAX]; /* by number; NULL: not there */
};

struct catalog {
	char run_dir[PLAN_PATH_MAX];  /* "": look only at data_dir */
	char data_dir[PLAN_PATH_MAX]; /* "": as the state block says */
	char cluster_id[24];
	const struct state *state; /* NULL: none found */
	unsigned topics_count;
	struct topic *topics[LIMIT_TOPICS];
	struct names topics_by_name, topics_by_id;
	struct partition **all; /* of all topics */
	size_t all_count;
	uint64_t refreshed_ms;
	uint32_t questions; /* ListOffsets, Fetches, OffsetCommits: each partition counts once */
	unsigned lookups;   /* see disk_lookup.h, on their way */
	uint64_t ends;	    /* as of catalog_moved() */
	uint64_t moves;	    /* how often it has said so */
};

/* -ENOENT: neither a state block nor a data directory. */
int catalog_open(struct catalog *catalog, const char *run_dir, const char *data_dir);
void catalog_close(struct catalog *catalog);

/* Looks for new streams, another state block, other ends; at most once in REFRESH_MS. */
void catalog_refresh(struct catalog *catalog, uint64_t now_ms);

/* NULL: there is none. */
struct topic *catalog_topic(const struct catalog *catalog, struct wire_string name);
struct topic *catalog_topic_by_id(const struct catalog *catalog, const uint8_t id[TOPIC_ID_BYTES]);
struct partition *catalog_partition(const struct topic *topic, int32_t number);

/* Has any live partition's end moved since the last call? A few loads. */
bool catalog_moved(struct catalog *catalog);
