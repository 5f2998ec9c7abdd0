/*
 * Decompresses the records of a batch: gzip, lz4, zstd. One struct batch_inflate per reading
 * thread: it keeps its memory and its decompressors from batch to batch.
 */
#pragma once

#include "batch_reader.h"

enum {
	BATCH_INFLATE_MAX = 256 << 20
}; /* bytes that one batch may come to, unless told otherwise */

struct batch_inflate {
	uint8_t *data; /* the last batch's records; len bytes */
	size_t len, room;
	size_t max_bytes; /* 0: BATCH_INFLATE_MAX */
	void *lz4, *zstd, *gzip;
};

/* From all zeroes on. */
void batch_inflate_free(struct batch_inflate *inflate);

/*
 * Decompresses what follows the head: in[0..in_len). On BATCH_OK data and len are the records,
 * valid until the next call. Exactly one frame (gzip: one member) that ends with the input, as all
 * clients need it. BATCH_E_CODEC: snappy, an unknown number, or none; BATCH_E_INFLATE: damaged (or
 * no memory); BATCH_E_INFLATE_LIMIT.
 */
enum batch_error batch_inflate(struct batch_inflate *inflate, unsigned codec, const uint8_t *in,
			       size_t in_len);
