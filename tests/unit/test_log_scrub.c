/*
 * Scrubbing on a file in memory: the batches whose heads lie across the end of a sector lose their
 * checksum, nothing else changes, and what was read had been asked for ahead.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/api/log_format.h"
#include "dataplane/log/log_scrub.h"

enum { FILE_BYTES = 8 << 20, SECTOR = 512, BATCHES_MAX = 20000 };

static uint8_t file[FILE_BYTES], was[FILE_BYTES], asked[FILE_BYTES];
static uint64_t starts[BATCHES_MAX], end;
static unsigned batches, reads, cold_reads, fail_at;

static ssize_t read_file(void *arg, void *buf, size_t len, uint64_t offset)
{
	(void)arg;
	reads++;
	if (fail_at && reads == fail_at)
		return -EIO;
	if (offset >= FILE_BYTES)
		return 0;
	cold_reads += !asked[offset];
	len = len < FILE_BYTES - offset ? len : FILE_BYTES - offset;
	memcpy(buf, file + offset, len);
	return (ssize_t)len;
}

static int write_file(void *arg, const void *buf, size_t len, uint64_t offset)
{
	(void)arg;
	cr_assert_leq(offset + len, FILE_BYTES);
	memcpy(file + offset, buf, len);
	return 0;
}

static void ask(void *arg, size_t len, uint64_t offset)
{
	(void)arg;
	for (uint64_t i = offset; i < offset + len && i < FILE_BYTES; i++)
		asked[i] = 1;
}

static void fill(uint32_t least, uint32_t most)
{
	memset(file, 0, sizeof(file));
	memset(asked, 0, sizeof(asked));
	end = batches = reads = cold_reads = fail_at = 0;
	for (;;) {
		uint32_t len = least + (uint32_t)rand() % (most - least + 1);

		if (end + len + RECORD_BATCH_HEAD > FILE_BYTES || batches == BATCHES_MAX)
			break;
		for (uint32_t i = 0; i < len; i++)
			file[end + i] = (uint8_t)rand();
		log_put32(file + end + BATCH_batchLength, len - BATCH_LENGTH_BIAS);
		file[end + BATCH_magic] = BATCH_MAGIC;
		starts[batches++] = end;
		end += len;
	}
	memcpy(was, file, sizeof(was));
}

static void scrub_all(const struct log_scrub_io *io, unsigned heads)
{
	int64_t at = 0;
	unsigned calls = 0;

	do {
		at = log_scrub(io, NULL, (uint64_t)at, heads);
		cr_assert_geq(at, 0);
		cr_assert_leq(++calls, batches / heads + 2);
	} while (at != 0);
}

static void expect_scrubbed(void)
{
	unsigned across = 0;

	for (unsigned i = 0; i < batches; i++) {
		uint64_t in_sector = starts[i] % SECTOR;

		if (in_sector + BATCH_attributes <= SECTOR)
			continue;
		across++;
		uint64_t at = starts[i] + BATCH_producerId;
		cr_expect_eq(file[at], (uint8_t)~was[at], "batch %u at %llu", i,
			     (unsigned long long)starts[i]);
		was[at] = file[at];
	}
	cr_expect_gt(across, 0);
	cr_expect_eq(memcmp(file, was, sizeof(was)), 0, "something else was changed");
}

Test(log_scrub, only_heads_across_the_end_of_a_sector)
{
	static const struct log_scrub_io io = {read_file, write_file, NULL};
	static const uint32_t sizes[][2] = {{61, 100}, {100, 5000}, {500, 520}};

	srand(5);
	for (unsigned i = 0; i < 3; i++) {
		fill(sizes[i][0], sizes[i][1]);
		scrub_all(&io, 16);
		expect_scrubbed();
		cr_expect_leq(reads, batches + batches / 16 + 2);
	}
}

/* A read that nobody asked for ahead costs the time of a disk. */
Test(log_scrub, heads_are_asked_for_ahead)
{
	static const struct log_scrub_io io = {read_file, write_file, ask};

	srand(6);
	fill(16384, 16384 + 40); /* as batches of events of one size are */
	scrub_all(&io, 256);
	expect_scrubbed();
	cr_expect_gt(reads, 400);
	cr_expect_leq(cold_reads, 2 + reads / 256, "%u of %u reads", cold_reads, reads);
	/* Guesses that are wrong do no harm. */
	fill(61, 60000);
	scrub_all(&io, 256);
	expect_scrubbed();
}

Test(log_scrub, an_error_is_told)
{
	static const struct log_scrub_io io = {read_file, write_file, ask};

	srand(7);
	fill(1000, 2000);
	fail_at = 5;
	cr_expect_eq(log_scrub(&io, NULL, 0, 256), -EIO);
}
