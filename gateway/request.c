#include "request.h"

#include <errno.h>

#include "api/log_format.h"
#include "limits.h"

int64_t request_frame(const uint8_t *input, size_t len)
{
	if (len < REQUEST_LENGTH)
		return 0;
	uint32_t size = log_get32(input);
	/* A negative length is a huge one here. */
	return size > LIMIT_REQUEST_BYTES ? -EMSGSIZE : (int64_t)size + REQUEST_LENGTH;
}

bool request_parse(struct request *request, const uint8_t *frame, size_t len)
{
	struct wire_reader *r = &request->rest;

	*r = (struct wire_reader){.at = frame, .end = frame + len};
	request->api_key = wire_get16(r);
	request->api_version = wire_get16(r);
	request->correlation_id = wire_get32(r);
	/* Never compact, whatever the version. */
	request->client_id = wire_get_string(r);
	return !r->failed;
}
