/*
 * A partition from arbitrary bytes: a .log of one or two segments, both indexes and a checkpoint,
 * read by the cursor (from the start, by offset, by time, with and without a limit) and by weir
 * verify.
 *
 * The first byte: 1 mend the CRC of what looks like a batch, 2 two segments, 4 a limit, 8 a running
 * dataplane. The second: bytes of each index, in 4s. The rest is cut into .index, .timeindex,
 * .log, .log.
 */
#include <fcntl.h>
#include <isa-l/crc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/verify.h"
#include "dataplane/api/log_reader.h"

enum { MEND = 1, TWO = 2, LIMITED = 4, RUNNING = 8, SECOND_BASE = 8, INPUT_MAX = 64 << 10 };

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static char dir[64];

static void remove_dir(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (system(command) != 0)
		fprintf(stderr, "%s is left\n", dir);
}

/* In memory where the machine has such a place. */
static void make_dir(void)
{
	char path[128];

	snprintf(dir, sizeof(dir), "/dev/shm/weir-fuzz-XXXXXX");
	if (!mkdtemp(dir)) {
		snprintf(dir, sizeof(dir), "/tmp/weir-fuzz-XXXXXX");
		if (!mkdtemp(dir))
			abort();
	}
	snprintf(path, sizeof(path), "%s/s-0", dir);
	if (mkdir(path, 0700) < 0)
		abort();
	atexit(remove_dir);
}

static void write_file(uint64_t base, const char *suffix, const uint8_t *data, size_t len)
{
	char path[160], name[LOG_NAME_MAX];

	log_format_name(name, base, suffix);
	snprintf(path, sizeof(path), "%s/s-0/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	close(fd);
}

static void remove_file(uint64_t base, const char *suffix)
{
	char path[160], name[LOG_NAME_MAX];

	log_format_name(name, base, suffix);
	snprintf(path, sizeof(path), "%s/s-0/%s", dir, name);
	unlink(path);
}

/* So that the fuzzer gets past the CRC. */
static void mend(uint8_t *log, size_t len)
{
	struct batch_head head;

	for (size_t at = 0; batch_head_parse(log + at, len - at, &head) == BATCH_OK;
	     at += head.size_bytes) {
		if (head.size_bytes > len - at)
			return;
		log_put32(log + at + BATCH_crc,
			  ~crc32_iscsi(log + at + BATCH_attributes,
				       (int)(head.size_bytes - BATCH_attributes), UINT32_MAX));
	}
}

/* Cuts len bytes off the front of what is left. */
static uint8_t *take(uint8_t **data, size_t *left, size_t *len)
{
	uint8_t *from = *data;

	if (*len > *left)
		*len = *left;
	*data += *len;
	*left -= *len;
	return from;
}

static void write_partition(unsigned flags, size_t index_len, uint8_t *data, size_t left)
{
	size_t time_len = index_len / 2 * 3, log_len;
	uint8_t *index = take(&data, &left, &index_len);
	uint8_t *time = take(&data, &left, &time_len);

	log_len = flags & TWO ? left / 2 : left;
	uint8_t *log = take(&data, &left, &log_len);
	if (flags & MEND) {
		mend(log, log_len);
		mend(data, left);
	}
	write_file(0, LOG_SUFFIX_INDEX, index, index_len);
	write_file(0, LOG_SUFFIX_TIMEINDEX, time, time_len);
	write_file(0, LOG_SUFFIX_LOG, log, log_len);
	if (flags & TWO)
		write_file(SECOND_BASE, LOG_SUFFIX_LOG, data, left);
	else
		remove_file(SECOND_BASE, LOG_SUFFIX_LOG);
}

/* Every batch and record from where the reader stands. Ends: offsets only rise. */
static void read_all(struct log_reader *reader)
{
	struct log_batch batch;
	int64_t last = -1;

	while (log_reader_next(reader, &batch) == LOG_READ_BATCH) {
		struct record_iter it;
		struct record rec;

		if (batch.head.base_offset <= last)
			abort();
		last = batch.head.last_offset;
		if (log_reader_records(reader, &batch, &it) != BATCH_OK)
			continue;
		while (record_next(&it, &rec)) {
			if (rec.offset < batch.head.base_offset ||
			    rec.offset > batch.head.last_offset)
				abort();
		}
	}
}

static void read_partition(unsigned flags)
{
	struct log_reader *reader;
	struct log_found found;
	struct log_tail tail;
	char err[256];

	if (log_reader_open(&reader, dir, "s", 0, err, sizeof(err)) < 0)
		abort();
	if (flags & LIMITED)
		log_reader_limit(reader, 10);
	read_all(reader);
	log_reader_tail(reader, &tail);
	for (uint64_t offset = 0; offset < 16; offset += 5) {
		log_reader_seek(reader, offset);
		read_all(reader);
	}
	log_reader_find_time(reader, 1000, &found);
	log_reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct verify_config config = {.data_dir = dir, .visible_end = 10};
	struct verify_partition partition = {.name = {.stream = "s"}};

	if (!dir[0])
		make_dir();
	if (size < 2 || size > INPUT_MAX)
		return 0;
	uint8_t *copy = malloc(size);
	if (!copy)
		return 0;
	memcpy(copy, input, size);
	write_partition(copy[0], copy[1] * 4u, copy + 2, size - 2);
	read_partition(copy[0]);
	config.limited = copy[0] & LIMITED;
	/* With a running dataplane the wrong indexes of a segment just closed are looked at again
	 * for two seconds: not here. */
	config.running = copy[0] & RUNNING && !(copy[0] & TWO) && copy[1] == 0;
	verify_partition(&partition, &config);
	verify_partition_free(&partition);
	free(copy);
	return 0;
}
