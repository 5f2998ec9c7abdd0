/*
 * Produce: the log has one writer, and it is not a client. Each partition is refused by an error
 * that no client tries again on.
 */
#include "api.h"

static void refuse(struct api_call *call, int32_t partition)
{
	wire_put32(call->out, partition);
	wire_put16(call->out, ERROR_POLICY_VIOLATION);
	wire_put64(call->out, -1); /* base offset */
	wire_put64(call->out, -1); /* append time */
	if (call->version >= 5)
		wire_put64(call->out, -1); /* log start */
	if (call->version >= 8) {
		wire_put_array(call->out, 0); /* which records */
		wire_put_text(call->out, "Weir's streams are read-only over this protocol");
	}
}

enum api_result api_produce(struct api_call *call)
{
	wire_get_string(call->in); /* transaction */
	int16_t acks = wire_get16(call->in);
	wire_get32(call->in); /* time-out */

	/* Nobody waits for an answer: closing is the only one there is. */
	if (acks == 0)
		return API_CLOSE;
	int32_t topics = api_list(call, 6);
	while (api_list_next(call, &topics)) {
		wire_put_string(call->out, wire_get_name(call->in));
		int32_t partitions = api_list(call, 8);

		while (api_list_next(call, &partitions)) {
			refuse(call, wire_get32(call->in));
			wire_get_bytes(call->in);
		}
	}
	wire_put32(call->out, 0); /* throttle */
	return API_SEND;
}
