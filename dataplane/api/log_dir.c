#include "log_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log_format.h"

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

bool log_dir_parse(const char *name, struct log_dir_partition *out)
{
	const char *dash = strrchr(name, '-');
	uint64_t n = 0;

	if (!dash || dash == name || dash - name >= LOG_STREAM_NAME_MAX || !dash[1])
		return false;
	if (dash[1] == '0' && dash[2])
		return false;
	for (const char *p = dash + 1; *p; p++) {
		if (*p < '0' || *p > '9')
			return false;
		n = n * 10 + (uint64_t)(*p - '0');
		if (n > INT32_MAX)
			return false;
	}
	for (const char *p = name; p < dash; p++) {
		if (!name_char(*p))
			return false;
	}
	memcpy(out->stream, name, (size_t)(dash - name));
	out->stream[dash - name] = 0;
	out->partition = (uint32_t)n;
	return true;
}

void log_dir_format(char name[LOG_DIR_NAME_MAX], const char *stream, uint32_t partition)
{
	snprintf(name, LOG_DIR_NAME_MAX, "%.*s-%u", LOG_STREAM_NAME_MAX - 1, stream, partition);
}

static int by_partition(const void *a, const void *b)
{
	const struct log_dir_partition *x = a, *y = b;
	int order = strcmp(x->stream, y->stream);

	return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

static int by_base(const void *a, const void *b)
{
	const struct log_dir_segment *x = a, *y = b;

	return (x->base_offset > y->base_offset) - (x->base_offset < y->base_offset);
}

/* A growing list of things of one size. */
struct list {
	void *items;
	size_t count, room, item_size;
};

static int list_add(struct list *list, const void *item)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 16;
		void *items = reallocarray(list->items, room, list->item_size);

		if (!items)
			return -ENOMEM;
		list->items = items;
		list->room = room;
	}
	memcpy((char *)list->items + list->count++ * list->item_size, item, list->item_size);
	return 0;
}

/* Adds the entry if it is of the kind that is looked for; 0, or -errno. */
typedef int (*take_entry)(struct list *list, int dir_fd, const char *name);

/* Takes over fd. */
static int list_dir(struct list *list, int fd, take_entry take)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int result = 0;

	if (!dir) {
		result = -errno;
		close(fd);
		return result;
	}
	errno = 0;
	while (result == 0 && (entry = readdir(dir))) {
		result = take(list, fd, entry->d_name);
		errno = 0;
	}
	if (result == 0 && errno)
		result = -errno;
	closedir(dir);
	if (result < 0) {
		free(list->items);
		list->items = NULL;
		list->count = 0;
	}
	return result;
}

static int take_partition(struct list *list, int dir_fd, const char *name)
{
	struct log_dir_partition partition;
	struct stat st;

	if (!log_dir_parse(name, &partition))
		return 0;
	if (fstatat(dir_fd, name, &st, 0) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	return list_add(list, &partition);
}

static int take_segment(struct list *list, int dir_fd, const char *name)
{
	struct log_dir_segment segment;
	struct stat st;

	if (!log_format_parse(name, LOG_SUFFIX_LOG, &segment.base_offset))
		return 0;
	/* Retention may take it away at any moment: then it is not there. */
	if (fstatat(dir_fd, name, &st, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	segment.size_bytes = (uint64_t)st.st_size;
	return list_add(list, &segment);
}

int log_dir_partitions(const char *data_dir, struct log_dir_partition **out, size_t *count)
{
	struct list list = {.item_size = sizeof(struct log_dir_partition)};
	int fd = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result = fd < 0 ? -errno : list_dir(&list, fd, take_partition);

	if (list.count)
		qsort(list.items, list.count, list.item_size, by_partition);
	*out = list.items;
	*count = list.count;
	return result;
}

int log_dir_segments(int dir_fd, struct log_dir_segment **out, size_t *count)
{
	struct list list = {.item_size = sizeof(struct log_dir_segment)};
	/* A description of its own: two readers of one directory must not share a position. */
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result = fd < 0 ? -errno : list_dir(&list, fd, take_segment);

	if (list.count)
		qsort(list.items, list.count, list.item_size, by_base);
	*out = list.items;
	*count = list.count;
	return result;
}

int log_dir_open(const char *data_dir, const char *stream, uint32_t partition)
{
	char name[LOG_DIR_NAME_MAX];
	int data = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (data < 0)
		return -errno;
	log_dir_format(name, stream, partition);
	int fd = openat(data, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result = fd < 0 ? -errno : fd;
	close(data);
	return result;
}
