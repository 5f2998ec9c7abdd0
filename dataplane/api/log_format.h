/*
 * The log's format on disk, as whoever reads or writes it needs it: Kafka's own, message format 2.
 *
 *     <storage.path>/<stream>-<partition>/
 *         %020d.log          record batches, one after the other, nothing between or behind them
 *         %020d.index        offset -> position, 8-byte entries
 *         %020d.timeindex    timestamp -> offset, 12-byte entries
 *         weir.checkpoint    ours: where recovery starts, see below
 *         leader-epoch-checkpoint, partition.metadata    Kafka's, text
 *         next.prepared      ours: the segment to come, contents without meaning
 *         spare-*.recycled   ours: retired segments waiting to be used again, contents without
 * meaning
 *
 * The number is the base offset of the segment: the offset of its first record.
 *
 * A batch is valid if its magic is 2, its length lies in the file, its CRC is right, and its base
 * offset is the one that follows the batch before. While a dataplane runs, or after it crashed, the
 * newest .log may be longer than its valid bytes: zeros, or batches of the file's earlier life.
 * Readers take their end from the state block (visible_end, active_bytes), or stop at the first
 * batch that is not valid in the sense above. After a clean stop, and in every older segment, files
 * are exact.
 *
 * All integers are big-endian. Source: Kafka's DefaultRecordBatch, OffsetIndex, TimeIndex,
 * LogSegment.
 */
#pragma once

#include <stdint.h>
#include <string.h>

/* RecordBatch v2: where each field starts. The names are Kafka's. */
enum {
	BATCH_baseOffset = 0,		 /* int64 */
	BATCH_batchLength = 8,		 /* int32: bytes after this field */
	BATCH_partitionLeaderEpoch = 12, /* int32: outside the CRC */
	BATCH_magic = 16,		 /* int8: 2 */
	BATCH_crc = 17,			 /* uint32: CRC-32C of byte 21 to the end */
	BATCH_attributes = 21,		 /* int16: BATCH_CODEC_MASK and flags */
	BATCH_lastOffsetDelta = 23,	 /* int32: offset of the last record - baseOffset */
	BATCH_baseTimestamp = 27,	 /* int64: ms since 1970, of the first record */
	BATCH_maxTimestamp = 35,	 /* int64: ms since 1970, the largest of all records */
	BATCH_producerId = 43,		 /* int64: -1 */
	BATCH_producerEpoch = 51,	 /* int16: -1 */
	BATCH_baseSequence = 53,	 /* int32: -1 */
	BATCH_recordCount = 57,		 /* int32 */
	RECORD_BATCH_HEAD = 61,		 /* bytes of all that; the records follow */
};

enum {
	BATCH_LENGTH_BIAS = 12, /* size of a batch == batchLength + this */
	BATCH_MAGIC = 2,
	BATCH_CODEC_MASK = 7, /* of attributes: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd */
	BATCH_LOG_APPEND_TIME =
		1 << 3,		/* of attributes: every record's timestamp is maxTimestamp */
	BATCH_CONTROL = 1 << 5, /* of attributes: no records for consumers */
};

/*
 * .index: int32 last offset of a batch - base, int32 position where that batch starts.
 * .timeindex: int64 largest timestamp so far, int32 last offset of the batch that holds it - base.
 * An entry comes before a batch once more than LOG_INDEX_INTERVAL bytes came since the last entry;
 * a time entry only when its timestamp rose; a final time entry when the segment is closed.
 */
enum {
	LOG_INDEX_ENTRY = 8,
	LOG_TIMEINDEX_ENTRY = 12,
	LOG_INDEX_INTERVAL = 4096,
	LOG_INDEX_BYTES_MAX = 10485760, /* a roll comes before either file would outgrow this */
};

#define LOG_SEGMENT_BYTES_MAX UINT32_C(0x7fffffff) /* positions are int32 */

#define LOG_SUFFIX_LOG	     ".log"
#define LOG_SUFFIX_INDEX     ".index"
#define LOG_SUFFIX_TIMEINDEX ".timeindex"
#define LOG_NAME_CHECKPOINT  "weir.checkpoint"
#define LOG_NAME_EPOCHS	     "leader-epoch-checkpoint"
#define LOG_NAME_METADATA    "partition.metadata"
#define LOG_NAME_PREPARED    "next.prepared"
#define LOG_SPARE_PREFIX     "spare-"
#define LOG_SPARE_SUFFIX     ".recycled"
#define LOG_NAME_LOCK	     "weir.lock" /* in storage.path: flock'ed by the one dataplane */

enum { LOG_NAME_MAX = 48 }; /* of a file in a partition's directory, with the NUL */

/* "00000000000000001234.log". */
static inline void log_format_name(char name[LOG_NAME_MAX], uint64_t base_offset,
				   const char *suffix)
{
	for (int i = 19; i >= 0; i--, base_offset /= 10)
		name[i] = (char)('0' + base_offset % 10);
	strncpy(name + 20, suffix, LOG_NAME_MAX - 21);
	name[LOG_NAME_MAX - 1] = 0;
}

/* 1 if name is exactly 20 digits and the suffix, and its number fits an int64; *base_offset is it.
 */
static inline int log_format_parse(const char *name, const char *suffix, uint64_t *base_offset)
{
	uint64_t n = 0;

	for (int i = 0; i < 20; i++) {
		if (name[i] < '0' || name[i] > '9')
			return 0;
		if (n > (UINT64_C(0x7fffffffffffffff) - (uint64_t)(name[i] - '0')) / 10)
			return 0;
		n = n * 10 + (uint64_t)(name[i] - '0');
	}
	*base_offset = n;
	return strcmp(name + 20, suffix) == 0;
}

static inline void log_put16(void *at, uint16_t v)
{
	v = __builtin_bswap16(v);
	memcpy(at, &v, sizeof(v));
}
static inline void log_put32(void *at, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(at, &v, sizeof(v));
}
static inline void log_put64(void *at, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(at, &v, sizeof(v));
}
static inline uint16_t log_get16(const void *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof(v));
	return __builtin_bswap16(v);
}
static inline uint32_t log_get32(const void *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return __builtin_bswap32(v);
}
static inline uint64_t log_get64(const void *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return __builtin_bswap64(v);
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the byte swaps above");
