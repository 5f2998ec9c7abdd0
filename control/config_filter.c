#include "config_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config_keys.h"
#include "supervise.h"

/* The largest IP packet: what the expression may look at. */
enum { SNAPLEN = 65535, TRY_TIMEOUT_MS = 10000 };

_Static_assert(sizeof(struct bpf_insn) == sizeof(struct plan_insn), "same layout");

int config_filter_compile(const char *expression, struct plan_insn *insns, unsigned max, char *err,
			  size_t err_size)
{
	pcap_t *pcap = pcap_open_dead(DLT_RAW, SNAPLEN);
	struct bpf_program program;
	int n = -EINVAL;

	if (!pcap) {
		snprintf(err, err_size, "no memory");
		return -ENOMEM;
	}
	if (pcap_compile(pcap, &program, expression, 1, PCAP_NETMASK_UNKNOWN) != 0) {
		snprintf(err, err_size, "%s", pcap_geterr(pcap));
	} else {
		if (program.bf_len > max) {
			snprintf(err, err_size, "it takes %u instructions, %u are left",
				 program.bf_len, max);
		} else {
			memcpy(insns, program.bf_insns, program.bf_len * sizeof(*insns));
			n = (int)program.bf_len;
		}
		pcap_freecode(&program);
	}
	pcap_close(pcap);
	return n;
}

static void filter_error(const struct config *config, unsigned stream, const char *why,
			 struct config_report *report)
{
	const struct config_stream *s = &config->streams[stream];
	char key[64], found[128];

	snprintf(key, sizeof(key), "streams[%u].filter", stream);
	config_error(report, s->pos[config_key_index(config_key_find("streams[].filter"))], key,
		     config_quote(s->filter, strlen(s->filter), found, sizeof(found)),
		     "a pcap filter expression for IP packets: %s", why);
}

void config_filter_check(const struct config *config, struct config_report *report)
{
	static const unsigned max = PLAN_FILTER_INSNS_MAX;
	struct plan_insn *insns = NULL;
	unsigned used = 0;
	char err[PCAP_ERRBUF_SIZE];

	for (unsigned i = 0; i < config->streams_count; i++) {
		int n;
		if (!config->streams[i].filter[0])
			continue;
		if (!insns && !(insns = calloc(max, sizeof(*insns))))
			return;
		n = config_filter_compile(config->streams[i].filter, insns, max - used, err,
					  sizeof(err));
		if (n < 0)
			filter_error(config, i, err, report);
		else
			used += (unsigned)n;
	}
	free(insns);
}

static pid_t start_child(const char *program, int plan_fd, int *out)
{
	int pipe_fd[2];
	pid_t pid;

	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		int err = errno;
		close(pipe_fd[0]);
		close(pipe_fd[1]);
		return -err;
	}
	if (pid == 0) {
		/* A miscompiled filter may hang: then SIGALRM ends it, whatever we do. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(TRY_TIMEOUT_MS / 1000);
		dup2(pipe_fd[1], STDOUT_FILENO);
		dup2(pipe_fd[1], STDERR_FILENO);
		/* dup2 onto itself would keep the close-on-exec flag. */
		if (plan_fd == 3)
			plan_fd = dup(plan_fd);
		dup2(plan_fd, 3);
		execl(program, "weir-dataplane", "--check-plan", (char *)NULL);
		_exit(127);
	}
	close(pipe_fd[1]);
	*out = pipe_fd[0];
	return pid;
}

/* "slot: text": the stream whose slot this is. False: the line is something else. */
static bool refusal(const struct config *config, const struct plan *plan, const char *line,
		    struct config_report *report)
{
	char *end;
	unsigned long slot = strtoul(line, &end, 10);

	if (end == line || *end != ':' || slot >= PLAN_STREAMS_MAX || !plan->streams[slot].used)
		return false;
	for (unsigned i = 0; i < config->streams_count; i++)
		if (strcmp(config->streams[i].name, plan->streams[slot].name) == 0)
			filter_error(config, i, end + 1 + (end[1] == ' '), report);
	return true;
}

/* said: the last line that was no refusal: why nothing could be tried, perhaps. */
static void read_refusals(const struct config *config, const struct plan *plan, int fd,
			  struct config_report *report, char *said, size_t said_size)
{
	FILE *in = fdopen(fd, "r");
	char line[512];

	if (!in) {
		close(fd);
		return;
	}
	while (fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = 0;
		if (!refusal(config, plan, line, report))
			snprintf(said, said_size, "%s", line);
	}
	fclose(in);
}

int config_filter_try(const struct config *config, const struct plan *plan,
		      struct config_report *report)
{
	const struct config_pos whole_file = {0};
	unsigned before = report->errors;
	char program[512], why[64], said[512] = "it said nothing";
	int fd, out = -1, status, rc;
	pid_t pid;

	if (plan->filter_insns_count == 0)
		return 1;
	if (supervise_find_program("dataplane", program, sizeof(program)) < 0)
		return 0;
	fd = plan_to_memfd(plan);
	if (fd < 0)
		return fd;
	pid = start_child(program, fd, &out);
	close(fd);
	if (pid < 0)
		return pid;
	read_refusals(config, plan, out, report, said, sizeof(said));
	do {
		rc = waitpid(pid, &status, 0);
	} while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return -errno;
	if (report->errors > before || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return 1;
	if (WIFSIGNALED(status))
		snprintf(why, sizeof(why), "signal %d", WTERMSIG(status));
	else
		snprintf(why, sizeof(why), "exit code %d", WEXITSTATUS(status));
	config_warning(report, whole_file, "streams[].filter",
		       "'weir-dataplane --check-plan' could not try the filters: %s: %s", why,
		       said);
	return 1;
}
