/* weir verify: what is wrong is found and named, what is as it should be is not. */
#include <criterion/criterion.h>

#include "api/index_reader.h"
#include "log_build.h"
#include "verify.h"
#include "verify_index.h"

static struct build b;
static char dir[64];
static struct verify_partition p;

static void setup(void)
{
	build_dir(dir);
}

static void teardown(void)
{
	verify_partition_free(&p);
	build_remove(dir);
}

TestSuite(verify, .init = setup, .fini = teardown);

static void write_index(uint64_t base, const char *suffix, const void *data, size_t len)
{
	char name[LOG_NAME_MAX];

	log_format_name(name, base, suffix);
	build_file(dir, "s-0", name, data, len, 0);
}

enum { PER_BATCH = 50, BATCHES = 20 };

/* Three sealed segments of 20 batches with the indexes that a broker would give them. */
static uint64_t next_base(uint64_t base)
{
	return base + PER_BATCH * BATCHES;
}

static void good_log(void)
{
	static const uint8_t nothing[1];

	for (uint64_t base = 0; base < next_base(next_base(next_base(0))); base = next_base(base)) {
		/* Kafka's rule, once more, in other words: an entry for each batch that finds more
		 * than 4096 bytes since the last entry. */
		uint8_t index[8 * BATCHES], time[12 * BATCHES + 12];
		size_t index_len = 0, time_len = 0, since = 0;
		int64_t max_ts = 0;

		b.len = 0;
		for (uint64_t i = 0; i < BATCHES; i++) {
			uint64_t first = base + i * PER_BATCH, last = first + PER_BATCH - 1;
			size_t at = b.len;

			build_batch(&b, first, PER_BATCH, (int64_t)first + 1);
			max_ts = (int64_t)last + 1;
			if (since > 4096) {
				log_put32(index + index_len, (uint32_t)(last - base));
				log_put32(index + index_len + 4, (uint32_t)at);
				index_len += 8;
				log_put64(time + time_len, (uint64_t)max_ts);
				log_put32(time + time_len + 8, (uint32_t)(last - base));
				time_len += 12;
				since = 0;
			}
			since += b.len - at;
		}
		cr_assert_gt(index_len, 16);
		if (time_len == 0 || (int64_t)log_get64(time + time_len - 12) < max_ts) {
			log_put64(time + time_len, (uint64_t)max_ts);
			log_put32(time + time_len + 8, PER_BATCH * BATCHES - 1);
			time_len += 12;
		}
		build_segment(dir, "s-0", base, &b);
		write_index(base, LOG_SUFFIX_INDEX, index_len ? index : nothing, index_len);
		write_index(base, LOG_SUFFIX_TIMEINDEX, time, time_len);
	}
}

/* As the log writer leaves it. */
static void checkpoint(unsigned clean, uint64_t recover_from, uint64_t log_start, uint64_t end)
{
	char text[512];
	int n = snprintf(
		text, sizeof(text),
		"weir.checkpoint 1\nrecover_from %llu\nlog_start %llu\nclean %u\nend_offset %llu\n",
		(unsigned long long)recover_from, (unsigned long long)log_start, clean,
		(unsigned long long)end);

	n += snprintf(text + n, sizeof(text) - (size_t)n, "crc %08x\n",
		      ~crc32_iscsi((unsigned char *)text, n, UINT32_MAX));
	build_file(dir, "s-0", LOG_NAME_CHECKPOINT, text, (size_t)n, 0);
}

static void run(struct verify_config config)
{
	config.data_dir = dir;
	verify_partition_free(&p);
	p.name = (struct log_dir_partition){.stream = "s"};
	verify_partition(&p, &config);
}

static bool says(const struct verify_texts *texts, const char *what)
{
	for (uint64_t i = 0; i < texts->count && i < VERIFY_TEXTS_MAX; i++) {
		if (strstr(texts->text[i], what))
			return true;
	}
	return false;
}

static void patch(uint64_t base, const char *suffix, off_t at, uint8_t xor_with)
{
	char path[128], name[LOG_NAME_MAX];
	uint8_t byte;

	log_format_name(name, base, suffix);
	snprintf(path, sizeof(path), "%s/s-0/%s", dir, name);
	int fd = open(path, O_RDWR);
	cr_assert_eq(pread(fd, &byte, 1, at), 1);
	byte ^= xor_with;
	cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void cut(uint64_t base, const char *suffix, off_t by)
{
	char path[128], name[LOG_NAME_MAX];
	struct stat st;

	log_format_name(name, base, suffix);
	snprintf(path, sizeof(path), "%s/s-0/%s", dir, name);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(truncate(path, st.st_size - by), 0);
}

Test(verify, a_good_log)
{
	good_log();
	run((struct verify_config){0});
	cr_assert(verify_is_good(&p), "%s", p.problems.text[0]);
	cr_assert_eq(p.first_offset, 0);
	cr_assert_eq(p.next_offset, 3000);
	cr_assert_eq(p.records, 3000);
	cr_assert_eq(p.batches, 60);
	cr_assert_eq(p.segments, 3);
	cr_assert_eq(p.tail_bytes, 0);
	/* "value 0" ... "value 2999" */
	cr_assert_eq(p.value_bytes, 3000 * 6 + 10 + 90 * 2 + 900 * 3 + 2000 * 4);
	checkpoint(1, 2000, 0, 3000);
	run((struct verify_config){0});
	cr_assert(verify_is_good(&p), "%s", p.problems.text[0]);
	cr_assert_eq(p.notes.count, 0);
}

Test(verify, a_flipped_bit_in_the_records)
{
	good_log();
	checkpoint(1, 2000, 0, 3000);
	for (uint64_t base = 0; base < 3000; base += 1000) {
		patch(base, LOG_SUFFIX_LOG, 5000, 0x10);
		run((struct verify_config){0});
		cr_assert_eq(p.crc_failures, 1);
		cr_assert_eq(p.offset_gaps, 0);
		cr_assert_eq(p.records, 2950);
		cr_assert_eq(p.next_offset, 3000);
		cr_assert(says(&p.problems, "wrong CRC"));
		patch(base, LOG_SUFFIX_LOG, 5000, 0x10);
	}
}

/* In the last segment too, when nobody said that the log was closed cleanly: batches go on behind.
 */
Test(verify, a_flipped_bit_is_no_tail)
{
	good_log();
	patch(2000, LOG_SUFFIX_LOG, 5000, 0x10);
	run((struct verify_config){0});
	cr_assert_eq(p.crc_failures, 1);
}

Test(verify, every_byte_of_a_head)
{
	good_log();
	checkpoint(1, 2000, 0, 3000);
	for (off_t at = 0; at < RECORD_BATCH_HEAD; at++) {
		/* The second batch of the middle segment. */
		off_t where = (off_t)(b.len / BATCHES) + at;

		patch(1000, LOG_SUFFIX_LOG, where, 0x40);
		run((struct verify_config){0});
		/* The leader epoch is not under the CRC, and a high one followed by lower ones is
		 * wrong. */
		cr_assert(!verify_is_good(&p), "byte %ld", (long)at);
		cr_assert_geq(p.records, 1000 + 50 + 1000, "byte %ld: %lu records", (long)at,
			      (unsigned long)p.records);
		patch(1000, LOG_SUFFIX_LOG, where, 0x40);
	}
}

Test(verify, a_sealed_segment_cut_short)
{
	good_log();
	cut(1000, LOG_SUFFIX_LOG, 10);
	run((struct verify_config){0});
	cr_assert_eq(p.format_errors, 1);
	cr_assert_eq(p.offset_gaps, 1);
	cr_assert(says(&p.problems, "ends before its data does"));
	cr_assert(says(&p.problems, "50 are missing"));
}

Test(verify, the_last_segment_cut_at_a_batch)
{
	good_log();
	checkpoint(1, 2000, 0, 3000);
	cut(2000, LOG_SUFFIX_LOG, (off_t)(b.len / BATCHES));
	run((struct verify_config){0});
	cr_assert_eq(p.offset_gaps, 1);
	cr_assert(says(&p.problems, "was closed at 3000"));
}

Test(verify, a_missing_segment)
{
	char path[128];

	good_log();
	snprintf(path, sizeof(path), "%s/s-0/00000000000000001000.log", dir);
	cr_assert_eq(unlink(path), 0);
	run((struct verify_config){0});
	cr_assert_eq(p.offset_gaps, 1);
	cr_assert(says(&p.problems, "1000 are missing"));
	/* The first one may go, if retention took it. */
	good_log();
	snprintf(path, sizeof(path), "%s/s-0/00000000000000000000.log", dir);
	cr_assert_eq(unlink(path), 0);
	checkpoint(1, 2000, 1000, 3000);
	run((struct verify_config){0});
	cr_assert(verify_is_good(&p));
	checkpoint(1, 2000, 0, 3000);
	run((struct verify_config){0});
	cr_assert_eq(p.offset_gaps, 1);
}

Test(verify, zeros_behind_a_sealed_segment)
{
	static const uint8_t zeros[4096];

	good_log();
	build_file(dir, "s-0", "00000000000000001000.log", zeros, sizeof(zeros), 1);
	run((struct verify_config){0});
	cr_assert_eq(p.format_errors, 1);
	cr_assert_eq(p.records, 3000);
}

/* After a crash, and next to a running dataplane, the newest segment has a tail. */
Test(verify, a_tail_is_no_error)
{
	static const uint8_t zeros[4096];

	good_log();
	build_file(dir, "s-0", "00000000000000002000.log", zeros, sizeof(zeros), 1);
	run((struct verify_config){0});
	cr_assert(verify_is_good(&p), "%s", p.problems.text[0]);
	cr_assert_eq(p.tail_bytes, 4096);
	cr_assert(says(&p.notes, "not cleanly closed: 4096 bytes of tail"));
	run((struct verify_config){.running = true});
	cr_assert(verify_is_good(&p));
	checkpoint(0, 2000, 0, 0);
	run((struct verify_config){0});
	cr_assert(verify_is_good(&p));
	/* After a clean stop it is one. */
	checkpoint(1, 2000, 0, 3000);
	run((struct verify_config){0});
	cr_assert_eq(p.format_errors, 1);
}

/* Killed while the last batch of one segment and the first of the next were in flight. */
Test(verify, a_crash_just_after_a_roll)
{
	good_log();
	cut(1000, LOG_SUFFIX_LOG, 10);
	checkpoint(0, 1000, 0, 0);
	run((struct verify_config){0});
	cr_assert(verify_is_good(&p), "%s", p.problems.text[0]);
	cr_assert_eq(p.next_offset, 1950);
	cr_assert(says(&p.notes, "will end the log at offset 1950"));
	/* Not below what the checkpoint calls whole. */
	checkpoint(0, 2000, 0, 0);
	run((struct verify_config){0});
	cr_assert_eq(p.format_errors + p.offset_gaps, 2);
}

Test(verify, old_batches_in_a_recycled_tail)
{
	good_log();
	b.len = 0;
	build_batch(&b, 500, 10, 0);
	build_batch(&b, 510, 10, 0);
	build_file(dir, "s-0", "00000000000000002000.log", b.data, b.len, 1);
	run((struct verify_config){0});
	cr_assert(verify_is_good(&p), "%s", p.problems.text[0]);
	cr_assert_eq(p.tail_bytes, b.len);
	checkpoint(1, 2000, 0, 3000);
	run((struct verify_config){0});
	cr_assert_eq(p.format_errors, 2);
	cr_assert_eq(p.records, 3000);
}

Test(verify, only_up_to_what_is_visible)
{
	good_log();
	patch(2000, LOG_SUFFIX_LOG, 15000, 1);
	run((struct verify_config){.running = true, .limited = true, .visible_end = 2050});
	cr_assert(verify_is_good(&p), "%s", p.problems.text[0]);
	cr_assert_eq(p.next_offset, 2050);
	/* But all of that must be there. */
	run((struct verify_config){.running = true, .limited = true, .visible_end = 3000});
	cr_assert_eq(p.crc_failures, 1);
	run((struct verify_config){.running = true, .limited = true, .visible_end = 4000});
	cr_assert_eq(p.crc_failures, 1);
}

Test(verify, wrong_indexes)
{
	char path[128];

	good_log();
	patch(0, LOG_SUFFIX_INDEX, 7, 1);
	patch(1000, LOG_SUFFIX_TIMEINDEX, 7, 1);
	cut(2000, LOG_SUFFIX_INDEX, 8);
	run((struct verify_config){0});
	/* The newest may be unfinished: nobody says that it was closed. */
	cr_assert_eq(p.index_errors, 2);
	checkpoint(1, 2000, 0, 3000);
	run((struct verify_config){0});
	cr_assert_eq(p.index_errors, 3);
	cr_assert(says(&p.problems, "00000000000000000000.index: entry 0"));
	snprintf(path, sizeof(path), "%s/s-0/00000000000000001000.index", dir);
	cr_assert_eq(unlink(path), 0);
	run((struct verify_config){0});
	cr_assert_eq(p.index_errors, 4);
	cr_assert_eq(p.crc_failures + p.offset_gaps + p.format_errors, 0);
}

Test(verify, a_wrong_largest_timestamp)
{
	good_log();
	b.len = 0;
	build_batch(&b, 3000, 10, 3001);
	log_put64(b.data + BATCH_maxTimestamp, 99999);
	build_seal(&b, 0);
	build_segment(dir, "s-0", 3000, &b);
	run((struct verify_config){0});
	cr_assert_eq(p.format_errors, 1);
	cr_assert(says(&p.problems, "largest timestamp"));
}
