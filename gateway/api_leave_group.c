/* LeaveGroup: a member goes, or an administrator makes static members go. */
#include "api_group.h"

enum { THROTTLE_FROM = 1, LIST_FROM = 3, REASON_FROM = 5 };

static void leave_one(struct api_call *call, struct wire_string group)
{
	struct wire_string member = wire_get_name(call->in);
	struct wire_string instance = wire_get_string(call->in);

	if (call->version >= REASON_FROM)
		wire_get_string(call->in);
	wire_get_tags(call->in);
	if (call->in->failed)
		return;
	enum protocol_error error = group_leave(call->groups, group, member, instance);
	wire_put_string(call->out, member);
	wire_put_string(call->out, instance);
	wire_put16(call->out, (int16_t)error);
	wire_put_tags(call->out);
}

enum api_result api_leave_group(struct api_call *call)
{
	struct wire_string group = wire_get_name(call->in);

	api_put_throttle(call, THROTTLE_FROM);
	if (call->version < LIST_FROM) {
		struct wire_string member = wire_get_name(call->in);
		const struct wire_string none = {.len = -1};

		if (call->in->failed)
			return API_CLOSE;
		wire_put16(call->out, (int16_t)group_leave(call->groups, group, member, none));
		return API_SEND;
	}
	wire_put16(call->out, group.len > 0 ? ERROR_NONE : ERROR_INVALID_GROUP_ID);
	if (group.len <= 0) {
		wire_put_array(call->out, 0);
		wire_put_tags(call->out);
		return API_SEND;
	}
	int32_t members = api_list(call, 4);
	while (api_list_next(call, &members))
		leave_one(call, group);
	api_end(call);
	return API_SEND;
}
