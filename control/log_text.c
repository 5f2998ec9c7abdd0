#include "log_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CLEAR_LINE "\r\033[K"

static char live[512];

static const char *level_name(enum log_text_level level)
{
	switch (level) {
	case LOG_TEXT_ERROR:
		return "error";
	case LOG_TEXT_WARNING:
		return "warning";
	case LOG_TEXT_INFO:
		break;
	}
	return "info";
}

static void print_head(enum log_text_level level)
{
	struct timespec now;
	struct tm tm;
	char text[32];

	if (getenv("JOURNAL_STREAM")) {
		fprintf(stderr, "<%d>", (int)level);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(stderr, "%s.%03ldZ %-7s ", text, now.tv_nsec / 1000000, level_name(level));
}

void log_text(enum log_text_level level, const char *format, ...)
{
	va_list args;

	if (live[0])
		fputs(CLEAR_LINE, stderr);
	print_head(level);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	if (live[0])
		fputs(live, stderr);
	fflush(stderr);
}

void log_text_lines(enum log_text_level level, const char *prefix, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		if (len)
			log_text(level, "%s%.*s", prefix, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

const char *log_text_child(const char *name, const char *line)
{
	char own[64];
	size_t n = (size_t)snprintf(own, sizeof(own), "weir-%s: ", name);

	if (strncmp(line, own, n) == 0)
		line += n;
	log_info("%s: %s", name, line);
	return line;
}

void log_text_live(const char *line)
{
	snprintf(live, sizeof(live), "%s", line ? line : "");
	fprintf(stderr, CLEAR_LINE "%s", live);
	fflush(stderr);
}
