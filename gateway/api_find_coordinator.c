/* FindCoordinator: the one broker, for groups. There are no transactions. */
#include "api_group.h"

enum { LIST_FROM = 4, TYPE_FROM = 1 };
enum { TYPE_GROUP = 0 };

static void put_node(struct api_call *call, bool served)
{
	wire_put32(call->out, served ? API_NODE_ID : -1);
	wire_put_text(call->out, served ? call->host : "");
	wire_put32(call->out, served ? call->port : -1);
}

static void put_error(struct api_call *call, bool served)
{
	wire_put16(call->out, served ? ERROR_NONE : ERROR_INVALID_REQUEST);
	if (call->version >= 1)
		wire_put_text(call->out, served ? NULL : "Weir coordinates groups only");
}

static void answer_list(struct api_call *call)
{
	bool served = wire_get8(call->in) == TYPE_GROUP;

	wire_put32(call->out, 0); /* throttle */
	int32_t keys = api_list(call, 1);
	while (api_list_next(call, &keys)) {
		wire_put_string(call->out, wire_get_name(call->in));
		put_node(call, served);
		put_error(call, served);
		wire_put_tags(call->out);
	}
}

enum api_result api_find_coordinator(struct api_call *call)
{
	if (call->version >= LIST_FROM) {
		answer_list(call);
	} else {
		wire_get_name(call->in);
		bool served = call->version < TYPE_FROM || wire_get8(call->in) == TYPE_GROUP;

		api_put_throttle(call, 1);
		put_error(call, served);
		put_node(call, served);
	}
	api_end(call);
	return API_SEND;
}
