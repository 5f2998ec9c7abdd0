#include "gateway_arguments.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "supervise.h"
#include "weir.h"

_Static_assert(sizeof(((struct gateway_arguments *)0)->text) >=
		       sizeof(((struct config *)0)->run_dir) +
			       sizeof(((struct config *)0)->storage.path) +
			       sizeof(((struct config *)0)->gateway),
	       "room for all of them: the options' names fit where the address lies");

static void add(struct gateway_arguments *a, const char *text)
{
	size_t n = strlen(text) + 1;

	if (a->used + n > sizeof(a->text) || a->count == GATEWAY_ARGUMENTS_MAX)
		return;
	memcpy(a->text + a->used, text, n);
	a->used += n;
	a->count++;
}

static void add_value(struct gateway_arguments *a, const char *option, const char *value)
{
	if (!value[0])
		return;
	add(a, option);
	add(a, value);
}

void gateway_arguments_of(struct gateway_arguments *out, const struct config *config)
{
	*out = (struct gateway_arguments){0};
	add(out, "weir-gateway");
	add_value(out, "--run-dir", config->run_dir);
	add_value(out, "--data", config->storage.path);
	add_value(out, "--listen", config->gateway.listen.text);
	add_value(out, "--advertise", config->gateway.advertised);
	add_value(out, "--groups", config->gateway.groups);
	if (config->gateway.insecure)
		add(out, "--insecure");
}

void gateway_arguments_of_process(struct gateway_arguments *out, pid_t pid)
{
	char path[32];

	*out = (struct gateway_arguments){0};
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t n = read(fd, out->text, sizeof(out->text));
	close(fd);
	out->used = n > 0 ? (size_t)n : 0;
	for (size_t i = 0; i < out->used; i++)
		out->count += out->text[i] == '\0';
}

/* What follows the name of the program, and how many bytes. */
static const char *rest(const struct gateway_arguments *a, size_t *len)
{
	size_t name = strnlen(a->text, a->used);

	name += name < a->used;
	*len = a->used - name;
	return a->text + name;
}

bool gateway_arguments_equal(const struct gateway_arguments *a, const struct gateway_arguments *b)
{
	size_t a_len, b_len;
	const char *a_rest = rest(a, &a_len), *b_rest = rest(b, &b_len);

	return a_len == b_len && memcmp(a_rest, b_rest, a_len) == 0;
}

void gateway_arguments_list(struct gateway_arguments *a, char *list[GATEWAY_ARGUMENTS_MAX + 1])
{
	char *text = a->text;

	for (unsigned i = 0; i < a->count; i++) {
		list[i] = text;
		text += strlen(text) + 1;
	}
	list[a->count] = NULL;
}

static unsigned changed(FILE *out, const char *key, const char *running, const char *next)
{
	if (strcmp(running, next) == 0)
		return 0;
	fprintf(out, "%s: %s -> %s\n", key, running[0] ? running : "none", next[0] ? next : "none");
	return 1;
}

unsigned gateway_arguments_diff(const struct config *running, const struct config *next, FILE *out)
{
	return changed(out, "gateway.listen", running->gateway.listen.text,
		       next->gateway.listen.text) +
	       changed(out, "gateway.insecure", running->gateway.insecure ? "true" : "false",
		       next->gateway.insecure ? "true" : "false") +
	       changed(out, "gateway.advertised", running->gateway.advertised,
		       next->gateway.advertised) +
	       changed(out, "gateway.groups", running->gateway.groups, next->gateway.groups);
}

int gateway_arguments_run(const char *config_path)
{
	struct config_report findings;
	struct gateway_arguments arguments;
	char program[512], *list[GATEWAY_ARGUMENTS_MAX + 1];

	config_report_init(&findings, config_path);
	struct config *config = config_load(config_path, &findings);
	if (findings.count)
		config_report_print(&findings, stderr);
	config_report_free(&findings);
	if (!config)
		return WEIR_USAGE;
	bool wanted = config->gateway.listen.at.length != 0;
	gateway_arguments_of(&arguments, config);
	config_free(config);
	if (!wanted) {
		fprintf(stderr, "weir-control: gateway.listen is off: nothing to serve\n");
		return WEIR_OK;
	}
	if (supervise_find_program("gateway", program, sizeof(program)) < 0) {
		fprintf(stderr,
			"weir-control: weir-gateway is not installed beside this program\n");
		return WEIR_FAILED;
	}
	gateway_arguments_list(&arguments, list);
	execv(program, list);
	fprintf(stderr, "weir-control: %s: %s\n", program, strerror(errno));
	return WEIR_FAILED;
}
