/* Metadata: the one broker, topics and their partitions. Nothing is ever created. */
#include <string.h>

#include "api.h"

static void put_broker(struct api_call *call)
{
	wire_put32(call->out, API_NODE_ID);
	wire_put_text(call->out, call->host);
	wire_put32(call->out, call->port);
	if (call->version >= 1)
		wire_put_text(call->out, NULL); /* rack */
}

static void put_nodes(struct wire_writer *out)
{
	wire_put_array(out, 1);
	wire_put32(out, API_NODE_ID);
}

static void put_partition(struct api_call *call, const struct partition *p)
{
	struct partition_view view = {.epoch = -1};
	bool there = partition_look(p, &view);

	wire_put16(call->out, there ? ERROR_NONE : ERROR_LEADER_NOT_AVAILABLE);
	wire_put32(call->out, (int32_t)p->number);
	wire_put32(call->out, there ? API_NODE_ID : -1);
	if (call->version >= 7)
		wire_put32(call->out, view.epoch);
	put_nodes(call->out); /* replicas */
	put_nodes(call->out); /* in sync */
	if (call->version >= 5)
		wire_put_array(call->out, 0); /* offline */
}

static void put_topic(struct api_call *call, struct wire_string name, const struct topic *topic)
{
	wire_put16(call->out, topic ? ERROR_NONE : ERROR_UNKNOWN_TOPIC_OR_PARTITION);
	wire_put_string(call->out, name);
	if (call->version >= 1)
		wire_put8(call->out, false); /* internal */
	wire_put_array(call->out, topic ? (int32_t)topic->count : 0);
	for (unsigned i = 0; topic && i < PLAN_LANES_MAX; i++)
		if (topic->partitions[i])
			put_partition(call, topic->partitions[i]);
	if (call->version >= 8)
		wire_put32(call->out, INT32_MIN); /* authorized operations: not told */
}

static void put_all(struct api_call *call)
{
	wire_put_array(call->out, (int32_t)call->catalog->topics_count);
	for (unsigned i = 0; i < call->catalog->topics_count; i++) {
		const struct topic *topic = call->catalog->topics[i];
		struct wire_string name = {.at = topic->name, .len = (int)strlen(topic->name)};

		put_topic(call, name, topic);
	}
}

enum api_result api_metadata(struct api_call *call)
{
	int32_t count = wire_get_array(call->in, 2);

	if (call->version >= 3)
		wire_put32(call->out, 0); /* throttle */
	wire_put_array(call->out, 1);
	put_broker(call);
	if (call->version >= 2)
		wire_put_text(call->out, call->catalog->cluster_id);
	if (call->version >= 1)
		wire_put32(call->out, API_NODE_ID); /* controller */
	/* All topics are asked for by null; in version 0 by none. */
	if (count < 0 || (count == 0 && call->version == 0)) {
		put_all(call);
	} else {
		wire_put_array(call->out, count);
		for (int32_t i = 0; i < count && !call->in->failed; i++) {
			struct wire_string name = wire_get_name(call->in);
			put_topic(call, name, catalog_topic(call->catalog, name));
		}
	}
	if (call->version >= 4)
		wire_get8(call->in); /* create topics that are not there: no */
	if (call->version >= 8) {
		wire_get8(call->in); /* tell authorized operations: not known */
		wire_get8(call->in);
		wire_put32(call->out, INT32_MIN);
	}
	return API_SEND;
}
