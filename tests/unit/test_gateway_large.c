/* Of how much a large Fetch gets, the index names the end: it may lie, and what lies between is not
 * read. */
#include "gateway_testing.h"

static struct build b;

TestSuite(gateway_large, .init = gateway_testing_setup, .fini = gateway_testing_teardown);

/* Batches of the same size: offsets of five digits. */
enum { BASE = 10, MANY = 2000, EACH = 5, FIRST = 10000, END = FIRST + MANY * EACH };

/* The newest segment with many batches; its index names this one's last offset, at that place. */
static size_t make_many(unsigned batch, int32_t offset_off, int32_t position_off)
{
	uint8_t entry[LOG_INDEX_ENTRY];
	char name[LOG_NAME_MAX];

	b.len = 0;
	for (unsigned i = 0; i < MANY; i++)
		build_batch(&b, FIRST + i * EACH, EACH, TESTING_TS);
	build_segment(dir, "s-0", BASE, &b);
	size_t each = b.len / MANY;
	cr_assert_eq(b.len, MANY * each);
	cr_assert_gt(b.len, 2 * (64 << 10));
	log_format_name(name, BASE, LOG_SUFFIX_INDEX);
	log_put32(entry, FIRST - BASE + batch * EACH + EACH - 1 + (uint32_t)offset_off);
	log_put32(entry + 4, (uint32_t)(batch * each) + (uint32_t)position_off);
	build_file(dir, "s-0", name, entry, sizeof(entry), 0);
	return each;
}

Test(gateway_large, of_a_large_fetch_the_index_names_the_end)
{
	static const int32_t off[][2] = {{0, 0},  {1, 0},    {-1, 0}, {0, 1},
					 {0, -1}, {EACH, 0}, {0, 200}};
	uint64_t at;

	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		size_t each = make_many(MANY - 7, off[i][0], off[i][1]);

		cr_assert_eq(gateway_testing_find(END, BASE, 1 << 20, true, &at), MANY * each,
			     "index %zu", i);
		cr_assert_eq(gateway_testing_find(END, BASE, (MANY - 3) * each - 1, true, &at),
			     (MANY - 4) * each);
		/* It names what is beyond the limit, or not yet visible. */
		cr_assert_eq(gateway_testing_find(END, BASE, (MANY - 9) * each, true, &at),
			     (MANY - 9) * each);
		cr_assert_eq(gateway_testing_find(END - 20 * EACH, BASE, 1 << 20, true, &at),
			     (MANY - 20) * each);
	}
}

/* What lies between is not read. */
Test(gateway_large, of_a_large_fetch_few_heads_are_looked_at)
{
	size_t each = make_many(MANY - 7, 0, 0);
	uint64_t at;

	memset(b.data + MANY / 2 * each, 0, each);
	build_segment(dir, "s-0", BASE, &b);
	cr_assert_eq(gateway_testing_find(END, BASE, 1 << 20, true, &at), MANY * each);
	/* Without the index each is. */
	make_many(MANY - 7, 1, 0);
	memset(b.data + MANY / 2 * each, 0, each);
	build_segment(dir, "s-0", BASE, &b);
	cr_assert_eq(gateway_testing_find(END, BASE, 1 << 20, true, &at), MANY / 2 * each);
}
