/* OffsetCommit: answered when it is durable. */
#include <string.h>

#include "api_group.h"

enum { THROTTLE_FROM = 3, RETENTION_TO = 4, EPOCH_FROM = 6, INSTANCE_FROM = 7 };
enum { ROW_MAX = GROUPS_METADATA_MAX + 4096 /* bytes of one, with its names */ };

struct commit {
	struct group *group; /* NULL: an error for all */
	enum protocol_error error;
	struct store_op *op; /* being filled, the first time */
	size_t cursor;	     /* in the op that is done */
	struct store_row next;
	bool more;
};

struct commit_partition {
	int32_t number, epoch;
	int64_t offset;
	struct wire_string metadata;
};

static struct commit_partition read_partition(struct api_call *call)
{
	struct commit_partition p = {.number = wire_get32(call->in)};

	p.offset = wire_get64(call->in);
	p.epoch = call->version >= EPOCH_FROM ? wire_get32(call->in) : -1;
	p.metadata = wire_get_string(call->in);
	wire_get_tags(call->in);
	return p;
}

/* Where all memory is taken, those who have some go on in it. */
static bool grows(const struct group *group, const struct topic *topic,
		  const struct commit_partition *p)
{
	const struct offset *o = offsets_find(&group->offsets, topic->name, p->number);

	return !o || (p->metadata.len > 0 && (size_t)p->metadata.len > strlen(o->metadata));
}

static bool has_room(const struct groups *groups, const struct commit *commit,
		     const struct topic *topic, const struct commit_partition *p)
{
	size_t len = commit->op->len;

	return len <= GROUPS_OP_BYTES_MAX &&
	       groups->ops_bytes + len <= GROUPS_OPS_BYTES_MAX - ROW_MAX &&
	       (groups->bytes + len <= GROUPS_BYTES_MAX || !grows(commit->group, topic, p));
}

/* For the first time: into op, unless something speaks against it. */
static enum protocol_error take(struct api_call *call, struct commit *commit,
				const struct topic *topic, const struct commit_partition *p)
{
	struct partition *partition = catalog_partition(topic, p->number);

	if (commit->error != ERROR_NONE)
		return commit->error;
	if (p->metadata.len > GROUPS_METADATA_MAX)
		return ERROR_OFFSET_METADATA_TOO_LARGE;
	if (!partition)
		return ERROR_UNKNOWN_TOPIC_OR_PARTITION;
	if (partition_asked_before(partition, call->catalog->questions))
		return ERROR_INVALID_REQUEST;
	if (!has_room(call->groups, commit, topic, p))
		return ERROR_COORDINATOR_NOT_AVAILABLE;
	const struct store_value values[] = {
		store_text(commit->group->name),
		store_text(topic->name),
		store_number(p->number),
		store_number(p->offset),
		store_number(p->epoch),
		store_bytes(STORE_TEXT, p->metadata.len < 0 ? "" : p->metadata.at,
			    p->metadata.len < 0 ? 0 : (uint32_t)p->metadata.len),
		store_number(call->groups->wall_ms)};

	store_op_row(commit->op, STORE_OFFSET, values, 7);
	return ERROR_NONE;
}

/* Again: what was taken stands in the op, in the same order; the rest was refused as before. */
static enum protocol_error taken(struct api_call *call, struct commit *commit,
				 const struct topic *topic, const struct commit_partition *p)
{
	const struct store_value *v = commit->next.values;
	struct partition *partition = catalog_partition(topic, p->number);

	if (p->metadata.len > GROUPS_METADATA_MAX)
		return ERROR_OFFSET_METADATA_TOO_LARGE;
	if (!partition)
		return ERROR_UNKNOWN_TOPIC_OR_PARTITION;
	if (partition_asked_before(partition, call->catalog->questions))
		return ERROR_INVALID_REQUEST;
	if (commit->more && v[1].len == strlen(topic->name) &&
	    memcmp(v[1].at, topic->name, v[1].len) == 0 && v[2].number == p->number) {
		commit->more = store_op_next(call->kept->op, &commit->cursor, &commit->next);
		return commit->error;
	}
	return ERROR_COORDINATOR_NOT_AVAILABLE;
}

static void answer_partition(struct api_call *call, struct commit *commit,
			     const struct topic *topic)
{
	struct commit_partition p = read_partition(call);
	enum protocol_error error = ERROR_NONE;

	if (!call->in->failed)
		error = call->kept->op ? taken(call, commit, topic, &p)
				       : take(call, commit, topic, &p);
	wire_put32(call->out, p.number);
	wire_put16(call->out, (int16_t)error);
	wire_put_tags(call->out);
}

static void answer_topics(struct api_call *call, struct commit *commit)
{
	int32_t topics = api_list_or_null(call, 4);

	call->catalog->questions++;
	while (api_list_next(call, &topics)) {
		const struct topic *topic = api_take_topic(call);
		int32_t partitions = api_list_or_null(call, 12);

		while (api_list_next(call, &partitions))
			answer_partition(call, commit, topic);
		api_end(call);
	}
	api_end(call);
}

static enum api_result begin(struct api_call *call, const struct group_caller *caller)
{
	struct commit commit = {0};

	if (call->in->failed)
		return API_CLOSE;
	commit.error = !groups_name_valid(caller->group)
			       ? ERROR_INVALID_GROUP_ID
			       : group_may_commit(call->groups, caller, &commit.group);
	commit.op = store_op_create(commit.group ? commit.group->life : 0, -1);
	if (!commit.op)
		return API_CLOSE;
	answer_topics(call, &commit);
	return api_submit(call, commit.group, commit.op);
}

enum api_result api_offset_commit(struct api_call *call)
{
	struct group_caller caller = api_group_caller(call, INSTANCE_FROM);
	struct commit commit = {0};

	if (call->version <= RETENTION_TO)
		wire_get64(call->in);
	api_put_throttle(call, THROTTLE_FROM);
	if (!call->kept->op)
		return begin(call, &caller);
	if (!api_op_over(call, &commit.error))
		return api_wait_for_op(call);
	commit.more = store_op_next(call->kept->op, &commit.cursor, &commit.next);
	answer_topics(call, &commit);
	return API_SEND;
}
