#include "loadtest_report.h"

#include <inttypes.h>

#include "control/status.h"

static const struct {
	const char *text;
	double share;
} percentiles[] = {{"p50", .5}, {"p90", .9}, {"p99", .99}, {"p99.9", .999}};

enum { PERCENTILES = sizeof(percentiles) / sizeof(percentiles[0]) };

const char *loadtest_size_name(const struct loadtest_size *size, char text[32])
{
	snprintf(text, 32, size->frame_size ? "%u bytes" : "captured", size->frame_size);
	return text;
}

enum verdict_stage loadtest_bound(const struct loadtest_size *size, const char **why)
{
	int trial = size->failed < 0 ? size->passed : size->failed;

	*why = trial < 0 ? "" : size->trials[trial].verdict.why;
	return trial < 0 ? STAGE_NONE : size->trials[trial].verdict.stage;
}

static const char *grouped(double value, char text[32])
{
	return status_grouped((uint64_t)(value + .5), text);
}

void loadtest_report_trial(const struct loadtest_size *size, const struct loadtest_trial *trial)
{
	const struct verdict *v = &trial->verdict;
	char name[32], asked[32], rate[32], lost[32];

	fprintf(stderr, "%-10s %-8s asked %11s/s, sent %11s/s, lost %s (%.4f %%)%s%s\n",
		loadtest_size_name(size, name), loadtest_purpose_name(trial->purpose),
		trial->asked > 0 ? grouped(trial->asked, asked) : "all", grouped(v->rate, rate),
		grouped((double)v->lost, lost), v->loss * 100, v->stage ? ": " : "",
		v->stage ? verdict_stage_name(v->stage) : "");
}

/* --- the tables ---------------------------------------------------------------------------- */

static void print_throughput(FILE *out, const struct loadtest *t)
{
	fprintf(out, "throughput: the highest rate with a loss of at most %g %%, trials of %g s\n",
		t->options->loss_max * 100, (double)t->options->trial_ns / 1e9);
	fprintf(out, "  %-11s %14s %10s %10s %14s  %s\n", "frames", "packets/s", "Mbit/s", "loss %",
		"sender's top", "what bounds it");
	for (unsigned i = 0; i < t->sizes_count; i++) {
		const struct loadtest_size *size = &t->sizes[i];
		char name[32], rate[32], top[32];
		const char *why;
		enum verdict_stage stage = loadtest_bound(size, &why);

		if (size->trials_count < 2)
			continue;
		const struct loadtest_trial *best =
			size->passed < 0 ? NULL : &size->trials[size->passed];
		fprintf(out, "  %-11s %14s %10.1f %10.4f %14s  %s: %s\n",
			loadtest_size_name(size, name), grouped(loadtest_rate(size), rate),
			best ? (double)best->bytes * 8 / 1e6 / best->seconds : 0,
			best ? best->verdict.loss * 100 : 0,
			grouped(size->trials[1].verdict.rate, top), verdict_stage_name(stage), why);
	}
}

static void print_times(FILE *out, const char *what, const uint64_t ns[PERCENTILES],
			const char *sign)
{
	fprintf(out, "    %-22s", what);
	for (unsigned i = 0; i < PERCENTILES; i++) {
		char text[32] = "?";

		if (ns[i])
			snprintf(text, sizeof(text), "%s%.3f", sign, (double)ns[i] / 1e6);
		fprintf(out, " %11s", text);
	}
	fputc('\n', out);
}

static void print_stamps(FILE *out, const struct loadtest_stamps *s)
{
	uint64_t ns[PERCENTILES];
	char text[4][32];

	for (unsigned i = 0; i < PERCENTILES; i++)
		ns[i] = histogram_percentile(&s->latency, percentiles[i].share);
	print_times(out, "sent to arrived", ns, "");
	fprintf(out, "    of %s stamped %s are in the log: %s reordered, %s duplicates%s\n",
		status_grouped(s->stamped, text[0]),
		status_grouped(s->stamped - s->missing, text[1]),
		status_grouped(s->reordered, text[2]), status_grouped(s->duplicates, text[3]),
		s->exact ? "" : "; arrival to the millisecond, up to 1 ms too long");
	if (s->early)
		fprintf(out,
			"    %s of them arrived before they were sent: the clocks differ, or the "
			"lane lost its processor\n",
			status_grouped(s->early, text[0]));
	if (s->removed)
		fprintf(out, "    %s records were gone by retention before they could be read\n",
			status_grouped(s->removed, text[0]));
}

static void print_latency(FILE *out, const struct loadtest_size *size)
{
	char name[32], rate[32];

	for (unsigned i = 0; i < size->latency_count; i++) {
		const struct loadtest_latency *l = &size->latency[i];
		const struct loadtest_trial *trial = &size->trials[l->trial];
		uint64_t ns[PERCENTILES];

		fprintf(out, "  %s, %s packets/s (%.0f %%), loss %.4f %%\n",
			loadtest_size_name(size, name), grouped(trial->verdict.rate, rate),
			l->share * 100, trial->verdict.loss * 100);
		for (unsigned k = 0; k < PERCENTILES; k++)
			ns[k] = loadtest_commit_ns(trial, percentiles[k].share);
		print_times(out, "arrived to durable", ns, "<");
		if (l->stamps.known)
			print_stamps(out, &l->stamps);
	}
}

static void print_bursts(FILE *out, const struct loadtest *t)
{
	char name[32], burst[32];

	fputs("back-to-back: the longest burst at the sender's highest rate\n", out);
	for (unsigned i = 0; i < t->sizes_count; i++)
		if (t->sizes[i].burst_known)
			fprintf(out, "  %-11s %14s packets%s\n",
				loadtest_size_name(&t->sizes[i], name),
				status_grouped(t->sizes[i].burst, burst),
				t->sizes[i].burst_all ? ", and no end was found" : "");
}

static void print_notes(FILE *out, const struct loadtest *t)
{
	uint64_t extra = 0;
	bool stamps = false;
	char text[32];

	for (unsigned i = 0; i < t->sizes_count; i++) {
		const struct loadtest_size *size = &t->sizes[i];

		for (unsigned k = 0; k < size->trials_count; k++)
			extra += size->trials[k].verdict.extra;
		for (unsigned k = 0; k < size->latency_count; k++)
			stamps |= size->latency[k].stamps.known;
		if (size->frames.other_size)
			fprintf(out,
				"%s packets of the captures cannot be made %u bytes long: left "
				"out\n",
				status_grouped(size->frames.other_size, text), size->frame_size);
	}
	if (extra)
		fprintf(out,
			"Weir received more than was sent, by %s packet%s: others send to it, and "
			"may "
			"hide losses.\n",
			status_grouped(extra, text), extra == 1 ? "" : "s");
	if (t->options->data_dir && !stamps && t->complete)
		fputs("No stamp was found in the log: only the decoder datagram leaves them "
		      "whole.\n",
		      out);
	if (!t->complete)
		fputs("NOT COMPLETE: it ended before all was measured.\n", out);
}

void loadtest_report_text(FILE *out, const struct loadtest *t)
{
	print_throughput(out, t);
	fprintf(out, "%-26s", "latency, ms");
	for (unsigned i = 0; i < PERCENTILES; i++)
		fprintf(out, " %11s", percentiles[i].text);
	fputc('\n', out);
	for (unsigned i = 0; i < t->sizes_count; i++)
		print_latency(out, &t->sizes[i]);
	print_bursts(out, t);
	print_notes(out, t);
}
