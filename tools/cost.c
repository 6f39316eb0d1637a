// SPDX-License-Identifier: Apache-2.0
#include "tools/cost.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/own.h"
#include "identity/text.h"
#include "kernel/stats.h"
#include "kernel/tables.h"

#define PROGRAMS_MOST 64

void tt_tool_cost_begin(struct tt_tool_cost *c)
{
	c->statistics = tt_kernel_count_time();
}

void tt_tool_cost_programs(struct tt_tool_cost *c, const struct tt_kernel *k)
{
	struct tt_program_stats programs[PROGRAMS_MOST];
	size_t count = tt_kernel_program_stats(k, programs, PROGRAMS_MOST);

	c->runs = c->ns = 0;
	for (size_t i = 0; i < count; i++) {
		c->runs += programs[i].runs;
		c->ns += programs[i].ns;
	}
}

static double seconds(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

/* MiB of this process (proc_pid_status(5)), VmRSS now or VmHWM at most; 0: not known. (getrusage(2) would tell of who began it,
 * too.) */
static double resident(const char *which)
{
	tt_buf_auto struct tt_buf text = TT_BUF(4096);

	if (tt_text_read(AT_FDCWD, "/proc/self/status", &text) < 0 || tt_buf_add_char(&text, 0) < 0)
		return 0;
	const char *line = strstr((const char *)text.data, which);
	return line ? (double)strtoul(line + strlen(which), NULL, 10) / 1024 : 0;
}

void tt_tool_cost_tell(const struct tt_tool_cost *c, const char *tool, struct tt_buf *b)
{
	struct rusage own;

	getrusage(RUSAGE_SELF, &own);
	tt_buf_printf(b, "telltale %s: it took ", tool);
	if (c->statistics >= 0)
		tt_buf_printf(b, "%.6f s in the kernel (%llu runs of its programs, %.0f ns each), ", (double)c->ns / 1e9,
			      (unsigned long long)c->runs, c->runs ? (double)c->ns / (double)c->runs : 0);
	tt_buf_printf(b, "%.3f s of processor, %.1f MiB of memory (%.1f at most)\n",
		      seconds(&own.ru_utime) + seconds(&own.ru_stime), resident("\nVmRSS:"), resident("\nVmHWM:"));
}

void tt_tool_cost_end(struct tt_tool_cost *c)
{
	if (c->statistics >= 0)
		close(c->statistics);
	c->statistics = -1;
}
