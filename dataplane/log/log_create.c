/*
 * Cold: the log's memory, all of it taken here and in log_open.c, none on the way of a batch.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log_private.h"
#include "touch.h"

static int create_writes(struct log *log)
{
	log->writes = touch_alloc(STATE_LINE, log->write_depth * sizeof(*log->writes));
	if (!log->writes)
		return -ENOMEM;
	for (unsigned i = 0; i < log->write_depth; i++) {
		log->writes[i].next = log->writes_free;
		log->writes_free = &log->writes[i];
	}
	return 0;
}

int log_create(struct log **out, const struct log_config *config)
{
	size_t cells = (size_t)PLAN_LANES_MAX * config->plan->streams_max;
	struct log *log = touch_alloc(STATE_LINE, sizeof(*log));

	if (!log)
		return -ENOMEM;
	log->config = *config;
	log->disk = config->disk;
	log->plan = config->plan;
	log->streams_max = config->plan->streams_max;
	log->visible_written = config->plan->visible == PLAN_VISIBLE_WRITTEN;
	log->prepare_bytes = config->plan->prepare_bytes;
	memcpy(log->storage_path, config->plan->storage_path, sizeof(log->storage_path));
	log->core = config->state ? state_core(config->state, config->core) : &log->own_core;
	log->write_depth = config->plan->write_depth ? config->plan->write_depth : 1;
	log->opened = calloc(cells, sizeof(struct log_partition *));
	log->table = touch_alloc(STATE_LINE, cells * sizeof(struct log_partition *));
	log->ready_end = &log->ready;
	log->attention_end = &log->attention;
	log->dirty_end = &log->dirty;
	log->backlog_end = &log->backlog;
	log->stuck_end = &log->stuck;
	log->free_end = &log->free;
	int rc = log->opened && log->table ? create_writes(log) : -ENOMEM;
	if (rc == 0)
		rc = log_codec_create(log);
	log->config.plan = NULL;
	if (rc < 0) {
		log_destroy(log);
		return rc;
	}
	*out = log;
	return 0;
}

void log_destroy(struct log *log)
{
	if (!log)
		return;
	if (log->opened)
		for (size_t i = 0; i < (size_t)PLAN_LANES_MAX * log->streams_max; i++)
			log_partition_free(log->opened[i]);
	log_codec_destroy(log);
	free(log->opened);
	free(log->table);
	free(log->writes);
	free(log);
}
