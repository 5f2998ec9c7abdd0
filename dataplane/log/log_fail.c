/*
 * Cold: what to say when storage fails. Apart from the poll path, which must not format text.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log_private.h"

const char *log_op_name(unsigned kind)
{
	static const char *const names[] = {
		[DISK_WRITE] = "write to",	 [DISK_SYNC] = "fdatasync of",
		[DISK_CREATE] = "create",	 [DISK_ZERO] = "zeroing of",
		[DISK_TRUNCATE] = "truncate of", [DISK_RENAME] = "rename of",
		[DISK_UNLINK] = "unlink of",	 [DISK_SYNC_DIR] = "fsync of directory",
		[DISK_CLOSE] = "close of",	 [DISK_PUT] = "write of",
		[DISK_APPEND] = "append to",	 [DISK_SCRUB] = "scrub of",
	};
	return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "operation on";
}

void log_fail(struct log *log, int error, const char *what, const char *path)
{
	if (log->failed)
		return;
	log->failed = -error;
	snprintf(log->failed_text, sizeof(log->failed_text), "%s%s%.160s: %s", what,
		 *path ? " " : "", path,
		 strerrordesc_np(error) ? strerrordesc_np(error) : "unknown error");
}

void log_warn(struct log *log, const char *format, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (log->config.warn)
		log->config.warn(log->config.warn_arg, text);
	else
		fprintf(stderr, "warning: %s\n", text);
}
