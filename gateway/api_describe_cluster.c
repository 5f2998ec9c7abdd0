/* DescribeCluster: the one broker again, for admin clients. */
#include "api.h"

enum { ENDPOINT_FROM = 1 };
enum { ENDPOINT_BROKERS = 1, ENDPOINT_CONTROLLERS = 2 };

/* We are a broker: nobody can reach a controller here. */
static enum protocol_error check_endpoint(int8_t endpoint)
{
	switch (endpoint) {
	case ENDPOINT_BROKERS:
		return ERROR_NONE;
	case ENDPOINT_CONTROLLERS:
		return ERROR_MISMATCHED_ENDPOINT_TYPE;
	default:
		return ERROR_UNSUPPORTED_ENDPOINT_TYPE;
	}
}

static void put_cluster(struct api_call *call)
{
	wire_put_text(call->out, call->catalog->cluster_id);
	wire_put32(call->out, API_NODE_ID); /* controller */
	wire_put_array(call->out, 1);
	api_put_node(call);
	wire_put_text(call->out, NULL); /* rack */
	wire_put_tags(call->out);
}

static void put_no_cluster(struct wire_writer *out)
{
	wire_put_text(out, "");
	wire_put32(out, -1);
	wire_put_array(out, 0);
}

enum api_result api_describe_cluster(struct api_call *call)
{
	wire_get8(call->in); /* tell authorized operations: they are not known */
	int8_t endpoint =
		call->version >= ENDPOINT_FROM ? wire_get8(call->in) : (int8_t)ENDPOINT_BROKERS;
	enum protocol_error error = check_endpoint(endpoint);

	wire_get_tags(call->in);
	wire_put32(call->out, 0); /* throttle */
	wire_put16(call->out, (int16_t)error);
	wire_put_text(call->out, error ? "this is a broker" : NULL);
	if (call->version >= ENDPOINT_FROM)
		wire_put8(call->out, ENDPOINT_BROKERS);
	if (error)
		put_no_cluster(call->out);
	else
		put_cluster(call);
	wire_put32(call->out, INT32_MIN);
	wire_put_tags(call->out);
	return API_SEND;
}
