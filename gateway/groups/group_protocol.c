/* What members support, and what they agree on. */
#include <stdlib.h>
#include <string.h>

#include "group_internal.h"

struct protocol {
	struct wire_string name, metadata;
};

static struct wire_reader reader_of(const struct group_bytes *bytes)
{
	/* Nothing is nowhere: to that not even 0 may be added. */
	return bytes->len ? (struct wire_reader){.at = bytes->data, .end = bytes->data + bytes->len}
			  : (struct wire_reader){0};
}

static bool next_protocol(struct wire_reader *r, struct protocol *out)
{
	if (r->at == r->end)
		return false;
	out->name = wire_get_name(r);
	out->metadata = wire_get_bytes(r);
	return !r->failed;
}

static bool same(struct wire_string a, struct wire_string b)
{
	return a.len == b.len && memcmp(a.at, b.at, (size_t)a.len) == 0;
}

static bool has(const struct group_bytes *protocols, struct wire_string name, struct protocol *out)
{
	struct wire_reader r = reader_of(protocols);

	while (next_protocol(&r, out))
		if (same(out->name, name))
			return true;
	return false;
}

static bool all_support(const struct group *group, struct wire_string name)
{
	struct protocol found;

	for (const struct group_member *m = group->members; m; m = m->next)
		if (!has(&m->protocols, name, &found))
			return false;
	return true;
}

bool group_supports(const struct group *group, const struct group_join *join)
{
	struct wire_reader r = reader_of(&join->protocols);
	struct protocol p;

	if (join->protocol_type.len <= 0 || join->protocols.len == 0)
		return false;
	if (!group->members)
		return true;
	if (!wire_string_is(join->protocol_type, group->protocol_type))
		return false;
	while (next_protocol(&r, &p))
		if (all_support(group, p.name))
			return true;
	return false;
}

/* What all members know: of the first one's, as many as a member may name. */
static unsigned find_common(const struct group *group, struct wire_string *common)
{
	struct wire_reader r = reader_of(&group->members->protocols);
	struct protocol p;
	unsigned count = 0;

	while (count < GROUP_PROTOCOLS_MAX && next_protocol(&r, &p))
		if (all_support(group, p.name))
			common[count++] = p.name;
	return count;
}

/* Votes for the first of its own that is common. */
static void vote(const struct group_member *m, const struct wire_string *common, unsigned count,
		 unsigned *votes)
{
	struct wire_reader r = reader_of(&m->protocols);
	struct protocol p;

	while (next_protocol(&r, &p)) {
		for (unsigned i = 0; i < count; i++) {
			if (same(common[i], p.name)) {
				votes[i]++;
				return;
			}
		}
	}
}

char *group_choose_protocol(const struct group *group)
{
	struct wire_string common[GROUP_PROTOCOLS_MAX];
	unsigned votes[GROUP_PROTOCOLS_MAX] = {0}, best = 0;
	unsigned count = group->members ? find_common(group, common) : 0;

	if (count == 0)
		return NULL;
	for (const struct group_member *m = group->members; m; m = m->next)
		vote(m, common, count, votes);
	for (unsigned i = 1; i < count; i++)
		if (votes[i] > votes[best])
			best = i;
	return strndup(common[best].at, (size_t)common[best].len);
}

struct wire_string group_metadata(const struct group *group, const struct group_member *member)
{
	struct protocol found;
	struct wire_string name = {.at = group->protocol,
				   .len = group->protocol ? (int)strlen(group->protocol) : -1};

	if (name.len >= 0 && has(&member->protocols, name, &found) && found.metadata.len >= 0)
		return found.metadata;
	return (struct wire_string){.at = "", .len = 0};
}

static bool is_of_consumers(const struct group *group)
{
	return group->protocol_type && strcmp(group->protocol_type, "consumer") == 0;
}

/* ConsumerProtocolSubscription: int16 version, array of topics, ...; never flexible. */
static void begin_subscription(struct group_subscribed *at)
{
	struct wire_string metadata = group_metadata(at->group, at->member);

	at->reader = (struct wire_reader){.at = (const uint8_t *)metadata.at,
					  .end = (const uint8_t *)metadata.at + metadata.len};
	wire_get16(&at->reader);
	at->topics_left = wire_get_array(&at->reader, 2);
}

struct group_subscribed group_subscribed(const struct group *group)
{
	struct group_subscribed at = {.group = group};

	at.member = is_of_consumers(group) ? group->members : NULL;
	if (at.member)
		begin_subscription(&at);
	return at;
}

bool group_subscribed_next(struct group_subscribed *at, struct wire_string *topic)
{
	while (at->member) {
		if (at->topics_left-- > 0) {
			*topic = wire_get_name(&at->reader);
			if (!at->reader.failed)
				return true;
		}
		at->member = at->member->next;
		if (at->member)
			begin_subscription(at);
	}
	return false;
}

/* ConsumerProtocolAssignment: int16 version, array of {topic, array of partitions}, ... */
struct group_assigned group_assigned(const struct group *group, const struct group_member *member)
{
	struct group_assigned at = {.reader = reader_of(&member->assignment)};

	if (!is_of_consumers(group) || group->state != GROUP_STABLE || member->assignment.len == 0)
		return at;
	wire_get16(&at.reader);
	at.topics_left = wire_get_array(&at.reader, 6);
	return at;
}

bool group_assigned_next(struct group_assigned *at)
{
	while (at->partitions_left <= 0) {
		if (at->topics_left-- <= 0)
			return false;
		struct wire_string name = wire_get_name(&at->reader);
		size_t len = name.len < GROUP_NAME_MAX ? (size_t)name.len : GROUP_NAME_MAX;

		memcpy(at->topic, name.at ? name.at : "", at->reader.failed ? 0 : len);
		at->topic[at->reader.failed ? 0 : len] = 0;
		at->partitions_left = wire_get_array(&at->reader, 4);
	}
	at->partitions_left--;
	at->partition = wire_get32(&at->reader);
	return !at->reader.failed;
}
