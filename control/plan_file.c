#include "plan_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_filter.h"
#include "config_here.h"
#include "config_keys.h"
#include "plan_build.h"

/* Where "streams[3].batch_size" or "lanes.cores" stands in the file. */
static struct config_pos find_pos(const struct config *config, const char *key)
{
	const struct config_key *known = config_key_lookup(key);
	const struct config_pos *pos = config->pos;
	struct config_pos found = {0};
	unsigned i;

	if (!known)
		return found;
	if (sscanf(key, "streams[%u]", &i) == 1 && i < config->streams_count)
		pos = config->streams[i].pos;
	else if (sscanf(key, "ports[%u]", &i) == 1 && i < config->ports_count)
		pos = config->ports[i].pos;
	found = pos[config_key_index(known)];
	return found;
}

static bool build(const struct config *config, struct plan *plan, struct placement *placement,
		  struct config_report *report)
{
	char key[64], why[512];

	if (plan_build_explained(config, NULL, plan, placement, key, sizeof(key), why,
				 sizeof(why)) == 0)
		return true;
	config_error(report, find_pos(config, key), key, why,
		     "what this machine and the rest of the file allow");
	return false;
}

struct config *plan_file_check(const char *file, struct config_report *report, struct plan *plan,
			       struct placement *placement)
{
	struct plan *own_plan = NULL;
	struct placement *own_placement = NULL;
	struct config *config = config_load(file, report);

	if (!config)
		return NULL;
	if (!plan)
		plan = own_plan = malloc(sizeof(*plan));
	if (!placement)
		placement = own_placement = malloc(sizeof(*placement));
	if (plan && placement && build(config, plan, placement, report))
		config_filter_try(config, plan, report);
	config_here_check(config, report);
	free(own_plan);
	free(own_placement);
	if (report->errors) {
		config_free(config);
		return NULL;
	}
	return config;
}
