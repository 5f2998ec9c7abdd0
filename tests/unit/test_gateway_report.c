/* The gateway's report: what is written is read; a damaged file is refused, never believed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report_publish.h"

static char dir[64], path[128];
static struct report *report;

static void setup(void)
{
	strcpy(dir, "/tmp/weir-report-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/" REPORT_NAME, dir);
	cr_assert_eq(report_create(&report, dir), 0);
}

static void teardown(void)
{
	char command[96];

	report_destroy(report);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(gateway_report, .init = setup, .fini = teardown);

static void add_sample(void)
{
	struct report_group a = {.id = "readers", .state = "Stable", .protocol = "range"};
	struct report_group b = {.id = "other", .state = "Empty", .generation = 3};

	report_begin(report);
	uint32_t ga = report_add_group(report, &a), gb = report_add_group(report, &b);
	int32_t m = report_add_member(
		report, &(struct report_member){.group = ga, .id = "m-1", .partitions = 2});
	report_add_member(report, &(struct report_member){.group = ga, .id = "m-2"});
	report_add_offset(report, &(struct report_offset){.group = ga,
							  .topic = "syslog",
							  .partition = 1,
							  .committed = 7,
							  .end = 10,
							  .member = m});
	report_add_offset(report,
			  &(struct report_offset){
				  .group = gb, .topic = "syslog", .committed = 1, .member = -1});
}

static int publish(void)
{
	struct report_counters counters = {.connections = 2, .accepted = 5, .sent_bytes = 99};

	report_count_fetch(&counters, 0);
	report_count_fetch(&counters, 1000);
	report_count_fetch(&counters, UINT64_C(1) << 60);
	return report_publish(report, &counters, "127.0.0.1:9092", "/data");
}

static struct report_view *read_sample(void)
{
	struct report_view *view;

	cr_assert_eq(report_read(dir, &view), 0);
	return view;
}

Test(gateway_report, what_is_written_is_read)
{
	add_sample();
	cr_assert_eq(publish(), 0);
	struct report_view *v = read_sample();

	cr_assert_eq(v->header.groups, 2);
	cr_assert_eq(v->header.members, 2);
	cr_assert_eq(v->header.offsets, 2);
	cr_assert_eq(v->header.pid, (uint32_t)getpid());
	cr_assert_eq(v->header.counters.accepted, 5);
	cr_assert_eq(v->header.counters.fetch_latency[0], 1);
	cr_assert_eq(v->header.counters.fetch_latency[10], 1, "1000 us are below 1024");
	cr_assert_eq(v->header.counters.fetch_latency[REPORT_LATENCIES - 1], 1);
	cr_assert_str_eq(v->header.address, "127.0.0.1:9092");
	cr_assert_str_eq(v->groups[0].id, "readers");
	cr_assert_eq(v->groups[0].members, 2);
	cr_assert_eq(v->groups[1].members, 0);
	cr_assert_str_eq(v->members[v->offsets[0].member].id, "m-1");
	cr_assert_eq(v->offsets[0].committed, 7);
	cr_assert_eq(v->offsets[1].group, 1);
	report_free(v);
}

Test(gateway_report, the_next_one_takes_its_place)
{
	add_sample();
	cr_assert_eq(publish(), 0);
	report_begin(report);
	cr_assert_eq(publish(), 0);
	struct report_view *v = read_sample();

	cr_assert_eq(v->header.groups, 0);
	report_free(v);
}

Test(gateway_report, rows_of_a_group_that_is_not_there_are_left_out)
{
	report_begin(report);
	cr_assert_eq(report_add_member(report, &(struct report_member){.group = 0}), -1);
	report_add_offset(report, &(struct report_offset){.group = UINT32_MAX});
	cr_assert_eq(publish(), 0);
	struct report_view *v = read_sample();

	cr_assert_eq(v->header.left_out, 2);
	cr_assert_eq(v->header.members + v->header.offsets, 0);
	report_free(v);
}

Test(gateway_report, it_does_not_grow_without_bound)
{
	struct stat st;
	struct report_group group = {.id = "g"};

	report_begin(report);
	for (unsigned i = 0; i < REPORT_BYTES_MAX / sizeof(group) + 10; i++)
		report_add_group(report, &group);
	cr_assert_eq(publish(), 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_leq(st.st_size, REPORT_BYTES_MAX);
	struct report_view *v = read_sample();

	cr_assert_geq(v->header.left_out, 10);
	report_free(v);
}

Test(gateway_report, names_are_cut_and_cleaned)
{
	static const struct {
		const char *written, *read;
	} cases[] = {{"plain", "plain"},  {"gr\xc3\xbc\xc3\x9f\x65", "gr\xc3\xbc\xc3\x9f\x65"},
		     {"\033[2J", "?[2J"}, {"a\nb\x7f", "a?b?"},
		     {"\xc3(", "?("},	  {"cut\xe2\x82", "cut??"},
		     {"\xc0\x80", "??"},  {"\xed\xa0\x80", "???"},
		     {"\xc2\x9b", "??"},  {"\xf0\x9f\x92\xa7", "\xf0\x9f\x92\xa7"}};
	char longer[400];

	memset(longer, 'x', sizeof(longer));
	report_begin(report);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct report_group group = {0};
		report_name(group.id, sizeof(group.id), cases[i].written, strlen(cases[i].written));
		report_add_group(report, &group);
	}
	struct report_group last;
	memset(&last, 0, sizeof(last));
	report_name(last.id, sizeof(last.id), longer, sizeof(longer));
	uint32_t at = report_add_group(report, &last);
	cr_assert_eq(publish(), 0);
	struct report_view *v = read_sample();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_assert_str_eq(v->groups[i].id, cases[i].read);
	cr_assert_eq(v->groups[0].altered, 0);
	cr_assert_eq(v->groups[1].altered, 0);
	cr_assert_eq(v->groups[2].altered, 1);
	cr_assert_eq(v->groups[at].altered, 1, "cut, perhaps");
	cr_assert_eq(strlen(v->groups[at].id), REPORT_NAME_MAX - 1);
	report_free(v);
}

Test(gateway_report, a_directory_has_one_gateway)
{
	/* A lock of the same process is no obstacle to it: ask from another one. */
	pid_t child = fork();

	if (child == 0) {
		struct report *second;
		_exit(report_owner(dir) == getppid() && report_create(&second, dir) == -EBUSY ? 0
											      : 1);
	}
	int status;
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0);
}

/* What another process reads: -errno, or bit 0: alive, bit 1: stopped. */
static int read_elsewhere(void)
{
	int ends[2], result = -1;

	cr_assert_eq(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		struct report_view *view;
		int rc = report_read(dir, &view);
		if (rc == 0)
			rc = view->alive | (view->header.stopped ? 2 : 0);
		_exit(write(ends[1], &rc, sizeof(rc)) == sizeof(rc) ? 0 : 1);
	}
	cr_assert_eq(read(ends[0], &result, sizeof(result)), (ssize_t)sizeof(result));
	close(ends[0]);
	close(ends[1]);
	cr_assert_eq(waitpid(child, NULL, 0), child);
	return result;
}

Test(gateway_report, alive_until_it_stops)
{
	cr_assert_eq(read_elsewhere(), -ENOENT);
	add_sample();
	cr_assert_eq(publish(), 0);
	cr_assert_eq(read_elsewhere(), 1);
	report_destroy(report);
	report = NULL;
	cr_assert_eq(read_elsewhere(), 2);
	cr_assert_eq(report_create(&report, dir), 0);
	cr_assert_eq(read_elsewhere(), 2, "the next one has not written yet");
}

/* The sample's file, in memory. */
static uint8_t *sample_bytes(size_t *size)
{
	struct stat st;

	add_sample();
	cr_assert_eq(publish(), 0);
	int fd = open(path, O_RDONLY);
	cr_assert_eq(fstat(fd, &st), 0);
	*size = (size_t)st.st_size;
	uint8_t *bytes = malloc(*size);
	cr_assert_eq(read(fd, bytes, *size), st.st_size);
	close(fd);
	return bytes;
}

static int read_bytes(const uint8_t *bytes, size_t size)
{
	struct report_view *view = NULL;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
	close(fd);
	int rc = report_read(dir, &view);
	if (rc == 0)
		report_free(view);
	return rc;
}

Test(gateway_report, a_cut_file_is_refused)
{
	size_t size;
	uint8_t *bytes = sample_bytes(&size);

	cr_assert_eq(read_bytes(bytes, size), 0);
	for (size_t len = 0; len < size; len += 1 + len / 50)
		cr_assert_eq(read_bytes(bytes, len), -EBADMSG, "%zu bytes", len);
	free(bytes);
}

Test(gateway_report, wrong_fields_are_refused)
{
	size_t size;
	uint8_t *bytes = sample_bytes(&size);
	struct report_header *h = (struct report_header *)bytes;
	struct report_group *g = (struct report_group *)(h + 1);
	struct report_member *m = (struct report_member *)(g + 2);
	struct report_offset *o = (struct report_offset *)(m + 2);
#define WRONG(field, value, why)                                                                   \
	do {                                                                                       \
		__typeof__(field) right = field;                                                   \
		field = value;                                                                     \
		cr_assert_eq(read_bytes(bytes, size), why, #field);                                \
		field = right;                                                                     \
	} while (0)
	WRONG(h->magic, 1, -EBADMSG);
	WRONG(h->version, 2, -EPROTO);
	WRONG(h->header_bytes, 8, -EPROTO);
	WRONG(h->group_bytes, 0, -EPROTO);
	WRONG(h->member_bytes, 1u << 31, -EPROTO);
	WRONG(h->offset_bytes, 1, -EPROTO);
	WRONG(h->groups, UINT32_MAX, -EBADMSG);
	WRONG(h->members, 1, -EBADMSG);
	WRONG(h->offsets, 3, -EBADMSG);
	WRONG(m[1].group, 2, -EBADMSG);
	WRONG(o[0].group, 2, -EBADMSG);
	WRONG(o[0].group, 1, -EBADMSG); /* not the group of its member */
	WRONG(o[0].member, 2, -EBADMSG);
	WRONG(o[0].member, -2, -EBADMSG);
	WRONG(o[0].partition, -1, -EBADMSG);
	memset(o[1].topic, 'x', sizeof(o[1].topic));
	cr_assert_eq(read_bytes(bytes, size), -EBADMSG, "a name without end");
	free(bytes);
}

Test(gateway_report, random_damage_is_survived)
{
	size_t size;
	uint8_t *bytes = sample_bytes(&size);

	srand(1);
	for (int i = 0; i < 3000; i++) {
		size_t at = (size_t)rand() % size;
		uint8_t right = bytes[at];
		bytes[at] = (uint8_t)rand();
		int rc = read_bytes(bytes, size);
		cr_assert(rc == 0 || rc == -EBADMSG || rc == -EPROTO, "%d", rc);
		bytes[at] = right;
	}
	free(bytes);
}

Test(gateway_report, what_is_no_file_is_refused)
{
	struct report_view *view;

	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_assert_eq(report_read(dir, &view), -EBADMSG);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(symlink("/etc/passwd", path), 0);
	cr_assert_eq(report_read(dir, &view), -ELOOP);
}
