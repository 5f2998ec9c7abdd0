/*
 * Cold: makes what log_seal.c compresses with.
 */
#include "log_codec.h"

#include <errno.h>
#include <stdlib.h>

#include "log_private.h"
#include "touch.h"

const LZ4F_preferences_t log_lz4_preferences = {
	.frameInfo = {.blockSizeID = LZ4F_max64KB, .blockMode = LZ4F_blockIndependent},
	.autoFlush = 1,
};

static uint32_t largest_slab(const struct log *log)
{
	const struct plan *plan = log->config.plan;
	uint32_t bytes = 0;

	for (unsigned i = 0; i < plan->lanes_count; i++)
		if (plan->lanes[i].log_core == log->config.core &&
		    plan->lanes[i].slab_bytes > bytes)
			bytes = plan->lanes[i].slab_bytes;
	return bytes ? bytes : 1 << 20;
}

static int create_slabs(struct log_codec *codec, uint32_t input_bytes, unsigned count)
{
	size_t bound = LZ4F_compressFrameBound(input_bytes, &log_lz4_preferences);

	if (ZSTD_compressBound(input_bytes) > bound)
		bound = ZSTD_compressBound(input_bytes);
	/* In front: the tail block and a phase; behind: padding. Untouched, this is address space
	 * only. */
	size_t size = (bound + RECORD_BATCH_HEAD + 4 * SLAB_BLOCK) / SLAB_BLOCK * SLAB_BLOCK;
	codec->memory = aligned_alloc(SLAB_BLOCK, size * count);
	codec->slabs = touch_alloc(STATE_LINE, count * sizeof(*codec->slabs));
	if (!codec->memory || !codec->slabs)
		return -ENOMEM;
	codec->slabs_count = count;
	for (unsigned i = 0; i < count; i++) {
		struct slab *slab = &codec->slabs[i];

		slab->base = codec->memory + size * i;
		slab->size_bytes = (uint32_t)size;
		slab->buf_index = UINT16_MAX;
		slab->next = codec->free;
		codec->free = slab;
	}
	return 0;
}

int log_codec_create(struct log *log)
{
	struct log_codec *codec = touch_alloc(STATE_LINE, sizeof(*codec));

	if (!codec)
		return -ENOMEM;
	log->codec = codec;
	codec->zstd = ZSTD_createCCtx();
	if (!codec->zstd || LZ4F_isError(LZ4F_createCompressionContext(&codec->lz4, LZ4F_VERSION)))
		return -ENOMEM;
	return create_slabs(codec, largest_slab(log), log->write_depth + 1);
}

void log_codec_destroy(struct log *log)
{
	struct log_codec *codec = log->codec;

	if (!codec)
		return;
	LZ4F_freeCompressionContext(codec->lz4);
	ZSTD_freeCCtx(codec->zstd);
	free(codec->slabs);
	free(codec->memory);
	free(codec);
	log->codec = NULL;
}
