/* A partition that is not as it was written: damage, wrong indexes, files that are used again. */
#include "reader_testing.h"

TestSuite(log_reader_damage, .init = setup, .fini = teardown);

/* An index may be missing or lie: the reader comes out at the right place all the same. */
Test(log_reader_damage, wrong_indexes)
{
	static const uint8_t lies[] = {0, 0, 0, 5, 0, 0, 0, 99, 0, 0, 0, 20, 0x7f, 0, 0, 0};

	three_segments();
	build_file(dir, "s-0", "00000000000000000000.index", lies, sizeof(lies), 0);
	build_file(dir, "s-0", "00000000000000000040.index", lies, 3, 0);
	build_file(dir, "s-0", "00000000000000000080.index", "", 0, 0);
	open_reader();
	for (uint64_t offset = 0; offset < 120; offset++) {
		cr_assert_eq(log_reader_seek(reader, offset), 0);
		cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_BATCH);
		cr_assert_eq(batch.head.base_offset, offset / 4 * 4);
	}
}

/* Below a limit, what is no batch is damage; without one it is the end. */
Test(log_reader_damage, tail_or_damage)
{
	static const uint8_t zeros[5000];
	struct log_tail tail;
	unsigned batches;

	b.len = 0;
	build_batch(&b, 0, 4, 0);
	build_segment(dir, "s-0", 0, &b);
	build_file(dir, "s-0", "00000000000000000000.log", zeros, sizeof(zeros), 1);
	open_reader();
	cr_assert_eq(read_all(&batches), 4);
	log_reader_tail(reader, &tail);
	cr_assert_eq(tail.bytes, sizeof(zeros));
	cr_assert_eq(tail.error, BATCH_E_MAGIC);
	log_reader_limit(reader, 8);
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_DAMAGED);
	cr_assert_eq(batch.error, BATCH_E_MAGIC);
	log_reader_limit(reader, 4);
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_END);
}

/* A recycled file: the batches of its earlier life are whole, but their offsets are older. */
Test(log_reader_damage, old_batches_behind_the_end)
{
	unsigned batches;

	b.len = 0;
	build_batch(&b, 1000, 4, 0);
	size_t one = b.len;
	/* What lay here before: same shape, lower offsets. */
	build_batch(&b, 504, 4, 0);
	build_batch(&b, 508, 4, 0);
	build_segment(dir, "s-0", 1000, &b);
	open_reader();
	cr_assert_eq(read_all(&batches), 1004);
	cr_assert_eq(batches, 1);
	/* The writer goes on over them. */
	b.len = one;
	build_batch(&b, 1004, 4, 0);
	build_batch(&b, 508, 4, 0);
	build_segment(dir, "s-0", 1000, &b);
	cr_assert_eq(read_all(&batches), 1008);
	cr_assert_eq(batches, 1);
}

Test(log_reader_damage, a_whole_file_of_old_batches)
{
	unsigned batches;

	b.len = 0;
	build_batch(&b, 0, 4, 0);
	build_segment(dir, "s-0", 1000, &b);
	open_reader();
	read_all(&batches);
	cr_assert_eq(batches, 0);
}

Test(log_reader_damage, damage_in_a_sealed_segment)
{
	unsigned batches = 0;
	int result;

	three_segments();
	b.len = 0;
	for (uint64_t i = 0; i < 10; i++)
		build_batch(&b, 40 + i * 4, 4, 0);
	b.data[b.len / 2 + BATCH_baseTimestamp] ^= 1;
	build_segment(dir, "s-0", 40, &b);
	open_reader();
	while ((result = log_reader_next(reader, &batch)) == LOG_READ_BATCH)
		batches++;
	cr_assert_eq(result, LOG_READ_DAMAGED);
	cr_assert_eq(batch.error, BATCH_E_CRC);
	cr_assert_eq(batches, 15);
	/* It stays there, and reading on elsewhere is possible. */
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_DAMAGED);
	cr_assert_eq(log_reader_seek(reader, 80), 0);
	cr_assert_eq(read_all(&batches), 120);
}

/* Retention takes the open segment away and the writer fills the same file anew: no batch of its
 * new life may pass for one of the old. */
Test(log_reader_damage, retired_and_used_again_while_open)
{
	char from[128], to[128];
	unsigned batches;

	three_segments();
	open_reader();
	for (int i = 0; i < 3; i++)
		cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_BATCH);
	snprintf(from, sizeof(from), "%s/s-0/00000000000000000000.log", dir);
	snprintf(to, sizeof(to), "%s/s-0/00000000000000000120.log", dir);
	cr_assert_eq(rename(from, to), 0);
	b.len = 0;
	for (uint64_t i = 0; i < 10; i++)
		build_batch(&b, 120 + i * 4, 4, 0);
	/* Into the same inode. */
	int fd = open(to, O_WRONLY);
	cr_assert_eq(write(fd, b.data, b.len), (ssize_t)b.len);
	close(fd);
	log_reader_limit(reader, 160);
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_BATCH);
	cr_assert_eq(batch.head.base_offset, 40);
	cr_assert_eq(read_all(&batches), 160);
	cr_assert_eq(batches, 29 - 10 + 10);
}

Test(log_reader_damage, a_batch_that_claims_two_gigabytes)
{
	struct log_tail tail;

	b.len = 0;
	build_batch(&b, 0, 4, 0);
	log_put32(b.data + BATCH_batchLength, 0x7ffffff8);
	build_segment(dir, "s-0", 0, &b);
	open_reader();
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_END);
	log_reader_tail(reader, &tail);
	cr_assert_eq(tail.error, BATCH_E_LENGTH);
	log_put32(b.data + BATCH_batchLength, 0x40000000);
	build_segment(dir, "s-0", 0, &b);
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_END);
	log_reader_tail(reader, &tail);
	cr_assert_eq(tail.error, BATCH_E_SHORT);
	/* The file is that long indeed: still no gigabyte of memory for it. */
	char path[128];
	snprintf(path, sizeof(path), "%s/s-0/00000000000000000000.log", dir);
	cr_assert_eq(truncate(path, 0x48000000), 0);
	cr_assert_eq(log_reader_next(reader, &batch), LOG_READ_END);
	log_reader_tail(reader, &tail);
	cr_assert_eq(tail.error, BATCH_E_TOO_LARGE);
}
