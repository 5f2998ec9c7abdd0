/*
 * DescribeConfigs: what holds for every stream and for this broker, by Kafka's names for it. What
 * only the dataplane's plan knows (retention, segment sizes) is left out rather than guessed.
 */
#include <stdio.h>

#include "api.h"
#include "api/log_format.h"
#include "limits.h"

enum { TYPE_FROM = 3, FLEXIBLE_FROM = 4 };
enum { RESOURCE_TOPIC = 2, RESOURCE_BROKER = 4 };
enum { SOURCE_DEFAULT = 5 };
enum { TYPE_BOOLEAN = 1, TYPE_STRING = 2, TYPE_INT = 3, TYPE_LONG = 5, TYPE_LIST = 7 };

struct config {
	const char *name;
	const char *text; /* NULL: number */
	int64_t number;
	int8_t type;
};

static const struct config topic_configs[] = {
	{"cleanup.policy", "delete", 0, TYPE_LIST},
	/* Batches are kept as they were written. */
	{"compression.type", "producer", 0, TYPE_STRING},
	{"index.interval.bytes", NULL, LOG_INDEX_INTERVAL, TYPE_INT},
	{"message.timestamp.type", "CreateTime", 0, TYPE_STRING},
	{"min.insync.replicas", NULL, 1, TYPE_INT},
	{"remote.storage.enable", "false", 0, TYPE_BOOLEAN},
	{"unclean.leader.election.enable", "false", 0, TYPE_BOOLEAN},
};

static const struct config broker_configs[] = {
	{"auto.create.topics.enable", "false", 0, TYPE_BOOLEAN},
	{"connections.max.idle.ms", NULL, LIMIT_IDLE_MS, TYPE_LONG},
	{"default.replication.factor", NULL, 1, TYPE_INT},
	{"delete.topic.enable", "false", 0, TYPE_BOOLEAN},
	{"fetch.max.bytes", NULL, LIMIT_FETCH_BYTES, TYPE_INT},
	{"log.cleanup.policy", "delete", 0, TYPE_LIST},
	{"max.connections", NULL, LIMIT_CONNECTIONS, TYPE_INT},
	{"node.id", NULL, API_NODE_ID, TYPE_INT},
	{"socket.request.max.bytes", NULL, LIMIT_REQUEST_BYTES, TYPE_INT},
};

struct resource {
	int8_t type;
	struct wire_string name;
	enum protocol_error error;
	const char *message; /* of the error */
	const struct config *configs;
	unsigned count;
	uint32_t wanted; /* a bit for each of configs */
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
_Static_assert(COUNT(topic_configs) <= 32 && COUNT(broker_configs) <= 32, "bits of wanted");

static void find_topic(const struct api_call *call, struct resource *r)
{
	if (catalog_topic(call->catalog, r->name)) {
		r->configs = topic_configs;
		r->count = COUNT(topic_configs);
	} else {
		r->error = ERROR_UNKNOWN_TOPIC_OR_PARTITION;
		r->message = "no such stream";
	}
}

static void find_broker(struct resource *r)
{
	char id[12];

	snprintf(id, sizeof(id), "%d", API_NODE_ID);
	/* Without a name: what was set for all brokers while they run. Nothing can be. */
	if (wire_string_is(r->name, id)) {
		r->configs = broker_configs;
		r->count = COUNT(broker_configs);
	} else if (r->name.len > 0) {
		r->error = ERROR_INVALID_REQUEST;
		r->message = "no such broker";
	}
}

/* The names that are asked for; null: all. */
static void read_keys(struct api_call *call, struct resource *r)
{
	int32_t keys = wire_get_array(call->in, call->version >= FLEXIBLE_FROM ? 1 : 2);

	r->wanted = keys < 0 ? UINT32_MAX : 0;
	for (int32_t i = 0; i < keys && api_goes_on(call); i++) {
		struct wire_string key = wire_get_name(call->in);

		for (unsigned n = 0; n < r->count; n++)
			if (wire_string_is(key, r->configs[n].name))
				r->wanted |= 1U << n;
	}
}

static struct resource read_resource(struct api_call *call)
{
	struct resource r = {.type = wire_get8(call->in)};

	r.name = wire_get_name(call->in);
	switch (r.type) {
	case RESOURCE_TOPIC:
		find_topic(call, &r);
		break;
	case RESOURCE_BROKER:
		find_broker(&r);
		break;
	default:
		r.error = ERROR_INVALID_REQUEST;
		r.message = "only topics and brokers have configs here";
	}
	read_keys(call, &r);
	wire_get_tags(call->in);
	return r;
}

static void put_config(struct api_call *call, const struct config *config)
{
	char number[24];

	snprintf(number, sizeof(number), "%lld", (long long)config->number);
	wire_put_text(call->out, config->name);
	wire_put_text(call->out, config->text ? config->text : number);
	wire_put8(call->out, true); /* read-only */
	wire_put8(call->out, SOURCE_DEFAULT);
	wire_put8(call->out, false);  /* sensitive */
	wire_put_array(call->out, 0); /* synonyms: it has no other source */
	if (call->version >= TYPE_FROM) {
		wire_put8(call->out, config->type);
		wire_put_text(call->out, NULL); /* documentation */
	}
	wire_put_tags(call->out);
}

static void put_resource(struct api_call *call, const struct resource *r)
{
	int32_t count = 0;

	for (unsigned i = 0; i < r->count; i++)
		count += (int32_t)(r->wanted >> i & 1);
	wire_put16(call->out, (int16_t)r->error);
	wire_put_text(call->out, r->message);
	wire_put8(call->out, r->type);
	wire_put_string(call->out, r->name);
	wire_put_array(call->out, count);
	for (unsigned i = 0; i < r->count; i++)
		if (r->wanted >> i & 1)
			put_config(call, &r->configs[i]);
	wire_put_tags(call->out);
}

enum api_result api_describe_configs(struct api_call *call)
{
	wire_put32(call->out, 0); /* throttle */
	int32_t resources = api_list(call, call->version >= FLEXIBLE_FROM ? 4 : 7);
	while (api_list_next(call, &resources)) {
		struct resource r = read_resource(call);

		if (!call->in->failed)
			put_resource(call, &r);
	}
	wire_get8(call->in); /* synonyms */
	if (call->version >= TYPE_FROM)
		wire_get8(call->in); /* documentation: not told */
	api_end(call);
	return API_SEND;
}
