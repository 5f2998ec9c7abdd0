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
	if (error == ERROR_NONE && partition_epoch_end(p, &view, epoch, &end) < 0)
		error = ERROR_KAFKA_STORAGE_ERROR;
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
	wire_put32(call->out, 0); /* throttle */
	int32_t topics = api_list(call, call->version >= FLEXIBLE_FROM ? 3 : 6);

	while (api_list_next(call, &topics)) {
		const struct topic *topic = api_take_topic(call);
		int32_t partitions = api_list(call, 12);

		while (api_list_next(call, &partitions))
			answer_partition(call, topic);
		api_end(call);
	}
	api_end(call);
	return API_SEND;
}
