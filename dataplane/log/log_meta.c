/*
 * The two small files that Kafka keeps in a partition's directory: leader-epoch-checkpoint (text:
 * 0, the number of lines that follow, then "epoch start_offset") and partition.metadata (the
 * topic's id).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "log_private.h"

enum { EPOCHS_MAX = 1024, TOPIC_ID_CHARS = 22 };

int log_read_text(struct disk *disk, const char *path, char *text, size_t size)
{
	struct disk_op op = {.kind = DISK_CLOSE};
	size_t at = 0;
	ssize_t n = 0;
	int rc = disk->ops->open(disk, path, 0, &op.file);

	if (rc < 0)
		return rc;
	while (at < size - 1) {
		n = disk->ops->read(disk, op.file, text + at, size - 1 - at, at);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	text[at] = 0;
	disk->ops->run(disk, &op);
	return n < 0 ? (int)n : (int)at;
}

int log_put_text(struct disk *disk, const char *path, const char *text, size_t len)
{
	struct disk_op op = {.kind = DISK_PUT, .path = path, .buf = text, .len = (uint32_t)len};
	int64_t rc = disk->ops->run(disk, &op);

	return rc < 0 ? (int)rc : 0;
}

struct epoch {
	uint64_t epoch, start;
};

static int parse_epochs(const char *text, struct epoch *epochs, unsigned *count)
{
	unsigned version, n;
	int used;

	if (sscanf(text, "%u %u%n", &version, &n, &used) != 2 || version != 0 || n > EPOCHS_MAX)
		return -EPROTO;
	for (unsigned i = 0; i < n; i++) {
		unsigned long long epoch, start;
		int more;

		if (sscanf(text + used, "%llu %llu%n", &epoch, &start, &more) != 2 ||
		    epoch > INT32_MAX || (i && epochs[i - 1].epoch >= epoch))
			return -EPROTO;
		epochs[i] = (struct epoch){epoch, start};
		used += more;
	}
	*count = n;
	return 0;
}

/* As Kafka: no epoch starts at or beyond the end but the last, none but one at or below log_start.
 */
static unsigned trim_epochs(struct epoch *e, unsigned n, uint64_t log_start, uint64_t log_end)
{
	unsigned first = 0;

	if (n && e[n - 1].start > log_end)
		e[n - 1].start = log_end;
	while (n > 1 && e[n - 2].start >= e[n - 1].start) {
		e[n - 2] = e[n - 1];
		n--;
	}
	while (first + 1 < n && e[first + 1].start <= log_start)
		first++;
	memmove(e, e + first, (n - first) * sizeof(*e));
	n -= first;
	if (n && e[0].start < log_start)
		e[0].start = log_start;
	return n;
}

static int write_epochs(struct disk *disk, const char *path, const char *old,
			const struct epoch *epochs, unsigned count)
{
	size_t size = 32 + (size_t)count * 44;
	char *text = malloc(size);

	if (!text)
		return -ENOMEM;
	size_t at = (size_t)snprintf(text, size, "0\n%u\n", count);
	for (unsigned i = 0; i < count; i++)
		at += (size_t)snprintf(text + at, size - at, "%llu %llu\n",
				       (unsigned long long)epochs[i].epoch,
				       (unsigned long long)epochs[i].start);
	int rc = strcmp(old, text) == 0 ? 0 : log_put_text(disk, path, text, at);
	free(text);
	return rc;
}

int log_epochs_open(struct log_partition *p, uint64_t log_start, uint64_t log_end, bool raise,
		    char *err, size_t err_size)
{
	struct disk *disk = p->log->disk;
	size_t size = 64 + EPOCHS_MAX * 44;
	char path[LOG_PATH_MAX];
	char *text = calloc(1, size);
	struct epoch *epochs = calloc(EPOCHS_MAX + 1, sizeof(*epochs));
	unsigned n = 0;
	int rc = -ENOMEM;

	log_path(path, p->dir, LOG_NAME_EPOCHS);
	if (!text || !epochs)
		goto out;
	rc = log_read_text(disk, path, text, size);
	if (rc >= 0)
		rc = parse_epochs(text, epochs, &n);
	else if (rc == -ENOENT)
		rc = 0;
	if (rc < 0) {
		snprintf(err, err_size, "%s: %s", path,
			 rc == -EPROTO
				 ? "not a leader epoch checkpoint; restore it, or remove it if "
				   "no consumer depends on epochs"
				 : strerror(-rc));
		goto out;
	}
	if (n == 0)
		epochs[n++] = (struct epoch){0, log_start};
	if (raise) {
		/* Offsets after a power cut may stand for other data than before it. */
		epochs[n] = (struct epoch){epochs[n - 1].epoch + 1, log_end};
		n++;
	}
	n = trim_epochs(epochs, n, log_start, log_end);
	if (n > EPOCHS_MAX)
		memmove(epochs, epochs + 1, --n * sizeof(*epochs));
	p->epoch = (uint32_t)epochs[n - 1].epoch;
	rc = write_epochs(disk, path, text, epochs, n);
	if (rc < 0)
		snprintf(err, err_size, "%s: %s", path, strerror(-rc));
out:
	free(text);
	free(epochs);
	return rc;
}

/* ---- partition.metadata ---- */

static bool topic_id_of(struct disk *disk, const char *dir, char id[TOPIC_ID_CHARS + 1])
{
	char path[LOG_PATH_MAX], text[256];

	log_path(path, dir, LOG_NAME_METADATA);
	if (log_read_text(disk, path, text, sizeof(text)) < 0)
		return false;
	return sscanf(text, "version: 0\ntopic_id: %22[A-Za-z0-9_-]", id) == 1 &&
	       strlen(id) == TOPIC_ID_CHARS;
}

struct siblings {
	struct disk *disk;
	const char *storage, *stream;
	char *id;
};

static int look_at_sibling(void *arg, const char *name, int is_dir)
{
	struct siblings *s = arg;
	size_t len = strlen(s->stream);
	char dir[LOG_PATH_MAX];

	if (!is_dir || strncmp(name, s->stream, len) != 0 || name[len] != '-' ||
	    name[len + 1 + strspn(name + len + 1, "0123456789")] != 0)
		return 0;
	log_path(dir, s->storage, name);
	return topic_id_of(s->disk, dir, s->id) ? 1 : 0;
}

static int make_topic_id(char id[TOPIC_ID_CHARS + 1])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t bytes[18] = {
		0}; /* a version 4 UUID, and two bytes that only fill the last digits */

	do {
		if (getrandom(bytes, 16, 0) != 16)
			return -errno;
		bytes[6] = (bytes[6] & 0x0f) | 0x40;
		bytes[8] = (bytes[8] & 0x3f) | 0x80;
		for (int i = 0; i < TOPIC_ID_CHARS; i++) {
			int bit = i * 6;
			unsigned two = (unsigned)bytes[bit / 8] << 8 | bytes[bit / 8 + 1];

			id[i] = digits[two >> (10 - bit % 8) & 63];
		}
		id[TOPIC_ID_CHARS] = 0;
	} while (id[0] == '-'); /* Kafka's command line would take it for an option */
	return 0;
}

int log_metadata_open(struct log_partition *p, const char *stream, char *err, size_t err_size)
{
	struct disk *disk = p->log->disk;
	const char *storage = p->log->storage_path;
	char path[LOG_PATH_MAX], text[64], id[TOPIC_ID_CHARS + 1];
	struct siblings siblings = {disk, storage, stream, id};

	if (topic_id_of(disk, p->dir, id))
		return 0;
	log_path(path, p->dir, LOG_NAME_METADATA);
	/* All partitions of a stream are one topic. */
	int rc = disk->ops->list(disk, storage, look_at_sibling, &siblings);
	if (rc == 0)
		rc = make_topic_id(id);
	if (rc >= 0) {
		int len = snprintf(text, sizeof(text), "version: 0\ntopic_id: %s", id);
		rc = log_put_text(disk, path, text, (size_t)len);
	}
	if (rc < 0)
		snprintf(err, err_size, "%s: %s", path, strerror(-rc));
	return rc;
}
