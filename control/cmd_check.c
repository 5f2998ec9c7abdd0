/* weir check: reads a config file and reports every error in it; explains keys. */
#include <getopt.h>
#include <string.h>

#include "config_keys.h"
#include "plan_file.h"
#include "weir.h"

static const char help[] =
	"Usage: weir check FILE\n"
	"       weir check --explain KEY\n"
	"       weir check --keys-markdown\n\n"
	"Reads a config file and reports every error in it: file, line, key, what was\n"
	"found, what would be right. What it names and this machine has not (a NIC, an\n"
	"interface, a capture, the parent of storage.path) is a warning only: the file may\n"
	"be meant for another one.\n\n"
	"  -e, --explain KEY    what a key is for, what it takes, its default; the list\n"
	"                       of all keys when KEY is 'all'\n"
	"      --keys-markdown  all keys as docs/config.md has them\n"
	"  -h, --help           this text\n\n"
	"Exit status: 0 the file is right, 2 it is not.\n";

static int explain(const char *name)
{
	const struct config_key *key;

	if (strcmp(name, "all") == 0) {
		for (unsigned i = 0; i < config_keys_count; i++)
			printf("%s\n", config_keys[i].path);
		return WEIR_OK;
	}
	key = config_key_lookup(name);
	if (!key) {
		const char *dot = strrchr(name, '.');
		const struct config_key *near = config_key_nearest("", dot ? dot + 1 : name);
		return weir_usage_error("check", "no key '%s'%s%s%s", name,
					near ? "; did you mean " : " ('--explain all' lists them)",
					near ? near->path : "", near ? "?" : "");
	}
	config_key_explain(key, stdout);
	return WEIR_OK;
}

static void print_ok(const char *file, const struct config *config,
		     const struct config_report *report)
{
	unsigned warnings = report->count + report->left_out;

	printf("%s: ok", file);
	if (warnings)
		printf(", but for %u warning%s", warnings, warnings == 1 ? "" : "s");
	printf(": %u port%s, %u stream%s\n", config->ports_count,
	       config->ports_count == 1 ? "" : "s", config->streams_count,
	       config->streams_count == 1 ? "" : "s");
}

static int check_file(const char *file)
{
	struct config_report report;
	struct config *config;
	int rc;

	config_report_init(&report, file);
	config = plan_file_check(file, &report, NULL, NULL);
	rc = config && !report.errors ? WEIR_OK : WEIR_USAGE;
	config_report_print(&report, stderr);
	if (rc == WEIR_OK)
		print_ok(file, config, &report);
	else if (report.errors > 1 || report.findings[0].found[0]) /* a file was read */
		fprintf(stderr, "%s: %u error%s\n", file, report.errors,
			report.errors == 1 ? "" : "s");
	config_free(config);
	config_report_free(&report);
	return rc;
}

int cmd_check(int argc, char **argv)
{
	static const struct option options[] = {{"explain", required_argument, NULL, 'e'},
						{"keys-markdown", no_argument, NULL, 'm'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	int opt;

	while ((opt = getopt_long(argc, argv, "e:h", options, NULL)) != -1) {
		switch (opt) {
		case 'e':
			return explain(optarg);
		case 'm':
			config_keys_markdown(stdout);
			return WEIR_OK;
		case 'h':
			fputs(help, stdout);
			return WEIR_OK;
		default:
			return weir_option_error("check");
		}
	}
	if (optind + 1 != argc)
		return weir_usage_error("check", "needs one config file");
	return check_file(argv[optind]);
}
