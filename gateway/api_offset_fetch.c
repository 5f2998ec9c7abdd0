/* OffsetFetch: what a group has committed, of some partitions or of all. */
#include <string.h>

#include "api_group.h"

enum { ALL_FROM = 2, ERROR_FROM = 2, THROTTLE_FROM = 3, EPOCH_FROM = 5, STABLE_FROM = 7 };
enum { GROUPS_FROM = 8 };

static void put_offset(struct api_call *call, int32_t partition, const struct offset *o)
{
	wire_put32(call->out, partition);
	wire_put64(call->out, o ? o->committed : -1);
	if (call->version >= EPOCH_FROM)
		wire_put32(call->out, o ? o->leader_epoch : -1);
	wire_put_text(call->out, o ? o->metadata : "");
	wire_put16(call->out, ERROR_NONE);
	wire_put_tags(call->out);
}

/* Sorted by topic: each run of one is a topic's. */
static size_t end_of_topic(const struct offsets *offsets, size_t at)
{
	const char *topic = offsets->list[at].topic;

	while (at < offsets->count && strcmp(offsets->list[at].topic, topic) == 0)
		at++;
	return at;
}

static void put_all(struct api_call *call, const struct group *group)
{
	const struct offsets none = {0}, *offsets = group ? &group->offsets : &none;
	int32_t topics = 0;

	for (size_t at = 0; at < offsets->count; at = end_of_topic(offsets, at))
		topics++;
	wire_put_array(call->out, topics);
	for (size_t at = 0; at < offsets->count;) {
		size_t end = end_of_topic(offsets, at);

		wire_put_text(call->out, offsets->list[at].topic);
		wire_put_array(call->out, (int32_t)(end - at));
		for (; at < end; at++)
			put_offset(call, offsets->list[at].partition, &offsets->list[at]);
		wire_put_tags(call->out);
	}
}

static void answer_topics(struct api_call *call, const struct group *group, int32_t topics)
{
	char name[LOG_STREAM_NAME_MAX];

	wire_put_array(call->out, topics);
	while (api_list_next(call, &topics)) {
		struct wire_string topic = wire_get_name(call->in);
		wire_put_string(call->out, topic);
		int32_t partitions = api_list_or_null(call, 4);
		bool possible = group && api_topic_name(topic, name);

		while (api_list_next(call, &partitions)) {
			int32_t number = wire_get32(call->in);

			put_offset(call, number,
				   possible ? offsets_find(&group->offsets, name, number) : NULL);
		}
		api_end(call);
	}
}

static void answer_group(struct api_call *call, struct wire_string name)
{
	const struct group *group = groups_find(call->groups, name);
	int32_t topics = wire_get_array(call->in, 6);

	if (topics < 0 && call->version >= ALL_FROM)
		put_all(call, group);
	else
		answer_topics(call, group, topics < 0 ? 0 : topics);
	if (call->version >= ERROR_FROM)
		wire_put16(call->out, ERROR_NONE);
}

static void answer_groups(struct api_call *call)
{
	int32_t groups = api_list_or_null(call, 3);

	while (api_list_next(call, &groups)) {
		struct wire_string name = wire_get_name(call->in);

		wire_put_string(call->out, name);
		answer_group(call, name);
		api_end(call);
	}
}

enum api_result api_offset_fetch(struct api_call *call)
{
	api_put_throttle(call, THROTTLE_FROM);
	if (call->version >= GROUPS_FROM)
		answer_groups(call);
	else
		answer_group(call, wire_get_name(call->in));
	if (call->version >= STABLE_FROM)
		wire_get8(call->in); /* there are no transactions to wait for */
	api_end(call);
	return API_SEND;
}
