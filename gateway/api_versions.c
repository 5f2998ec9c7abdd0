/* ApiVersions: which APIs, in which versions. */
#include "api.h"

static void put_row(struct wire_writer *out, const struct api *api)
{
	wire_put16(out, api->key);
	wire_put16(out, api->min);
	wire_put16(out, api->max);
	wire_put_tags(out);
}

enum api_result api_versions(struct api_call *call)
{
	if (call->version >= 3) {
		wire_get_string(call->in); /* client's name and version */
		wire_get_string(call->in);
		wire_get_tags(call->in);
	}
	wire_put16(call->out, ERROR_NONE);
	wire_put_array(call->out, (int32_t)api_table_count);
	for (unsigned i = 0; i < api_table_count; i++)
		put_row(call->out, &api_table[i]);
	if (call->version >= 1)
		wire_put32(call->out, 0); /* throttle */
	wire_put_tags(call->out);
	return API_SEND;
}

enum api_result api_versions_unsupported(struct api_call *call)
{
	/* Version 0, whatever was asked, with this API's own row: the client asks again. */
	wire_put16(call->out, ERROR_UNSUPPORTED_VERSION);
	for (unsigned i = 0; i < api_table_count; i++) {
		if (api_table[i].handler != api_versions)
			continue;
		wire_put_array(call->out, 1);
		put_row(call->out, &api_table[i]);
	}
	return API_SEND;
}
