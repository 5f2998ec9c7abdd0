#include "verify_checkpoint.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/log_format.h"

void verify_checkpoint_read(struct verify_checkpoint *checkpoint, int dir_fd)
{
	int fd = openat(dir_fd, LOG_NAME_CHECKPOINT, O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	unsigned long long value;
	char line[256];

	*checkpoint = (struct verify_checkpoint){0};
	if (!file) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "segment %llu", &value) == 1) {
			checkpoint->oldest_unsynced = value;
			checkpoint->found = true;
		} else if (sscanf(line, "clean %llu", &value) == 1) {
			checkpoint->clean = value != 0;
		}
	}
	fclose(file);
}

bool verify_checkpoint_may_have_tail(const struct verify_checkpoint *checkpoint, uint64_t base,
				     bool newest, bool running)
{
	if (running)
		return newest || !checkpoint->found || base >= checkpoint->oldest_unsynced;
	if (!checkpoint->found)
		return newest;
	return !checkpoint->clean && base >= checkpoint->oldest_unsynced;
}
