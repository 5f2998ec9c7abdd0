#include "segment_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/log_format.h"
#include "limits.h"

static struct segment_file **place_of(struct segment_files *files, uint64_t base)
{
	struct segment_file **at = &files->first;

	while (*at && (*at)->base != base)
		at = &(*at)->next;
	return at;
}

static void to_front(struct segment_files *files, struct segment_file **at)
{
	struct segment_file *file = *at;

	*at = file->next;
	file->next = files->first;
	files->first = file;
}

static void destroy(struct segment_files *files, struct segment_file **at)
{
	struct segment_file *file = *at;

	if (!file)
		return;
	*at = file->next;
	files->idle--;
	close(file->fd);
	free(file);
}

/* The longest unused of those that nobody holds, while there are too many. */
static void trim(struct segment_files *files, unsigned keep)
{
	while (files->idle > keep) {
		struct segment_file **last = NULL;

		for (struct segment_file **at = &files->first; *at; at = &(*at)->next)
			if ((*at)->refs == 0)
				last = at;
		if (!last)
			return;
		destroy(files, last);
	}
}

static int open_file(struct segment_files *files, uint64_t base)
{
	char name[LOG_NAME_MAX];
	struct stat st;

	log_format_name(name, base, LOG_SUFFIX_LOG);
	int fd = openat(files->dir_fd, name, O_RDONLY | O_CLOEXEC);
	struct segment_file *file = fd < 0 ? NULL : calloc(1, sizeof(*file));

	if (fd < 0)
		return -errno;
	if (!file || fstat(fd, &st) < 0) {
		free(file);
		close(fd);
		return -ENOMEM;
	}
	*file = (struct segment_file){.next = files->first,
				      .owner = files,
				      .base = base,
				      .fd = fd,
				      .dev = st.st_dev,
				      .ino = st.st_ino};
	/* Whoever reads one reads on: twice as much is read ahead. */
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	files->first = file;
	files->idle++;
	return 0;
}

/* Whoever retires it has it locked, and gives it another name before that ends. */
static bool hold(const struct segment_file *file)
{
	if (flock(file->fd, LOCK_SH | LOCK_NB) < 0)
		return false;
	if (segment_file_current(file))
		return true;
	flock(file->fd, LOCK_UN);
	return false;
}

int segment_file_get(struct segment_files *files, uint64_t base, struct segment_file **out)
{
	struct segment_file **at = place_of(files, base);

	if (*at) {
		to_front(files, at);
	} else {
		int rc = open_file(files, base);
		if (rc < 0)
			return rc;
	}
	if (files->first->refs == 0 && !hold(files->first)) {
		destroy(files, &files->first);
		return -ENOENT;
	}
	if (files->first->refs++ == 0)
		files->idle--;
	*out = files->first;
	return 0;
}

void segment_file_hold(struct segment_file *file)
{
	file->refs++;
}

void segment_file_put(struct segment_file *file)
{
	if (--file->refs > 0)
		return;
	struct segment_files *files = file->owner;

	flock(file->fd, LOCK_UN);
	files->idle++;
	/* One that is gone would only keep its blocks from the disk. */
	if (segment_file_current(file))
		trim(files, LIMIT_FILES_KEPT);
	else
		destroy(files, place_of(files, file->base));
}

bool segment_file_current(const struct segment_file *file)
{
	char name[LOG_NAME_MAX];
	struct stat st;

	log_format_name(name, file->base, LOG_SUFFIX_LOG);
	return fstatat(file->owner->dir_fd, name, &st, 0) == 0 && st.st_ino == file->ino &&
	       st.st_dev == file->dev;
}

void segment_file_unreadable(struct segment_file *file, uint64_t position, int error)
{
	const struct unreadable_place place = {.base = file->base, .position = position};

	unreadable_add(&file->owner->unreadable, &file->owner->of, &place, error);
}

void segment_files_drop(struct segment_files *files)
{
	trim(files, 0);
}
