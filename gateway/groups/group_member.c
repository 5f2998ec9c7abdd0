/* The members of a group, and the ids that were given out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "group_internal.h"

struct group_member *group_member_find(const struct group *group, struct wire_string id)
{
	return names_find_string(&group->members_by_id, id);
}

struct group_member *group_member_static(const struct group *group, struct wire_string instance)
{
	return names_find_string(&group->members_by_instance, instance);
}

static size_t length(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static size_t size_of(const struct group_member *m)
{
	return sizeof(*m) + length(m->id) + length(m->instance) + length(m->client_id) +
	       length(m->host) + m->protocols.len + m->assignment.len;
}

/* So many bytes in place of others. More than may be: of the group, or of all, where room may come
 * from others. */
static enum protocol_error count_bytes(struct groups *groups, struct group *group, size_t before,
				       size_t after)
{
	if (after > before && group->bytes - before + after > GROUP_BYTES_MAX)
		return ERROR_GROUP_MAX_SIZE_REACHED;
	if (after > before && groups->bytes - before + after > GROUPS_BYTES_MAX)
		return ERROR_COORDINATOR_NOT_AVAILABLE;
	groups->bytes = groups->bytes - before + after;
	group->bytes = group->bytes - before + after;
	return ERROR_NONE;
}

static void free_member(struct group_member *m)
{
	free(m->id);
	free(m->instance);
	free(m->client_id);
	free(m->host);
	free(m->protocols.data);
	free(m->assignment.data);
	free(m);
}

/* A copy, in place of what *bytes held. */
static bool set_bytes(struct group_bytes *bytes, const void *data, uint32_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		return false;
	if (len)
		memcpy(copy, data, len);
	free(bytes->data);
	*bytes = (struct group_bytes){.data = copy, .len = len};
	return true;
}

static char *copy_of(struct wire_string string)
{
	return strndup(string.len > 0 ? string.at : "", string.len > 0 ? (size_t)string.len : 0);
}

/* A random UUID, version 4, behind a prefix, which may be cut; what might end or break a text in
 * other hands is left out of it. */
char *group_new_member_id(struct wire_string prefix)
{
	uint8_t u[16];
	char *id = NULL, clean[GROUP_NAME_MAX];
	int len = prefix.len < 0 ? 0 : prefix.len < GROUP_NAME_MAX ? prefix.len : GROUP_NAME_MAX;

	for (int i = 0; i < len; i++)
		clean[i] = prefix.at[i] > ' ' && prefix.at[i] < 0x7f ? prefix.at[i] : '_';
	if (getrandom(u, sizeof(u), 0) != sizeof(u))
		return NULL;
	u[6] = (uint8_t)((u[6] & 0x0f) | 0x40);
	u[8] = (uint8_t)((u[8] & 0x3f) | 0x80);
	if (asprintf(&id,
		     "%.*s-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		     len, clean, u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10],
		     u[11], u[12], u[13], u[14], u[15]) < 0)
		return NULL;
	return id;
}

enum protocol_error group_member_add(struct groups *groups, struct group *group,
				     const struct group_join *join, const char *id,
				     struct group_member **out)
{
	struct group_member *m = calloc(1, sizeof(*m));
	enum protocol_error error = ERROR_COORDINATOR_NOT_AVAILABLE;

	if (!m)
		return error;
	m->id = strdup(id);
	m->client_id = copy_of(join->client_id);
	m->host = strdup(join->host);
	m->instance = join->instance.len >= 0 ? copy_of(join->instance) : NULL;
	m->session_ms = join->session_ms;
	m->rebalance_ms = join->rebalance_ms;
	if (m->id && m->client_id && m->host && (join->instance.len < 0 || m->instance) &&
	    set_bytes(&m->protocols, join->protocols.data, join->protocols.len) &&
	    set_bytes(&m->assignment, NULL, 0))
		error = count_bytes(groups, group, 0, size_of(m));
	if (error != ERROR_NONE) {
		free_member(m);
		return error;
	}
	/* In the order in which they came: the first is the leader. */
	m->link = group->members_end;
	*m->link = m;
	group->members_end = &m->next;
	names_put(&group->members_by_id, &m->by_id, m->id, strlen(m->id), m);
	if (m->instance)
		names_put(&group->members_by_instance, &m->by_instance, m->instance,
			  strlen(m->instance), m);
	group->members_count++;
	group->members_moves++;
	*out = m;
	return ERROR_NONE;
}

enum protocol_error group_member_update(struct groups *groups, struct group *group,
					struct group_member *m, const struct group_join *join)
{
	size_t before = m->protocols.len;
	enum protocol_error error = count_bytes(groups, group, before, join->protocols.len);

	if (error != ERROR_NONE)
		return error;
	if (!set_bytes(&m->protocols, join->protocols.data, join->protocols.len)) {
		count_bytes(groups, group, join->protocols.len, before);
		return ERROR_COORDINATOR_NOT_AVAILABLE;
	}
	m->session_ms = join->session_ms;
	m->rebalance_ms = join->rebalance_ms;
	return ERROR_NONE;
}

enum protocol_error group_member_assign(struct groups *groups, struct group *group,
					struct group_member *m, const void *data, uint32_t len)
{
	size_t before = m->assignment.len;

	if (len > GROUP_ASSIGNMENT_MAX)
		return ERROR_UNKNOWN_SERVER_ERROR;
	enum protocol_error error = count_bytes(groups, group, before, len);
	if (error == ERROR_GROUP_MAX_SIZE_REACHED)
		return ERROR_UNKNOWN_SERVER_ERROR;
	if (error != ERROR_NONE)
		return error;
	group->members_moves++;
	if (!set_bytes(&m->assignment, data, len)) {
		count_bytes(groups, group, len, before);
		error = ERROR_COORDINATOR_NOT_AVAILABLE;
	}
	return error;
}

bool group_member_same(const struct group_member *m, const struct group_join *join)
{
	return m->protocols.len == join->protocols.len &&
	       memcmp(m->protocols.data, join->protocols.data, m->protocols.len) == 0;
}

void group_member_remove(struct groups *groups, struct group *group, struct group_member *m)
{
	*m->link = m->next;
	*(m->next ? &m->next->link : &group->members_end) = m->link;
	names_remove(&group->members_by_id, &m->by_id);
	names_remove(&group->members_by_instance, &m->by_instance);
	group->members_count--;
	group->members_moves++;
	count_bytes(groups, group, size_of(m), 0);
	if (group->leader && strcmp(group->leader, m->id) == 0) {
		free(group->leader);
		group->leader = NULL;
	}
	/* Whoever waits in its name is told. */
	groups_changed(groups, group);
	free_member(m);
}

void group_member_touch(struct groups *groups, struct group *group, struct group_member *m)
{
	uint32_t patience = m->fresh ? GROUP_FRESH_MS : (uint32_t)m->session_ms;

	m->expires_ms = groups->now_ms + patience;
	groups_timer(groups, group, m->expires_ms);
}

bool group_member_rename(struct group *group, struct group_member *m, const char *id)
{
	char *copy = strdup(id);

	if (!copy)
		return false;
	names_remove(&group->members_by_id, &m->by_id);
	free(m->id);
	m->id = copy;
	names_put(&group->members_by_id, &m->by_id, m->id, strlen(m->id), m);
	return true;
}

static size_t size_of_pending(const struct group_pending *p)
{
	return sizeof(*p) + length(p->id);
}

void group_pending_forget(struct groups *groups, struct group *group, struct group_pending *p)
{
	*p->link = p->next;
	*(p->next ? &p->next->link : &group->pending_end) = p->link;
	names_remove(&group->pending_by_id, &p->by_id);
	group->pending_count--;
	groups->bytes -= size_of_pending(p);
	free(p->id);
	free(p);
}

bool group_pending_add(struct groups *groups, struct group *group, char *id, int32_t session_ms)
{
	struct group_pending *p = calloc(1, sizeof(*p));

	if (!p || groups->bytes > GROUPS_BYTES_MAX) {
		free(p);
		return false;
	}
	while (group->pending_count >= GROUP_PENDING_MAX)
		group_pending_forget(groups, group, group->pending);
	p->id = id;
	p->expires_ms = groups->now_ms +
			(uint32_t)(session_ms < GROUP_PENDING_MS ? session_ms : GROUP_PENDING_MS);
	p->link = group->pending_end;
	*p->link = p;
	group->pending_end = &p->next;
	names_put(&group->pending_by_id, &p->by_id, p->id, strlen(p->id), p);
	group->pending_count++;
	groups->bytes += size_of_pending(p);
	groups_timer(groups, group, p->expires_ms);
	return true;
}

bool group_pending_remove(struct groups *groups, struct group *group, struct wire_string id)
{
	struct group_pending *p = names_find_string(&group->pending_by_id, id);

	if (p)
		group_pending_forget(groups, group, p);
	return p != NULL;
}
