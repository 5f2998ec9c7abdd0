/* ListGroups: all groups, or those in some states. */
#include <string.h>
#include <strings.h>

#include "api_group.h"

enum { THROTTLE_FROM = 1, STATE_FROM = 4, STATES_MAX = 16 };
/* Of each group, beside its name and type: its state, the lengths of the three, no tags. */
enum { REST_MAX = 19 + 3 * 2 + 1, HEAD_MAX = 32 };
_Static_assert(HEAD_MAX + (size_t)GROUPS_MAX * (GROUP_NAME_MAX + GROUP_TYPE_MAX + REST_MAX) <=
		       LIMIT_ANSWER_BYTES,
	       "all groups fit into one answer");

static bool wanted(const struct group *group, const struct wire_string *states, int32_t count)
{
	const char *state = group_state_name(group->state);

	if (!group->name[0])
		return false;
	for (int32_t i = 0; i < count; i++)
		if (states[i].at && (size_t)states[i].len == strlen(state) &&
		    strncasecmp(states[i].at, state, strlen(state)) == 0)
			return true;
	return count == 0;
}

enum api_result api_list_groups(struct api_call *call)
{
	const struct groups *groups = call->groups;
	struct wire_string states[STATES_MAX] = {0};
	int32_t count = call->version >= STATE_FROM ? wire_get_array(call->in, 1) : 0, found = 0;

	/* There are four. */
	if (count > STATES_MAX)
		return API_CLOSE;
	for (int32_t i = 0; i < count && api_goes_on(call); i++)
		states[i] = wire_get_name(call->in);
	wire_get_tags(call->in);
	if (call->in->failed)
		return API_CLOSE;
	count = count < 0 ? 0 : count;
	for (unsigned i = 0; i < groups->slots_count; i++)
		found += wanted(groups->slots[i], states, count);
	api_put_throttle(call, THROTTLE_FROM);
	wire_put16(call->out, ERROR_NONE);
	wire_put_array(call->out, found);
	for (unsigned i = 0; i < groups->slots_count; i++) {
		const struct group *group = groups->slots[i];

		if (!wanted(group, states, count))
			continue;
		wire_put_text(call->out, group->name);
		wire_put_text(call->out, group->protocol_type ? group->protocol_type : "");
		if (call->version >= STATE_FROM)
			wire_put_text(call->out, group_state_name(group->state));
		wire_put_tags(call->out);
	}
	wire_put_tags(call->out);
	return API_SEND;
}
