/* DeleteGroups: empty ones, with what they committed. Answered when that is durable. */
#include <string.h>

#include "api_group.h"

/* With ERROR_NONE its rows stand in op. */
static enum protocol_error take(struct api_call *call, struct wire_string name, struct store_op *op)
{
	const struct group *group = groups_find(call->groups, name);

	if (name.len <= 0)
		return ERROR_INVALID_GROUP_ID;
	if (!group)
		return ERROR_GROUP_ID_NOT_FOUND;
	if (group->state != GROUP_EMPTY)
		return ERROR_NON_EMPTY_GROUP;
	groups_store_gone(op, group);
	return ERROR_NONE;
}

/* To the next group that goes, in the op that is done. */
static bool next_gone(const struct store_op *op, size_t *cursor, struct store_row *row)
{
	while (store_op_next(op, cursor, row))
		if (row->kind == STORE_GROUP_GONE)
			return true;
	return false;
}

/* What the op that is done says of it: it has the names in their order. What is not in it is asked
 * again. */
static enum protocol_error taken(struct api_call *call, struct wire_string name, size_t *cursor,
				 enum protocol_error outcome)
{
	struct store_row row;
	size_t ahead = *cursor;

	if (next_gone(call->kept->op, &ahead, &row) && row.values[0].len == (uint32_t)name.len &&
	    memcmp(row.values[0].at, name.at, (size_t)name.len) == 0) {
		*cursor = ahead;
		return outcome;
	}
	return groups_find(call->groups, name) ? ERROR_NON_EMPTY_GROUP : ERROR_GROUP_ID_NOT_FOUND;
}

/* op NULL: the op is done. */
static void answer_names(struct api_call *call, struct store_op *op, enum protocol_error outcome)
{
	size_t cursor = 0;

	wire_put32(call->out, 0); /* throttle */
	int32_t names = api_list(call, 1);
	while (api_list_next(call, &names)) {
		struct wire_string name = wire_get_name(call->in);

		wire_put_string(call->out, name);
		wire_put16(call->out, (int16_t)(op ? take(call, name, op)
						   : taken(call, name, &cursor, outcome)));
		wire_put_tags(call->out);
	}
	api_end(call);
}

enum api_result api_delete_groups(struct api_call *call)
{
	enum protocol_error outcome;

	if (call->kept->op) {
		if (!api_op_over(call, &outcome))
			return api_wait_for_op(call);
		answer_names(call, NULL, outcome);
		return API_SEND;
	}
	struct store_op *op = store_op_create(0, -1);
	if (!op)
		return API_CLOSE;
	answer_names(call, op, ERROR_NONE);
	return api_submit(call, NULL, op);
}
