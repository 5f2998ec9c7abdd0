/* Starting, watching, starting again: with real processes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/supervise.h"

static char dir[64], script[128];
static struct loop *loop;
static struct loop_timer *limit;

static struct {
	unsigned starts, ends, lines;
	uint64_t started_ns[16];
	struct supervise_exit end;
	char first[256], last[256];
	unsigned lines_at_end;
	unsigned stop_after_ends;
	bool again;
} seen;

static bool on_ended(void *ctx, const struct supervise_exit *end)
{
	seen.end = *end;
	seen.lines_at_end = seen.lines;
	if (++seen.ends == seen.stop_after_ends)
		loop_stop(loop);
	return seen.again;
}

static void on_started(void *ctx, pid_t pid)
{
	seen.started_ns[seen.starts++ % 16] = loop_mono_ns();
}

static void on_line(void *ctx, const char *line)
{
	snprintf(seen.lines ? seen.last : seen.first, sizeof(seen.first), "%s", line);
	seen.lines++;
}

static void write_script(const char *text)
{
	snprintf(script, sizeof(script), "%s/program", dir);
	FILE *out = fopen(script, "w");
	fprintf(out, "#!/bin/sh\n%s\n", text);
	fclose(out);
	chmod(script, 0755);
}

static struct supervise *create(const char *program)
{
	struct supervise *s;
	const struct supervise_config config = {
		.name = "dataplane",
		.program = program,
		.run_dir = dir,
		.backoff_first_ms = 20,
		.backoff_max_ms = 80,
		.healthy_ms = 300,
		.ended = on_ended,
		.started = on_started,
		.line = on_line,
	};

	cr_assert_eq(supervise_create(&s, loop, &config), 0);
	return s;
}

static void on_limit(void *ctx)
{
	cr_assert_fail("it took too long");
}

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/weir-test-supervise-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	memset(&seen, 0, sizeof(seen));
	seen.stop_after_ends = 1;
	cr_assert_eq(loop_create(&loop), 0);
	limit = loop_timer_create(loop, on_limit, NULL);
	loop_timer_set(limit, UINT64_C(20000000000), 0);
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
	loop_timer_destroy(limit);
	loop_destroy(loop);
}

TestSuite(supervise, .init = setup, .fini = teardown, .timeout = 40);

static void start(struct supervise *s)
{
	char err[640] = "";

	cr_assert_eq(supervise_start(s, err, sizeof(err)), 0, "%s", err);
}

Test(supervise, passes_lines_and_the_exit_code)
{
	write_script("echo \"run dir $2\" >&2; echo out; printf 'no newline yet'; echo; exit 3");
	struct supervise *s = create(script);
	char want[128];

	start(s);
	cr_assert_gt(supervise_pid(s), 0);
	loop_run(loop);
	snprintf(want, sizeof(want), "run dir %s", dir);
	cr_assert_str_eq(seen.first, want);
	cr_assert_str_eq(seen.last, "no newline yet");
	cr_assert_eq(seen.lines_at_end, 3, "its lines come before its end");
	cr_assert(seen.end.ours && !seen.end.clean);
	cr_assert_str_eq(seen.end.text, "exit code 3");
	cr_assert_eq(supervise_pid(s), 0);
	supervise_destroy(s);
}

Test(supervise, tells_a_clean_end_from_a_signal)
{
	write_script("exit 0");
	struct supervise *s = create(script);

	start(s);
	loop_run(loop);
	cr_assert(seen.end.clean);
	write_script("kill -SEGV $$");
	start(s);
	seen.stop_after_ends = 2;
	loop_run(loop);
	cr_assert_not(seen.end.clean);
	cr_assert_not_null(strstr(seen.end.text, "signal 11"));
	supervise_destroy(s);
}

Test(supervise, starts_again_with_growing_pauses)
{
	write_script("exit 1");
	struct supervise *s = create(script);
	static const unsigned pause_ms[] = {20, 40, 80, 80};

	seen.again = true;
	seen.stop_after_ends = 5;
	start(s);
	loop_run(loop);
	supervise_no_more_starts(s);
	cr_assert_eq(seen.starts, 5);
	for (int i = 0; i < 4; i++) {
		uint64_t ms = (seen.started_ns[i + 1] - seen.started_ns[i]) / 1000000;
		cr_assert_geq(ms, pause_ms[i], "pause %d took %llu ms", i, (unsigned long long)ms);
	}
	supervise_destroy(s);
}

Test(supervise, health_resets_the_pause)
{
	char text[256];

	/* Three deaths at once, then one after more than healthy_ms, then one more. */
	snprintf(text, sizeof(text), "echo >> %s/n; [ $(wc -l < %s/n) -ne 4 ] || sleep 0.4; exit 1",
		 dir, dir);
	write_script(text);
	struct supervise *s = create(script);
	seen.again = true;
	seen.stop_after_ends = 5;
	start(s);
	loop_run(loop);
	uint64_t ms = (seen.started_ns[4] - seen.started_ns[3]) / 1000000;
	cr_assert_geq(ms, 420);
	/* Without the reset it would be 80 ms; leave room for a slow machine by looking at the
	 * next. */
	seen.stop_after_ends = 6;
	loop_run(loop);
	cr_assert_eq(seen.starts, 6);
	supervise_destroy(s);
}

Test(supervise, a_refusal_by_the_callback_means_no_start)
{
	write_script("exit 1");
	struct supervise *s = create(script);

	start(s);
	loop_run(loop);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(loop_once(loop, 50), 0);
	cr_assert_eq(seen.starts, 1);
	supervise_destroy(s);
}

Test(supervise, a_missing_program_is_an_error_at_once)
{
	struct supervise *s = create("/nonexistent/weir-dataplane");
	char err[640];

	cr_assert_eq(supervise_start(s, err, sizeof(err)), -ENOENT);
	cr_assert_not_null(strstr(err, "/nonexistent/weir-dataplane"));
	supervise_destroy(s);
}

/* Waits up to 10 s for a file of ours. */
static bool appears(const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	for (int i = 0; i < 1000; i++) {
		if (access(path, F_OK) == 0)
			return true;
		usleep(10000);
	}
	return false;
}

Test(supervise, the_process_outlives_us_and_its_lines_are_kept)
{
	char text[512];

	/* More than the FIFO holds: without a reader it must neither wait nor die of SIGPIPE. */
	snprintf(text, sizeof(text),
		 "echo $$ > %s/pid; echo first line >&2; while [ ! -e %s/orphan ]; do sleep 0.02; "
		 "done; "
		 "i=0; while [ $i -lt 1500 ]; do echo "
		 "0123456789012345678901234567890123456789012345678 "
		 ">&2; i=$((i+1)); done; touch %s/done; sleep 30",
		 dir, dir, dir);
	write_script(text);
	pid_t control = fork();
	if (control == 0) {
		struct supervise *s = create(script);
		char err[640];
		_exit(supervise_start(s, err, sizeof(err)) == 0 && appears("pid") ? 0 : 1);
	}
	int status;
	waitpid(control, &status, 0);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	snprintf(text, sizeof(text), "%s/orphan", dir);
	fclose(fopen(text, "w"));
	cr_assert(appears("done"), "it hangs or died without us");

	/* A new control reads on and watches it. */
	struct supervise *s = create(script);
	snprintf(text, sizeof(text), "%s/pid", dir);
	FILE *in = fopen(text, "r");
	int pid;
	cr_assert_eq(fscanf(in, "%d", &pid), 1);
	fclose(in);
	cr_assert_eq(getsid(pid), pid, "a session of its own");
	cr_assert_eq(supervise_adopt(s, pid), 0);
	cr_assert_eq(supervise_pid(s), pid);
	for (int i = 0; i < 100 && seen.lines < 100; i++)
		loop_once(loop, 20);
	cr_assert_str_eq(seen.first, "first line");
	cr_assert_gt(seen.lines, 100);
	cr_assert_eq(supervise_signal(s, SIGKILL), 0);
	while (seen.ends == 0)
		loop_once(loop, 100);
	cr_assert_not(seen.end.ours);
	cr_assert_not(seen.end.clean);
	cr_assert_str_eq(seen.end.text, "ended");
	supervise_destroy(s);
}
