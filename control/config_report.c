#include "config_report.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void config_report_init(struct config_report *report, const char *file)
{
	memset(report, 0, sizeof(*report));
	snprintf(report->file, sizeof(report->file), "%s", file);
}

void config_report_free(struct config_report *report)
{
	free(report->findings);
	report->findings = NULL;
	report->count = report->errors = report->left_out = 0;
}

static struct config_finding *add(struct config_report *report, struct config_pos pos,
				  const char *key, const char *found)
{
	struct config_finding *f;

	/* Grows by doubling, at powers of two. */
	if ((report->count & (report->count - 1)) == 0) {
		unsigned room = report->count ? report->count * 2 : 1;
		if (report->count >= CONFIG_FINDINGS_MAX ||
		    !(f = realloc(report->findings, room * sizeof(*f)))) {
			report->left_out++;
			return NULL;
		}
		report->findings = f;
	}
	if (report->count >= CONFIG_FINDINGS_MAX) {
		report->left_out++;
		return NULL;
	}
	f = &report->findings[report->count++];
	memset(f, 0, sizeof(*f));
	f->pos = pos;
	snprintf(f->key, sizeof(f->key), "%s", key);
	snprintf(f->found, sizeof(f->found), "%s", found);
	return f;
}

void config_error(struct config_report *report, struct config_pos pos, const char *key,
		  const char *found, const char *expected, ...)
{
	struct config_finding *f = add(report, pos, key, found);
	va_list ap;

	report->errors++;
	if (!f)
		return;
	va_start(ap, expected);
	vsnprintf(f->expected, sizeof(f->expected), expected, ap);
	va_end(ap);
}

void config_warning(struct config_report *report, struct config_pos pos, const char *key,
		    const char *format, ...)
{
	struct config_finding *f = add(report, pos, key, "");
	va_list ap;

	if (!f)
		return;
	f->warning = true;
	va_start(ap, format);
	vsnprintf(f->expected, sizeof(f->expected), format, ap);
	va_end(ap);
}

static int by_place(const void *a, const void *b)
{
	const struct config_finding *x = a, *y = b;

	if (x->pos.line != y->pos.line)
		return x->pos.line < y->pos.line ? -1 : 1;
	if (x->pos.column != y->pos.column)
		return x->pos.column < y->pos.column ? -1 : 1;
	return strcmp(x->key, y->key);
}

void config_finding_text(const struct config_report *report, const struct config_finding *finding,
			 char *text, size_t size)
{
	const struct config_finding *f = finding;
	char place[64] = "";

	if (f->pos.line)
		snprintf(place, sizeof(place), ":%u:%u", f->pos.line, f->pos.column);
	if (f->warning)
		snprintf(text, size, "%s%s: warning: %s%s%s", report->file, place, f->key,
			 f->key[0] ? ": " : "", f->expected);
	else if (!f->found[0])
		snprintf(text, size, "%s%s: %s%s%s", report->file, place, f->key,
			 f->key[0] ? ": " : "", f->expected);
	else
		snprintf(text, size, "%s%s: %s%sfound %s, expected %s", report->file, place, f->key,
			 f->key[0] ? ": " : "", f->found, f->expected);
}

void config_report_print(struct config_report *report, FILE *out)
{
	char text[2048];

	if (report->count)
		qsort(report->findings, report->count, sizeof(*report->findings), by_place);
	for (unsigned i = 0; i < report->count; i++) {
		config_finding_text(report, &report->findings[i], text, sizeof(text));
		fprintf(out, "%s\n", text);
	}
	if (report->left_out)
		fprintf(out, "%s: %u more\n", report->file, report->left_out);
}

const char *config_quote(const char *text, size_t length, char *out, size_t size)
{
	size_t o = 0, limit = size < 100 ? size : 100, i;

	out[o++] = '"';
	for (i = 0; i < length && o + 8 < limit; i++) {
		unsigned char ch = (unsigned char)text[i];
		if (iscntrl(ch))
			o += (size_t)snprintf(out + o, size - o, ch == '\n' ? "\\n" : "\\x%02x",
					      ch);
		else
			out[o++] = (char)ch;
	}
	snprintf(out + o, size - o, "%s\"", i < length ? "..." : "");
	return out;
}
