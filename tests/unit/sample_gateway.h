/* A gateway's report in a run_dir, written by a process that lives until sample_gateway_end(). */
#pragma once

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report_publish.h"

static void sample_gateway_write(struct report *r, const char *data_dir)
{
	struct report_counters counters = {.connections = 3,
					   .accepted = 7,
					   .refused = 1,
					   .sent_bytes = 5000,
					   .sent_file_bytes = 4000,
					   .requests[1] = 11,
					   .requests[18] = 2};

	report_count_fetch(&counters, 100);
	report_count_fetch(&counters, 100);
	report_count_fetch(&counters, 3000);
	report_begin(r);
	uint32_t readers = report_add_group(
		r, &(struct report_group){.id = "readers", .state = "Stable", .protocol = "range"});
	uint32_t odd = report_add_group(
		r, &(struct report_group){.id = "o\"dd\033", .state = "Empty", .generation = 4});
	int32_t m = report_add_member(r, &(struct report_member){.group = readers,
								 .partitions = 2,
								 .id = "m-1",
								 .client = "kcat",
								 .host = "127.0.0.1"});
	report_add_offset(r, &(struct report_offset){.group = readers,
						     .topic = "syslog",
						     .partition = 1,
						     .committed = 12,
						     .committed_ms = 1700000000000,
						     .end = 999,
						     .member = m});
	report_add_offset(r, &(struct report_offset){.group = readers,
						     .topic = "elsewhere",
						     .committed = 4,
						     .end = 9,
						     .member = -1});
	report_add_offset(
		r, &(struct report_offset){
			   .group = odd, .topic = "gone", .committed = 4, .end = -1, .member = -1});
	if (report_publish(r, &counters, "127.0.0.1:9092", data_dir) < 0)
		_exit(2);
}

/* Makes dir; the process that "serves" it. */
static pid_t sample_gateway(const char *dir, const char *data_dir)
{
	struct report *r;
	int ready[2];
	char byte = 0;

	mkdir(dir, 0700);
	cr_assert_eq(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (report_create(&r, dir) < 0)
			_exit(1);
		sample_gateway_write(r, data_dir);
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(0);
	}
	close(ready[1]);
	cr_assert_eq(read(ready[0], &byte, 1), 1, "the sample's gateway failed");
	close(ready[0]);
	return pid;
}

static void sample_gateway_remove(const char *dir)
{
	static const char *const names[] = {REPORT_NAME, REPORT_LOCK_NAME};
	char path[256];

	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

static void sample_gateway_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
