#include "supervise.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 2048 };

struct supervise {
	struct loop *loop;
	struct supervise_config config;
	char program[512], run_dir[384], fifo[512];
	pid_t pid;
	int pidfd;
	bool ours;
	bool no_more_starts;
	bool start_due; /* the restart timer runs */
	uint64_t started_ns;
	unsigned backoff_ms;
	struct loop_timer *restart;
	int output; /* our end of the FIFO */
	size_t line_len;
	char line[LINE_MAX_BYTES];
};

/* Hands over the whole lines of what came; a line too long goes in pieces. */
static void split_lines(struct supervise *s, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] != '\n')
			s->line[s->line_len++] = data[i];
		if (data[i] != '\n' && s->line_len < sizeof(s->line) - 1)
			continue;
		s->line[s->line_len] = '\0';
		if (s->line_len && s->config.line)
			s->config.line(s->config.ctx, s->line);
		s->line_len = 0;
	}
}

static bool read_output(struct supervise *s)
{
	char data[4096];
	ssize_t n = read(s->output, data, sizeof(data));

	if (n > 0)
		split_lines(s, data, (size_t)n);
	return n > 0;
}

static void on_output(void *ctx, uint32_t events)
{
	read_output(ctx);
}

/* We hold the FIFO for writing too, so that it never reads as ended. */
static int open_output(struct supervise *s)
{
	struct stat st;

	snprintf(s->fifo, sizeof(s->fifo), "%s/%s.stderr", s->run_dir, s->config.name);
	if (lstat(s->fifo, &st) == 0 && !S_ISFIFO(st.st_mode))
		unlink(s->fifo);
	if (mkfifo(s->fifo, 0600) < 0 && errno != EEXIST)
		return -errno;
	s->output = open(s->fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (s->output < 0)
		return -errno;
	return loop_add(s->loop, s->output, EPOLLIN, on_output, s);
}

static void on_restart(void *ctx);

int supervise_create(struct supervise **out, struct loop *loop,
		     const struct supervise_config *config)
{
	struct supervise *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->loop = loop;
	s->config = *config;
	s->pidfd = s->output = -1;
	snprintf(s->program, sizeof(s->program), "%s", config->program ? config->program : "");
	snprintf(s->run_dir, sizeof(s->run_dir), "%s", config->run_dir);
	if (!s->config.backoff_first_ms)
		s->config.backoff_first_ms = 100;
	if (!s->config.backoff_max_ms)
		s->config.backoff_max_ms = 10000;
	if (!s->config.healthy_ms)
		s->config.healthy_ms = 60000;
	s->backoff_ms = s->config.backoff_first_ms;
	s->restart = loop_timer_create(loop, on_restart, s);
	/* What nobody started here writes elsewhere: only a starter reads. */
	int rc = !s->restart ? -ENOMEM : config->program ? open_output(s) : 0;
	if (rc < 0) {
		supervise_destroy(s);
		return rc;
	}
	*out = s;
	return 0;
}

static void forget_process(struct supervise *s)
{
	if (s->pidfd >= 0) {
		loop_remove(s->loop, s->pidfd);
		close(s->pidfd);
	}
	s->pidfd = -1;
	s->pid = 0;
}

void supervise_destroy(struct supervise *s)
{
	if (!s)
		return;
	forget_process(s);
	loop_timer_destroy(s->restart);
	if (s->output >= 0) {
		loop_remove(s->loop, s->output);
		close(s->output);
	}
	free(s);
}

static void describe_end(struct supervise_exit *end)
{
	if (!end->ours)
		snprintf(end->text, sizeof(end->text), "ended");
	else if (WIFEXITED(end->status))
		snprintf(end->text, sizeof(end->text), "exit code %d", WEXITSTATUS(end->status));
	else
		snprintf(end->text, sizeof(end->text), "signal %d (%s)", WTERMSIG(end->status),
			 strsignal(WTERMSIG(end->status)));
	end->clean = end->ours && WIFEXITED(end->status) && WEXITSTATUS(end->status) == 0;
}

static void forgive(struct supervise *s)
{
	uint64_t lived_ns = loop_mono_ns() - s->started_ns;

	if (lived_ns >= s->config.healthy_ms * UINT64_C(1000000))
		s->backoff_ms = s->config.backoff_first_ms;
}

static void restart_later(struct supervise *s)
{
	forgive(s);
	s->start_due = true;
	loop_timer_set(s->restart, s->backoff_ms * UINT64_C(1000000), 0);
	s->backoff_ms = s->backoff_ms * 2 < s->config.backoff_max_ms ? s->backoff_ms * 2
								     : s->config.backoff_max_ms;
}

static void on_end(void *ctx, uint32_t events)
{
	struct supervise *s = ctx;
	struct supervise_exit end = {.pid = s->pid, .ours = s->ours};

	if (s->ours && waitpid(s->pid, &end.status, WNOHANG) == 0)
		return;
	/* Its last words come before the word of its end. */
	while (s->output >= 0 && read_output(s))
		;
	describe_end(&end);
	forgive(s);
	end.again_ms = s->backoff_ms;
	forget_process(s);
	if (s->config.ended(s->config.ctx, &end) && s->program[0] && !s->no_more_starts)
		restart_later(s);
}

static int watch(struct supervise *s, pid_t pid, bool ours)
{
	forget_process(s);
	int pidfd = pidfd_open(pid, 0); /* close-on-exec by itself */
	if (pidfd < 0)
		return -errno;
	int rc = loop_add(s->loop, pidfd, EPOLLIN, on_end, s);
	if (rc < 0) {
		close(pidfd);
		return rc;
	}
	s->pid = pid;
	s->pidfd = pidfd;
	s->ours = ours;
	s->started_ns = loop_mono_ns();
	return 0;
}

/* In the child, between fork and exec. */
static void become_program(struct supervise *s)
{
	char option[] = "--run-dir", *by_default[] = {s->program, option, s->run_dir, NULL};
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	dup2(s->output, STDOUT_FILENO);
	dup2(s->output, STDERR_FILENO);
	close_range(3, ~0u, 0);
	execv(s->program, s->config.arguments ? s->config.arguments : by_default);
	dprintf(STDERR_FILENO, "cannot execute %s: %s\n", s->program, strerror(errno));
	_exit(127);
}

int supervise_start(struct supervise *s, char *err, size_t err_size)
{
	if (access(s->program, X_OK) < 0) {
		int rc = -errno;
		snprintf(err, err_size, "%s: %s", s->program, strerror(-rc));
		return rc;
	}
	pid_t pid = fork();
	if (pid == 0)
		become_program(s);
	int rc = pid < 0 ? -errno : watch(s, pid, true);
	if (rc < 0) {
		snprintf(err, err_size, "cannot start %s: %s", s->program, strerror(-rc));
		return rc;
	}
	if (s->config.started)
		s->config.started(s->config.ctx, pid);
	return 0;
}

static void on_restart(void *ctx)
{
	struct supervise *s = ctx;
	char err[640];

	s->start_due = false;
	if (s->no_more_starts || s->pid)
		return;
	if (supervise_start(s, err, sizeof(err)) < 0) {
		if (s->config.line)
			s->config.line(s->config.ctx, err);
		restart_later(s);
	}
}

void supervise_start_again(struct supervise *s)
{
	if (s->pid || s->no_more_starts || !s->program[0])
		return;
	s->backoff_ms = s->config.backoff_first_ms;
	s->start_due = true;
	loop_timer_set(s->restart, 1, 0);
}

void supervise_forget_start(struct supervise *s)
{
	s->start_due = false;
	loop_timer_stop(s->restart);
}

void supervise_make_sure(struct supervise *s)
{
	if (!s->pid && !s->start_due && !s->no_more_starts && s->program[0])
		restart_later(s);
}

int supervise_adopt(struct supervise *s, pid_t pid)
{
	if (s->pid == pid)
		return 0;
	s->start_due = false;
	loop_timer_stop(s->restart);
	return watch(s, pid, false);
}

pid_t supervise_pid(const struct supervise *s)
{
	return s->pid;
}

int supervise_signal(struct supervise *s, int signal)
{
	if (s->pidfd < 0)
		return -ESRCH;
	return pidfd_send_signal(s->pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

void supervise_no_more_starts(struct supervise *s)
{
	s->no_more_starts = true;
	supervise_forget_start(s);
}

int supervise_find_program(const char *name, char *path, size_t size)
{
	char self[512], variable[32] = "WEIR_", places[3][80];

	for (size_t i = 0, n = strlen(variable); name[i] && n + i + 1 < sizeof(variable); i++)
		variable[n + i] = (char)toupper((unsigned char)name[i]);
	const char *named = getenv(variable);
	if (named && *named)
		return snprintf(path, size, "%s", named) < (int)size ? 0 : -ENAMETOOLONG;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return -errno;
	self[n] = '\0';
	char *slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	snprintf(places[0], sizeof(places[0]), "../%s/weir-%s", name, name);
	snprintf(places[1], sizeof(places[1]), "weir-%s", name);
	snprintf(places[2], sizeof(places[2]), "../libexec/weir/weir-%s", name);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (snprintf(path, size, "%s/%s", self, places[i]) < (int)size &&
		    access(path, X_OK) == 0)
			return 0;
	return -ENOENT;
}
