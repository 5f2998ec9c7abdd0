#include "stream_list.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Partitions of one stream follow each other or not: each name is told once. */
static bool told(const struct log_dir_partition *list, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(list[k].stream, list[i].stream) == 0)
			return true;
	return false;
}

void stream_list_text(const struct log_dir_partition *list, size_t count, char *text, size_t size)
{
	size_t n = (size_t)snprintf(text, size,
				    count ? "; the streams there are" : "; there is no stream");
	const char *comma = "";

	for (size_t i = 0; i < count; i++) {
		if (told(list, i))
			continue;
		if (n + strlen(list[i].stream) + sizeof(", , ...") > size) {
			snprintf(text + n, size - n, "%s ...", comma);
			return;
		}
		n += (size_t)snprintf(text + n, size - n, "%s %s", comma, list[i].stream);
		comma = ",";
	}
}
