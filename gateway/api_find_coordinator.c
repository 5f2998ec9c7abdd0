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

static enum api_result answer_list(struct api_call *call)
{
	bool served = wire_get8(call->in) == TYPE_GROUP;
	int32_t count = wire_get_array(call->in, 1);

	if (count < 0)
		return API_CLOSE;
	wire_put32(call->out, 0); /* throttle */
	wire_put_array(call->out, count);
	for (int32_t i = 0; i < count && api_goes_on(call); i++) {
		wire_put_string(call->out, wire_get_name(call->in));
		put_node(call, served);
		put_error(call, served);
		wire_put_tags(call->out);
	}
	return API_SEND;
}

enum api_result api_find_coordinator(struct api_call *call)
{
	enum api_result result = API_SEND;

	if (call->version >= LIST_FROM) {
		result = answer_list(call);
	} else {
		wire_get_name(call->in);
		bool served = call->version < TYPE_FROM || wire_get8(call->in) == TYPE_GROUP;

		api_put_throttle(call, 1);
		put_error(call, served);
		put_node(call, served);
	}
	wire_get_tags(call->in);
	wire_put_tags(call->out);
	return result;
}
