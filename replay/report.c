#include "report.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "control/json_set.h"

enum { PAUSE_S = 60 };

static const char *const end_names[] = {
	[SEND_RUNNING] = "running", [SEND_DONE] = "done",	[SEND_TIME_UP] = "time_up",
	[SEND_STOPPED] = "stopped", [SEND_STALLED] = "stalled",
};

static const char *const end_texts[] = {
	[SEND_RUNNING] = "still runs",
	[SEND_DONE] = "all was sent",
	[SEND_TIME_UP] = "the time was up",
	[SEND_STOPPED] = "it was stopped",
	[SEND_STALLED] = "the device took no more",
};

static const char *const pace_names[] = {
	[PACE_CAPTURED] = "captured",
	[PACE_PACKETS] = "packets_per_second",
	[PACE_BITS] = "bits_per_second",
	[PACE_TOPSPEED] = "topspeed",
};

/* 1234567 as "1,234,567". One buffer for each of a line's numbers. */
static const char *number(uint64_t value)
{
	static char texts[4][32];
	static unsigned next;
	char *text = texts[next++ % 4], digits[32];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, value), n = 0;

	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			text[n++] = ',';
		text[n++] = digits[i];
	}
	text[n] = '\0';
	return text;
}

static void bits_text(double bits_per_second, char *text, size_t size)
{
	static const char *const units[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"};
	unsigned unit = 0;

	while (bits_per_second >= 1000 && unit < 4) {
		bits_per_second /= 1000;
		unit++;
	}
	snprintf(text, size, "%.3g %s", bits_per_second, units[unit]);
}

/* --- progress ------------------------------------------------------------------------------ */

struct progress {
	double seconds;
	uint64_t packets, bytes;
};

static struct progress before;

void report_progress(double seconds, uint64_t packets, uint64_t bytes, void *ctx)
{
	double span = seconds - before.seconds;
	char bits[32];

	bits_text((double)(bytes - before.bytes) * 8 / span, bits, sizeof(bits));
	fprintf(stderr, "\r\033[K%6.0f s  %s packets/s  %s  %s packets in all", seconds,
		number((uint64_t)((double)(packets - before.packets) / span)), bits,
		number(packets));
	fflush(stderr);
	before = (struct progress){seconds, packets, bytes};
}

void report_progress_end(void)
{
	fputs("\r\033[K", stderr);
	fflush(stderr);
}

void report_pause(const struct options *o, const struct replay *r)
{
	const struct pace_spec *pace = &o->trial.pace;
	double longest_s = (double)feed_counts(replay_feed(r))->longest_gap_ns / 1e9;

	if (pace->kind == PACE_CAPTURED && longest_s / pace->value > PAUSE_S)
		fprintf(stderr,
			"weir replay: between two packets lie %s seconds, by --speed and the "
			"captured times; --rate and --topspeed send on at once\n",
			number((uint64_t)fmin(longest_s / pace->value, 1e18)));
}

void report_notes(const struct replay *r)
{
	const struct captures *captures = feed_captures(replay_feed(r));
	const struct feed_counts *counts = feed_counts(replay_feed(r));

	for (unsigned i = 0; i < CAPTURE_CAUSES; i++)
		if (captures_left_out(captures, i))
			fprintf(stderr, "weir replay: %s packets are left out: %s\n",
				number(captures_left_out(captures, i)), capture_cause_text(i));
	if (captures_damage(captures))
		fprintf(stderr, "weir replay: %s; what stands before that is sent\n",
			captures_damage(captures));
	if (counts->too_short)
		fprintf(stderr,
			"weir replay: %s of %s packets get no stamp: no UDP payload of %d bytes\n",
			number(counts->too_short), number(counts->packets), STAMP_BYTES);
	if (counts->other_version)
		fprintf(stderr,
			"weir replay: %s of %s packets keep their destination: not of the IP "
			"version of --rewrite-dst\n",
			number(counts->other_version), number(counts->packets));
	if (counts->backwards)
		fprintf(stderr,
			"weir replay: captured time runs backwards %s times; such packets "
			"follow at once\n",
			number(counts->backwards));
}

/* --- at the end ---------------------------------------------------------------------------- */

/* Between n packets lie n - 1 gaps: one alone has no rate. */
static double per_second(const struct replay_result *result, uint64_t of_all)
{
	if (result->taken < 2 || result->seconds <= 0)
		return 0;
	return (double)of_all / (double)result->taken * (double)(result->taken - 1) /
	       result->seconds;
}

static void print_histogram(FILE *out, const char *name, const struct histogram *h)
{
	if (!h->count)
		return;
	fprintf(out, "  %-18s p50 %s ns, p99 %s ns, max %s ns\n", name,
		number(replay_ns(histogram_percentile(h, .5))),
		number(replay_ns(histogram_percentile(h, .99))), number(replay_ns(h->max)));
}

static void print_device(FILE *out, const struct replay *r, const struct replay_result *result)
{
	const struct device *device = replay_device(r);

	fprintf(out, "  %-18s %15s   %s, %u queue%s%s\n", "taken by driver", number(result->taken),
		device->driver, device->queues, device->queues == 1 ? "" : "s",
		replay_hugepages(r) ? ", hugepages" : "");
	fprintf(out, "  %-18s %15s   by the driver's count\n", "failed there",
		number(result->device.errors));
	fprintf(out, "  %-18s %15s   the driver had no room\n", "offered again",
		number(result->offered_again));
	if (result->given_up)
		fprintf(out, "  %-18s %15s   in hand at the end\n", "given up",
			number(result->given_up));
	if (result->device.has_interface)
		fprintf(out,
			"  %-18s %15s   by the kernel's count, with what others sent there; "
			"%s dropped\n",
			device->interface, number(result->device.interface_packets),
			number(result->device.interface_dropped));
}

void report_text(FILE *out, const struct options *o, const struct replay *r,
		 const struct replay_result *result)
{
	const struct feed_counts *counts = feed_counts(replay_feed(r));
	char bits[32];

	bits_text(per_second(result, result->bytes * 8), bits, sizeof(bits));
	fprintf(out, "%s after %.3f s\n", end_texts[result->end], result->seconds);
	fprintf(out, "  %-18s %15s   %s bytes; captured in %.3f s%s\n", "in the captures",
		number(counts->packets), number(counts->bytes), (double)counts->span_ns / 1e9,
		feed_in_memory(replay_feed(r)) ? "" : "; read from disk while sending");
	for (unsigned i = 0; i < CAPTURE_CAUSES; i++)
		if (captures_left_out(feed_captures(replay_feed(r)), i))
			fprintf(out, "  %-18s %15s   %s\n", "left out",
				number(captures_left_out(feed_captures(replay_feed(r)), i)),
				capture_cause_text(i));
	fprintf(out, "  %-18s %15s   %s packets/s, %s\n", "sent", number(result->sent),
		number((uint64_t)per_second(result, result->sent)), bits);
	print_device(out, r, result);
	if (o->sending.replay.stamp)
		fprintf(out, "  %-18s %15s\n", "stamped", number(result->stamped));
	print_histogram(out, "gap error", &result->gap_error);
	print_histogram(out, "late", &result->late);
	if (result->starved)
		fprintf(out, "  %-18s %15s   looks for a packet that was not read yet\n",
			"waited for disk", number(result->starved));
}

static json_t *histogram_json(const struct histogram *h)
{
	if (!h->count)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I}", "p50", replay_ns(histogram_percentile(h, .5)),
			 "p99", replay_ns(histogram_percentile(h, .99)), "p99_9",
			 replay_ns(histogram_percentile(h, .999)), "max", replay_ns(h->max));
}

static json_t *captures_json(const struct options *o, const struct replay *r)
{
	const struct feed_counts *counts = feed_counts(replay_feed(r));
	const struct captures *captures = feed_captures(replay_feed(r));
	json_t *files = json_array(), *left_out = json_object();

	for (unsigned i = 0; i < o->sending.replay.paths_count; i++)
		json_array_append_new(files, json_text(o->sending.replay.paths[i]));
	for (unsigned i = 0; i < CAPTURE_CAUSES; i++)
		json_object_set_new(left_out, capture_cause_name(i),
				    json_integer((json_int_t)captures_left_out(captures, i)));
	return json_pack("{s:o, s:I, s:I, s:f, s:I, s:o, s:b, s:o}", "files", files, "packets",
			 counts->packets, "bytes", counts->bytes, "span_seconds",
			 (double)counts->span_ns / 1e9, "backwards", counts->backwards, "left_out",
			 left_out, "in_memory", feed_in_memory(replay_feed(r)), "damage",
			 captures_damage(captures) ? json_text(captures_damage(captures))
						   : json_null());
}

static json_t *device_json(const struct options *o, const struct replay *r,
			   const struct replay_result *result)
{
	const struct device_counts *c = &result->device;
	json_t *interface = json_null();

	if (c->has_interface)
		interface =
			json_pack("{s:o, s:I, s:I}", "name", json_text(replay_device(r)->interface),
				  "packets", c->interface_packets, "dropped", c->interface_dropped);
	return json_pack("{s:o, s:s, s:i, s:b, s:I, s:I, s:I, s:I, s:o}", "name",
			 json_text(o->sending.replay.device), "driver", replay_device(r)->driver,
			 "queues", (int)o->sending.replay.queues, "hugepages", replay_hugepages(r),
			 "taken", result->taken, "errors", c->errors, "offered_again",
			 result->offered_again, "given_up", result->given_up, "interface",
			 interface);
}

bool report_json(FILE *out, const struct options *o, const struct replay *r,
		 const struct replay_result *result)
{
	const struct feed_counts *counts = feed_counts(replay_feed(r));
	json_t *sent = json_pack("{s:I, s:I, s:f, s:f, s:f}", "packets", result->sent, "bytes",
				 result->bytes, "seconds", result->seconds, "packets_per_second",
				 per_second(result, result->sent), "bits_per_second",
				 per_second(result, result->bytes * 8));
	json_t *pace = json_pack("{s:s, s:f, s:o, s:o, s:I}", "kind",
				 pace_names[o->trial.pace.kind], "value", o->trial.pace.value,
				 "gap_error_ns", histogram_json(&result->gap_error), "late_ns",
				 histogram_json(&result->late), "starved", result->starved);
	json_t *rewrite = json_pack("{s:I, s:I, s:I}", "other_version", counts->other_version,
				    "stamped", result->stamped, "too_short", counts->too_short);
	json_t *all = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "end", end_names[result->end],
				"captures", captures_json(o, r), "sent", sent, "device",
				device_json(o, r, result), "pace", pace, "rewrite", rewrite);
	bool written = all && json_dumpf(all, out, JSON_INDENT(2)) == 0 && fputc('\n', out) != EOF;

	json_decref(all);
	return written;
}
