/* Metadata: the one broker, topics and their partitions. Nothing is ever created. */
#include <ctype.h>
#include <string.h>

#include "api.h"

enum { EPOCH_FROM = 7, OPERATIONS_FROM = 8, ID_FROM = 10, BY_ID_FROM = 12 };
enum { CLUSTER_OPERATIONS_TO = 10 };
enum { TOPIC_NAME_MAX = 249 };

static void put_broker(struct api_call *call)
{
	api_put_node(call);
	if (call->version >= 1)
		wire_put_text(call->out, NULL); /* rack */
	wire_put_tags(call->out);
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
	if (call->version >= EPOCH_FROM)
		wire_put32(call->out, view.epoch);
	put_nodes(call->out); /* replicas */
	put_nodes(call->out); /* in sync */
	if (call->version >= 5)
		wire_put_array(call->out, 0); /* offline */
	wire_put_tags(call->out);
}

/* What a request names: a topic by name, or from BY_ID_FROM on by id. */
struct asked {
	struct wire_string name; /* may be null where there are ids */
	uint8_t id[WIRE_UUID_BYTES];
};

/* topic: NULL with an error. */
static void put_topic(struct api_call *call, const struct asked *asked, const struct topic *topic,
		      enum protocol_error error)
{
	wire_put16(call->out, (int16_t)error);
	wire_put_string(call->out, asked->name);
	if (call->version >= ID_FROM)
		wire_put_uuid(call->out, asked->id);
	if (call->version >= 1)
		wire_put8(call->out, false); /* internal */
	wire_put_array(call->out, topic ? (int32_t)topic->count : 0);
	for (unsigned i = 0; topic && i < PLAN_LANES_MAX; i++)
		if (topic->partitions[i])
			put_partition(call, topic->partitions[i]);
	if (call->version >= OPERATIONS_FROM)
		wire_put32(call->out, INT32_MIN); /* authorized operations: not told */
	wire_put_tags(call->out);
}

static void put_known(struct api_call *call, const struct topic *topic)
{
	struct asked asked = {.name = {.at = topic->name, .len = (int32_t)strlen(topic->name)}};

	memcpy(asked.id, topic->id, sizeof(asked.id));
	put_topic(call, &asked, topic, ERROR_NONE);
}

static void put_all(struct api_call *call)
{
	wire_put_array(call->out, (int32_t)call->catalog->topics_count);
	for (unsigned i = 0; i < call->catalog->topics_count; i++)
		put_known(call, call->catalog->topics[i]);
}

/* Kafka's rule for names of topics. */
static bool may_be_topic(struct wire_string name)
{
	static const char others[] = "._-";

	if (name.len < 1 || name.len > TOPIC_NAME_MAX)
		return false;
	for (int32_t i = 0; i < name.len; i++)
		if (!isalnum((unsigned char)name.at[i]) &&
		    !memchr(others, name.at[i], sizeof(others) - 1))
			return false;
	return !(name.at[0] == '.' && (name.len == 1 || (name.len == 2 && name.at[1] == '.')));
}

static void answer_topic(struct api_call *call)
{
	static const uint8_t none[WIRE_UUID_BYTES];
	struct asked asked = {0};

	if (call->version >= ID_FROM)
		wire_get_uuid(call->in, asked.id);
	asked.name = call->version >= ID_FROM ? wire_get_string(call->in) : wire_get_name(call->in);
	wire_get_tags(call->in);
	if (call->in->failed)
		return;
	bool by_id = memcmp(asked.id, none, sizeof(none)) != 0;
	bool named = asked.name.len >= 0;
	const struct topic *topic = NULL;
	enum protocol_error error =
		by_id ? ERROR_UNKNOWN_TOPIC_ID : ERROR_UNKNOWN_TOPIC_OR_PARTITION;

	if (by_id ? call->version < BY_ID_FROM : !named)
		error = ERROR_INVALID_REQUEST;
	else if (by_id)
		topic = catalog_topic_by_id(call->catalog, asked.id);
	else
		topic = catalog_topic(call->catalog, asked.name);
	if (!topic && !by_id && named && !may_be_topic(asked.name))
		error = ERROR_INVALID_TOPIC;
	if (topic) {
		put_known(call, topic);
		return;
	}
	/* Only answers about ids may have a null name. */
	if (call->version < BY_ID_FROM && !named)
		asked.name.len = 0;
	else if (call->version >= BY_ID_FROM && by_id)
		asked.name.len = -1;
	put_topic(call, &asked, NULL, error);
}

enum api_result api_metadata(struct api_call *call)
{
	int32_t count = wire_get_array(call->in, call->version >= ID_FROM ? 18 : 2);

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
		while (api_list_next(call, &count))
			answer_topic(call);
	}
	if (call->version >= 4)
		wire_get8(call->in); /* create topics that are not there: no */
	/* Tell authorized operations: they are not known. */
	if (call->version >= OPERATIONS_FROM)
		wire_get8(call->in); /* on topics */
	if (call->version >= OPERATIONS_FROM && call->version <= CLUSTER_OPERATIONS_TO) {
		wire_get8(call->in); /* on the cluster */
		wire_put32(call->out, INT32_MIN);
	}
	api_end(call);
	return API_SEND;
}
