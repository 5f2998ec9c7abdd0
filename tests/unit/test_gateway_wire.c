/* Kafka's primitives: what is put comes back; nothing is read or written beyond the bounds. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/limits.h"
#include "gateway/wire.h"

static struct wire_writer w;

static void setup(void)
{
	w = (struct wire_writer){.max = 1 << 20};
}

static void teardown(void)
{
	free(w.data);
}

TestSuite(gateway_wire, .init = setup, .fini = teardown);

/* A copy on the heap, so that AddressSanitizer sees a read behind it. */
static struct wire_reader reader_of(const void *bytes, size_t len, bool flexible)
{
	uint8_t *copy = malloc(len ? len : 1);

	cr_assert_not_null(copy);
	memcpy(copy, bytes, len);
	return (struct wire_reader){.at = copy, .end = copy + len, .flexible = flexible};
}

Test(gateway_wire, numbers_come_back)
{
	wire_put8(&w, -1);
	wire_put16(&w, -2);
	wire_put32(&w, INT32_MIN);
	wire_put64(&w, INT64_MAX);
	cr_assert_eq(w.len, 15);
	struct wire_reader r = reader_of(w.data, w.len, false);
	const uint8_t *start = r.at;

	cr_assert_eq(wire_get8(&r), -1);
	cr_assert_eq(wire_get16(&r), -2);
	cr_assert_eq(wire_get32(&r), INT32_MIN);
	cr_assert_eq(wire_get64(&r), INT64_MAX);
	cr_assert(!r.failed);
	cr_assert_eq(wire_get8(&r), 0);
	cr_assert(r.failed, "nothing is left");
	free((void *)start);
}

Test(gateway_wire, numbers_are_big_endian)
{
	static const uint8_t want[] = {0x12, 0x34, 0x12, 0x34, 0x56, 0x78};

	wire_put16(&w, 0x1234);
	wire_put32(&w, 0x12345678);
	cr_assert_arr_eq(w.data, want, sizeof(want));
}

Test(gateway_wire, varints_at_their_edges)
{
	static const uint32_t values[] = {0, 1, 127, 128, 16383, 16384, INT32_MAX, UINT32_MAX};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		w.len = 0;
		wire_put_uvarint(&w, values[i]);
		struct wire_reader r = reader_of(w.data, w.len, true);
		const uint8_t *start = r.at;

		cr_assert_eq(wire_get_uvarint(&r), values[i]);
		cr_assert(!r.failed && r.at == r.end);
		free((void *)start);
	}
}

Test(gateway_wire, varints_that_do_not_end_or_do_not_fit_fail)
{
	static const struct {
		uint8_t bytes[6];
		size_t len;
	} bad[] = {
		{{0}, 0},
		{{0x80}, 1},
		{{0xff, 0xff, 0xff, 0xff}, 4},
		{{0xff, 0xff, 0xff, 0xff, 0x1f}, 5}, /* 33 bits */
		{{0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, 6},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct wire_reader r = reader_of(bad[i].bytes, bad[i].len, true);
		const uint8_t *start = r.at;

		cr_assert_eq(wire_get_uvarint(&r), 0);
		cr_assert(r.failed, "case %zu", i);
		free((void *)start);
	}
}

static void strings_come_back(bool flexible)
{
	w.flexible = flexible;
	wire_put_text(&w, "weir");
	wire_put_text(&w, "");
	wire_put_text(&w, NULL);
	struct wire_reader r = reader_of(w.data, w.len, flexible);
	const uint8_t *start = r.at;
	struct wire_string s = wire_get_string(&r);

	cr_assert(s.len == 4 && memcmp(s.at, "weir", 4) == 0);
	cr_assert_eq(wire_get_string(&r).len, 0);
	cr_assert_eq(wire_get_string(&r).len, -1);
	cr_assert(!r.failed && r.at == r.end);
	free((void *)start);
}

Test(gateway_wire, strings_come_back)
{
	strings_come_back(false);
	w.len = 0;
	strings_come_back(true);
}

Test(gateway_wire, a_name_is_not_null)
{
	struct wire_reader r = reader_of("\xff\xff", 2, false);
	const uint8_t *start = r.at;

	cr_assert_eq(wire_get_name(&r).len, 0);
	cr_assert(r.failed);
	free((void *)start);
}

Test(gateway_wire, lengths_beyond_what_is_left_fail)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool flexible, bytes_not_string;
	} bad[] = {
		{"\x00\x05weir", 6, false, false},     {"\x80\x00", 2, false, false},
		{"\xff\xfe", 2, false, false},	       {"\x00", 1, false, false},
		{"\x06weir", 5, true, false},	       {"\xff\xff\xff\xff\x0f", 5, true, false},
		{"\x7f\xff\xff\xff", 4, false, true},  {"\x80\x00\x00\x00", 4, false, true},
		{"\x00\x00\x00\x02x", 5, false, true},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct wire_reader r = reader_of(bad[i].bytes, bad[i].len, bad[i].flexible);
		const uint8_t *start = r.at;
		struct wire_string s =
			bad[i].bytes_not_string ? wire_get_bytes(&r) : wire_get_string(&r);

		cr_assert_eq(s.len, -1, "case %zu", i);
		cr_assert(r.failed, "case %zu", i);
		free((void *)start);
	}
}

Test(gateway_wire, arrays_hold_no_more_than_is_left)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool flexible;
		int32_t count;
		bool fails;
	} cases[] = {
		{"\xff\xff\xff\xff", 4, false, -1, false}, /* null */
		{"\x00\x00\x00\x00", 4, false, 0, false},
		{"\x00\x00\x00\x02"
		 "aabb",
		 8, false, 2, false},
		{"\x00\x00\x00\x03"
		 "aabb",
		 8, false, 0, true},
		{"\x7f\xff\xff\xff"
		 "aabb",
		 8, false, 0, true},
		{"\xff\xff\xff\xfe", 4, false, 0, true},
		{"\x80\x00\x00\x00", 4, false, 0, true},
		{"\x00", 1, true, -1, false},
		{"\x03"
		 "aabb",
		 5, true, 2, false},
		{"\x04"
		 "aabb",
		 5, true, 0, true},
		{"\xff\xff\xff\xff\x0f", 5, true, 0, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wire_reader r = reader_of(cases[i].bytes, cases[i].len, cases[i].flexible);
		const uint8_t *start = r.at;

		cr_assert_eq(wire_get_array(&r, 2), cases[i].count, "case %zu", i);
		cr_assert_eq(r.failed, cases[i].fails, "case %zu", i);
		free((void *)start);
	}
}

Test(gateway_wire, arrays_have_a_limit_however_much_is_left)
{
	static uint8_t bytes[4 + LIMIT_ELEMENTS + 1];

	wire_put32(&w, LIMIT_ELEMENTS);
	memcpy(bytes, w.data, 4);
	struct wire_reader r = {.at = bytes, .end = bytes + sizeof(bytes)};
	cr_assert_eq(wire_get_array(&r, 1), LIMIT_ELEMENTS);
	w.len = 0;
	wire_put32(&w, LIMIT_ELEMENTS + 1);
	memcpy(bytes, w.data, 4);
	r.at = bytes;
	cr_assert_eq(wire_get_array(&r, 1), 0);
	cr_assert(r.failed);
}

Test(gateway_wire, unknown_tags_are_passed_over)
{
	/* Two tags: 0 with three bytes, 300 with none. */
	static const char bytes[] = "\x02\x00\x03xyz\xac\x02\x00!";
	struct wire_reader r = reader_of(bytes, sizeof(bytes) - 1, true);
	const uint8_t *start = r.at;

	wire_get_tags(&r);
	cr_assert_eq(wire_get8(&r), '!');
	cr_assert(!r.failed);
	free((void *)start);
	/* A million tags that are not there. */
	r = reader_of("\xc0\x84\x3d\x00\x00", 5, true);
	start = r.at;
	wire_get_tags(&r);
	cr_assert(r.failed);
	free((void *)start);
}

Test(gateway_wire, a_failed_reader_stays_failed)
{
	struct wire_reader r = {.at = (const uint8_t *)"\x00\x01\x02\x03", .failed = true};

	r.end = r.at + 4;
	cr_assert_eq(wire_get32(&r), 0);
	cr_assert_eq(wire_get_array(&r, 1), 0);
	cr_assert_eq(wire_get_string(&r).len, -1);
	wire_get_tags(&r);
	cr_assert(r.failed);
}

Test(gateway_wire, a_writer_keeps_to_its_limit)
{
	w.max = 10;
	wire_put64(&w, 1);
	wire_put16(&w, 1);
	cr_assert(!w.failed);
	wire_put8(&w, 1);
	cr_assert(w.failed);
	cr_assert_eq(w.len, 10);
	wire_patch32(&w, 0, 7); /* of no use any more, and harmless */
}

Test(gateway_wire, patches_stand_where_they_belong)
{
	wire_put32(&w, 0);
	wire_put32(&w, 5);
	wire_patch32(&w, 0, 9);
	cr_assert_arr_eq(w.data, "\0\0\0\x09\0\0\0\x05", 8);
	wire_put_records_length(&w, 3);
	w.flexible = true;
	wire_put_records_length(&w, 3);
	wire_put_array(&w, 2);
	wire_put_tags(&w);
	cr_assert_arr_eq(w.data + 8, "\0\0\0\x03\x04\x03\0", 7);
}

Test(gateway_wire, a_string_is_a_text_or_not)
{
	static const char bytes[] = "ab\0d";

	cr_assert(wire_string_is((struct wire_string){bytes, 2}, "ab"));
	cr_assert(wire_string_is((struct wire_string){bytes, 0}, ""));
	cr_assert(!wire_string_is((struct wire_string){bytes, 1}, "ab"));
	cr_assert(!wire_string_is((struct wire_string){bytes, 2}, "a"));
	cr_assert(!wire_string_is((struct wire_string){bytes, 3}, "ab"));
	cr_assert(!wire_string_is((struct wire_string){bytes, 4}, "ab"));
	cr_assert(!wire_string_is((struct wire_string){NULL, -1}, ""));
	cr_assert(!wire_string_is((struct wire_string){bytes, 0}, NULL));
	cr_assert(!wire_string_is((struct wire_string){NULL, -1}, NULL));
}
