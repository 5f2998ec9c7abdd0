/* Compression contexts and the slabs that compressed batches go to. */
#pragma once

#include <lz4frame.h>
#include <zstd.h>

#include "slab.h"

struct log_codec {
	LZ4F_cctx *lz4;
	ZSTD_CCtx *zstd;
	int zstd_level;
	struct slab *free;  /* output slabs, linked */
	struct slab *slabs; /* all of them */
	unsigned slabs_count;
	uint8_t *memory;
};

/* As Kafka's own clients write it: header 04224d18 60 40 82. */
extern const LZ4F_preferences_t log_lz4_preferences;
