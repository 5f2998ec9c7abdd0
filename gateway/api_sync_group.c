/* SyncGroup: the leader says who gets what; the others hear it when it is durable. */
#include "api_group.h"

enum { THROTTLE_FROM = 1, INSTANCE_FROM = 3, TYPE_FROM = 5 };

/* The group's own timers end the wait. */
enum { WAIT_MAX_MS = INT32_MAX };

static struct group_sync read_sync(struct api_call *call)
{
	struct group_sync sync = {.caller = api_group_caller(call, INSTANCE_FROM),
				  .protocol_type.len = -1,
				  .protocol.len = -1};

	if (call->version >= TYPE_FROM) {
		sync.protocol_type = wire_get_string(call->in);
		sync.protocol = wire_get_string(call->in);
	}
	sync.count = wire_get_array(call->in, 2);
	sync.assignments = *call->in;
	for (int32_t i = 0; i < sync.count && api_goes_on(call); i++) {
		wire_get_name(call->in);
		wire_get_bytes(call->in);
		wire_get_tags(call->in);
	}
	wire_get_tags(call->in);
	return sync;
}

enum api_result api_sync_group(struct api_call *call)
{
	struct group_sync sync = read_sync(call);
	struct group_synced synced = {0};
	const uint64_t *changes = call->kept->counter;

	if (call->in->failed)
		return API_CLOSE;
	if (!group_sync(call->groups, &sync, &call->kept->ticket, &synced, &changes)) {
		if (!call->time_is_up)
			return api_wait(call, changes, WAIT_MAX_MS);
		synced.error = ERROR_REBALANCE_IN_PROGRESS;
	}
	const struct group *group = synced.group;
	const struct group_member *member = synced.member;

	api_put_throttle(call, THROTTLE_FROM);
	wire_put16(call->out, (int16_t)synced.error);
	if (call->version >= TYPE_FROM) {
		wire_put_text(call->out, group ? group->protocol_type : NULL);
		wire_put_text(call->out, group ? group->protocol : NULL);
	}
	wire_put_bytes(call->out, member ? member->assignment.data : NULL,
		       member ? member->assignment.len : 0);
	wire_put_tags(call->out);
	return API_SEND;
}
