/* weir-replay: what `weir replay` and, by that name, `weir loadtest` run. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/weir.h"
#include "interrupt.h"
#include "loadtest.h"
#include "options.h"
#include "report.h"

static int failed(const char *why)
{
	fprintf(stderr, "weir replay: %s\n", why);
	return WEIR_FAILED;
}

static int replay(struct options *o)
{
	struct replay_result result;
	struct replay *r;
	char err[1024] = "";
	bool live = isatty(STDERR_FILENO);

	if (replay_open(&r, &o->sending.replay, err, sizeof(err)) < 0)
		return failed(err);
	report_pause(o, r);
	o->trial.progress = live ? report_progress : NULL;
	int rc = replay_run(r, &o->trial, &result, err, sizeof(err));
	if (live)
		report_progress_end();
	report_notes(r);
	bool written = true;
	if (o->json)
		written = report_json(stdout, o, r, &result);
	else
		report_text(stdout, o, r, &result);
	written = written && fflush(stdout) == 0 && !ferror(stdout);
	replay_close(r);
	if (rc < 0)
		return failed(err);
	return written ? WEIR_OK : failed("standard output cannot be written");
}

int main(int argc, char **argv)
{
	struct options options;

	if (strcmp(argv[0], "weir loadtest") == 0)
		return loadtest_main(argc, argv);
	int status = options_parse(&options, argc, argv);

	if (status != OPTIONS_RUN)
		return fflush(stdout) == 0 ? status : WEIR_FAILED;
	options.sending.replay.stop = interrupt_catch();
	return replay(&options);
}
