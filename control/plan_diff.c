#include "plan_diff.h"

#include <stdarg.h>
#include <string.h>

#include "config_value.h"

struct diff {
	FILE *out;
	unsigned lines;
};

enum { TEXT_MAX = 512 };

__attribute__((format(printf, 2, 3))) static void line(struct diff *d, const char *format, ...)
{
	va_list args;

	d->lines++;
	if (!d->out)
		return;
	va_start(args, format);
	vfprintf(d->out, format, args);
	va_end(args);
	fputc('\n', d->out);
}

static void changed(struct diff *d, const char *stream, const char *key, const char *from,
		    const char *to)
{
	if (strcmp(from, to) == 0)
		return;
	if (stream)
		line(d, "streams.%s.%s: %s -> %s", stream, key, from, to);
	else
		line(d, "%s: %s -> %s", key, from, to);
}

static const char *duration(uint64_t ns, const char *zero, char text[TEXT_MAX])
{
	if (ns == 0)
		return zero;
	config_duration_text(ns, text, TEXT_MAX);
	return text;
}

static const char *size(uint64_t bytes, const char *zero, char text[TEXT_MAX])
{
	if (bytes == 0)
		return zero;
	config_size_text(bytes, text, TEXT_MAX);
	return text;
}

static const char *compression(const struct plan_stream *s, char text[TEXT_MAX])
{
	static const char *const names[] = {[PLAN_COMPRESSION_NONE] = "none",
					    [PLAN_COMPRESSION_LZ4] = "lz4",
					    [PLAN_COMPRESSION_ZSTD] = "zstd"};

	const char *name = s->compression <= PLAN_COMPRESSION_ZSTD ? names[s->compression] : NULL;
	if (s->compression_level && s->compression != PLAN_COMPRESSION_NONE)
		snprintf(text, TEXT_MAX, "%s (level %u)", name ? name : "?", s->compression_level);
	else
		snprintf(text, TEXT_MAX, "%s", name ? name : "?");
	return text;
}

static const char *decoder(const struct plan_stream *s)
{
	static const char *const names[] = {
#define DECODER(name, doc) #name,
#include "dataplane/api/decoders.def"
#undef DECODER
	};

	return s->decoder < PLAN_DECODERS ? names[s->decoder] : "?";
}

static const char *headers(const struct plan_stream *s, char text[TEXT_MAX])
{
	static const char *const names[] = {"src", "dst", "vlan", "rx_ns"};
	int at = snprintf(text, TEXT_MAX, "[");

	for (int i = 0; i < 4; i++)
		if (s->headers & (1 << i))
			at += snprintf(text + at, TEXT_MAX - (size_t)at, "%s%s", at > 1 ? ", " : "",
				       names[i]);
	snprintf(text + at, TEXT_MAX - (size_t)at, "]");
	return text;
}

static const char *matches(const struct plan_stream *s, char text[TEXT_MAX])
{
	int at = 0;

	if (s->catch_all)
		return "any";
	if (s->filter_insns)
		return "filter";
	text[0] = '\0';
	for (int i = 0; i < s->listens && i < PLAN_LISTEN_MAX; i++) {
		const struct plan_listen *l = &s->listen[i];
		at += snprintf(text + at, TEXT_MAX - (size_t)at, "%s%u", at ? "," : "", l->first);
		if (l->last != l->first)
			at += snprintf(text + at, TEXT_MAX - (size_t)at, "-%u", l->last);
	}
	return text;
}

static void diff_filter(struct diff *d, const struct plan *a, const struct plan_stream *sa,
			const struct plan *b, const struct plan_stream *sb)
{
	if (!sa->filter_insns || !sb->filter_insns)
		return;
	if (sa->filter_insns != sb->filter_insns ||
	    memcmp(&a->filter_insns[sa->filter_first], &b->filter_insns[sb->filter_first],
		   sa->filter_insns * sizeof(struct plan_insn)) != 0)
		line(d, "streams.%s.filter: changed (%u -> %u instructions)", sb->name,
		     sa->filter_insns, sb->filter_insns);
}

static void diff_stream(struct diff *d, const struct plan *a, const struct plan_stream *sa,
			const struct plan *b, const struct plan_stream *sb)
{
	static const char *const key_names[] = {"sender", "none"};
	char x[TEXT_MAX], y[TEXT_MAX];
	const char *name = sb->name;

	changed(d, name, "match", matches(sa, x), matches(sb, y));
	diff_filter(d, a, sa, b, sb);
	changed(d, name, "decoder", decoder(sa), decoder(sb));
	changed(d, name, "key", key_names[sa->key & 1], key_names[sb->key & 1]);
	changed(d, name, "headers", headers(sa, x), headers(sb, y));
	changed(d, name, "batch_size", size(sa->batch_bytes, "0", x),
		size(sb->batch_bytes, "0", y));
	changed(d, name, "linger", duration(sa->linger_ns, "0", x),
		duration(sb->linger_ns, "0", y));
	changed(d, name, "compression", compression(sa, x), compression(sb, y));
	changed(d, name, "segment_size", size(sa->segment_bytes, "0", x),
		size(sb->segment_bytes, "0", y));
	changed(d, name, "segment_age", duration(sa->segment_age_ns, "never", x),
		duration(sb->segment_age_ns, "never", y));
	changed(d, name, "retention.size", size(sa->retention_bytes, "unlimited", x),
		size(sb->retention_bytes, "unlimited", y));
	changed(d, name, "retention.age", duration(sa->retention_age_ns, "unlimited", x),
		duration(sb->retention_age_ns, "unlimited", y));
}

static const struct plan_stream *used_stream(const struct plan *plan, const char *name)
{
	int slot = plan_stream_slot(plan, name);

	return slot >= 0 && plan->streams[slot].used ? &plan->streams[slot] : NULL;
}

/* Position in the file among the streams that the other plan has too: only a real change of the
 * order counts, not the shift that an added or removed stream makes. */
static unsigned rank(const struct plan *plan, const struct plan_stream *of,
		     const struct plan *other)
{
	unsigned before = 1;

	for (unsigned i = 0; i < plan->streams_max; i++) {
		const struct plan_stream *s = &plan->streams[i];
		if (s->used && s->order < of->order && used_stream(other, s->name))
			before++;
	}
	return before;
}

static void diff_streams(struct diff *d, const struct plan *a, const struct plan *b)
{
	for (unsigned i = 0; i < b->streams_max; i++) {
		const struct plan_stream *sb = &b->streams[i], *sa;
		char x[TEXT_MAX];

		if (!sb->used)
			continue;
		sa = used_stream(a, sb->name);
		if (!sa) {
			line(d, "streams.%s: added (%s)", sb->name, matches(sb, x));
			continue;
		}
		diff_stream(d, a, sa, b, sb);
		if (rank(a, sa, b) != rank(b, sb, a))
			line(d, "streams.%s: position %u -> %u", sb->name, rank(a, sa, b),
			     rank(b, sb, a));
	}
	for (unsigned i = 0; i < a->streams_max; i++)
		if (a->streams[i].used && !used_stream(b, a->streams[i].name))
			line(d, "streams.%s: removed", a->streams[i].name);
}

unsigned plan_diff(const struct plan *running, const struct plan *next, FILE *out)
{
	const struct plan *a = running, *b = next;
	static const char *const idle_names[] = {"spin", "adaptive"};
	struct diff d = {.out = out};
	char x[TEXT_MAX], y[TEXT_MAX];

	changed(&d, NULL, "lanes.idle", idle_names[a->idle & 1], idle_names[b->idle & 1]);
	changed(&d, NULL, "lanes.rest", duration(a->rest_ns, "0", x), duration(b->rest_ns, "0", y));
	if (a->burst != b->burst)
		line(&d, "lanes.burst: %u -> %u", a->burst, b->burst);
	changed(&d, NULL, "storage.sync", a->sync_off ? "off" : duration(a->sync_ns, "0", x),
		b->sync_off ? "off" : duration(b->sync_ns, "0", y));
	diff_streams(&d, a, b);
	return d.lines;
}
