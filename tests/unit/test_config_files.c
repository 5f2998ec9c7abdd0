/* Config files, as the real `weir check` reads them. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/config_keys.h"

static int run(const char *command, char **output)
{
	FILE *in = popen(command, "r");
	size_t used = 0, n;

	cr_assert_not_null(in);
	*output = malloc(1 << 20);
	while ((n = fread(*output + used, 1, (1 << 20) - 1 - used, in)) > 0)
		used += n;
	(*output)[used] = 0;
	return WEXITSTATUS(pclose(in));
}

static int weir_check(const char *file, char **output)
{
	char command[2048];

	/* Whatever machine this is, its cores are two: some messages name them. */
	snprintf(command, sizeof(command),
		 "HWLOC_SYNTHETIC='node:1 core:2 pu:1' HWLOC_COMPONENTS=synthetic timeout 30 "
		 "%s/control/weir check '%s' 2>&1",
		 getenv("WEIR_BUILD_ROOT"), file);
	return run(command, output);
}

/* Every line of FILE.expect must begin a line of the output, and every error must be expected. */
static void compare(const char *file, const char *expect_file, char *output)
{
	FILE *expect = fopen(expect_file, "r");
	char line[4096], wanted[8192], errors[32];
	unsigned count = 0;

	cr_assert_not_null(expect, "no %s", expect_file);
	while (fgets(line, sizeof(line), expect)) {
		line[strcspn(line, "\n")] = 0;
		snprintf(wanted, sizeof(wanted), "\n%s%s", file, line);
		cr_assert_not_null(strstr(output, wanted), "%s: expected\n%s\ngot%s", file,
				   wanted + 1, output);
		count++;
	}
	fclose(expect);
	cr_assert_gt(count, 0, "%s is empty", expect_file);
	snprintf(errors, sizeof(errors), ": %u error%s\n", count, count == 1 ? "" : "s");
	cr_assert_not_null(strstr(output, errors), "%s: not %u errors:%s", file, count, output);
}

Test(config_files, each_bad_file_is_refused_in_these_words, .timeout = 120)
{
	char dir_name[512], file[1024], expect[1024], *output, *line;
	unsigned files = 0;
	struct dirent *entry;
	DIR *dir;

	snprintf(dir_name, sizeof(dir_name), "%s/tests/data/bad-configs",
		 getenv("WEIR_SOURCE_ROOT"));
	dir = opendir(dir_name);
	cr_assert_not_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		char *dot = strstr(entry->d_name, ".yaml");
		if (!dot)
			continue;
		snprintf(file, sizeof(file), "%s/%s", dir_name, entry->d_name);
		snprintf(expect, sizeof(expect), "%s/%.*s.expect", dir_name,
			 (int)(dot - entry->d_name), entry->d_name);
		cr_assert_eq(weir_check(file, &output), 2, "%s: %s", file, output);
		/* One line in front, so that every message has a newline before it. */
		line = malloc(strlen(output) + 2);
		sprintf(line, "\n%s", output);
		compare(file, expect, line);
		free(line);
		free(output);
		files++;
	}
	closedir(dir);
	cr_assert_geq(files, 45);
}

Test(config_files, files_that_cannot_be_read)
{
	char *output, command[256], file[] = "/tmp/weir-test-config-XXXXXX";
	int fd = mkstemp(file);

	cr_assert_geq(fd, 0);
	cr_assert_eq(weir_check("/nonexistent/x.yaml", &output), 2);
	cr_assert_not_null(strstr(output, "/nonexistent/x.yaml: No such file or directory\n"), "%s",
			   output);
	free(output);
	cr_assert_eq(weir_check("/tmp", &output), 2);
	cr_assert_not_null(strstr(output, "/tmp: Is a directory\n"), "%s", output);
	free(output);
	cr_assert_eq(weir_check("/dev/zero", &output), 2);
	cr_assert_not_null(strstr(output, "more than 1MiB"), "%s", output);
	free(output);
	snprintf(command, sizeof(command), "yes '# comment' | head -c 1048577 >%s", file);
	cr_assert_eq(run(command, &output), 0);
	free(output);
	cr_assert_eq(weir_check(file, &output), 2);
	cr_assert_not_null(strstr(output, "more than 1MiB"), "%s", output);
	free(output);
	close(fd);
	unlink(file);
}

Test(config_files, files_that_we_ship_are_right)
{
	static const char *const files[] = {"weir", "quickstart",  "af-packet", "af-xdp",
					    "pci",  "low-latency", "memif",	"veth"};
	char file[512], *output;

	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(file, sizeof(file), "%s/config/%s.yaml", getenv("WEIR_SOURCE_ROOT"),
			 files[i]);
		cr_assert_eq(weir_check(file, &output), 0, "%s", output);
		cr_assert_not_null(strstr(output, ": ok"), "%s", output);
		free(output);
	}
}

Test(config_files, weir_yaml_names_every_key)
{
	char file[512], *output, command[600], wanted[128];

	snprintf(file, sizeof(file), "%s/config/weir.yaml", getenv("WEIR_SOURCE_ROOT"));
	snprintf(command, sizeof(command), "cat %s", file);
	run(command, &output);
	for (unsigned i = 0; i < config_keys_count; i++) {
		const char *dot = strrchr(config_keys[i].path, '.');
		snprintf(wanted, sizeof(wanted), "%s:", dot ? dot + 1 : config_keys[i].path);
		cr_assert_not_null(strstr(output, wanted), "config/weir.yaml has no %s",
				   config_keys[i].path);
	}
	free(output);
}

Test(config_files, docs_are_what_the_table_says)
{
	char command[1200], *output;

	snprintf(command, sizeof(command),
		 "%s/control/weir check --keys-markdown | diff - %s/docs/config.md 2>&1",
		 getenv("WEIR_BUILD_ROOT"), getenv("WEIR_SOURCE_ROOT"));
	cr_assert_eq(run(command, &output), 0, "write docs/config.md anew:\n%s", output);
	free(output);
}
