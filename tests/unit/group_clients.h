/* Consumer groups over a store of their own, and clients of group "g", for their tests. */
#pragma once

#include <criterion/criterion.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/groups/groups.h"
#include "log_build.h"

enum { SESSION_MS = 10000, REBALANCE_MS = 60000, DELAY_MS = 3000 };

static char dir[64];
static struct groups groups;

static inline void open_groups(void)
{
	char path[128], error[128];

	snprintf(path, sizeof(path), "%s/weir.groups", dir);
	groups.initial_delay_ms = DELAY_MS;
	cr_assert_eq(groups_open(&groups, path, error, sizeof(error)), 0, "%s", error);
}

static inline void setup(void)
{
	build_dir(dir);
	groups_set_time(&groups, 1000, 1000);
	open_groups();
}

static inline void teardown(void)
{
	groups_close(&groups);
	build_remove(dir);
}

static inline struct wire_string string(const char *text)
{
	return (struct wire_string){.at = text, .len = text ? (int32_t)strlen(text) : -1};
}

static inline void pass(uint32_t ms)
{
	groups_set_time(&groups, groups.now_ms + ms, groups.wall_ms + ms);
	groups_tick(&groups);
}

/* Until the store has nothing to do any more. */
static inline void settle(void)
{
	struct pollfd fd = {.fd = store_fd(groups.store), .events = POLLIN};
	struct group *group = groups_find(&groups, string("g"));

	while (group && group->ops) {
		cr_assert_eq(poll(&fd, 1, 10000), 1, "the store does not answer");
		groups_take_done(&groups);
	}
}

/* One client of group "g". */
struct client {
	char id[600], instance[64];
	bool is_static;
	const char *protocols[3];
	uint64_t join_ticket, sync_ticket;
	int32_t generation;
	bool leads;
	char assignment[16];
};

static inline struct group_bytes protocols_of(const struct client *c, struct wire_writer *w)
{
	w->max = 4096;
	w->len = 0;
	for (unsigned i = 0; i < 3 && c->protocols[i]; i++) {
		wire_put_text(w, c->protocols[i]);
		wire_put_bytes(w, "meta", 4);
	}
	return (struct group_bytes){.data = w->data, .len = (uint32_t)w->len};
}

/* ERROR_NONE, another error, or -1: it waits. */
static inline int join(struct client *c)
{
	static const uint64_t *changes;
	struct wire_writer w = {0};
	struct group_join request = {.group = string("g"),
				     .member = string(c->id),
				     .instance = string(c->is_static ? c->instance : NULL),
				     .client_id = string("client"),
				     .protocol_type = string("consumer"),
				     .host = "127.0.0.1",
				     .session_ms = SESSION_MS,
				     .rebalance_ms = REBALANCE_MS,
				     .id_required = true,
				     .skips_assignment = true};
	struct group_joined joined;

	if (!c->protocols[0])
		c->protocols[0] = "range";
	request.protocols = protocols_of(c, &w);
	bool answered = group_join(&groups, &request, &c->join_ticket, &joined, &changes);
	free(w.data);
	if (!answered)
		return -1;
	c->join_ticket = 0;
	if (joined.member_id)
		snprintf(c->id, sizeof(c->id), "%s", joined.member_id);
	if (joined.error == ERROR_NONE) {
		c->generation = joined.group->generation;
		c->leads = joined.lists_members;
	}
	return joined.error;
}

static inline struct group_caller caller_of(const struct client *c)
{
	return (struct group_caller){.group = string("g"),
				     .member = string(c->id),
				     .instance = string(c->is_static ? c->instance : NULL),
				     .generation = c->generation};
}

/* A leader gives every member its own id's last character. */
static inline int sync_group(struct client *c)
{
	static const uint64_t *changes;
	const struct group *group = groups_find(&groups, string("g"));
	struct wire_writer w = {.max = 1 << 16};
	struct group_sync request = {
		.caller = caller_of(c), .protocol_type.len = -1, .protocol.len = -1};
	struct group_synced synced = {0};

	for (const struct group_member *m = c->leads && group ? group->members : NULL; m;
	     m = m->next) {
		wire_put_text(&w, m->id);
		wire_put_bytes(&w, m->id + strlen(m->id) - 1, 1);
		request.count++;
	}
	request.assignments = (struct wire_reader){.at = w.data, .end = w.data + w.len};
	bool answered = group_sync(&groups, &request, &c->sync_ticket, &synced, &changes);
	free(w.data);
	if (!answered)
		return -1;
	c->sync_ticket = 0;
	if (synced.member)
		snprintf(c->assignment, sizeof(c->assignment), "%.*s",
			 (int)synced.member->assignment.len,
			 (const char *)synced.member->assignment.data);
	return synced.error;
}

static inline int beat(const struct client *c)
{
	const struct group_caller caller = caller_of(c);

	return (int)group_heartbeat(&groups, &caller);
}

static inline enum group_state state(void)
{
	return groups_find(&groups, string("g"))->state;
}

static inline void join_waits(struct client *c)
{
	if (!c->id[0] && !c->is_static)
		cr_assert_eq(join(c), ERROR_MEMBER_ID_REQUIRED);
	cr_assert_eq(join(c), -1);
}

/* All of them into one generation, STABLE. */
static inline void assemble(struct client *clients, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		join_waits(&clients[i]);
	for (unsigned i = 0; i < 3; i++)
		pass(DELAY_MS);
	for (unsigned i = 0; i < count; i++)
		cr_assert_eq(join(&clients[i]), ERROR_NONE);
	for (unsigned i = 0; i < count; i++)
		cr_assert_eq(sync_group(&clients[i]), -1);
	settle();
	for (unsigned i = 0; i < count; i++)
		cr_assert_eq(sync_group(&clients[i]), ERROR_NONE);
	cr_assert_eq(state(), GROUP_STABLE);
}
