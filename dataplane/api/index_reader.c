#include "index_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* The entries as they stand in the files; base: the segment's. */
static struct index_entry index_entry_get(const uint8_t *at, uint64_t base)
{
	return (struct index_entry){.offset = base + log_get32(at), .position = log_get32(at + 4)};
}

static struct timeindex_entry timeindex_entry_get(const uint8_t *at, uint64_t base)
{
	return (struct timeindex_entry){.timestamp_ms = (int64_t)log_get64(at),
					.offset = base + log_get32(at + 8)};
}

/* An open index file. */
struct index_file {
	int fd;
	bool cached_only; /* reads do not wait for a disk: -EAGAIN */
	size_t entries, entry_size;
};

/* 1, 0: there is no such file, -errno. */
static int open_index(struct index_file *file, int dir_fd, uint64_t base, const char *suffix,
		      size_t entry_size)
{
	char name[LOG_NAME_MAX];
	struct stat st;

	log_format_name(name, base, suffix);
	file->fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (file->fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(file->fd, &st) < 0) {
		int error = errno;

		close(file->fd);
		return -error;
	}
	file->entry_size = entry_size;
	file->entries = (size_t)st.st_size / entry_size;
	return 1;
}

/* 1, 0: the file has become shorter, -errno. */
static int get_entry(const struct index_file *file, size_t i, uint8_t *entry)
{
	const struct iovec one = {.iov_base = entry, .iov_len = file->entry_size};
	ssize_t n = preadv2(file->fd, &one, 1, (off_t)(i * file->entry_size),
			    file->cached_only ? RWF_NOWAIT : 0);

	/* Where that cannot be asked, a disk may be behind it. */
	if (n < 0)
		return errno == EOPNOTSUPP ? -EAGAIN : -errno;
	return (size_t)n == file->entry_size;
}

/* Binary search for the last entry that is not above the target. 1 with the entry, 0, -errno. */
static int floor_entry(const struct index_file *file, uint8_t *found,
		       bool (*above)(const uint8_t *entry, const void *target), const void *target)
{
	size_t low = 0, high = file->entries;
	uint8_t entry[LOG_TIMEINDEX_ENTRY];
	int result;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		result = get_entry(file, middle, entry);
		if (result < 0)
			return result;
		if (result == 0 || above(entry, target))
			high = middle;
		else
			low = middle + 1;
	}
	return low ? get_entry(file, low - 1, found) : 0;
}

struct index_target {
	uint64_t relative, position;
};

static bool index_above(const uint8_t *entry, const void *target)
{
	const struct index_target *limit = target;

	return log_get32(entry) > limit->relative || log_get32(entry + 4) > limit->position;
}

static bool timeindex_above(const uint8_t *entry, const void *target)
{
	return (int64_t)log_get64(entry) > *(const int64_t *)target;
}

int index_floor(int dir_fd, uint64_t base, uint64_t offset, struct index_entry *entry)
{
	return index_floor_position(dir_fd, base, offset, UINT64_MAX, true, entry);
}

int index_floor_position(int dir_fd, uint64_t base, uint64_t offset, uint64_t position, bool wait,
			 struct index_entry *entry)
{
	uint8_t found[LOG_TIMEINDEX_ENTRY];
	const struct index_target limit = {.relative = offset - base, .position = position};
	struct index_file file = {.fd = -1, .cached_only = !wait};
	int result;

	if (offset < base)
		return 0;
	result = open_index(&file, dir_fd, base, LOG_SUFFIX_INDEX, LOG_INDEX_ENTRY);
	if (result <= 0)
		return result;
	result = floor_entry(&file, found, index_above, &limit);
	close(file.fd);
	if (result == 1)
		*entry = index_entry_get(found, base);
	return result;
}

int timeindex_floor(int dir_fd, uint64_t base, int64_t timestamp_ms, struct timeindex_entry *entry)
{
	uint8_t found[LOG_TIMEINDEX_ENTRY];
	struct index_file file = {.fd = -1};
	int result = open_index(&file, dir_fd, base, LOG_SUFFIX_TIMEINDEX, LOG_TIMEINDEX_ENTRY);

	if (result <= 0)
		return result;
	result = floor_entry(&file, found, timeindex_above, &timestamp_ms);
	close(file.fd);
	if (result == 1)
		*entry = timeindex_entry_get(found, base);
	return result;
}

int timeindex_last(int dir_fd, uint64_t base, struct timeindex_entry *entry)
{
	uint8_t found[LOG_TIMEINDEX_ENTRY];
	struct index_file file = {.fd = -1};
	int result = open_index(&file, dir_fd, base, LOG_SUFFIX_TIMEINDEX, LOG_TIMEINDEX_ENTRY);

	if (result <= 0)
		return result;
	result = file.entries ? get_entry(&file, file.entries - 1, found) : 0;
	close(file.fd);
	if (result == 1)
		*entry = timeindex_entry_get(found, base);
	return result;
}
