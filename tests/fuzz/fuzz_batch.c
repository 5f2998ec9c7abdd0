/* A batch from arbitrary bytes, through head, codec, records and headers; its CRC is not asked for,
 * else the fuzzer would never get past it. */
#include <stdlib.h>
#include <string.h>

#include "dataplane/api/batch_inflate.h"
#include "dataplane/api/batch_reader.h"

enum { INFLATED_MAX = 1 << 20 };

static uint64_t sum;

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void touch(const uint8_t *p, int32_t len)
{
	for (int32_t i = 0; i < len; i++)
		sum += p[i];
}

static void read_records(const struct batch_head *head, const uint8_t *records, size_t len)
{
	struct record_iter it;
	struct record rec;

	record_iter_init(&it, head, records, len);
	while (record_next(&it, &rec)) {
		struct header_iter headers;
		struct record_header header;

		touch(rec.key, rec.key_len);
		touch(rec.value, rec.value_len);
		header_iter_init(&headers, &rec);
		while (header_next(&headers, &header)) {
			touch(header.key, header.key_len);
			touch(header.value, header.value_len);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct batch_inflate inflate = {.max_bytes = INFLATED_MAX};
	struct batch_head head;
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		return 0;
	memcpy(copy, input, size);
	if (batch_head_parse(copy, size, &head) == BATCH_OK &&
	    batch_check_crc(&head, copy, size) != BATCH_E_SHORT) {
		const uint8_t *body = copy + RECORD_BATCH_HEAD;
		size_t len = head.size_bytes - RECORD_BATCH_HEAD;

		if (head.codec == BATCH_CODEC_NONE)
			read_records(&head, body, len);
		else if (batch_inflate(&inflate, head.codec, body, len) == BATCH_OK)
			read_records(&head, inflate.data, inflate.len);
	}
	batch_inflate_free(&inflate);
	free(copy);
	return 0;
}
