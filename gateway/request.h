/*
 * A request as it comes: int32 length, header, body. The parser of frames and of headers; bodies
 * are for the API's own file.
 */
#pragma once

#include "wire.h"

enum { REQUEST_LENGTH = 4 /* bytes of the length in front */ };

/* What the first bytes of a connection's input hold: the bytes of the whole frame, its length
 * included; 0: the length itself is not there yet; -EMSGSIZE: negative, or over the limit. */
int64_t request_frame(const uint8_t *input, size_t len);

struct request {
	int16_t api_key, api_version;
	int32_t correlation_id;
	struct wire_string client_id; /* in the frame; may be null */
	struct wire_reader rest;      /* tags of a flexible header, then the body */
};

/* frame: without its length. False: not even a header. */
bool request_parse(struct request *request, const uint8_t *frame, size_t len);
