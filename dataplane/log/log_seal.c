/*
 * Sealing: a slab of records becomes a Kafka RecordBatch. The polling core left RECORD_BATCH_HEAD
 * bytes before the records; here they get their offsets, lengths and checksum, and the records
 * their compression if the stream asks for one.
 */
#include <string.h>

#include <isa-l.h>

#include "log_codec.h"
#include "log_private.h"

bool log_codec_owns(const struct log *log, const struct slab *slab)
{
	const struct log_codec *codec = log->codec;

	return slab >= codec->slabs && slab < codec->slabs + codec->slabs_count;
}

void log_codec_give(struct log *log, struct slab *slab)
{
	slab->next = log->codec->free;
	log->codec->free = slab;
}

static size_t compress_lz4(struct log_codec *codec, int level, uint8_t *to, size_t room,
			   const uint8_t *from, size_t len)
{
	LZ4F_preferences_t preferences = log_lz4_preferences;

	preferences.compressionLevel = level;
	size_t at = LZ4F_compressBegin(codec->lz4, to, room, &preferences);
	if (LZ4F_isError(at))
		return 0;
	size_t n = LZ4F_compressUpdate(codec->lz4, to + at, room - at, from, len, NULL);
	if (LZ4F_isError(n))
		return 0;
	at += n;
	n = LZ4F_compressEnd(codec->lz4, to + at, room - at, NULL);
	return LZ4F_isError(n) ? 0 : at + n;
}

static size_t compress_zstd(struct log_codec *codec, int level, uint8_t *to, size_t room,
			    const uint8_t *from, size_t len)
{
	if (level != codec->zstd_level) {
		ZSTD_CCtx_setParameter(codec->zstd, ZSTD_c_compressionLevel, level);
		codec->zstd_level = level;
	}
	size_t n = ZSTD_compress2(codec->zstd, to, room, from, len);

	return ZSTD_isError(n) ? 0 : n;
}

/* Compresses the records of in behind the room for a head in a slab of ours, at the phase that the
 * file position asks for. NULL: it would not shrink. */
static struct slab *compress(struct log_codec *codec, const struct slab *in,
			     const struct plan_stream *stream, uint64_t pos)
{
	struct slab *out = codec->free;
	const uint8_t *from = in->base + in->data + RECORD_BATCH_HEAD;
	size_t len = in->end - in->data - RECORD_BATCH_HEAD;
	uint32_t data = SLAB_BLOCK + (uint32_t)(pos % SLAB_BLOCK);
	uint8_t *to = out->base + data + RECORD_BATCH_HEAD;
	size_t room = out->size_bytes - SLAB_BLOCK - data - RECORD_BATCH_HEAD;
	size_t n;

	if (stream->compression == PLAN_COMPRESSION_LZ4)
		n = compress_lz4(codec, stream->compression_level, to, room, from, len);
	else
		n = compress_zstd(codec, stream->compression_level, to, room, from, len);
	if (n == 0 || n >= len)
		return NULL;
	codec->free = out->next;
	out->lane = in->lane;
	out->slot = in->slot;
	out->data = data;
	out->end = data + RECORD_BATCH_HEAD + (uint32_t)n;
	out->records = in->records;
	out->packets = in->packets;
	out->base_ts_ms = in->base_ts_ms;
	out->max_ts_ms = in->max_ts_ms;
	out->opened_ns = in->opened_ns;
	return out;
}

void log_seal_head(const struct log_partition *p, struct slab *slab, unsigned codec)
{
	uint8_t *head = slab->base + slab->data;
	uint32_t len = slab->end - slab->data;

	log_put64(head + BATCH_baseOffset, p->next_offset);
	log_put32(head + BATCH_batchLength, len - BATCH_LENGTH_BIAS);
	log_put32(head + BATCH_partitionLeaderEpoch, p->epoch);
	head[BATCH_magic] = BATCH_MAGIC;
	log_put16(head + BATCH_attributes, (uint16_t)codec);
	log_put32(head + BATCH_lastOffsetDelta, slab->records - 1);
	log_put64(head + BATCH_baseTimestamp, (uint64_t)slab->base_ts_ms);
	log_put64(head + BATCH_maxTimestamp, (uint64_t)slab->max_ts_ms);
	log_put64(head + BATCH_producerId, UINT64_MAX);
	log_put16(head + BATCH_producerEpoch, UINT16_MAX);
	log_put32(head + BATCH_baseSequence, UINT32_MAX);
	log_put32(head + BATCH_recordCount, slab->records);
	/* ISA-L's function is the bare polynomial division: CRC-32C starts from all ones and ends
	 * inverted. */
	uint32_t crc =
		crc32_iscsi(head + BATCH_attributes, (int)(len - BATCH_attributes), UINT32_MAX);
	log_put32(head + BATCH_crc, ~crc);
}

/* Gives the batch its place in the order, and leaves word of it before it can reach the disk. */
static void number(struct log *log, struct log_partition *p, const struct slab *slab)
{
	struct state_partition *st = p->st;
	uint64_t n = state_load(&st->recent_count);
	struct state_recent *recent = &st->recent[n % STATE_RECENT];

	p->next_offset += slab->records;
	p->packets += slab->packets;
	state_store(&recent->end_offset, p->next_offset);
	state_store(&recent->packets, p->packets);
	atomic_store_explicit(&st->recent_count, n + 1, memory_order_release);
	state_store(&st->log_end, p->next_offset);
	if (log->config.state && slab->lane < log->config.state->lanes)
		state_add(&state_lane(log->config.state, slab->lane)->batches, 1);
}

bool log_seal_next(struct log *log, struct log_partition *p)
{
	const struct plan_stream *stream = &log->plan->streams[p->slot];
	struct slab **link = &p->queue;

	for (unsigned i = 0; i < p->queued_sealed; i++)
		link = &(*link)->next;
	struct slab *slab = *link;
	unsigned codec = stream->compression;
	if (codec != PLAN_COMPRESSION_NONE) {
		if (!log->codec->free)
			return false;
		struct slab *out = compress(log->codec, slab, stream, p->active->pos);
		if (out) {
			out->next = slab->next;
			*link = out;
			if (p->queue_end == &slab->next)
				p->queue_end = &out->next;
			p->given_bytes +=
				slab->end - slab->data; /* raw, as the polling core counts */
			log_slab_free(log, slab);
			slab = out;
		} else {
			codec = PLAN_COMPRESSION_NONE;
		}
	}
	log_seal_head(p, slab, codec);
	number(log, p, slab);
	slab->sealed = 1;
	p->queued_sealed++;
	return true;
}
