/*
 * For tests of the gateway: one right request of each API in each version, about topic "s" of
 * gateway_testing.h. Written from Kafka's schemas, apart from the handlers under test.
 */
#pragma once

#include "gateway_group_requests.h"
#include "gateway_testing.h"

/* One topic, "s", with one partition to follow. */
static inline void requests_topic(struct wire_writer *w)
{
	wire_put_array(w, 1);
	wire_put_text(w, "s");
	wire_put_array(w, 1);
}

static inline void requests_produce(struct wire_writer *w)
{
	wire_put_text(w, NULL);
	wire_put16(w, 1);
	wire_put32(w, 1000);
	requests_topic(w);
	wire_put32(w, 0);
	wire_put32(w, 3);
	wire_put8(w, 1);
	wire_put16(w, 2);
}

static inline void requests_fetch(struct wire_writer *w, int16_t version)
{
	static const uint8_t unknown[WIRE_UUID_BYTES] = {1};

	wire_put32(w, -1);
	wire_put32(w, 0);
	wire_put32(w, 1);
	wire_put32(w, 1 << 20);
	wire_put8(w, 0);
	if (version >= 7) {
		wire_put32(w, 0);
		wire_put32(w, -1);
	}
	wire_put_array(w, 1);
	if (version >= 13)
		wire_put_uuid(w, catalog.topics[0]->id);
	else
		wire_put_text(w, "s");
	wire_put_array(w, 1);
	wire_put32(w, 0);
	if (version >= 9)
		wire_put32(w, 0);
	wire_put64(w, 5);
	if (version >= 12)
		wire_put32(w, -1);
	if (version >= 5)
		wire_put64(w, -1);
	wire_put32(w, 1 << 20);
	wire_put_tags(w);
	wire_put_tags(w);
	if (version >= 7) {
		wire_put_array(w, 1);
		if (version >= 13)
			wire_put_uuid(w, unknown);
		else
			wire_put_text(w, "old");
		wire_put_array(w, 1);
		wire_put32(w, 3);
		wire_put_tags(w);
	}
	if (version >= 11)
		wire_put_text(w, "");
	wire_put_tags(w);
}

static inline void requests_list_offsets(struct wire_writer *w, int16_t version)
{
	wire_put32(w, -1);
	if (version >= 2)
		wire_put8(w, 0);
	requests_topic(w);
	wire_put32(w, 0);
	if (version >= 4)
		wire_put32(w, -1);
	wire_put64(w, version >= 7 ? -3 : -1);
	wire_put_tags(w);
	wire_put_tags(w);
	wire_put_tags(w);
}

static inline void requests_metadata(struct wire_writer *w, int16_t version)
{
	static const char *const names[] = {"s", "nowhere"};
	static const uint8_t none[WIRE_UUID_BYTES];

	wire_put_array(w, 2);
	for (int i = 0; i < 2; i++) {
		if (version >= 10)
			wire_put_uuid(w, none);
		wire_put_text(w, names[i]);
		wire_put_tags(w);
	}
	if (version >= 4)
		wire_put8(w, 1);
	if (version >= 8 && version <= 10)
		wire_put8(w, 0);
	if (version >= 8)
		wire_put8(w, 0);
	wire_put_tags(w);
}

static inline void requests_versions(struct wire_writer *w, int16_t version)
{
	if (version >= 3) {
		wire_put_text(w, "client");
		wire_put_text(w, "1.0");
	}
	wire_put_tags(w);
}

static inline void requests_for_leader_epoch(struct wire_writer *w, int16_t version)
{
	if (version >= 3)
		wire_put32(w, -1);
	requests_topic(w);
	wire_put32(w, 0);
	wire_put32(w, -1);
	wire_put32(w, 0);
	wire_put_tags(w);
	wire_put_tags(w);
	wire_put_tags(w);
}

static inline void requests_describe_acls(struct wire_writer *w)
{
	wire_put8(w, 2);
	wire_put_text(w, "s");
	wire_put8(w, 3);
	wire_put_text(w, NULL);
	wire_put_text(w, "host");
	wire_put8(w, 1);
	wire_put8(w, 1);
	wire_put_tags(w);
}

static inline void requests_describe_configs(struct wire_writer *w, int16_t version)
{
	wire_put_array(w, 2);
	wire_put8(w, 2);
	wire_put_text(w, "s");
	wire_put_array(w, 2);
	wire_put_text(w, "cleanup.policy");
	wire_put_text(w, "no.such.config");
	wire_put_tags(w);
	wire_put8(w, 4);
	wire_put_text(w, "1");
	wire_put_array(w, -1);
	wire_put_tags(w);
	wire_put8(w, 1);
	if (version >= 3)
		wire_put8(w, 1);
	wire_put_tags(w);
}

static inline void requests_consumer_group_heartbeat(struct wire_writer *w, int16_t version)
{
	static const uint8_t id[WIRE_UUID_BYTES] = {1};

	wire_put_text(w, "g");
	wire_put_text(w, "m");
	wire_put32(w, 0);
	wire_put_text(w, NULL);
	wire_put_text(w, "rack");
	wire_put32(w, 5000);
	wire_put_array(w, 1);
	wire_put_text(w, "s");
	if (version >= 1)
		wire_put_text(w, "s.*");
	wire_put_text(w, "uniform");
	wire_put_array(w, 1);
	wire_put_uuid(w, id);
	wire_put_array(w, 1);
	wire_put32(w, 0);
	wire_put_tags(w);
	wire_put_tags(w);
}

static inline bool requests_body(struct wire_writer *w, int16_t key, int16_t version)
{
	switch (key) {
	case API_KEY_PRODUCE:
		requests_produce(w);
		return true;
	case API_KEY_FETCH:
		requests_fetch(w, version);
		return true;
	case API_KEY_LIST_OFFSETS:
		requests_list_offsets(w, version);
		return true;
	case API_KEY_METADATA:
		requests_metadata(w, version);
		return true;
	case API_KEY_VERSIONS:
		requests_versions(w, version);
		return true;
	case API_KEY_OFFSET_FOR_LEADER_EPOCH:
		requests_for_leader_epoch(w, version);
		return true;
	case API_KEY_DESCRIBE_ACLS:
		requests_describe_acls(w);
		return true;
	case API_KEY_DESCRIBE_CONFIGS:
		requests_describe_configs(w, version);
		return true;
	case API_KEY_DESCRIBE_CLUSTER:
		wire_put8(w, 0);
		if (version >= 1)
			wire_put8(w, 1);
		wire_put_tags(w);
		return true;
	case 68:
		requests_consumer_group_heartbeat(w, version);
		return true;
	default:
		return requests_group_body(w, key, version);
	}
}

/* False: no request for this API is known here. */
static inline bool requests_make(struct wire_writer *w, const struct api *api, int16_t version)
{
	gateway_testing_header(w, api->key, version);
	w->flexible = version >= api->flexible_from;
	wire_put_tags(w);
	return requests_body(w, api->key, version);
}
