/*
 * Control's own log: one line each on stderr, with time and level. Under the journal
 * (JOURNAL_STREAM is set) lines carry a priority instead of the time. One thread.
 */
#pragma once

enum log_text_level {
	LOG_TEXT_ERROR = 3, /* syslog's numbers */
	LOG_TEXT_WARNING = 4,
	LOG_TEXT_INFO = 6,
};

void log_text(enum log_text_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Each line of text as a log line, behind prefix. */
void log_text_lines(enum log_text_level level, const char *prefix, const char *text);

/* A line that weir-NAME wrote, as "NAME: line". Returns it as it is logged, without a name. */
const char *log_text_child(const char *name, const char *line);

#define log_error(...)	 log_text(LOG_TEXT_ERROR, __VA_ARGS__)
#define log_warning(...) log_text(LOG_TEXT_WARNING, __VA_ARGS__)
#define log_info(...)	 log_text(LOG_TEXT_INFO, __VA_ARGS__)

/* Shows a line that the next one replaces, kept below the log lines; NULL takes it away. Only
 * for a terminal. */
void log_text_live(const char *line);
