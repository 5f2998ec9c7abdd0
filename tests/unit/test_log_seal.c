#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/log/log_private.h"
#include "log_testing.h"
#include "tests/stress/disk_sim.h"

/* Bit by bit, from the polynomial. */
static uint32_t crc32c(const uint8_t *bytes, size_t len)
{
	uint32_t crc = UINT32_MAX;

	while (len--) {
		crc ^= *bytes++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static size_t from_hex(const char *hex, uint8_t *bytes)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned v;
		sscanf(hex + 2 * i, "%2x", &v);
		bytes[i] = (uint8_t)v;
	}
	return n;
}

/* Batches that Kafka's own reader has checked: our head before the same records is the same head.
 */
static void check_golden(const char *hex, uint64_t base, uint32_t epoch, unsigned records,
			 int64_t base_ts, int64_t max_ts)
{
	static _Alignas(SLAB_BLOCK) uint8_t memory[4 * SLAB_BLOCK];
	uint8_t want[256];
	size_t len = from_hex(hex, want);
	struct log_partition *p = calloc(1, sizeof(*p));
	struct slab slab = {.base = memory,
			    .size_bytes = sizeof(memory),
			    .data = SLAB_BLOCK + 17,
			    .end = SLAB_BLOCK + 17 + (uint32_t)len,
			    .records = records,
			    .base_ts_ms = base_ts,
			    .max_ts_ms = max_ts};

	memset(memory, 0xa5, sizeof(memory));
	memcpy(memory + slab.data + RECORD_BATCH_HEAD, want + RECORD_BATCH_HEAD,
	       len - RECORD_BATCH_HEAD);
	p->next_offset = base;
	p->epoch = epoch;
	log_seal_head(p, &slab, 0);
	for (size_t i = 0; i < len; i++)
		cr_assert_eq(memory[slab.data + i], want[i], "byte %zu: %02x, not %02x", i,
			     memory[slab.data + i], want[i]);
	cr_assert_eq(memory[slab.data - 1], 0xa5);
	cr_assert_eq(memory[slab.end], 0xa5);
	cr_assert_eq(log_get32(memory + slab.data + BATCH_crc),
		     crc32c(memory + slab.data + 21, len - 21));
	free(p);
}

Test(log_seal, crc_of_the_standard_check)
{
	cr_assert_eq(crc32c((const uint8_t *)"123456789", 9), 0xe3069283);
}

Test(log_seal, golden_one_record)
{
	check_golden(
		"00000000000000000000003a0000000002716a618900000000000000000000000003e800000000"
		"000003e8ffffffffffffffffffffffffffff0000000110000000026b027600",
		0, 0, 1, 1000, 1000);
}

Test(log_seal, golden_two_records)
{
	check_golden(
		"0000000000000064000000480000000702b7ebfc700000000000010000018bcfe56800000001"
		"8bcfe56801ffffffffffffffffffffffffffff0000000210000000026b0276001a00020201000402"
		"680278026e01",
		100, 7, 2, INT64_C(1700000000000), INT64_C(1700000000001));
}

static void check_value(void *arg, const struct testing_record *r)
{
	uint64_t *seen = arg;

	for (unsigned k = 0; k < r->value_bytes; k++)
		cr_assert_eq(r->value[k], testing_value(r->offset, k));
	++*seen;
}

/* Through a whole log, then read by somebody who never saw this code. */
static uint64_t stored_with(uint8_t codec, uint8_t level, unsigned value_bytes, uint8_t *used)
{
	struct log_testing t = {0};
	uint64_t offset = 0, seen = 0, len;
	const char *why;

	t.disk = disk_sim_create(7, SLAB_BLOCK);
	t.plan = testing_plan("/d", 8 << 20);
	t.state = testing_state(t.plan);
	t.plan->streams[0].compression = codec;
	t.plan->streams[0].compression_level = level;
	cr_assert_eq(testing_open(&t), 0, "%s", t.err);
	for (unsigned n = 0; n < 60;) {
		if (testing_submit(&t, n * 20, 20, value_bytes, 5000))
			n++;
		testing_poll(&t, 1);
		disk_sim_step(t.disk);
	}
	log_close(t.log);
	while (!log_closed(t.log)) {
		testing_poll(&t, 1);
		disk_sim_step(t.disk);
	}
	testing_drop(&t);
	const uint8_t *log = disk_sim_file(t.disk, "/d/s-0/00000000000000000000.log", &len);
	uint64_t valid = testing_walk(log, len, &offset, &why, check_value, &seen);
	cr_assert_eq(valid, len, "%s at %lu", why, valid);
	cr_assert_eq(seen, 1200);
	*used = log[22];
	disk_sim_destroy(t.disk);
	free(t.plan);
	free(t.state);
	return len;
}

Test(log_seal, every_codec_decodes_to_the_same)
{
	uint8_t used;
	uint64_t none = stored_with(PLAN_COMPRESSION_NONE, 0, 500, &used);

	cr_assert_eq(used, 0);
	for (uint8_t level = 0; level < 10; level += 3) {
		uint64_t lz4 = stored_with(PLAN_COMPRESSION_LZ4, level, 500, &used);
		cr_assert_eq(used, 3);
		cr_assert_lt(lz4, none);
		uint64_t zstd = stored_with(PLAN_COMPRESSION_ZSTD, level, 500, &used);
		cr_assert_eq(used, 4);
		cr_assert_lt(zstd, lz4);
	}
}

Test(log_seal, what_does_not_shrink_is_stored_as_it_is)
{
	uint8_t used;

	/* Values of one byte: the records are nearly all framing, in which lz4 finds little. */
	stored_with(PLAN_COMPRESSION_LZ4, 0, 1, &used);
	cr_assert(used == 0 || used == 3);
}
