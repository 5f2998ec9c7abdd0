#include "batch_inflate.h"

#include <isa-l/igzip_lib.h>
#include <lz4frame.h>
#include <stdlib.h>
#include <zstd.h>

enum { INFLATE_ROOM_FIRST = 256 << 10 };

void batch_inflate_free(struct batch_inflate *inflate)
{
	LZ4F_freeDecompressionContext(inflate->lz4);
	ZSTD_freeDCtx(inflate->zstd);
	free(inflate->gzip);
	free(inflate->data);
	*inflate = (struct batch_inflate){.max_bytes = inflate->max_bytes};
}

/* Makes room behind len. */
static enum batch_error grow(struct batch_inflate *inflate)
{
	size_t max = inflate->max_bytes ? inflate->max_bytes : BATCH_INFLATE_MAX;
	size_t room = inflate->room ? inflate->room * 2 : INFLATE_ROOM_FIRST;

	if (inflate->len < inflate->room)
		return BATCH_OK;
	if (inflate->room >= max)
		return BATCH_E_INFLATE_LIMIT;
	if (room > max)
		room = max;
	uint8_t *data = realloc(inflate->data, room);
	if (!data)
		return BATCH_E_INFLATE;
	inflate->data = data;
	inflate->room = room;
	return BATCH_OK;
}

/* All three loops are alike: offer the rest of the input and the room that is left, until the frame
 * has ended. A full output may hide the end of the frame, so a last call may need no more room. */

static enum batch_error inflate_lz4(struct batch_inflate *inflate, const uint8_t *in, size_t in_len)
{
	LZ4F_dctx *ctx = inflate->lz4;
	size_t used = 0, hint = 1;

	if (!ctx && LZ4F_isError(LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION)))
		return BATCH_E_INFLATE;
	inflate->lz4 = ctx;
	LZ4F_resetDecompressionContext(ctx);
	while (hint) {
		enum batch_error e = grow(inflate);
		size_t out = inflate->room - inflate->len, took = in_len - used;

		if (e)
			return e;
		hint = LZ4F_decompress(ctx, inflate->data + inflate->len, &out, in + used, &took,
				       NULL);
		if (LZ4F_isError(hint) || (hint && !out && !took))
			return BATCH_E_INFLATE;
		used += took;
		inflate->len += out;
	}
	return used == in_len ? BATCH_OK : BATCH_E_INFLATE;
}

static enum batch_error inflate_zstd(struct batch_inflate *inflate, const uint8_t *in,
				     size_t in_len)
{
	ZSTD_inBuffer src = {in, in_len, 0};
	size_t hint = 1;

	if (!inflate->zstd && !(inflate->zstd = ZSTD_createDCtx()))
		return BATCH_E_INFLATE;
	ZSTD_DCtx_reset(inflate->zstd, ZSTD_reset_session_only);
	while (hint) {
		enum batch_error e = grow(inflate);
		ZSTD_outBuffer dst = {inflate->data, inflate->room, inflate->len};
		size_t before = src.pos;

		if (e)
			return e;
		hint = ZSTD_decompressStream(inflate->zstd, &dst, &src);
		if (ZSTD_isError(hint) || (hint && dst.pos == inflate->len && src.pos == before))
			return BATCH_E_INFLATE;
		inflate->len = dst.pos;
	}
	return src.pos == in_len ? BATCH_OK : BATCH_E_INFLATE;
}

static enum batch_error inflate_gzip(struct batch_inflate *inflate, const uint8_t *in,
				     size_t in_len)
{
	struct inflate_state *state = inflate->gzip;

	if (!state && !(state = inflate->gzip = malloc(sizeof(*state))))
		return BATCH_E_INFLATE;
	isal_inflate_init(state);
	state->crc_flag = ISAL_GZIP;
	state->next_in = (uint8_t *)(uintptr_t)in;
	state->avail_in = (uint32_t)in_len;
	while (state->block_state != ISAL_BLOCK_FINISH) {
		enum batch_error e = grow(inflate);
		uint32_t room = (uint32_t)(inflate->room - inflate->len), before = state->avail_in;

		if (e)
			return e;
		state->next_out = inflate->data + inflate->len;
		state->avail_out = room;
		int result = isal_inflate(state);
		if (result != ISAL_DECOMP_OK && result != ISAL_END_INPUT &&
		    result != ISAL_OUT_OVERFLOW)
			return BATCH_E_INFLATE;
		if (state->avail_out == room && state->avail_in == before &&
		    state->block_state != ISAL_BLOCK_FINISH)
			return BATCH_E_INFLATE;
		inflate->len += room - state->avail_out;
	}
	return state->avail_in == 0 ? BATCH_OK : BATCH_E_INFLATE;
}

enum batch_error batch_inflate(struct batch_inflate *inflate, unsigned codec, const uint8_t *in,
			       size_t in_len)
{
	inflate->len = 0;
	switch (codec) {
	case BATCH_CODEC_GZIP:
		return inflate_gzip(inflate, in, in_len);
	case BATCH_CODEC_LZ4:
		return inflate_lz4(inflate, in, in_len);
	case BATCH_CODEC_ZSTD:
		return inflate_zstd(inflate, in, in_len);
	default:
		return BATCH_E_CODEC;
	}
}
