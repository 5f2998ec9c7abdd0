/* How the gateway is called: by what the config says, and whether a running one was called so. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/gateway_arguments.h"

static struct config *load(const char *gateway)
{
	struct config_report report;
	char text[1024];

	int n = snprintf(text, sizeof(text),
			 "run_dir: /r\nstorage: {path: /d}\n%s\n"
			 "ports:\n  - {name: p, device: net_null0}\n"
			 "streams:\n  - {name: s, listen: {udp: any}}\n",
			 gateway);
	config_report_init(&report, "test.yaml");
	struct config *config = config_parse(text, (size_t)n, "test.yaml", &report);
	cr_assert_eq(report.errors, 0, "%s", gateway);
	config_report_free(&report);
	return config;
}

/* The arguments as one line. */
static const char *line_of(const char *gateway)
{
	static char line[4096];
	struct gateway_arguments arguments;
	struct config *config = load(gateway);
	char *list[GATEWAY_ARGUMENTS_MAX + 1];

	gateway_arguments_of(&arguments, config);
	gateway_arguments_list(&arguments, list);
	line[0] = '\0';
	for (unsigned i = 0; list[i]; i++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), "%s%s", i ? " " : "",
			 list[i]);
	config_free(config);
	return line;
}

Test(gateway_arguments, follow_the_config)
{
	cr_assert_str_eq(line_of(""), "weir-gateway --run-dir /r --data /d --listen 127.0.0.1:9092 "
				      "--groups /d/weir.groups");
	cr_assert_str_eq(line_of("gateway: {listen: \"[::]:1\", insecure: true, groups: /g, "
				 "advertised: \"w:2\"}"),
			 "weir-gateway --run-dir /r --data /d --listen [::]:1 --advertise w:2 "
			 "--groups /g --insecure");
}

/* However long: none is left out. */
Test(gateway_arguments, all_fit)
{
	char text[1400], path[361], host[240];
	size_t used = 0;

	memset(path, 'p', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	memset(host, 'h', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	used += (size_t)snprintf(text, sizeof(text),
				 "gateway: {listen: \"0.0.0.0:65535\", insecure: true, groups: %s, "
				 "advertised: \"%s:65535\"}",
				 path, host);
	cr_assert_lt(used, sizeof(text));
	const char *line = line_of(text);
	cr_assert_not_null(strstr(line, path));
	cr_assert_not_null(strstr(line, host));
	cr_assert_not_null(strstr(line, "--insecure"));
}

Test(gateway_arguments, those_of_a_process)
{
	struct gateway_arguments ours, found;
	struct config *config = load("");
	char *list[GATEWAY_ARGUMENTS_MAX + 1];
	int ready[2];

	gateway_arguments_of(&ours, config);
	gateway_arguments_list(&ours, list);
	/* A program that lives with these arguments: sh reads the rest as its own. */
	cr_assert_eq(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char sh[] = "sh", option[] = "-c", script[] = "echo; read -r _";
		char *with[GATEWAY_ARGUMENTS_MAX + 4] = {sh, option, script};
		dup2(ready[1], STDOUT_FILENO);
		for (unsigned i = 0; i <= ours.count; i++)
			with[3 + i] = list[i];
		execv("/bin/sh", with);
		_exit(1);
	}
	char byte;
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	gateway_arguments_of_process(&found, pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	cr_assert_eq(found.count, ours.count + 3);
	cr_assert_not(gateway_arguments_equal(&ours, &found), "three more");
	size_t skip = sizeof("sh") + sizeof("-c") + sizeof("echo; read -r _");
	found.used -= skip;
	memmove(found.text, found.text + skip, found.used);
	cr_assert(gateway_arguments_equal(&ours, &found));
	memcpy(found.text, "WEIR", 4);
	cr_assert(gateway_arguments_equal(&ours, &found), "whatever the program is called");
	found.text[found.used - 2] ^= 1;
	cr_assert_not(gateway_arguments_equal(&ours, &found));
	config_free(config);
}

Test(gateway_arguments, no_process_no_arguments)
{
	struct gateway_arguments found, none = {0};
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	gateway_arguments_of_process(&found, pid);
	cr_assert_eq(found.used, 0);
	cr_assert(gateway_arguments_equal(&found, &none));
}

Test(gateway_arguments, what_a_reload_changes)
{
	struct config *a = load(""), *b = load("gateway: {listen: off, advertised: \"w:2\"}");
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	cr_assert_eq(gateway_arguments_diff(a, a, out), 0);
	cr_assert_eq(gateway_arguments_diff(a, b, out), 2);
	fclose(out);
	cr_assert_str_eq(text, "gateway.listen: 127.0.0.1:9092 -> off\n"
			       "gateway.advertised: none -> w:2\n");
	free(text);
	config_free(a);
	config_free(b);
}
