/* Captures frame by frame: files that the test writes by itself. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replay/capture.h"

enum { ETHERNET = 1, RADIO = 127, NANO = 0x4d, RECORD_HEADER = 16 };

static char dir[] = "/tmp/weir-test-replay.XXXXXX";

static void start(void)
{
	cr_assert_not_null(mkdtemp(dir));
}

static void end(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

static const char *path(const char *name)
{
	static char paths[4][64];
	static unsigned next;
	char *out = paths[next++ % 4];

	snprintf(out, sizeof(paths[0]), "%s/%s", dir, name);
	return out;
}

static FILE *pcap_begin(const char *file, uint32_t type)
{
	FILE *out = fopen(file, "wb");
	const uint32_t head[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 262144, type};

	cr_assert_not_null(out);
	fwrite(head, sizeof(head), 1, out);
	return out;
}

/* A packet of `len` bytes with its number in the last one, of which `kept` were captured. */
static void pcap_packet(FILE *out, uint64_t us, uint32_t len, uint32_t kept, uint8_t number)
{
	uint8_t bytes[70000] = {0};
	const uint32_t head[4] = {(uint32_t)(us / 1000000), (uint32_t)(us % 1000000), kept, len};

	bytes[kept - 1] = number;
	fwrite(head, sizeof(head), 1, out);
	fwrite(bytes, kept, 1, out);
}

static struct captures *open_ok(const char *const *paths, unsigned count, uint32_t frame_max)
{
	struct captures *c;
	char err[512] = "";

	cr_assert_eq(captures_open(&c, paths, count, frame_max, err, sizeof(err)), 0, "%s", err);
	return c;
}

static void expect_numbers(struct captures *c, const char *numbers)
{
	struct captured f;

	for (; *numbers; numbers++) {
		cr_assert_eq(captures_next(c, &f), 1);
		cr_assert_eq(f.bytes[f.len - 1], *numbers, "'%c', not '%c'", f.bytes[f.len - 1],
			     *numbers);
	}
	cr_assert_eq(captures_next(c, &f), 0);
	cr_assert_eq(captures_next(c, &f), 0);
}

TestSuite(replay_capture, .init = start, .fini = end);

Test(replay_capture, several_are_merged_by_time)
{
	const char *paths[3] = {path("a"), path("b"), path("c")};
	FILE *a = pcap_begin(paths[0], ETHERNET), *b = pcap_begin(paths[1], ETHERNET);

	fclose(pcap_begin(paths[2], ETHERNET)); /* none in it */
	pcap_packet(a, 10, 60, 60, '1');
	pcap_packet(a, 30, 60, 60, '3');
	pcap_packet(a, 31, 60, 60, '4');
	pcap_packet(b, 20, 60, 60, '2');
	pcap_packet(b, 31, 60, 60, '5');
	pcap_packet(b, 2000000, 60, 60, '6');
	fclose(a);
	fclose(b);
	struct captures *c = open_ok(paths, 3, CAPTURE_FRAME_MAX);
	char err[128];
	expect_numbers(c, "123456");
	cr_assert_eq(captures_rewind(c, err, sizeof(err)), 0);
	expect_numbers(c, "123456");
	cr_assert_null(captures_damage(c));
	captures_close(c);
}

Test(replay_capture, what_cannot_be_sent_is_counted_once)
{
	const char *paths[1] = {path("a")};
	FILE *a = pcap_begin(paths[0], ETHERNET);
	char err[128];

	pcap_packet(a, 1, 60, 60, '1');
	pcap_packet(a, 2, 1500, 96, 'x');
	pcap_packet(a, 3, 13, 13, 'x');
	pcap_packet(a, 4, 1515, 1515, 'x');
	pcap_packet(a, 5, 1514, 1514, '2');
	fclose(a);
	struct captures *c = open_ok(paths, 1, 1514);
	for (int pass = 0; pass < 2; pass++) {
		expect_numbers(c, "12");
		cr_assert_eq(captures_left_out(c, CAPTURE_CUT), 1);
		cr_assert_eq(captures_left_out(c, CAPTURE_NOT_ETHERNET), 1);
		cr_assert_eq(captures_left_out(c, CAPTURE_TOO_LONG), 1);
		cr_assert_eq(captures_rewind(c, err, sizeof(err)), 0);
	}
	captures_close(c);
}

Test(replay_capture, nothing_longer_than_a_packet_buffer)
{
	const char *paths[1] = {path("a")};
	FILE *a = pcap_begin(paths[0], ETHERNET);

	pcap_packet(a, 1, CAPTURE_FRAME_MAX, CAPTURE_FRAME_MAX, '1');
	pcap_packet(a, 2, CAPTURE_FRAME_MAX + 1, CAPTURE_FRAME_MAX + 1, 'x');
	fclose(a);
	struct captures *c = open_ok(paths, 1, UINT32_MAX);
	expect_numbers(c, "1");
	cr_assert_eq(captures_left_out(c, CAPTURE_TOO_LONG), 1);
	captures_close(c);
}

Test(replay_capture, a_file_that_ends_too_early)
{
	const char *paths[1] = {path("a")};
	FILE *a = pcap_begin(paths[0], ETHERNET);

	pcap_packet(a, 1, 60, 60, '1');
	pcap_packet(a, 2, 60, 60, 'x');
	fclose(a);
	cr_assert_eq(truncate(paths[0], 24 + 2 * RECORD_HEADER + 60 + 59), 0);
	struct captures *c = open_ok(paths, 1, CAPTURE_FRAME_MAX);
	expect_numbers(c, "1");
	cr_assert_not_null(captures_damage(c));
	cr_assert_not_null(strstr(captures_damage(c), paths[0]));
	captures_close(c);
}

Test(replay_capture, times_to_the_nanosecond)
{
	const char *paths[1] = {path("a")};
	FILE *a = pcap_begin(paths[0], ETHERNET);
	uint8_t magic = NANO;
	struct captured f;

	pcap_packet(a, 1000123, 60, 60, '1'); /* 1 s, 123 ns */
	fseek(a, 0, SEEK_SET);
	fwrite(&magic, 1, 1, a); /* 0xa1b23c4d begins with it */
	magic = 0x3c;
	fwrite(&magic, 1, 1, a);
	fclose(a);
	struct captures *c = open_ok(paths, 1, CAPTURE_FRAME_MAX);
	cr_assert_eq(captures_next(c, &f), 1);
	cr_assert_eq(f.ns, UINT64_C(1000000123));
	captures_close(c);
}

Test(replay_capture, time_goes_on_after_2038)
{
	const char *paths[1] = {path("a")};
	FILE *a = pcap_begin(paths[0], ETHERNET);
	const uint64_t second = 1000000;
	struct captured f;

	pcap_packet(a, 0x7fffffff * second, 60, 60, '1');
	pcap_packet(a, 0x80000000 * second, 60, 60, '2');
	pcap_packet(a, 0xffffffff * second, 60, 60, '3');
	fclose(a);
	struct captures *c = open_ok(paths, 1, CAPTURE_FRAME_MAX);
	for (uint64_t s = 0x7fffffff; s <= 0x80000000; s++) {
		cr_assert_eq(captures_next(c, &f), 1);
		cr_assert_eq(f.ns, s * second * 1000);
	}
	cr_assert_eq(captures_next(c, &f), 1);
	cr_assert_eq(f.ns, 0xffffffff * second * 1000);
	captures_close(c);
}

/* Two interfaces that libpcap does not take together: what helps is said. */
static void expect_advice(uint16_t type, uint32_t snaplen, const char *wanted)
{
	const uint32_t file[] = {0x0a0d0d0a, 28, 0x1a2b3c4d, 1,	      UINT32_MAX,
				 UINT32_MAX, 28,			  /* */
				 1,	     20, ETHERNET,   96,      20, /* */
				 1,	     20, type,	     snaplen, 20};
	const char *paths[1] = {path("a")};
	FILE *a = fopen(paths[0], "wb");

	fwrite(file, sizeof(file), 1, a);
	fclose(a);
	struct captures *c = open_ok(paths, 1, CAPTURE_FRAME_MAX);
	char why[512];
	captures_why_none(c, why, sizeof(why));
	cr_assert(strstr(why, "no packet") && strstr(why, paths[0]) && strstr(why, wanted), "%s",
		  why);
	captures_close(c);
}

Test(replay_capture, interfaces_that_differ)
{
	expect_advice(RADIO, 96, "one link type in each file");
	expect_advice(ETHERNET, 128, "editcap -F pcap");
}

Test(replay_capture, errors_name_the_file)
{
	const char *paths[1] = {path("a")};
	struct captures *c;
	char err[512];

	cr_assert_eq(captures_open(&c, paths, 1, 1514, err, sizeof(err)), -ENOENT);
	cr_assert_not_null(strstr(err, paths[0]));
	FILE *a = fopen(paths[0], "wb");
	fputs("this is no capture at all, is it?", a);
	fclose(a);
	cr_assert_eq(captures_open(&c, paths, 1, 1514, err, sizeof(err)), -EINVAL);
	cr_assert_not_null(strstr(err, paths[0]));
	fclose(pcap_begin(paths[0], RADIO));
	cr_assert_eq(captures_open(&c, paths, 1, 1514, err, sizeof(err)), -EPROTONOSUPPORT);
	cr_assert_not_null(strstr(err, "IEEE802_11_RADIO"));
}
