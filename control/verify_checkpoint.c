#include "verify_checkpoint.h"

#include <fcntl.h>
#include <inttypes.h>
#include <isa-l/crc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/log_format.h"

enum { CHECKPOINT_MAX = 4096 };

/* The last line is the CRC-32C of those before. */
static bool crc_is_right(const char *text)
{
	const char *line = strstr(text, "\ncrc ");

	if (!line)
		return false;
	line++;
	uint32_t crc =
		~crc32_iscsi((unsigned char *)(uintptr_t)text, (int)(line - text), UINT32_MAX);
	return strtoull(line + 4, NULL, 16) == crc;
}

static uint64_t field(const char *text, const char *name)
{
	char key[64];

	snprintf(key, sizeof(key), "\n%s ", name);
	const char *at = strstr(text, key);
	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

void verify_checkpoint_read(struct verify_checkpoint *checkpoint, int dir_fd)
{
	int fd = openat(dir_fd, LOG_NAME_CHECKPOINT, O_RDONLY | O_CLOEXEC);
	char text[CHECKPOINT_MAX + 1];

	*checkpoint = (struct verify_checkpoint){0};
	if (fd < 0)
		return;
	ssize_t n = pread(fd, text, CHECKPOINT_MAX, 0);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	checkpoint->broken = !crc_is_right(text);
	if (checkpoint->broken)
		return;
	checkpoint->found = true;
	checkpoint->clean = field(text, "clean") != 0;
	checkpoint->end_offset = field(text, "end_offset");
	checkpoint->recover_from = field(text, "recover_from");
	checkpoint->log_start = field(text, "log_start");
}

bool verify_checkpoint_may_have_tail(const struct verify_checkpoint *checkpoint, uint64_t base,
				     bool newest, bool running)
{
	/* Another dataplane's clean stop says nothing once the next one runs. */
	if (running)
		return newest || !checkpoint->found || base >= checkpoint->recover_from;
	if (!checkpoint->found)
		return newest;
	return !checkpoint->clean && base >= checkpoint->recover_from;
}
