#include "verify_index.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void verify_index_begin(struct verify_index *index, uint64_t base)
{
	index->base = base;
	index->gap_bytes = 0;
	index->max_timestamp_ms = index->entry_timestamp_ms = -1;
	index->max_timestamp_offset = base;
	index->index_len = index->time_len = 0;
}

/* Room for one more entry; NULL: no memory. */
static uint8_t *add(struct verify_index *index, uint8_t **data, size_t *len, size_t *room,
		    size_t entry_size)
{
	if (*len + entry_size > *room) {
		size_t more = *room ? *room * 2 : 4096;
		uint8_t *grown = realloc(*data, more);

		if (!grown) {
			index->no_memory = true;
			return NULL;
		}
		*data = grown;
		*room = more;
	}
	*len += entry_size;
	return *data + *len - entry_size;
}

/* A time entry is only worth its place if it says more than the one before. */
static void add_time(struct verify_index *index)
{
	if (index->max_timestamp_ms <= index->entry_timestamp_ms)
		return;
	uint8_t *entry =
		add(index, &index->time, &index->time_len, &index->time_room, LOG_TIMEINDEX_ENTRY);
	if (!entry)
		return;
	log_put64(entry, (uint64_t)index->max_timestamp_ms);
	log_put32(entry + 8, (uint32_t)(index->max_timestamp_offset - index->base));
	index->entry_timestamp_ms = index->max_timestamp_ms;
}

void verify_index_batch(struct verify_index *index, const struct batch_head *head,
			uint64_t position)
{
	if (head->max_timestamp_ms > index->max_timestamp_ms) {
		index->max_timestamp_ms = head->max_timestamp_ms;
		index->max_timestamp_offset = (uint64_t)head->last_offset;
	}
	if (index->gap_bytes > LOG_INDEX_INTERVAL) {
		uint8_t *entry = add(index, &index->index, &index->index_len, &index->index_room,
				     LOG_INDEX_ENTRY);
		if (entry) {
			log_put32(entry, (uint32_t)((uint64_t)head->last_offset - index->base));
			log_put32(entry + 4, (uint32_t)position);
		}
		add_time(index);
		index->gap_bytes = 0;
	}
	index->gap_bytes += head->size_bytes;
}

/* The whole file, or NULL with -errno in *error. */
static uint8_t *read_file(int dir_fd, const char *name, size_t *len, int *error)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	uint8_t *data = NULL;
	struct stat st;

	*error = 0;
	*len = 0;
	if (fd < 0 || fstat(fd, &st) < 0) {
		*error = -errno;
	} else {
		data = malloc((size_t)st.st_size + 1);
		*error = data ? 0 : -ENOMEM;
		while (data && *len < (size_t)st.st_size) {
			ssize_t n = pread(fd, data + *len, (size_t)st.st_size - *len, (off_t)*len);

			if (n <= 0) {
				*error = n < 0 ? -errno : 0;
				break;
			}
			*len += (size_t)n;
		}
	}
	if (fd >= 0)
		close(fd);
	if (*error) {
		free(data);
		data = NULL;
	}
	return data;
}

/* 0: as it must be. */
static unsigned compare(int dir_fd, uint64_t base, const char *suffix, const uint8_t *want,
			size_t want_len, size_t entry_size, enum verify_index_state state,
			struct verify_texts *texts)
{
	char name[LOG_NAME_MAX];
	size_t len, shorter, at = 0;
	int error;

	log_format_name(name, base, suffix);
	uint8_t *have = read_file(dir_fd, name, &len, &error);
	if (!have) {
		if (error == -ENOENT && state == VERIFY_INDEX_OPEN)
			return 0;
		verify_say(texts, "%s: %s", name, strerror(-error));
		return 1;
	}
	shorter = len < want_len ? len : want_len;
	while (at < shorter && have[at] == want[at])
		at++;
	free(have);
	if (at < shorter) {
		verify_say(texts, "%s: entry %zu is not what the batches say", name,
			   at / entry_size);
		return 1;
	}
	if (len == want_len || state == VERIFY_INDEX_OPEN)
		return 0;
	verify_say(texts, "%s: %zu bytes, must be %zu", name, len, want_len);
	return 1;
}

unsigned verify_index_compare(struct verify_index *index, int dir_fd, enum verify_index_state state,
			      struct verify_texts *texts)
{
	if (state == VERIFY_INDEX_CLOSED)
		add_time(index);
	if (index->no_memory) {
		verify_say(texts, "no memory to check the indexes of segment %020" PRIu64,
			   index->base);
		return 1;
	}
	return compare(dir_fd, index->base, LOG_SUFFIX_INDEX, index->index, index->index_len,
		       LOG_INDEX_ENTRY, state, texts) +
	       compare(dir_fd, index->base, LOG_SUFFIX_TIMEINDEX, index->time, index->time_len,
		       LOG_TIMEINDEX_ENTRY, state, texts);
}

void verify_index_free(struct verify_index *index)
{
	free(index->index);
	free(index->time);
	*index = (struct verify_index){0};
}
