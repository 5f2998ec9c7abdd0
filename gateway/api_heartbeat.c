/* Heartbeat: a member is alive; it hears of a rebalance here. */
#include "api_group.h"

enum { INSTANCE_FROM = 3, THROTTLE_FROM = 1 };

enum api_result api_heartbeat(struct api_call *call)
{
	struct group_caller caller = api_group_caller(call, INSTANCE_FROM);

	wire_get_tags(call->in);
	if (call->in->failed)
		return API_CLOSE;
	api_put_throttle(call, THROTTLE_FROM);
	wire_put16(call->out, (int16_t)group_heartbeat(call->groups, &caller));
	wire_put_tags(call->out);
	return API_SEND;
}
