/* The gateway and its groups, as docs/json.md tells. */
#include "json_set.h"
#include "loop.h"
#include "status.h"

/* A name that need not be there. */
static void set_name(json_t *object, const char *key, const char *value)
{
	json_object_set_new(object, key, value[0] ? json_string(value) : json_null());
}

/* -1: not known. */
static void set_offset(json_t *object, const char *key, int64_t value)
{
	json_object_set_new(object, key, value < 0 ? json_null() : json_integer(value));
}

static json_t *member_json(const struct report_member *m)
{
	json_t *o = json_object();

	json_set_text(o, "member", m->id);
	set_name(o, "instance", m->instance);
	json_set_text(o, "client", m->client);
	json_set_text(o, "host", m->host);
	json_set(o, "partitions", m->partitions);
	return o;
}

static json_t *offset_json(const struct status *st, const struct report_view *g,
			   const struct report_offset *from)
{
	json_t *o = json_object();

	json_set_text(o, "topic", from->topic);
	json_set(o, "partition", (uint64_t)from->partition);
	json_set(o, "committed", from->committed);
	json_set(o, "committed_ms", (uint64_t)from->committed_ms);
	set_offset(o, "visible_end", status_offset_end(st, g, from));
	set_offset(o, "lag", status_offset_lag(st, g, from));
	json_object_set_new(o, "member",
			    !g->alive || from->member < 0
				    ? json_null()
				    : json_string(g->members[from->member].id));
	return o;
}

static json_t *group_json(const struct status *st, const struct report_view *g, uint32_t index)
{
	const struct report_group *group = &g->groups[index];
	json_t *o = json_object(), *members = json_array(), *offsets = json_array();

	json_set_text(o, "group", group->id);
	set_name(o, "state", g->alive ? group->state : "");
	set_name(o, "protocol_type", group->protocol_type);
	set_name(o, "protocol", group->protocol);
	json_object_set_new(o, "generation", json_integer(group->generation));
	for (uint32_t i = 0; g->alive && i < g->header.members; i++)
		if (g->members[i].group == index)
			json_array_append_new(members, member_json(&g->members[i]));
	for (uint32_t i = 0; i < g->header.offsets; i++)
		if (g->offsets[i].group == index)
			json_array_append_new(offsets, offset_json(st, g, &g->offsets[i]));
	json_object_set_new(o, "members", members);
	json_object_set_new(o, "offsets", offsets);
	return o;
}

json_t *status_failure_json(const struct gateway_failure *failure)
{
	uint64_t now = loop_real_ns();

	if (!failure->reason[0])
		return json_null();
	json_t *o = json_object();
	json_set_text(o, "reason", failure->reason);
	json_set_seconds(o, "next_start_in_s",
			 failure->next_start_ns > now ? failure->next_start_ns - now : 0);
	return o;
}

json_t *status_groups_json(const struct status *st, const struct report_view *g)
{
	json_t *all = json_array();

	for (uint32_t i = 0; i < g->header.groups; i++)
		json_array_append_new(all, group_json(st, g, i));
	return all;
}

static json_t *requests_json(const struct report_counters *c)
{
	json_t *o = json_object();

	for (unsigned key = 0; key < REPORT_KEYS; key++) {
		const char *name = report_api_name(key);
		char number[16];

		snprintf(number, sizeof(number), "%u", key);
		if (c->requests[key])
			json_set(o, name ? name : number, c->requests[key]);
	}
	return o;
}

json_t *status_gateway_json(const struct status *st, const struct report_view *g)
{
	const struct report_header *h = &g->header;
	const struct report_counters *c = &h->counters;
	json_t *o = json_object(), *latency = json_array();

	json_set_flag(o, "alive", g->alive);
	json_set_flag(o, "stopped", h->stopped != 0);
	json_set(o, "pid", h->pid);
	json_set_text(o, "address", h->address);
	json_set_text(o, "data_dir", h->data_dir);
	json_set_seconds(o, "uptime_s",
			 (g->alive ? loop_real_ns() : h->written_ns) - h->started_ns);
	json_set(o, "connections", g->alive ? c->connections : 0);
	json_set(o, "requests_waiting", g->alive ? c->waiting : 0);
	json_set(o, "accepted", c->accepted);
	json_set(o, "refused", c->refused);
	json_set(o, "closed_malformed", c->malformed);
	json_set(o, "closed_overdue", c->overdue);
	json_set(o, "sent_bytes", c->sent_bytes);
	json_set(o, "sent_file_bytes", c->sent_file_bytes);
	json_object_set_new(o, "requests", requests_json(c));
	for (unsigned i = 0; i < REPORT_LATENCIES; i++)
		json_array_append_new(latency, json_integer((json_int_t)c->fetch_latency[i]));
	json_object_set_new(o, "fetch_histogram", latency);
	json_object_set_new(o, "groups", status_groups_json(st, g));
	json_set(o, "left_out", h->left_out);
	return o;
}
