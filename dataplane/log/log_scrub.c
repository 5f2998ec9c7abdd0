#include "log_scrub.h"

#include <stdbool.h>

#include "api/log_format.h"

enum { SECTOR = 512 }; /* the least that a device writes as a whole */

static void prefetch(const struct log_scrub_io *io, void *arg, uint64_t offset, uint64_t len,
		     bool first)
{
	enum { DRIFT = 1024 }; /* each way: sizes are not quite the same */

	if (!io->prefetch || len <= 2 * DRIFT) /* small ones share the pages that are read */
		return;
	for (unsigned i = first ? 1 : LOG_SCRUB_AHEAD; i <= LOG_SCRUB_AHEAD; i++)
		io->prefetch(arg, 2 * DRIFT, offset + i * len - DRIFT);
}

int64_t log_scrub(const struct log_scrub_io *io, void *arg, uint64_t offset, unsigned heads)
{
	uint8_t head[RECORD_BATCH_HEAD];

	for (bool first = true; heads; heads--, first = false) {
		ssize_t n = io->read(arg, head, sizeof(head), offset);

		if (n < 0)
			return n;
		if (n < (ssize_t)sizeof(head) || head[BATCH_magic] != BATCH_MAGIC)
			return 0;
		uint64_t start = offset;
		uint64_t batch = (uint64_t)log_get32(head + BATCH_batchLength) + BATCH_LENGTH_BIAS;
		prefetch(io, arg, start, batch, first);
		offset += batch;
		if (start % SECTOR > SECTOR - BATCH_attributes) {
			uint8_t flipped = (uint8_t)~head[BATCH_producerId];
			int rc = io->write(arg, &flipped, 1, start + BATCH_producerId);

			if (rc < 0)
				return rc;
		}
	}
	return (int64_t)offset;
}
