#include "plan_streams.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config_filter.h"

/* Slots that were ever used stay known: a dataplane keeps state by slot. */
static void keep_known(const struct plan *previous, struct plan *plan)
{
	for (unsigned i = 0; i < PLAN_STREAMS_MAX; i++) {
		if (!previous->streams[i].known)
			continue;
		memcpy(plan->streams[i].name, previous->streams[i].name, PLAN_NAME_MAX);
		plan->streams[i].known = 1;
	}
}

/* Its old slot, or the first that was never used; -1: none is left. */
static int slot_for(const struct plan *plan, const char *name)
{
	int slot = plan_stream_slot(plan, name);

	for (int i = 0; slot < 0 && i < plan->streams_max; i++)
		if (!plan->streams[i].known)
			slot = i;
	return slot;
}

static void fill(const struct config_stream *config, unsigned order, struct plan_stream *s)
{
	snprintf(s->name, sizeof(s->name), "%s", config->name);
	s->used = s->known = 1;
	s->order = (uint16_t)order;
	s->decoder = (uint8_t)config->decoder;
	s->key = (uint8_t)config->key;
	s->headers = (uint8_t)config->headers;
	s->compression = (uint8_t)config->compression;
	s->compression_level = (uint8_t)config->compression_level;
	s->catch_all = config->udp.any;
	s->listens = (uint16_t)config->udp.count;
	memcpy(s->listen, config->udp.list, sizeof(s->listen));
	s->batch_bytes = (uint32_t)config->batch_bytes;
	s->linger_ns = config->linger_ns;
	s->segment_bytes = config->segment_bytes;
	s->segment_age_ns = config->segment_age_ns;
	s->retention_bytes = config->retention_bytes;
	s->retention_age_ns = config->retention_age_ns;
}

static int fill_filter(const struct config_stream *config, struct plan *plan, struct plan_stream *s,
		       char *err, size_t err_size)
{
	uint32_t used = plan->filter_insns_count;
	int n;

	if (!config->filter[0])
		return 0;
	n = config_filter_compile(config->filter, plan->filter_insns + used,
				  PLAN_FILTER_INSNS_MAX - used, err, err_size);
	if (n < 0)
		return n;
	s->filter_first = used;
	s->filter_insns = (uint32_t)n;
	plan->filter_insns_count += (uint32_t)n;
	return 0;
}

int plan_streams_build(const struct config *config, const struct plan *previous, struct plan *plan,
		       char *key, size_t key_size, char *err, size_t err_size)
{
	if (previous)
		keep_known(previous, plan);
	for (unsigned i = 0; i < config->streams_count; i++) {
		const struct config_stream *stream = &config->streams[i];
		int slot = slot_for(plan, stream->name), rc;

		if (slot < 0) {
			unsigned gone = plan->streams_max;
			for (unsigned k = 0; k < config->streams_count; k++)
				gone -= plan_stream_slot(plan, config->streams[k].name) >= 0;
			snprintf(key, key_size, "max_streams");
			snprintf(err, err_size,
				 "%u is used up, no room for stream %s (%u of it by names removed "
				 "since the start): it needs a restart",
				 plan->streams_max, stream->name, gone);
			return -EBUSY;
		}
		fill(stream, i, &plan->streams[slot]);
		rc = fill_filter(stream, plan, &plan->streams[slot], err, err_size);
		if (rc < 0) {
			snprintf(key, key_size, "streams[%u].filter", i);
			return rc;
		}
	}
	return 0;
}
