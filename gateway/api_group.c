#include "api_group.h"

#include <string.h>

/* As Kafka's offsets.commit.timeout.ms. Who waits is not heard: not even its heartbeats, which may
 * come over the same connection. */
enum { STORE_WAIT_MAX_MS = 5000 };
_Static_assert((int)STORE_WAIT_MAX_MS < (int)GROUP_SESSION_MIN_MS, "a session outlives the wait");

struct wire_string api_group_instance(struct api_call *call, int16_t from)
{
	return call->version >= from ? wire_get_string(call->in) : (struct wire_string){.len = -1};
}

struct group_caller api_group_caller(struct api_call *call, int16_t instance_from)
{
	struct group_caller caller = {.group = wire_get_name(call->in)};

	caller.generation = wire_get32(call->in);
	caller.member = wire_get_name(call->in);
	caller.instance = api_group_instance(call, instance_from);
	return caller;
}

void api_put_throttle(struct api_call *call, int16_t from)
{
	if (call->version >= from)
		wire_put32(call->out, 0);
}

bool api_topic_name(struct wire_string name, char out[LOG_STREAM_NAME_MAX])
{
	if (name.len < 0 || name.len >= LOG_STREAM_NAME_MAX)
		return false;
	memcpy(out, name.at, (size_t)name.len);
	out[name.len] = 0;
	return strlen(out) == (size_t)name.len;
}

enum api_result api_wait_for_op(struct api_call *call)
{
	return api_wait(call, &call->groups->finished, STORE_WAIT_MAX_MS);
}

enum api_result api_submit(struct api_call *call, struct group *group, struct store_op *op)
{
	if (call->in->failed || op->len == 0) {
		store_op_put(op);
		return call->in->failed ? API_CLOSE : API_SEND;
	}
	if (!groups_submit(call->groups, group, op, &call->kept->op))
		return API_CLOSE;
	return api_wait_for_op(call);
}

bool api_op_over(const struct api_call *call, enum protocol_error *outcome)
{
	switch (call->kept->op->status) {
	case STORE_DONE:
		*outcome = ERROR_NONE;
		return true;
	case STORE_FAILED:
		*outcome = ERROR_COORDINATOR_NOT_AVAILABLE;
		return true;
	default:
		*outcome = ERROR_REQUEST_TIMED_OUT;
		return call->time_is_up;
	}
}
