#include "config_here.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_keys.h"
#include "device.h"

static struct config_pos place(const struct config_pos *pos, const char *path)
{
	return pos[config_key_index(config_key_find(path))];
}

static void check_ports(const struct config *config, struct config_report *report)
{
	for (unsigned i = 0; i < config->ports_count; i++) {
		const struct config_port *port = &config->ports[i];
		char key[64], why[PLAN_DEVICE_MAX + 128];

		if (device_is_here(port->device, why, sizeof(why)))
			continue;
		snprintf(key, sizeof(key), "ports[%u].device", i);
		config_warning(report, place(port->pos, "ports[].device"), key, "%s", why);
	}
}

/* The dataplane makes the last folder of the path, not those above it. */
static bool storage_can_be(const char *path, char *why, size_t why_size)
{
	struct stat st;
	char parent[PLAN_PATH_MAX];

	if (stat(path, &st) == 0) {
		if (!S_ISDIR(st.st_mode))
			snprintf(why, why_size, "%s is no directory", path);
		else if (access(path, W_OK | X_OK) < 0)
			snprintf(why, why_size, "%s cannot be written by this user", path);
		else
			return true;
		return false;
	}
	if (errno != ENOENT) {
		snprintf(why, why_size, "%s: %s", path, strerror(errno));
		return false;
	}
	snprintf(parent, sizeof(parent), "%s", path);
	for (size_t n = strlen(parent); n > 1 && parent[n - 1] == '/'; n--)
		parent[n - 1] = 0;
	char *slash = strrchr(parent, '/');
	if (!slash)
		snprintf(parent, sizeof(parent), ".");
	else
		slash[slash == parent] = 0;
	if (access(parent, W_OK | X_OK) == 0)
		return true;
	snprintf(why, why_size, "%s is not there, and cannot be made: %s: %s", path, parent,
		 strerror(errno));
	return false;
}

void config_here_check(const struct config *config, struct config_report *report)
{
	char why[2 * PLAN_PATH_MAX + 128];

	check_ports(config, report);
	if (!config->storage.sink && !storage_can_be(config->storage.path, why, sizeof(why)))
		config_warning(report, place(config->pos, "storage.path"), "storage.path", "%s",
			       why);
}
