// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static enum tt_log_level max_level = TT_LOG_WARN;

void tt_log_set_level(enum tt_log_level level)
{
	max_level = level;
}

void tt_log(enum tt_log_level level, const char *fmt, ...)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	char line[1024];

	if (level > max_level)
		return;

	int at = snprintf(line, sizeof(line), "telltale: %s: ", names[level]);
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(line + at, sizeof(line) - (size_t)at - 1, fmt, args);
	va_end(args);

	size_t len = (size_t)at + (n < 0 ? 0 : (size_t)n);
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	/* One write, so that lines of several threads do not mix. A full or closed stderr is not worth failing for. */
	ssize_t written = write(STDERR_FILENO, line, len);
	(void)written;
}
