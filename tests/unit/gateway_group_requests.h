/* Right requests of the groups' APIs, for gateway_requests.h: group "g", member "m". */
#pragma once

#include "gateway_testing.h"

/* A group, where a member is one: generation 1, and from instance_from on a static member's name.
 */
static inline void requests_member(struct wire_writer *w, int16_t version, int16_t instance_from)
{
	wire_put_text(w, "g");
	wire_put32(w, 1);
	wire_put_text(w, "m");
	if (version >= instance_from)
		wire_put_text(w, NULL);
}

static inline void requests_offset_commit(struct wire_writer *w, int16_t version)
{
	requests_member(w, version, 7);
	if (version <= 4)
		wire_put64(w, -1);
	wire_put_array(w, 1);
	wire_put_text(w, "s");
	wire_put_array(w, 1);
	wire_put32(w, 0);
	wire_put64(w, 5);
	if (version >= 6)
		wire_put32(w, 0);
	wire_put_text(w, "note");
	wire_put_tags(w);
	wire_put_tags(w);
	wire_put_tags(w);
}

static inline void requests_offset_fetch(struct wire_writer *w, int16_t version)
{
	if (version >= 8)
		wire_put_array(w, 1);
	wire_put_text(w, "g");
	wire_put_array(w, 1);
	wire_put_text(w, "s");
	wire_put_array(w, 1);
	wire_put32(w, 0);
	wire_put_tags(w);
	if (version >= 8)
		wire_put_tags(w);
	if (version >= 7)
		wire_put8(w, 0);
	wire_put_tags(w);
}

static inline void requests_find_coordinator(struct wire_writer *w, int16_t version)
{
	if (version <= 3)
		wire_put_text(w, "g");
	if (version >= 1)
		wire_put8(w, 0);
	if (version >= 4) {
		wire_put_array(w, 1);
		wire_put_text(w, "g");
	}
	wire_put_tags(w);
}

static inline void requests_bytes(struct wire_writer *w)
{
	/* Bytes have the length of an array, and then that many. */
	wire_put_array(w, 2);
	wire_put16(w, 3);
}

static inline void requests_join_group(struct wire_writer *w, int16_t version)
{
	wire_put_text(w, "g");
	wire_put32(w, 10000);
	if (version >= 1)
		wire_put32(w, 10000);
	wire_put_text(w, "");
	if (version >= 5)
		wire_put_text(w, NULL);
	wire_put_text(w, "consumer");
	wire_put_array(w, 1);
	wire_put_text(w, "range");
	requests_bytes(w);
	wire_put_tags(w);
	if (version >= 8)
		wire_put_text(w, "why");
	wire_put_tags(w);
}

static inline void requests_leave_group(struct wire_writer *w, int16_t version)
{
	wire_put_text(w, "g");
	if (version >= 3)
		wire_put_array(w, 1);
	wire_put_text(w, "m");
	if (version >= 3)
		wire_put_text(w, NULL);
	if (version >= 5)
		wire_put_text(w, "why");
	if (version >= 3)
		wire_put_tags(w);
	wire_put_tags(w);
}

static inline void requests_sync_group(struct wire_writer *w, int16_t version)
{
	requests_member(w, version, 3);
	if (version >= 5) {
		wire_put_text(w, "consumer");
		wire_put_text(w, "range");
	}
	wire_put_array(w, 1);
	wire_put_text(w, "m");
	requests_bytes(w);
	wire_put_tags(w);
	wire_put_tags(w);
}

static inline bool requests_group_body(struct wire_writer *w, int16_t key, int16_t version)
{
	switch (key) {
	case API_KEY_OFFSET_COMMIT:
		requests_offset_commit(w, version);
		return true;
	case API_KEY_OFFSET_FETCH:
		requests_offset_fetch(w, version);
		return true;
	case API_KEY_FIND_COORDINATOR:
		requests_find_coordinator(w, version);
		return true;
	case API_KEY_JOIN_GROUP:
		requests_join_group(w, version);
		return true;
	case API_KEY_HEARTBEAT:
		requests_member(w, version, 3);
		break;
	case API_KEY_LEAVE_GROUP:
		requests_leave_group(w, version);
		return true;
	case API_KEY_SYNC_GROUP:
		requests_sync_group(w, version);
		return true;
	case API_KEY_DESCRIBE_GROUPS:
	case API_KEY_DELETE_GROUPS:
		wire_put_array(w, 1);
		wire_put_text(w, "g");
		if (key == API_KEY_DESCRIBE_GROUPS && version >= 3)
			wire_put8(w, 0);
		break;
	case API_KEY_LIST_GROUPS:
		if (version >= 4) {
			wire_put_array(w, 1);
			wire_put_text(w, "Stable");
		}
		break;
	case API_KEY_OFFSET_DELETE:
		wire_put_text(w, "g");
		wire_put_array(w, 1);
		wire_put_text(w, "s");
		wire_put_array(w, 1);
		wire_put32(w, 0);
		break;
	default:
		return false;
	}
	wire_put_tags(w);
	return true;
}
