// SPDX-License-Identifier: Apache-2.0
#include "agent/self.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/now.h"
#include "source/file.h"
#include "source/live.h"

#define TT_PROGRAMS_MOST 128
#define TT_REFUSED_MOST 64
#define TT_LOSING_NS 30000000000u /* how long after a loss the state is "losing" */

struct tt_self {
	struct tt_pipeline *pipeline;
	uint64_t start_ns;
	uint64_t lost;	       /* in all, at the last look */
	uint64_t lost_seen_ns; /* when it had grown; 0: never */
	struct tt_selfstats stats;
	struct tt_source_stats source;
	struct tt_stream_stats streams;
	struct tt_join_stats map;
	struct tt_self_tools tools; /* ctx NULL: none */
	struct tt_selfstats_tool refused[TT_REFUSED_MOST];
	struct tt_program_stats programs[TT_PROGRAMS_MOST];
	struct tt_selfstats_bpf bpf[TT_PROGRAMS_MOST];
};

int tt_self_new(struct tt_self **ret, struct tt_pipeline *pipeline)
{
	struct tt_self *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->pipeline = pipeline;
	s->start_ns = tt_now_ns();
	s->stats.version = TT_VERSION;
	*ret = s;
	return 0;
}

struct tt_self *tt_self_free(struct tt_self *s)
{
	free(s);
	return NULL;
}

void tt_self_describe(struct tt_self *s, const char *scope, const char *hooks)
{
	s->stats.scope = scope;
	s->stats.hooks = hooks;
}

void tt_self_set_tools(struct tt_self *s, const struct tt_self_tools *tools)
{
	s->tools = *tools;
}

/* proc(5), statm: the second number is resident pages. */
static uint64_t tt_resident_bytes(void)
{
	unsigned long size, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	if (fscanf(f, "%lu %lu", &size, &resident) != 2) // NOLINT(cert-err34-c): the kernel writes it
		resident = 0;
	fclose(f);
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void tt_self_programs(struct tt_self *s, const struct tt_source *live)
{
	size_t count = tt_live_program_stats(live, s->programs, TT_PROGRAMS_MOST);

	if (s->tools.ctx) {
		count += s->tools.programs(s->tools.ctx, s->programs + count, TT_PROGRAMS_MOST - count);
		s->stats.tools = s->refused;
		s->stats.tool_count = s->tools.lost(s->tools.ctx, s->refused, TT_REFUSED_MOST);
	}

	s->stats.bpf_timed = false;
	for (size_t i = 0; i < count; i++) {
		const struct tt_program_stats *p = &s->programs[i];
		s->bpf[i] = (struct tt_selfstats_bpf){.program = p->name, .runs = p->runs, .run_ns = p->ns, .missed = p->missed};
		s->stats.bpf_timed |= p->ns != 0;
	}
	s->stats.bpf = s->bpf;
	s->stats.bpf_count = count;
}

static void tt_self_losing(struct tt_self *s, uint64_t now_ns)
{
	uint64_t lost = 0;

	for (int i = 0; i < TT_LOSS_MAX; i++)
		lost += s->source.lost[i];
	if (lost > s->lost)
		s->lost_seen_ns = now_ns;
	s->lost = lost;
	s->stats.losing = s->lost_seen_ns && now_ns - s->lost_seen_ns < TT_LOSING_NS;
}

struct tt_selfstats *tt_self_look(struct tt_self *s)
{
	struct tt_source *source = tt_pipeline_source(s->pipeline);
	bool live = strcmp(source->ops->name, "live") == 0;
	uint64_t now_ns = tt_now_ns();

	memset(&s->source, 0, sizeof(s->source));
	if (source->ops->stats)
		source->ops->stats(source, &s->source);
	tt_pipeline_stats(s->pipeline, &s->streams);
	if (live) {
		tt_self_programs(s, source);
		s->stats.listeners_refused = tt_live_listeners_refused(source);
	}
	tt_self_losing(s, now_ns);

	s->stats.source_name = live ? "kernel" : tt_file_source_real(source)->ops->name;
	s->stats.time_unix_ns = (int64_t)tt_clock_ns(CLOCK_REALTIME);
	s->stats.uptime_ns = now_ns - s->start_ns;
	s->stats.cpu_ns = tt_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	s->stats.resident_bytes = tt_resident_bytes();
	s->stats.source = &s->source;
	s->stats.streams = &s->streams;
	s->stats.map = &s->map;
	s->stats.routes_refused = tt_pipeline_routes_refused(s->pipeline);
	return &s->stats;
}

struct tt_join_stats *tt_self_map(struct tt_self *s)
{
	return &s->map;
}
