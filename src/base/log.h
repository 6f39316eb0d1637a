/* SPDX-License-Identifier: Apache-2.0 */
/* Program code logs, library code returns (docs/ownership.md). One line to stderr, "telltale: level: text". */
#ifndef TT_BASE_LOG_H
#define TT_BASE_LOG_H

enum tt_log_level {
	TT_LOG_ERROR,
	TT_LOG_WARN,
	TT_LOG_INFO,
	TT_LOG_DEBUG,
};

void tt_log_set_level(enum tt_log_level level);
void tt_log(enum tt_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define tt_error(...) tt_log(TT_LOG_ERROR, __VA_ARGS__)
#define tt_warn(...) tt_log(TT_LOG_WARN, __VA_ARGS__)
#define tt_info(...) tt_log(TT_LOG_INFO, __VA_ARGS__)
#define tt_debug(...) tt_log(TT_LOG_DEBUG, __VA_ARGS__)

/* Logs the text with the errno's meaning and gives r back: return tt_error_errno(r, "opening %s", path); */
#define tt_error_errno(r, fmt, ...)                                                           \
	({                                                                                    \
		int _r = (r);                                                                 \
		tt_log(TT_LOG_ERROR, fmt ": %s", ##__VA_ARGS__, strerror(_r < 0 ? -_r : _r)); \
		_r;                                                                           \
	})

#endif
