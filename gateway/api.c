#include "api.h"

#include <stdlib.h>

#define API(NAME, key, name, min, max, flexible_from, handler)                                     \
	{(key), (min), (max), (flexible_from), (handler)},
#define NOT_SERVED(key, name)
const struct api api_table[] = {
#include "apis.def"
};
#undef API
#undef NOT_SERVED
const unsigned api_table_count = sizeof(api_table) / sizeof(api_table[0]);

static const struct api *find(int16_t key)
{
	for (unsigned i = 0; i < api_table_count; i++)
		if (api_table[i].key == key)
			return &api_table[i];
	return NULL;
}

enum api_result api_handle(struct api_call *call, const uint8_t *frame, size_t len)
{
	struct request request;

	if (!request_parse(&request, frame, len))
		return API_CLOSE;
	const struct api *api = find(request.api_key);
	/* As Kafka: an unknown API or version closes the connection, for nobody could read the
	 * answer; but for ApiVersions, by which clients find out. */
	if (!api)
		return API_CLOSE;
	bool known = request.api_version >= api->min && request.api_version <= api->max;
	if (!known && api->key != API_KEY_VERSIONS)
		return API_CLOSE;
	bool flexible = known && request.api_version >= api->flexible_from;

	call->version = request.api_version;
	call->client_id = request.client_id;
	call->in = &request.rest;
	call->in->flexible = flexible;
	call->out = &call->answer->writer;
	wire_put32(call->out, 0); /* the length, see answer_finish() */
	wire_put32(call->out, request.correlation_id);
	if (!known)
		return api_versions_unsupported(call);
	wire_get_tags(call->in);
	call->out->flexible = flexible;
	/* The header of this one answer stays the oldest, for clients that try. */
	if (api->key != API_KEY_VERSIONS)
		wire_put_tags(call->out);
	enum api_result result = api->handler(call);
	/* A request that ends early has no answer; one that is too long is read as far as known. */
	return request.rest.failed || call->out->failed ? API_CLOSE : result;
}

int32_t api_list_or_null(struct api_call *call, size_t element_bytes)
{
	int32_t count = wire_get_array(call->in, element_bytes);

	count = count < 0 ? 0 : count;
	wire_put_array(call->out, count);
	return count;
}

int32_t api_list(struct api_call *call, size_t element_bytes)
{
	int32_t count = wire_get_array(call->in, element_bytes);

	call->in->failed |= count < 0;
	wire_put_array(call->out, count);
	return count;
}

const struct topic *api_take_topic(struct api_call *call)
{
	struct wire_string name = wire_get_name(call->in);

	wire_put_string(call->out, name);
	return catalog_topic(call->catalog, name);
}

void api_kept_clear(struct api_kept *kept)
{
	store_op_put(kept->op);
	free(kept->subscribed);
	disk_lookup_put(kept->lookup);
	*kept = (struct api_kept){0};
}

enum api_result api_wait(struct api_call *call, const uint64_t *counter, uint32_t wait_ms)
{
	call->kept->counter = counter;
	call->kept->seen = *counter;
	call->wait_ms = wait_ms;
	return API_WAIT;
}

enum protocol_error api_look(const struct partition *p, int32_t epoch, struct partition_view *view)
{
	if (!p)
		return ERROR_UNKNOWN_TOPIC_OR_PARTITION;
	if (!partition_look(p, view))
		return ERROR_NOT_LEADER_OR_FOLLOWER;
	if (epoch >= 0 && epoch < view->epoch)
		return ERROR_FENCED_LEADER_EPOCH;
	if (epoch > view->epoch)
		return ERROR_UNKNOWN_LEADER_EPOCH;
	return ERROR_NONE;
}

void api_put_node(struct api_call *call)
{
	wire_put32(call->out, API_NODE_ID);
	wire_put_text(call->out, call->host);
	wire_put32(call->out, call->port);
}
