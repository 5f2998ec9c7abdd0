/* DescribeGroups: a group's state and members; one that is not there is "Dead". */
#include "api_group.h"

enum { THROTTLE_FROM = 1, OPERATIONS_FROM = 3, INSTANCE_FROM = 4 };

static void put_member(struct api_call *call, const struct group *group,
		       const struct group_member *m)
{
	bool stable = group->state == GROUP_STABLE;
	struct wire_string metadata =
		stable ? group_metadata(group, m) : (struct wire_string){.at = "", .len = 0};

	wire_put_text(call->out, m->id);
	if (call->version >= INSTANCE_FROM)
		wire_put_text(call->out, m->instance);
	wire_put_text(call->out, m->client_id);
	wire_put_text(call->out, m->host);
	wire_put_bytes(call->out, metadata.at, (uint32_t)metadata.len);
	wire_put_bytes(call->out, m->assignment.data, stable ? m->assignment.len : 0);
	wire_put_tags(call->out);
}

static void put_group(struct api_call *call, struct wire_string name)
{
	const struct group *group = groups_find(call->groups, name);
	bool stable = group && group->state == GROUP_STABLE;

	wire_put16(call->out, ERROR_NONE);
	wire_put_string(call->out, name);
	wire_put_text(call->out, group ? group_state_name(group->state) : "Dead");
	wire_put_text(call->out, group && group->protocol_type ? group->protocol_type : "");
	wire_put_text(call->out, stable && group->protocol ? group->protocol : "");
	wire_put_array(call->out, group ? (int32_t)group->members_count : 0);
	for (const struct group_member *m = group ? group->members : NULL; m; m = m->next)
		put_member(call, group, m);
	if (call->version >= OPERATIONS_FROM)
		wire_put32(call->out, INT32_MIN); /* not told */
	wire_put_tags(call->out);
}

enum api_result api_describe_groups(struct api_call *call)
{
	api_put_throttle(call, THROTTLE_FROM);
	int32_t names = api_list(call, 1);
	while (api_list_next(call, &names))
		put_group(call, wire_get_name(call->in));
	if (call->version >= OPERATIONS_FROM)
		wire_get8(call->in);
	api_end(call);
	return API_SEND;
}
