#include <jansson.h>

#include "control/json_set.h"
#include "loadtest_report.h"

static void set_real(json_t *object, const char *name, double value)
{
	json_object_set_new(object, name, json_real(value));
}

static json_t *stage_json(enum verdict_stage stage, const char *why)
{
	return json_pack("{s:s, s:s}", "stage", verdict_stage_name(stage), "why", why);
}

static json_t *trial_json(const struct loadtest_trial *trial)
{
	const struct verdict *v = &trial->verdict;
	json_t *o = json_object(), *ledger = json_object();

	json_set_text(o, "purpose", loadtest_purpose_name(trial->purpose));
	json_object_set_new(o, "asked_packets_per_second",
			    trial->asked > 0 ? json_real(trial->asked) : json_null());
	json_object_set_new(o, "asked_packets",
			    trial->packets ? json_integer((json_int_t)trial->packets)
					   : json_null());
	set_real(o, "seconds", trial->seconds);
	json_set(o, "sent", v->sent);
	json_set(o, "sent_bytes", trial->bytes);
	set_real(o, "packets_per_second", v->rate);
	json_set(o, "received", v->received);
	json_set(o, "missed", v->missed);
	json_set(o, "extra", v->extra);
	for (unsigned i = 0; i < trial->terms_count; i++)
		if (trial->terms[i].packets)
			json_set(ledger, trial->terms[i].name, trial->terms[i].packets);
	json_object_set_new(o, "ledger", ledger);
	json_set(o, "lost", v->lost);
	set_real(o, "loss_ratio", v->loss);
	set_real(o, "busy_ratio", v->rx_busy);
	set_real(o, "log_busy_ratio", v->log_busy);
	json_set_flag(o, "passed", v->passed);
	json_object_set_new(o, "bound", stage_json(v->stage, v->why));
	return o;
}

static void set_ns(json_t *object, const char *name, uint64_t ns)
{
	json_object_set_new(object, name, ns ? json_integer((json_int_t)ns) : json_null());
}

static json_t *stamps_json(const struct loadtest_stamps *s)
{
	json_t *o = json_object(), *ns = json_object();

	if (!s->known) {
		json_decref(o);
		json_decref(ns);
		return json_null();
	}
	json_set_text(o, "arrival", s->exact ? "rx_ns" : "timestamp_ms");
	json_set(o, "stamped", s->stamped);
	json_set(o, "stored", s->stored);
	json_set(o, "missing", s->missing);
	json_set(o, "removed", s->removed);
	json_set(o, "reordered", s->reordered);
	json_set(o, "duplicates", s->duplicates);
	json_set(o, "early", s->early);
	json_set(ns, "p50", histogram_percentile(&s->latency, .5));
	json_set(ns, "p90", histogram_percentile(&s->latency, .9));
	json_set(ns, "p99", histogram_percentile(&s->latency, .99));
	json_set(ns, "p99_9", histogram_percentile(&s->latency, .999));
	json_set(ns, "max", s->latency.max);
	json_object_set_new(o, "latency_ns", ns);
	return o;
}

static json_t *latency_json(const struct loadtest_size *size, const struct loadtest_latency *l)
{
	const struct loadtest_trial *trial = &size->trials[l->trial];
	json_t *o = json_object(), *ns = json_object();

	set_ns(ns, "p50", loadtest_commit_ns(trial, .5));
	set_ns(ns, "p90", loadtest_commit_ns(trial, .9));
	set_ns(ns, "p99", loadtest_commit_ns(trial, .99));
	set_ns(ns, "p99_9", loadtest_commit_ns(trial, .999));
	set_real(o, "share_ratio", l->share);
	json_set(o, "trial", l->trial);
	set_real(o, "packets_per_second", trial->verdict.rate);
	set_real(o, "loss_ratio", trial->verdict.loss);
	json_object_set_new(o, "durable_below_ns", ns);
	json_object_set_new(o, "stamps", stamps_json(&l->stamps));
	return o;
}

static json_t *throughput_json(const struct loadtest_size *size)
{
	json_t *o = json_object();
	const char *why;
	enum verdict_stage stage = loadtest_bound(size, &why);

	set_real(o, "packets_per_second", loadtest_rate(size));
	if (size->passed >= 0) {
		const struct loadtest_trial *best = &size->trials[size->passed];
		set_real(o, "bits_per_second", (double)best->bytes * 8 / best->seconds);
		json_set(o, "trial", (uint64_t)size->passed);
		json_set(o, "lost", best->verdict.lost);
		set_real(o, "loss_ratio", best->verdict.loss);
	}
	json_object_set_new(o, "bound", stage_json(stage, why));
	return o;
}

static json_t *size_json(const struct loadtest_size *size)
{
	json_t *o = json_object(), *trials = json_array(), *latency = json_array();

	for (unsigned i = 0; i < size->trials_count; i++)
		json_array_append_new(trials, trial_json(&size->trials[i]));
	for (unsigned i = 0; i < size->latency_count; i++)
		json_array_append_new(latency, latency_json(size, &size->latency[i]));
	json_object_set_new(o, "frame_size",
			    size->frame_size ? json_integer(size->frame_size) : json_null());
	json_object_set_new(o, "frames",
			    json_pack("{s:I, s:I, s:I}", "packets",
				      (json_int_t)size->frames.packets, "bytes",
				      (json_int_t)size->frames.bytes, "other_size",
				      (json_int_t)size->frames.other_size));
	json_object_set_new(o, "throughput", throughput_json(size));
	json_object_set_new(o, "latency", latency);
	json_object_set_new(o, "burst",
			    size->burst_known
				    ? json_pack("{s:I, s:b}", "packets", (json_int_t)size->burst,
						"all", size->burst_all)
				    : json_null());
	json_object_set_new(o, "trials", trials);
	return o;
}

bool loadtest_report_json(FILE *out, const struct loadtest *t)
{
	const struct replay_options *r = &t->options->sending.replay;
	json_t *o = json_object(), *sizes = json_array(), *files = json_array();

	for (unsigned i = 0; i < r->paths_count; i++)
		json_array_append_new(files, json_text(r->paths[i]));
	for (unsigned i = 0; i < t->sizes_count; i++)
		json_array_append_new(sizes, size_json(&t->sizes[i]));
	json_object_set_new(o, "files", files);
	json_set_text(o, "device", r->device);
	json_set(o, "queues", r->queues);
	json_set_text(o, "against", t->options->against);
	set_real(o, "loss_max_ratio", t->options->loss_max);
	json_set_seconds(o, "trial_s", t->options->trial_ns);
	json_set_flag(o, "complete", t->complete);
	json_object_set_new(o, "sizes", sizes);
	bool written = json_dumpf(o, out, JSON_INDENT(2) | JSON_REAL_PRECISION(10)) == 0 &&
		       fputc('\n', out) != EOF;
	json_decref(o);
	return written;
}
