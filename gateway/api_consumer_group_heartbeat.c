/*
 * ConsumerGroupHeartbeat, the new group protocol: refused as a broker does that has it switched
 * off. It is served for that answer only: librdkafka tries again for ever, without a word, where
 * the API is unknown.
 */
#include "api.h"

enum { REGEX_FROM = 1 };

static void skip_partitions(struct api_call *call)
{
	uint8_t id[WIRE_UUID_BYTES];
	int32_t topics = wire_get_array(call->in, WIRE_UUID_BYTES + 2);

	for (int32_t i = 0; i < topics && api_goes_on(call); i++) {
		wire_get_uuid(call->in, id);
		int32_t partitions = wire_get_array(call->in, 4);
		for (int32_t n = 0; n < partitions && api_goes_on(call); n++)
			wire_get32(call->in);
		wire_get_tags(call->in);
	}
}

static void skip_request(struct api_call *call)
{
	wire_get_name(call->in);   /* group */
	wire_get_name(call->in);   /* member */
	wire_get32(call->in);	   /* its epoch */
	wire_get_string(call->in); /* instance */
	wire_get_string(call->in); /* rack */
	wire_get32(call->in);	   /* rebalance time-out */
	int32_t topics = wire_get_array(call->in, 1);
	for (int32_t i = 0; i < topics && api_goes_on(call); i++)
		wire_get_name(call->in);
	if (call->version >= REGEX_FROM)
		wire_get_string(call->in);
	wire_get_string(call->in); /* assignor */
	skip_partitions(call);
	wire_get_tags(call->in);
}

enum api_result api_consumer_group_heartbeat(struct api_call *call)
{
	skip_request(call);
	wire_put32(call->out, 0); /* throttle */
	wire_put16(call->out, ERROR_UNSUPPORTED_VERSION);
	wire_put_text(call->out,
		      "Weir serves the classic group protocol: set group.protocol=classic");
	wire_put_text(call->out, NULL); /* member */
	wire_put32(call->out, 0);	/* its epoch */
	wire_put32(call->out, 0);	/* interval */
	wire_put8(call->out, -1);	/* no assignment */
	wire_put_tags(call->out);
	return API_SEND;
}
