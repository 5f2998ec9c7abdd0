#include "stamp_set.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct stamp_chunk {
	uint32_t count;
	uint64_t words[STAMP_CHUNK_WORDS];
};

/* Stands for every chunk that is full. */
static struct stamp_chunk full;

static bool take(struct stamp_set *set, uint64_t bytes)
{
	if (*set->bytes_left < bytes)
		return false;
	*set->bytes_left -= bytes;
	return true;
}

/* The list reaches to chunk `index`. */
static int reach(struct stamp_set *set, uint64_t index)
{
	uint64_t count = set->chunks_count ? set->chunks_count : 16;

	if (index < set->chunks_count)
		return 0;
	while (count <= index)
		count *= 2;
	if (!take(set, (count - set->chunks_count) * sizeof(set->chunks[0])))
		return -ENOMEM;
	struct stamp_chunk **chunks = reallocarray(set->chunks, count, sizeof(chunks[0]));
	if (!chunks)
		return -ENOMEM;
	memset(chunks + set->chunks_count, 0, (count - set->chunks_count) * sizeof(chunks[0]));
	set->chunks = chunks;
	set->chunks_count = count;
	return 0;
}

int stamp_set_add(struct stamp_set *set, uint64_t number)
{
	uint64_t index = number / STAMP_CHUNK_BITS, bit = number % STAMP_CHUNK_BITS;

	if (reach(set, index) < 0)
		return -ENOMEM;
	struct stamp_chunk *chunk = set->chunks[index];
	if (chunk == &full)
		return 0;
	if (!chunk) {
		if (!take(set, sizeof(*chunk)))
			return -ENOMEM;
		chunk = set->chunks[index] = calloc(1, sizeof(*chunk));
		if (!chunk)
			return -ENOMEM;
	}
	uint64_t *word = &chunk->words[bit / 64], mask = UINT64_C(1) << (bit % 64);
	if (*word & mask)
		return 0;
	*word |= mask;
	set->count++;
	if (++chunk->count == STAMP_CHUNK_BITS) {
		free(chunk);
		set->chunks[index] = &full;
		*set->bytes_left += sizeof(*chunk);
	}
	return 1;
}

void stamp_set_free(struct stamp_set *set)
{
	for (size_t i = 0; i < set->chunks_count; i++) {
		if (!set->chunks[i] || set->chunks[i] == &full)
			continue;
		free(set->chunks[i]);
		*set->bytes_left += sizeof(struct stamp_chunk);
	}
	*set->bytes_left += set->chunks_count * sizeof(set->chunks[0]);
	free(set->chunks);
	set->chunks = NULL;
	set->chunks_count = 0;
}

/* The first number from `from` on that was seen (or was not), `end` at most. */
static uint64_t next(const struct stamp_set *set, uint64_t from, uint64_t end, bool seen)
{
	while (from < end) {
		uint64_t index = from / STAMP_CHUNK_BITS, bit = from % STAMP_CHUNK_BITS;
		const struct stamp_chunk *chunk =
			index < set->chunks_count ? set->chunks[index] : NULL;

		if (!chunk || chunk == &full) {
			if ((chunk == &full) == seen)
				return from;
			from += STAMP_CHUNK_BITS - bit;
			continue;
		}
		uint64_t word = chunk->words[bit / 64];
		word = (seen ? word : ~word) >> (bit % 64);
		if (word) {
			from += (unsigned)__builtin_ctzll(word);
			break;
		}
		from += 64 - bit % 64;
	}
	return from < end ? from : end;
}

unsigned stamp_set_missing(const struct stamp_set *set, uint64_t end, struct stamp_range *ranges,
			   unsigned max)
{
	unsigned n = 0;

	for (uint64_t at = next(set, 0, end, false); at < end && n < max; n++) {
		ranges[n].first = at;
		at = next(set, at, end, true);
		ranges[n].last = at - 1;
		at = next(set, at, end, false);
	}
	return n;
}
