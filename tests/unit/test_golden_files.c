/*
 * The golden files (tests/golden/README.md): segments that a real broker wrote, against the records
 * that a consumer of that broker printed, and against the broker's own index files.
 */
#include <criterion/criterion.h>
#include <jansson.h>

#include "api/log_reader.h"
#include "verify.h"

static char data_dir[4096];

static void setup(void)
{
	const char *root = getenv("WEIR_SOURCE_ROOT");

	cr_assert(root, "WEIR_SOURCE_ROOT is not set");
	snprintf(data_dir, sizeof(data_dir), "%s/tests/golden/data", root);
}

TestSuite(golden, .init = setup);

static void assert_text(const json_t *want, const uint8_t *p, int32_t len)
{
	if (json_is_null(want)) {
		cr_assert_eq(len, -1);
		return;
	}
	cr_assert_eq(len, json_string_length(want));
	cr_assert(memcmp(p, json_string_value(want), (size_t)len) == 0);
}

/* want: ["name", "value", "name", "value", ...] or missing. */
static void assert_headers(const json_t *want, const struct record *rec)
{
	struct record_header header;
	struct header_iter it;
	size_t i = 0;

	cr_assert_eq(rec->headers_count, json_array_size(want) / 2);
	header_iter_init(&it, rec);
	while (header_next(&it, &header)) {
		assert_text(json_array_get(want, i++), header.key, header.key_len);
		assert_text(json_array_get(want, i++), header.value, header.value_len);
	}
	cr_assert_eq(i, json_array_size(want));
}

static void assert_record(FILE *lines, const struct record *rec)
{
	json_t *want = json_loadf(lines, JSON_DISABLE_EOF_CHECK, NULL);

	cr_assert(want, "the consumer saw fewer records");
	cr_assert_eq(rec->offset, json_integer_value(json_object_get(want, "offset")));
	cr_assert_eq(rec->timestamp_ms, json_integer_value(json_object_get(want, "ts")));
	assert_text(json_object_get(want, "key"), rec->key, rec->key_len);
	assert_text(json_object_get(want, "payload"), rec->value, rec->value_len);
	assert_headers(json_object_get(want, "headers"), rec);
	json_decref(want);
}

/* Reads the topic to its end; number of records. */
static unsigned compare_topic(const char *topic, unsigned codec, unsigned *batches)
{
	char path[8192], err[256];
	struct log_reader *reader;
	struct log_batch batch;
	struct log_tail tail;
	unsigned records = 0, compressed = 0;
	int result;

	snprintf(path, sizeof(path), "%s/%s.jsonl", data_dir, topic);
	FILE *lines = fopen(path, "r");
	cr_assert(lines, "%s", path);
	cr_assert_eq(log_reader_open(&reader, data_dir, topic, 0, err, sizeof(err)), 0, "%s", err);
	while ((result = log_reader_next(reader, &batch)) == LOG_READ_BATCH) {
		struct record_iter it;
		struct record rec;

		/* librdkafka leaves a batch as it is if compression would not make it smaller. */
		cr_assert(batch.head.codec == codec || batch.head.codec == BATCH_CODEC_NONE);
		compressed += batch.head.codec == codec;
		cr_assert_eq(batch.gap, 0);
		cr_assert_eq(log_reader_records(reader, &batch, &it), BATCH_OK);
		while (record_next(&it, &rec)) {
			assert_record(lines, &rec);
			records++;
		}
		cr_assert_eq(it.error, BATCH_OK);
		++*batches;
	}
	cr_assert_eq(result, LOG_READ_END);
	cr_assert_gt(compressed, 0);
	log_reader_tail(reader, &tail);
	cr_assert_eq(tail.bytes, 0);
	cr_assert(!json_loadf(lines, JSON_DISABLE_EOF_CHECK, NULL),
		  "the consumer saw more records");
	fclose(lines);
	log_reader_close(reader);
	return records;
}

Test(golden, every_codec)
{
	static const struct {
		const char *topic;
		unsigned codec, records;
	} cases[] = {
		{"none", BATCH_CODEC_NONE, 39},	       {"gzip", BATCH_CODEC_GZIP, 39},
		{"lz4", BATCH_CODEC_LZ4, 39},	       {"zstd", BATCH_CODEC_ZSTD, 39},
		{"append-time", BATCH_CODEC_NONE, 27}, {"java", BATCH_CODEC_LZ4, 9},
		{"long", BATCH_CODEC_NONE, 144},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned batches = 0;
		unsigned records = compare_topic(cases[i].topic, cases[i].codec, &batches);

		cr_assert_eq(records, cases[i].records, "%s", cases[i].topic);
		cr_assert(batches > 1 || strcmp(cases[i].topic, "java") == 0);
	}
}

Test(golden, snappy_is_reported)
{
	struct log_reader *reader;
	struct log_batch batch;
	struct record_iter it;
	char err[256];

	cr_assert_eq(log_reader_open(&reader, data_dir, "snappy", 0, err, sizeof(err)), 0);
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_BATCH);
	cr_assert_eq(batch.head.codec, BATCH_CODEC_SNAPPY);
	cr_assert_eq(log_reader_records(reader, &batch, &it), BATCH_E_CODEC);
	log_reader_close(reader);
}

/* A broker's batches, offsets and both of its indexes are what weir verify expects. */
Test(golden, verify_agrees_with_the_broker)
{
	struct verify_config config = {.data_dir = data_dir};
	struct log_dir_partition *list;
	size_t count, indexed = 0;

	cr_assert_eq(log_dir_partitions(data_dir, &list, &count), 0);
	cr_assert_eq(count, 8);
	for (size_t i = 0; i < count; i++) {
		struct verify_partition p = {.name = list[i]};

		verify_partition(&p, &config);
		cr_assert(verify_is_good(&p), "%s: %s", list[i].stream, p.problems.text[0]);
		cr_assert_eq(p.records, p.next_offset);
		cr_assert_eq(p.tail_bytes, 0);
		indexed += p.bytes > 3 * LOG_INDEX_INTERVAL;
		verify_partition_free(&p);
	}
	cr_assert_geq(indexed, 1);
	free(list);
}
