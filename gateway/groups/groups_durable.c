/* What of the groups is durable: memory follows the store, and begins with what it holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "group_internal.h"

static struct wire_string string_of(const struct store_value *v)
{
	return (struct wire_string){.at = v->at,
				    .len = v->type == STORE_NULL ? -1 : (int32_t)v->len};
}

static char *text_of(const struct store_value *v)
{
	return strndup(v->type == STORE_TEXT ? v->at : "", v->type == STORE_TEXT ? v->len : 0);
}

static void take_offset(struct groups *groups, struct group *group, const struct store_value *v)
{
	struct offset offset = {.topic = text_of(&v[1]),
				.partition = (int32_t)v[2].number,
				.committed = v[3].number,
				.leader_epoch = (int32_t)v[4].number,
				.metadata = text_of(&v[5]),
				.commit_ms = v[6].number};

	groups->bytes -= group->offsets.bytes;
	offsets_put(&group->offsets, &offset);
	groups->bytes += group->offsets.bytes;
}

static void remove_offset(struct groups *groups, struct group *group, const struct store_value *v)
{
	char *topic = text_of(&v[1]);

	groups->bytes -= group->offsets.bytes;
	if (topic)
		offsets_remove(&group->offsets, topic, (int32_t)v[2].number);
	groups->bytes += group->offsets.bytes;
	free(topic);
}

/* What is durable now shows: by name, for memory follows the file. */
static void apply(struct groups *groups, const struct store_row *row)
{
	struct group *group = groups_find(groups, string_of(&row->values[0]));

	if (row->kind == STORE_OFFSET && !group)
		group = groups_get(groups, string_of(&row->values[0]));
	if (!group)
		return;
	switch (row->kind) {
	case STORE_OFFSET:
		take_offset(groups, group, row->values);
		break;
	case STORE_OFFSET_GONE:
		remove_offset(groups, group, row->values);
		break;
	case STORE_OFFSETS_GONE:
		groups->bytes -= group->offsets.bytes;
		offsets_clear(&group->offsets);
		break;
	case STORE_GROUP_GONE:
		/* Unless somebody came meanwhile. */
		if (group->state == GROUP_EMPTY && !group->pending && !group->ops)
			groups_forget(groups, group);
		break;
	default:
		break;
	}
}

static void take_done(struct groups *groups, const struct store_op *op)
{
	struct group *group = groups_of_life(groups, op->group);
	struct store_row row;
	size_t cursor = 0;

	groups->ops_bytes -= op->len;
	if (group) {
		group->ops--;
		if (op->generation == group->generation)
			group_stored(groups, group, op->status == STORE_DONE);
		if (op->ticket)
			group_renamed(groups, group, op->ticket, op->status == STORE_DONE);
		groups_changed(groups, group);
	}
	while (op->status == STORE_DONE && store_op_next(op, &cursor, &row))
		apply(groups, &row);
}

void groups_take_done(struct groups *groups)
{
	struct store_op *next;

	for (struct store_op *op = store_take_done(groups->store); op; op = next) {
		next = op->next;
		take_done(groups, op);
		store_op_put(op);
	}
	/* Whoever waits for one of them is looked at in this turn. */
	groups->finished++;
	groups->changes++;
}

/* --- rows --------------------------------------------------------------------------------------
 */

bool groups_submit(struct groups *groups, struct group *group, struct store_op *op,
		   struct store_op **keep)
{
	bool submitted = groups->ops_bytes + op->len <= GROUPS_OPS_BYTES_MAX &&
			 store_submit(groups->store, op);

	if (submitted)
		groups->ops_bytes += op->len;
	if (submitted && group)
		group->ops++;
	if (submitted && keep)
		*keep = op;
	else
		store_op_put(op);
	return submitted;
}

void groups_store_group(struct store_op *op, const struct group *group)
{
	const struct store_value name = store_text(group->name);
	const struct store_value head[] = {name,
					   store_number(group->generation),
					   store_text(group->protocol_type),
					   store_text(group->protocol),
					   store_text(group->leader),
					   store_number(group->emptied_ms)};

	store_op_row(op, STORE_GROUP, head, 6);
	store_op_row(op, STORE_MEMBERS_GONE, &name, 1);
	for (const struct group_member *m = group->members; m; m = m->next) {
		const struct store_value values[] = {
			name,
			store_text(m->id),
			store_text(m->instance),
			store_text(m->client_id),
			store_text(m->host),
			store_number(m->session_ms),
			store_number(m->rebalance_ms),
			store_bytes(STORE_BLOB, m->protocols.data, m->protocols.len),
			store_bytes(STORE_BLOB, m->assignment.data, m->assignment.len)};

		store_op_row(op, STORE_MEMBER, values, 9);
	}
}

void groups_store_gone(struct store_op *op, const struct group *group)
{
	const struct store_value name = store_text(group->name);

	store_op_row(op, STORE_OFFSETS_GONE, &name, 1);
	store_op_row(op, STORE_MEMBERS_GONE, &name, 1);
	store_op_row(op, STORE_GROUP_GONE, &name, 1);
}

/* --- opening -----------------------------------------------------------------------------------
 */

static void load_group(struct group *group, const struct store_value *v)
{
	group->generation =
		v[1].number >= 0 && v[1].number < INT32_MAX / 2 ? (int32_t)v[1].number : 0;
	group->protocol_type =
		v[2].type == STORE_TEXT && v[2].len <= GROUP_TYPE_MAX ? text_of(&v[2]) : NULL;
	group->protocol = v[3].type == STORE_TEXT ? text_of(&v[3]) : NULL;
	group->leader = v[4].type == STORE_TEXT ? text_of(&v[4]) : NULL;
	group->emptied_ms = v[5].number;
}

/* A member goes on where it was, with a session that begins anew. */
static void load_member(struct groups *groups, struct group *group, const struct store_value *v)
{
	char *id = text_of(&v[1]), *host = text_of(&v[4]);
	const struct group_join join = {
		.instance = string_of(&v[2]),
		.client_id = string_of(&v[3]),
		.protocol_type = {.at = group->protocol_type ? group->protocol_type : "",
				  .len = group->protocol_type
						 ? (int32_t)strlen(group->protocol_type)
						 : 0},
		.host = host ? host : "",
		.session_ms = (int32_t)v[5].number,
		.rebalance_ms = (int32_t)v[6].number,
		.protocols = {.data = (uint8_t *)v[7].at, .len = v[7].len}};
	struct group_member *m;

	/* What cannot have been written by us is left out: its client joins again. */
	if (id && *id && v[5].number >= GROUP_SESSION_MIN_MS &&
	    v[5].number <= GROUP_SESSION_MAX_MS && v[6].number >= 0 && v[6].number <= INT32_MAX &&
	    group->members_count < GROUP_MEMBERS_MAX && group_supports(group, &join) &&
	    group_member_add(groups, group, &join, id, &m) == ERROR_NONE) {
		group_member_assign(groups, group, m, v[8].at, v[8].len);
		group_member_touch(groups, group, m);
		group->state = GROUP_STABLE;
	}
	free(id);
	free(host);
}

static void load_row(void *context, const struct store_row *row)
{
	struct groups *groups = context;
	struct group *group = groups_find(groups, string_of(&row->values[0]));

	if (!group) {
		group = groups_get(groups, string_of(&row->values[0]));
		if (!group)
			return;
		/* Of groups that never had members there are offsets alone: their own age counts.
		 */
		group->emptied_ms = 0;
	}
	if (row->kind == STORE_GROUP)
		load_group(group, row->values);
	else if (row->kind == STORE_MEMBER)
		load_member(groups, group, row->values);
	else
		take_offset(groups, group, row->values);
}

int groups_open(struct groups *groups, const char *path, char *error, size_t error_size)
{
	uint64_t now_ms = groups->now_ms;
	int64_t wall_ms = groups->wall_ms;
	uint32_t delay_ms = groups->initial_delay_ms;

	*groups = (struct groups){.now_ms = now_ms,
				  .wall_ms = wall_ms,
				  .expired_ms = now_ms,
				  .deadline_ms = UINT64_MAX,
				  .initial_delay_ms = delay_ms};
	int rc = store_open(&groups->store, path, error, error_size);
	if (rc < 0)
		return rc;
	rc = store_load(groups->store, load_row, groups);
	if (rc < 0) {
		snprintf(error, error_size, "%s", strerror(-rc));
		groups_close(groups);
	}
	return rc;
}

void groups_close(struct groups *groups)
{
	store_close(groups->store);
	for (unsigned i = 0; i < groups->slots_count; i++) {
		groups_forget(groups, groups->slots[i]);
		free(groups->slots[i]);
	}
	names_clear(&groups->by_name);
	groups->free = NULL;
	groups->slots_count = 0;
}
