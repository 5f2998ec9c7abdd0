#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct loaded {
	struct report_view view; /* first: what callers hold */
	uint8_t *bytes;
};

/* How many bytes the UTF-8 character at text takes, which ends with a zero byte; 0: it is none, or
 * one that a terminal obeys. */
static size_t character(const unsigned char *text)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t least;
	} forms[] = {
		{0x80, 0x00, 0x20}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

	for (size_t more = 0; more < 4; more++) {
		if ((text[0] & forms[more].mask) != forms[more].lead)
			continue;
		uint32_t code = text[0] & (unsigned char)~forms[more].mask;
		for (size_t i = 1; i <= more; i++) {
			if ((text[i] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (text[i] & 0x3f);
		}
		bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
		bool none = code < forms[more].least || (code >= 0xd800 && code < 0xe000) ||
			    code > 0x10ffff;
		return control || none ? 0 : more + 1;
	}
	return 0;
}

/* Names come from clients. False: the field has no end. *altered: it is not what the client said.
 */
static bool clean_name(char *field, size_t size, uint32_t *altered)
{
	const char *end = memchr(field, 0, size);

	if (!end)
		return false;
	*altered = end == field + size - 1;
	while (*field) {
		size_t len = character((const unsigned char *)field);

		if (!len) {
			*field = '?';
			*altered = 1;
		}
		field += len ? len : 1;
	}
	return true;
}

static bool clean(char *field, size_t size)
{
	uint32_t altered;

	return clean_name(field, size, &altered);
}

#define CLEAN(field)		   clean(field, sizeof(field))
#define CLEAN_NAME(field, altered) clean_name(field, sizeof(field), &(altered))

/* The rows are checked only after all their sizes were. */
static bool check_rows(const struct report_header *h, struct report_group *groups,
		       struct report_member *members, struct report_offset *offsets)
{
	for (uint32_t i = 0; i < h->groups; i++)
		if (!CLEAN_NAME(groups[i].id, groups[i].altered) || !CLEAN(groups[i].state) ||
		    !CLEAN(groups[i].protocol_type) || !CLEAN(groups[i].protocol))
			return false;
	for (uint32_t i = 0; i < h->members; i++)
		if (members[i].group >= h->groups || !CLEAN(members[i].id) ||
		    !CLEAN(members[i].instance) || !CLEAN(members[i].client) ||
		    !CLEAN(members[i].host))
			return false;
	for (uint32_t i = 0; i < h->offsets; i++) {
		int32_t member = offsets[i].member;

		if (offsets[i].group >= h->groups || offsets[i].partition < 0 ||
		    !CLEAN_NAME(offsets[i].topic, offsets[i].altered))
			return false;
		if (member < -1 || (member >= 0 && ((uint32_t)member >= h->members ||
						    members[member].group != offsets[i].group)))
			return false;
	}
	return true;
}

static int check(struct loaded *l, size_t size)
{
	struct report_header *h = &l->view.header;

	if (size < sizeof(*h))
		return -EBADMSG;
	memcpy(h, l->bytes, sizeof(*h));
	if (h->magic != REPORT_MAGIC)
		return -EBADMSG;
	if (h->version != REPORT_VERSION || h->header_bytes != sizeof(struct report_header) ||
	    h->group_bytes != sizeof(struct report_group) ||
	    h->member_bytes != sizeof(struct report_member) ||
	    h->offset_bytes != sizeof(struct report_offset))
		return -EPROTO;
	/* 32 bits each, of rows below 1 KiB: no overflow in 64. */
	uint64_t members_at = sizeof(*h) + (uint64_t)h->groups * sizeof(struct report_group);
	uint64_t offsets_at = members_at + (uint64_t)h->members * sizeof(struct report_member);
	uint64_t end = offsets_at + (uint64_t)h->offsets * sizeof(struct report_offset);
	if (end != size || !CLEAN(h->address) || !CLEAN(h->data_dir))
		return -EBADMSG;
	struct report_group *groups = (struct report_group *)(l->bytes + sizeof(*h));
	struct report_member *members = (struct report_member *)(l->bytes + members_at);
	struct report_offset *offsets = (struct report_offset *)(l->bytes + offsets_at);
	if (!check_rows(h, groups, members, offsets))
		return -EBADMSG;
	l->view.groups = groups;
	l->view.members = members;
	l->view.offsets = offsets;
	return 0;
}

/* The whole file, into memory of the caller's. */
static int load(const char *path, uint8_t **bytes, size_t *size)
{
	struct stat st = {0};
	size_t done = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int rc = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;

	if (rc == 0 && (!S_ISREG(st.st_mode) || st.st_size > REPORT_BYTES_MAX))
		rc = -EBADMSG;
	if (rc == 0) {
		*size = (size_t)st.st_size;
		*bytes = malloc(*size + 1);
		rc = *bytes ? 0 : -ENOMEM;
	}
	while (rc == 0 && done < *size) {
		ssize_t n = read(fd, *bytes + done, *size - done);

		if (n < 0 && errno != EINTR)
			rc = -errno;
		else if (n == 0)
			rc = -EBADMSG;
		else if (n > 0)
			done += (size_t)n;
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

int report_read(const char *run_dir, struct report_view **out)
{
	char path[REPORT_PATH_MAX];
	size_t size = 0;
	struct loaded *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	int n = snprintf(path, sizeof(path), "%s/" REPORT_NAME, run_dir);
	int rc = n < (int)sizeof(path) ? load(path, &l->bytes, &size) : -ENAMETOOLONG;
	if (rc == 0)
		rc = check(l, size);
	if (rc < 0) {
		report_free(&l->view);
		return rc;
	}
	pid_t owner = report_owner(run_dir);
	l->view.alive = owner && (uint32_t)owner == l->view.header.pid && !l->view.header.stopped;
	*out = &l->view;
	return 0;
}

void report_free(struct report_view *view)
{
	struct loaded *l = (struct loaded *)view;

	if (!l)
		return;
	free(l->bytes);
	free(l);
}

const char *report_api_name(unsigned key)
{
#define API(NAME, key, name, min, max, flexible_from, handler) [key] = name,
#define NOT_SERVED(key, name)				       [key] = name,
	static const char *const names[] = {
#include "apis.def"
	};
#undef API
#undef NOT_SERVED

	return key < sizeof(names) / sizeof(names[0]) ? names[key] : NULL;
}

pid_t report_owner(const char *run_dir)
{
	char path[REPORT_PATH_MAX];
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (snprintf(path, sizeof(path), "%s/" REPORT_LOCK_NAME, run_dir) >= (int)sizeof(path))
		return 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return 0;
	int rc = fcntl(fd, F_GETLK, &lock);
	close(fd);
	return rc == 0 && lock.l_type != F_UNLCK ? lock.l_pid : 0;
}
