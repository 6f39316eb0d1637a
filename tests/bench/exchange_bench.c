// SPDX-License-Identifier: Apache-2.0
/*
 * Drives the real pipeline with exchanges made up in memory, for callgrind to count instructions and for its own resident size to
 * be read. Says what it did on standard output; fails unless every exchange came out, complete.
 *
 *   exchange_bench PROTOCOL SINKS EXCHANGES CONNECTIONS [both] [tls]
 *
 * SINKS is "source" (the records are made up and dropped: what the driver itself costs), "none" or a list of metrics, map,
 * services, recent, summary, jsonl separated by commas.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/pipeline.h"
#include "base/own.h"
#include "sink/jsonl.h"
#include "sink/map.h"
#include "sink/metrics.h"
#include "sink/recent.h"
#include "sink/services.h"
#include "sink/summary.h"
#include "source.h"

#define TT_BENCH_BUDGET 40 /* records a drain: twenty milliseconds of a thousand requests a second */

/* callgrind collects between entry and exit of these two (--toggle-collect), so they must stand alone. */
enum tt_step tt_bench_parse_requests(struct tt_link *link, enum tt_side side, struct tt_input *in);
enum tt_step tt_bench_parse_responses(struct tt_link *link, enum tt_side side, struct tt_input *in);

static const struct tt_proto *measured;

__attribute__((noipa)) enum tt_step tt_bench_parse_requests(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	enum tt_step step = measured->parse(link, side, in);
	__asm__ volatile("" : : "r"(step)); /* no tail call: the function must be left after the parser */
	return step;
}

__attribute__((noipa)) enum tt_step tt_bench_parse_responses(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	enum tt_step step = measured->parse(link, side, in);
	__asm__ volatile("" : : "r"(step));
	return step;
}

static enum tt_step tt_bench_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	return side == TT_REQUESTS ? tt_bench_parse_requests(link, side, in) : tt_bench_parse_responses(link, side, in);
}

/* One that another is spoken over, or that is, is known by its address. */
static bool tt_bench_wraps(void)
{
	bool alone = !measured->over;
	for (size_t i = 0; i < tt_protos_count; i++)
		alone &= tt_protos[i]->over != measured;
	return alone;
}

/* Every registered protocol takes part in detection; the measured one is called through the two functions above. */
static const struct tt_proto **tt_bench_protos(void)
{
	static struct tt_proto wrapped;
	const struct tt_proto **list = calloc(tt_protos_count, sizeof(*list));

	wrapped = *measured;
	wrapped.parse = tt_bench_parse;
	bool wraps = tt_bench_wraps();
	for (size_t i = 0; list && i < tt_protos_count; i++)
		list[i] = tt_protos[i] == measured && wraps ? &wrapped : tt_protos[i];
	return list;
}

static int tt_bench_sink(struct tt_pipeline *p, const struct tt_limits *limits, struct tt_series_set *series, const char *name)
{
	const struct tt_jsonl_options options = {0};
	struct tt_sink *sink = NULL;
	int r = -EINVAL;

	if (strcmp(name, "metrics") == 0)
		r = tt_metrics_new(&sink, series);
	else if (strcmp(name, "map") == 0)
		r = tt_map_new(&sink, limits, series);
	else if (strcmp(name, "services") == 0)
		r = tt_services_new(&sink, limits);
	else if (strcmp(name, "recent") == 0)
		r = tt_recent_new(&sink, limits, &options);
	else if (strcmp(name, "summary") == 0)
		r = tt_summary_new(&sink, limits);
	else if (strcmp(name, "jsonl") == 0)
		r = tt_jsonl_new(&sink, open("/dev/null", O_WRONLY | O_CLOEXEC), &options);
	return r < 0 ? r : tt_pipeline_add(p, sink);
}

static int tt_bench_sinks(struct tt_pipeline *p, const struct tt_limits *limits, struct tt_series_set *series, char *names)
{
	for (char *save, *name = strtok_r(names, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		int r = strcmp(name, "none") == 0 ? 0 : tt_bench_sink(p, limits, series, name);
		if (r < 0)
			return r;
	}
	return 0;
}

static uint64_t tt_resident_bytes(void)
{
	unsigned long long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f || fscanf(f, "%llu %llu", &size, &resident) != 2)
		resident = 0;
	if (f)
		fclose(f);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int tt_bench_run(struct tt_pipeline *p, const struct tt_bench_plan *plan)
{
	struct tt_stream_stats stats;
	uint64_t before = tt_resident_bytes();
	int r;

	do {
		r = tt_pipeline_run(p, TT_BENCH_BUDGET);
	} while (r > 0);
	uint64_t after = tt_resident_bytes();
	tt_pipeline_stats(p, &stats);
	printf("exchanges %llu incomplete %llu connections %llu resident_before %llu resident_after %llu\n",
	       (unsigned long long)stats.exchanges, (unsigned long long)stats.incomplete, (unsigned long long)stats.connections,
	       (unsigned long long)before, (unsigned long long)after);

	uint64_t want = (plan->exchanges + plan->connections * plan->talk->opening_exchanges) * (plan->both ? 2 : 1);
	if (r != -ENODATA || stats.exchanges != want || stats.incomplete) {
		fprintf(stderr, "exchange_bench: %llu complete exchanges expected\n", (unsigned long long)want);
		return 1;
	}
	return tt_pipeline_finish(p) < 0;
}

static int tt_bench_drop(void *ctx, const struct tt_record *rec)
{
	return 0;
}

static int tt_bench_source_only(struct tt_source *source)
{
	int r;

	do {
		r = tt_source_poll(source, TT_BENCH_BUDGET, tt_bench_drop, NULL);
	} while (r > 0);
	tt_source_free(source);
	return r != -ENODATA;
}

static bool tt_bench_asked(char **words, const char *word)
{
	while (*words && strcmp(*words, word) != 0)
		words++;
	return *words;
}

int main(int argc, char **argv)
{
	struct tt_limits limits;
	struct tt_source *source = NULL;
	struct tt_pipeline *pipeline = NULL;
	struct tt_series_set *series = NULL;

	if (argc < 5) {
		fprintf(stderr, "exchange_bench PROTOCOL SINKS EXCHANGES CONNECTIONS [both] [tls]\n");
		return 2;
	}
	struct tt_bench_plan plan = {.talk = tt_bench_talk_find(argv[1]),
				     .exchanges = strtoull(argv[3], NULL, 10),
				     .connections = strtoull(argv[4], NULL, 10),
				     .both = tt_bench_asked(argv + 5, "both"),
				     .sealed = tt_bench_asked(argv + 5, "tls")};
	measured = tt_proto_find(argv[1]);
	if (!plan.talk || !measured || plan.connections == 0 || (plan.sealed && plan.talk->opening[0].bytes.len)) {
		fprintf(stderr, "exchange_bench: %s: no such protocol\n", argv[1]);
		return 77;
	}
	int r = tt_bench_source_new(&source, &plan);
	if (r == 0 && strcmp(argv[2], "source") == 0)
		return tt_bench_source_only(source);

	tt_limits_init(&limits);
	const struct tt_proto **protos = tt_bench_protos();
	const struct tt_pipeline_config config = {.limits = &limits, .protos = protos, .proto_count = tt_protos_count};

	if (r == 0)
		r = tt_pipeline_new(&pipeline, &config, source);
	if (r == 0)
		r = tt_series_set_new(&series, &limits);
	if (r == 0)
		r = tt_bench_sinks(pipeline, &limits, series, argv[2]);
	int status = r < 0 ? 1 : tt_bench_run(pipeline, &plan);
	if (r < 0)
		fprintf(stderr, "exchange_bench: %s\n", strerror(-r));
	tt_pipeline_free(pipeline);
	tt_series_set_free(series);
	free(protos);
	return status;
}
