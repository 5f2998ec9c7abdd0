/* What `weir loadtest` runs. */
#include <stdio.h>
#include <unistd.h>

#include "control/weir.h"
#include "interrupt.h"
#include "loadtest_report.h"

static int failed(const char *why)
{
	fprintf(stderr, "weir loadtest: %s\n", why);
	return WEIR_FAILED;
}

static int test(struct loadtest *t)
{
	const struct loadtest_options *o = t->options;
	char err[1024] = "", plot_err[1024] = "";
	bool written = true;
	int status = WEIR_OK;

	if (o->plot && loadtest_plot_check(o->plot, err, sizeof(err)) < 0)
		return failed(err);
	if (loadtest_run(t, err, sizeof(err)) < 0)
		status = failed(err);
	/* Nothing was measured: there is nothing to report. */
	if (!t->sizes_count || t->sizes[0].trials_count < 2)
		return status;
	if (o->json)
		written = loadtest_report_json(stdout, t);
	else
		loadtest_report_text(stdout, t);
	if (fflush(stdout) != 0 || ferror(stdout) || !written)
		status = failed("standard output cannot be written");
	if (o->plot && loadtest_plot(t, o->plot, plot_err, sizeof(plot_err)) < 0)
		status = failed(plot_err);
	if (status == WEIR_OK && loadtest_rate(&t->sizes[0]) <= 0)
		status = failed("no rate was found at which so little is lost");
	return status;
}

int loadtest_main(int argc, char **argv)
{
	static struct loadtest_options options;
	static struct loadtest t;
	int status = loadtest_options_parse(&options, argc, argv);

	if (status != OPTIONS_RUN)
		return fflush(stdout) == 0 ? status : WEIR_FAILED;
	t.options = &options;
	t.stop = options.sending.replay.stop = interrupt_catch();
	t.progress = isatty(STDERR_FILENO) ? loadtest_report_trial : NULL;
	status = test(&t);
	loadtest_free(&t);
	return status;
}
