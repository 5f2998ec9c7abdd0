#include "memory.h"

#include <dirent.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* DPDK takes hugepages from a mounted hugetlbfs only. */
static bool hugetlbfs_mounted(void)
{
	FILE *mounts = setmntent("/proc/mounts", "r");
	struct mntent *entry;
	bool found = false;

	if (!mounts)
		return false;
	while (!found && (entry = getmntent(mounts)) != NULL)
		found = strcmp(entry->mnt_type, "hugetlbfs") == 0 &&
			access(entry->mnt_dir, W_OK | X_OK) == 0;
	endmntent(mounts);
	return found;
}

uint64_t memory_hugepages_free(void)
{
	static const char dir_name[] = "/sys/kernel/mm/hugepages";
	DIR *dir = opendir(dir_name);
	struct dirent *entry;
	uint64_t bytes = 0;

	if (!dir)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		char path[sizeof(dir_name) + 300];
		unsigned long long kib, pages;
		FILE *in;

		if (sscanf(entry->d_name, "hugepages-%llukB", &kib) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", dir_name, entry->d_name);
		in = fopen(path, "r");
		if (in && fscanf(in, "%llu", &pages) == 1)
			bytes += pages * kib * 1024;
		if (in)
			fclose(in);
	}
	closedir(dir);
	return bytes && hugetlbfs_mounted() ? bytes : 0;
}

uint64_t memory_available(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[160];
	unsigned long long kib = 0;

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
			break;
	fclose(file);
	return kib * 1024;
}
