/* OffsetForLeaderEpoch: where an epoch ended. A client whose position lies beyond that has read
 * records that a crash took from the log. */
#include "api.h"
#include "partition_epochs.h"

enum { REPLICA_FROM = 3, FLEXIBLE_FROM = 4 };

static void answer_partition(struct api_call *call, const struct topic *topic)
{
	struct partition_epoch_end end = {.epoch = -1, .offset = -1};
	int32_t number = wire_get32(call->in);
	int32_t current_epoch = wire_get32(call->in);
	int32_t epoch = wire_get32(call->in);
	struct partition *p = catalog_partition(topic, number);
	struct partition_view view;

	wire_get_tags(call->in);
	if (call->in->failed)
		return;
	enum protocol_error error = api_look(p, current_epoch, &view);
	if (error == ERROR_NONE)
		end = partition_epoch_end(p, &view, epoch);
	wire_put16(call->out, (int16_t)error);
	wire_put32(call->out, number);
	wire_put32(call->out, end.epoch);
	wire_put64(call->out, end.offset);
	wire_put_tags(call->out);
}

enum api_result api_offset_for_leader_epoch(struct api_call *call)
{
	if (call->version >= REPLICA_FROM)
		wire_get32(call->in);
	int32_t topics = wire_get_array(call->in, call->version >= FLEXIBLE_FROM ? 3 : 6);

	if (topics < 0)
		return API_CLOSE;
	wire_put32(call->out, 0); /* throttle */
	wire_put_array(call->out, topics);
	for (int32_t i = 0; i < topics && api_goes_on(call); i++) {
		struct wire_string name = wire_get_name(call->in);
		const struct topic *topic = catalog_topic(call->catalog, name);
		int32_t partitions = wire_get_array(call->in, 12);

		if (partitions < 0)
			return API_CLOSE;
		wire_put_string(call->out, name);
		wire_put_array(call->out, partitions);
		for (int32_t n = 0; n < partitions && api_goes_on(call); n++)
			answer_partition(call, topic);
		wire_get_tags(call->in);
		wire_put_tags(call->out);
	}
	wire_get_tags(call->in);
	wire_put_tags(call->out);
	return API_SEND;
}
