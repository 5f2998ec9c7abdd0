/* JoinGroup: into a group, or once more; answered when all have joined. */
#include <stdlib.h>

#include "api_group.h"

enum {
	REBALANCE_FROM = 1,
	THROTTLE_FROM = 2,
	ID_REQUIRED_FROM = 4,
	INSTANCE_FROM = 5,
	TYPE_FROM = 7,
	REASON_FROM = 8,
	SKIP_FROM = 9,
};

/* The group's own timers end the wait. */
enum { WAIT_MAX_MS = INT32_MAX };

/* In the encoding that is kept, whatever the version. False: malformed, or no memory. */
static bool read_protocols(struct api_call *call, struct wire_writer *out, bool *many)
{
	int32_t count = wire_get_array(call->in, 2);

	out->max = LIMIT_REQUEST_BYTES;
	if (count > GROUP_PROTOCOLS_MAX)
		*many = true;
	for (int32_t i = 0; i < count && api_goes_on(call); i++) {
		struct wire_string name = wire_get_name(call->in);
		*many |= name.len > GROUP_NAME_MAX;
		wire_put_string(out, name);
		struct wire_string metadata = wire_get_bytes(call->in);
		wire_put_bytes(out, metadata.at, metadata.len < 0 ? 0 : (uint32_t)metadata.len);
		wire_get_tags(call->in);
	}
	return !call->in->failed && !out->failed;
}

static struct group_join read_join(struct api_call *call)
{
	struct group_join join = {.client_id = call->client_id,
				  .host = call->peer,
				  .id_required = call->version >= ID_REQUIRED_FROM,
				  .skips_assignment = call->version >= SKIP_FROM};

	join.group = wire_get_name(call->in);
	join.session_ms = wire_get32(call->in);
	join.rebalance_ms =
		call->version >= REBALANCE_FROM ? wire_get32(call->in) : join.session_ms;
	if (join.rebalance_ms < 0)
		join.rebalance_ms = join.session_ms;
	join.member = wire_get_name(call->in);
	join.instance = api_group_instance(call, INSTANCE_FROM);
	join.protocol_type = wire_get_name(call->in);
	return join;
}

static void put_members(struct api_call *call, const struct group *group)
{
	wire_put_array(call->out, (int32_t)group->members_count);
	for (const struct group_member *m = group->members; m; m = m->next) {
		struct wire_string metadata = group_metadata(group, m);

		wire_put_text(call->out, m->id);
		if (call->version >= INSTANCE_FROM)
			wire_put_text(call->out, m->instance);
		wire_put_bytes(call->out, metadata.at, (uint32_t)metadata.len);
		wire_put_tags(call->out);
	}
}

static void put_answer(struct api_call *call, const struct group_join *join,
		       const struct group_joined *joined)
{
	const struct group *group = joined->group;
	const char *none = call->version >= TYPE_FROM ? NULL : "";

	api_put_throttle(call, THROTTLE_FROM);
	wire_put16(call->out, (int16_t)joined->error);
	wire_put32(call->out, group ? group->generation : -1);
	if (call->version >= TYPE_FROM)
		wire_put_text(call->out, group ? group->protocol_type : NULL);
	wire_put_text(call->out, group && group->protocol ? group->protocol : none);
	wire_put_text(call->out, joined->leader);
	if (call->version >= SKIP_FROM)
		wire_put8(call->out, joined->skip_assignment);
	if (joined->member_id)
		wire_put_text(call->out, joined->member_id);
	else
		wire_put_string(call->out, join->member);
	if (group && joined->lists_members)
		put_members(call, group);
	else
		wire_put_array(call->out, 0);
	wire_put_tags(call->out);
}

enum api_result api_join_group(struct api_call *call)
{
	struct wire_writer protocols = {0};
	struct group_join join = read_join(call);
	struct group_joined joined;
	const uint64_t *changes = call->kept->counter;
	bool many = false, read = read_protocols(call, &protocols, &many);

	if (call->version >= REASON_FROM)
		wire_get_string(call->in);
	wire_get_tags(call->in);
	if (!read || call->in->failed) {
		free(protocols.data);
		return API_CLOSE;
	}
	/* All members' are compared with all others'. None suits nobody. */
	if (many)
		protocols.len = 0;
	join.protocols =
		(struct group_bytes){.data = protocols.data, .len = (uint32_t)protocols.len};
	bool answered = group_join(call->groups, &join, &call->kept->ticket, &joined, &changes);
	if (!answered && call->time_is_up) {
		joined.error = ERROR_REBALANCE_IN_PROGRESS;
		answered = true;
	}
	if (answered)
		put_answer(call, &join, &joined);
	free(protocols.data);
	return answered ? API_SEND : api_wait(call, changes, WAIT_MAX_MS);
}
