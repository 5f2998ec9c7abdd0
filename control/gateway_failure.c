#include "gateway_failure.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/api/plan.h"
#include "loop.h"

enum { PATH_ROOM = PLAN_PATH_MAX + 32 };

static const char *path_of(const char *run_dir, const char *suffix, char path[PATH_ROOM])
{
	snprintf(path, PATH_ROOM, "%s/" GATEWAY_FAILURE_NAME "%s", run_dir, suffix);
	return path;
}

void gateway_failure_write(const char *run_dir, const char *reason, uint64_t next_start_ns)
{
	char path[PATH_ROOM], path_new[PATH_ROOM];
	FILE *out = fopen(path_of(run_dir, ".new", path_new), "we");

	if (!out)
		return;
	fprintf(out, "%" PRIu64 " %s\n", next_start_ns, reason);
	/* Whole or not at all; the log has it in any case. */
	if (fclose(out) != 0 || rename(path_new, path_of(run_dir, "", path)) < 0)
		unlink(path_new);
}

void gateway_failure_clear(const char *run_dir)
{
	char path[PATH_ROOM];

	unlink(path_of(run_dir, "", path));
}

bool gateway_failure_read(const char *run_dir, struct gateway_failure *out)
{
	char path[PATH_ROOM], line[sizeof(out->reason) + 32], *rest;
	FILE *in = fopen(path_of(run_dir, "", path), "re");

	if (!in)
		return false;
	bool got = fgets(line, sizeof(line), in) != NULL;
	fclose(in);
	if (!got)
		return false;
	out->next_start_ns = strtoull(line, &rest, 10);
	if (*rest != ' ')
		return false;
	snprintf(out->reason, sizeof(out->reason), "%.*s", (int)strcspn(rest + 1, "\n"), rest + 1);
	for (char *c = out->reason; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
	return true;
}

void gateway_failure_print(FILE *out, const struct gateway_failure *failure)
{
	uint64_t now = loop_real_ns();
	uint64_t wait = failure->next_start_ns > now ? failure->next_start_ns - now : 0;

	fprintf(out, "%s; tried again in %.1f s", failure->reason, (double)wait / 1e9);
}
