/* The command line of weir loadtest. */
#include <criterion/criterion.h>
#include <string.h>

#include "control/weir.h"
#include "replay/loadtest_options.h"

enum { ARGS_MAX = 40 };

/* Splits at blanks. */
static int parse(struct loadtest_options *o, const char *line)
{
	static char text[512];
	char *argv[ARGS_MAX] = {(char[]){"loadtest"}};
	int argc = 1;

	snprintf(text, sizeof(text), "%s", line);
	for (char *word = strtok(text, " "); word && argc < ARGS_MAX - 1; word = strtok(NULL, " "))
		argv[argc++] = word;
	optind = 0; /* getopt begins anew */
	return loadtest_options_parse(o, argc, argv);
}

Test(loadtest_options, what_is_meant_when_nothing_is_said)
{
	static struct loadtest_options o;

	cr_assert_eq(parse(&o, "a.pcap --to net_null0 --against http://h:9600"), OPTIONS_RUN);
	cr_assert_str_eq(o.against, "http://h:9600");
	cr_assert_eq(o.loss_max, 0);
	cr_assert_eq(o.trial_ns, UINT64_C(10000000000));
	cr_assert_eq(o.frame_sizes_count, 0);
	cr_assert_not(o.sending.replay.stamp || o.json || o.plot || o.data_dir);
}

Test(loadtest_options, all_of_them)
{
	static struct loadtest_options o;

	cr_assert_eq(parse(&o, "a b --to net_null0 --against http://h:9600 --loss 0.1% --trial 2s "
			       "--frame-sizes 64,128,9000 --data d --plot p.svg --json"),
		     OPTIONS_RUN);
	cr_assert_float_eq(o.loss_max, 0.001, 1e-12);
	cr_assert_eq(o.trial_ns, UINT64_C(2000000000));
	cr_assert_eq(o.frame_sizes_count, 3);
	cr_assert_eq(o.frame_sizes[2], 9000);
	cr_assert_eq(o.sending.replay.frame_longest, 8996, "without FCS");
	cr_assert(o.sending.replay.stamp, "--data reads stamps");
	cr_assert_str_eq(o.plot, "p.svg");
	cr_assert(o.json);
	cr_assert_eq(parse(&o, "a --to net_null0 --against http://h:9600 --loss 2"), OPTIONS_RUN);
	cr_assert_float_eq(o.loss_max, 0.02, 1e-12);
	cr_assert_eq(parse(&o, "a --to net_null0 --against http://h:9600 --loss 0.0%"),
		     OPTIONS_RUN);
	cr_assert_eq(o.loss_max, 0);
}

Test(loadtest_options, what_is_refused)
{
	static const char *const wrong[] = {
		"a --to net_null0",
		"a --against http://h:9600",
		"--to net_null0 --against http://h:9600",
		"a --to net_null0 --against http://h:9600 --loss 100",
		"a --to net_null0 --against http://h:9600 --loss -1",
		"a --to net_null0 --against http://h:9600 --loss 1x",
		"a --to net_null0 --against http://h:9600 --trial 10",
		"a --to net_null0 --against http://h:9600 --trial 10ms",
		"a --to net_null0 --against http://h:9600 --frame-sizes 63",
		"a --to net_null0 --against http://h:9600 --frame-sizes 64,",
		"a --to net_null0 --against http://h:9600 --frame-sizes 64,x",
		"a --to net_null0 --against http://h:9600 --frame-sizes 64-128",
		"a --to net_null0 --against http://h:9600 --frame-sizes 70000",
		"a --to net_null0 --against http://h:9600 --rate 1Mpps",
	};
	static struct loadtest_options o;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_assert_eq(parse(&o, wrong[i]), WEIR_USAGE, "%s", wrong[i]);
}
