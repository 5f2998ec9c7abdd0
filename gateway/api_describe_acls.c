/* DescribeAcls: there are none, as a broker without an authorizer says it. */
#include "api.h"

enum api_result api_describe_acls(struct api_call *call)
{
	wire_get8(call->in);	   /* resource type */
	wire_get_string(call->in); /* resource */
	wire_get8(call->in);	   /* pattern type */
	wire_get_string(call->in); /* principal */
	wire_get_string(call->in); /* host */
	wire_get8(call->in);	   /* operation */
	wire_get8(call->in);	   /* permission */
	wire_get_tags(call->in);
	wire_put32(call->out, 0); /* throttle */
	wire_put16(call->out, ERROR_SECURITY_DISABLED);
	wire_put_text(call->out, "No Authorizer is configured.");
	wire_put_array(call->out, 0);
	wire_put_tags(call->out);
	return API_SEND;
}
