#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/log/log_private.h"

static const struct log_checkpoint example = {
	.recover_from = UINT64_C(9223372036854775807),
	.log_start = 17,
	.clean = 1,
	.end_offset = 123456789,
	.end_bytes = 1,
	.index_gap = 4095,
	.max_ts = UINT64_MAX, /* -1 */
	.last_time_ts = UINT64_MAX,
	.first_max_ts = UINT64_MAX,
};

Test(log_checkpoint, comes_back)
{
	char text[LOG_CHECKPOINT_BYTES];
	struct log_checkpoint back;
	size_t len = log_checkpoint_format(text, &example);

	cr_assert_leq(len, sizeof(text));
	cr_assert(log_checkpoint_parse(text, len, &back));
	cr_assert_eq(memcmp(&back, &example, sizeof(back)), 0);
	cr_assert_eq(strncmp(text, "weir.checkpoint 1\nrecover_from 9223372036854775807\n", 51), 0);
}

Test(log_checkpoint, the_longest_fits)
{
	char text[LOG_CHECKPOINT_BYTES];
	struct log_checkpoint cp, back;

	memset(&cp, 0xff, sizeof(cp));
	size_t len = log_checkpoint_format(text, &cp);
	cr_assert_leq(len, sizeof(text));
	cr_assert(log_checkpoint_parse(text, len, &back));
}

Test(log_checkpoint, every_flipped_bit_is_noticed)
{
	char text[LOG_CHECKPOINT_BYTES];
	struct log_checkpoint back;
	size_t len = log_checkpoint_format(text, &example);

	for (size_t i = 0; i < len * 8; i++) {
		text[i / 8] ^= (char)(1 << i % 8);
		cr_assert_not(log_checkpoint_parse(text, len, &back), "bit %zu", i);
		text[i / 8] ^= (char)(1 << i % 8);
	}
	for (size_t i = 0; i < len; i++)
		cr_assert_not(log_checkpoint_parse(text, i, &back), "%zu bytes", i);
}
