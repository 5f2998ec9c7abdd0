/* The one list of APIs, and the table in docs/gateway.md that tells of it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/api.h"
#include "gateway/report.h"

Test(gateway_apis, each_is_there_once)
{
	for (unsigned i = 0; i < api_table_count; i++) {
		const struct api *api = &api_table[i];

		cr_assert(i == 0 || api->key > api_table[i - 1].key, "key %d", api->key);
		cr_assert(api->key < REPORT_KEYS - 1 && api->min <= api->max, "key %d", api->key);
		cr_assert_not_null(report_api_name((unsigned)api->key), "key %d", api->key);
		for (unsigned j = 0; j < i; j++)
			cr_assert_neq(api->handler, api_table[j].handler, "key %d", api->key);
	}
}

/* "11, 14" -> "11"; *cell moves on, to NULL at its end. */
static const char *next_of(char **cell)
{
	char *item = *cell;

	cr_assert_not_null(item, "a cell with less than the others of its row");
	*cell = strstr(item, ", ");
	if (*cell) {
		**cell = 0;
		*cell += 2;
	}
	return item;
}

/* As the page writes it: "2-8", with its own dash, or "0". */
static void write_range(char *out, size_t size, const struct api *api)
{
	if (api->min == api->max)
		snprintf(out, size, "%d", api->min);
	else
		snprintf(out, size, "%d–%d", api->min, api->max);
}

static const struct api *api_of(int key)
{
	for (unsigned i = 0; i < api_table_count; i++)
		if (api_table[i].key == key)
			return &api_table[i];
	return NULL;
}

/* "| keys | names | versions | ...": how many APIs that are. */
static unsigned check_row(char *line)
{
	char *save, *keys = strtok_r(line, "|", &save), *names = strtok_r(NULL, "|", &save),
		    *ranges = strtok_r(NULL, "|", &save);
	unsigned count = 0;
	char want[16];

	cr_assert(keys && names && ranges, "%s", line);
	for (char **cell = (char *[]){keys, names, ranges, NULL}; *cell; cell++)
		(*cell)[strlen(*cell) - 1] = 0;
	for (keys++, names++, ranges++; keys; count++) {
		int key = atoi(next_of(&keys));
		const struct api *api = api_of(key);

		cr_assert_not_null(api, "API %d is not served", key);
		write_range(want, sizeof(want), api);
		cr_assert_str_eq(next_of(&names), report_api_name((unsigned)key));
		cr_assert_str_eq(next_of(&ranges), want, "versions of API %d", key);
	}
	cr_assert(!names && !ranges);
	return count;
}

Test(gateway_apis, the_page_has_the_same_table)
{
	char path[512], line[512];
	unsigned count = 0;

	snprintf(path, sizeof(path), "%s/docs/gateway.md", getenv("WEIR_SOURCE_ROOT"));
	FILE *in = fopen(path, "r");
	cr_assert_not_null(in, "%s", path);
	while (fgets(line, sizeof(line), in) && strcmp(line, "## APIs\n") != 0)
		;
	while (fgets(line, sizeof(line), in) && line[0] != '#')
		if (strncmp(line, "| ", 2) == 0 && line[2] >= '0' && line[2] <= '9')
			count += check_row(line);
	fclose(in);
	cr_assert_eq(count, api_table_count);
}
