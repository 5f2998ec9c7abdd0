/* OffsetDelete: of topics that nobody in the group reads. Answered when it is durable. */
#include <stdlib.h>
#include <string.h>

#include "api_group.h"

/* Which of the catalog's topics the group's members subscribe to: a member may name thousands, and
 * so may the request, so neither is walked for each name of the other. */
struct subscribed {
	bool topics[LIMIT_TOPICS]; /* by number */
};

static struct subscribed *find_subscribed(const struct catalog *catalog, const struct group *group)
{
	struct subscribed *s = calloc(1, sizeof(*s));
	struct group_subscribed next = group_subscribed(group);
	struct wire_string name;

	while (s && group_subscribed_next(&next, &name)) {
		const struct topic *topic = catalog_topic(catalog, name);

		if (topic)
			s->topics[topic->number] = true;
	}
	return s;
}

static bool is_subscribed(const struct api_call *call, struct wire_string name)
{
	const struct topic *topic = catalog_topic(call->catalog, name);

	return topic && call->kept->subscribed->topics[topic->number];
}

/* With ERROR_NONE it is gone, or stands in op as a row. topic: with an end, or NULL: none of ours.
 */
static enum protocol_error take(const struct group *group, const char *topic, bool subscribed,
				int32_t partition, struct store_op *op)
{
	if (!topic)
		return ERROR_UNKNOWN_TOPIC_OR_PARTITION;
	if (subscribed)
		return ERROR_GROUP_SUBSCRIBED_TO_TOPIC;
	if (op->len <= GROUPS_OP_BYTES_MAX && offsets_find(&group->offsets, topic, partition)) {
		const struct store_value values[] = {store_text(group->name), store_text(topic),
						     store_number(partition)};
		store_op_row(op, STORE_OFFSET_GONE, values, 3);
	}
	return ERROR_NONE;
}

/* op NULL: the op is done, and outcome is what became of it. */
static void answer_topics(struct api_call *call, const struct group *group, struct store_op *op,
			  enum protocol_error outcome)
{
	char name[LOG_STREAM_NAME_MAX];

	wire_put16(call->out, (int16_t)outcome);
	wire_put32(call->out, 0); /* throttle */
	if (outcome != ERROR_NONE) {
		wire_get_array(call->in, 6);
		wire_put_array(call->out, 0);
		return;
	}
	int32_t topics = api_list_or_null(call, 6);
	while (api_list_next(call, &topics)) {
		struct wire_string topic = wire_get_name(call->in);
		wire_put_string(call->out, topic);
		int32_t partitions = api_list_or_null(call, 4);
		bool ours = api_topic_name(topic, name);
		bool subscribed = group && ours && is_subscribed(call, topic);

		while (api_list_next(call, &partitions)) {
			int32_t number = wire_get32(call->in);

			wire_put32(call->out, number);
			wire_put16(call->out,
				   (int16_t)(group && op ? take(group, ours ? name : NULL,
								subscribed, number, op)
							 : ERROR_NONE));
		}
	}
}

/* What was refused the first time is refused again: the op is made anew, for its errors alone. */
static enum api_result answer_done(struct api_call *call, const struct group *group,
				   enum protocol_error outcome)
{
	struct store_op *scratch = store_op_create(0, -1);

	if (!scratch)
		return API_CLOSE;
	answer_topics(call, group, scratch, outcome);
	store_op_put(scratch);
	return API_SEND;
}

enum api_result api_offset_delete(struct api_call *call)
{
	struct wire_string name = wire_get_name(call->in);
	const struct group *group = groups_find(call->groups, name);
	enum protocol_error outcome = ERROR_NONE;

	if (call->kept->op) {
		if (!api_op_over(call, &outcome))
			return api_wait_for_op(call);
		return answer_done(call, group, outcome);
	}
	if (!group)
		outcome = ERROR_GROUP_ID_NOT_FOUND;
	else if (group->state != GROUP_EMPTY && group->protocol_type &&
		 strcmp(group->protocol_type, "consumer") != 0)
		outcome = ERROR_NON_EMPTY_GROUP;
	if (outcome == ERROR_NONE) {
		/* As of now, also when the op is done. */
		call->kept->subscribed = find_subscribed(call->catalog, group);
		if (!call->kept->subscribed)
			return API_CLOSE;
	}
	struct store_op *op = store_op_create(0, -1);
	if (!op)
		return API_CLOSE;
	answer_topics(call, group, op, outcome);
	/* The same partitions over and over. */
	if (op->len > GROUPS_OP_BYTES_MAX) {
		store_op_put(op);
		return API_CLOSE;
	}
	return api_submit(call, NULL, op);
}
