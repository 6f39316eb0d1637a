// SPDX-License-Identifier: Apache-2.0
/* What may be asked for, and what comes of counted rows as metrics. The programs themselves: tests/e2e/agent_tools.py. */
#include "tools/inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/unit.h"
#include "sink/histogram.h"
#include "sink/metrics.h"
#include "sink/prometheus.h"
#include "sink/series.h"
#include "tools/inside_wish.h"
#include "tools/io/state.h"
#include "tools/profile/state.h"
#include "tools/runner.h"
#include "tools/sched/state.h"
#include "tools/times.h"

/* --- wishes --- */

static void wishes_are_judged(void **state)
{
	static const struct {
		const char *text;
		const char *wrong; /* NULL: nothing */
	} rows[] = {
		{"io", NULL},
		{"io:disk=sda", NULL},
		{"sched", NULL},
		{"profile:hz=19", NULL},
		{"profile:hz=0", "profile: hz must lie between 1 and 10000"},
		{"profile:hz=x", "profile: hz: 'x' is not a number"},
		{"profile:threads=1", "profile has no option 'threads' inside"},
		{"", "'' is none of the tools"},
		{"i", "'i' is none of the tools"},
		{"io2", "'io2' is none of the tools"},
		{"leak", "'leak' is none of the tools"},
		{"io:", "io has no option '' inside"},
		{"io:disk", "io: disk needs a value"},
		{"io:disk=", "io: disk needs a value"},
		{"io:slow=5", "io has no option 'slow' inside"},
		{"sched:over=5", "sched has no option 'over' inside"},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		struct tt_tool_error e = {""};
		assert_int_equal(tt_inside_judge(rows[i].text, &e), rows[i].wrong ? -EINVAL : 0);
		if (rows[i].wrong && strncmp(e.text, rows[i].wrong, strlen(rows[i].wrong)) != 0)
			fail_msg("%s: %s", rows[i].text, e.text);
	}
}

static void options_reach_the_settings(void **state)
{
	struct tt_io_settings settings = {0};
	struct tt_inside_wish wish;
	struct tt_tool_error e;

	assert_int_equal(tt_inside_wish_read(&wish, "io:disk=sda", &e), 0);
	assert_int_equal(tt_inside_wish_set(&wish, &settings, &e), 0);
	assert_string_equal(settings.disk, "sda");
	assert_string_equal(wish.entry->name, "io");
}

/* --- durations --- */

/* The kernel's side puts each where the agent's histograms do, or to the end of what is counted apart. */
static void times_are_those_of_histograms(void **state)
{
	for (unsigned bit = 0; bit < 64; bit++) {
		for (int off = -1; off <= 1; off++) {
			uint64_t ns = (UINT64_C(1) << bit) + (uint64_t)off;
			unsigned want = TT_MIN(tt_bucket_of(ns), (unsigned)(TT_TOOL_TIMES_FIRST + TT_TOOL_TIMES - 1));
			want = TT_MAX(want, (unsigned)TT_TOOL_TIMES_FIRST);
			assert_int_equal(tt_tool_time(ns) + TT_TOOL_TIMES_FIRST, want);
		}
	}
	assert_int_equal(tt_tool_time(0), 0);
	/* What is longer lies above the last bound that is shown. */
	assert_int_equal(TT_TOOL_TIMES_FIRST + TT_TOOL_TIMES - 1, TT_PROMETHEUS_LAST + 1);
	assert_int_equal(TT_TOOL_TIMES_FIRST, TT_PROMETHEUS_FIRST);
}

/* --- rows --- */

struct made {
	struct tt_limits limits;
	struct tt_series_set *set;
	struct tt_sink *metrics;
	struct tt_identities *identities;
	struct tt_inside_to to;
	struct tt_buf text;
};

static void take_delta(void *ctx, const struct tt_delta *d)
{
	struct tt_sink *metrics = ctx;

	metrics->ops->delta(metrics, d);
}

static void make(struct made *m)
{
	const struct tt_process_record process = {
		.rec = {.type = TT_REC_EXEC, .len = sizeof(process), .tgid = 7, .start_ns = 100}, .comm = "shop"};

	*m = (struct made){.text = TT_BUF(1u << 20)};
	tt_limits_init(&m->limits);
	assert_int_equal(tt_series_set_new(&m->set, &m->limits), 0);
	assert_int_equal(tt_metrics_new(&m->metrics, m->set), 0);
	assert_int_equal(tt_identities_new(&m->identities, &m->limits, false), 0);
	tt_identities_record(m->identities, &process.rec);
	m->to = (struct tt_inside_to){.identities = m->identities, .delta = take_delta, .ctx = m->metrics};
}

/* As one text; all deltas were of families and labels there are. */
static const char *exposition(struct made *m)
{
	tt_buf_clear(&m->text);
	assert_int_equal(tt_prometheus_write(&m->text, m->set), 0);
	assert_int_equal(tt_buf_add_char(&m->text, 0), 0);
	assert_int_equal(tt_metrics_bad_deltas(m->metrics), 0);
	return (const char *)m->text.data;
}

static void unmake(struct made *m)
{
	tt_sink_free(m->metrics);
	tt_series_set_free(m->set);
	tt_identities_free(m->identities);
	tt_buf_free(&m->text);
}

static void has(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no line %s", line);
}

static void has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("there is %s", part);
}

#define DISK "{service_name=\"shop\",system_device=\"8:16\",disk_io_direction=\"write\""

static void io_counts_by_process_and_disk(void **state)
{
	const struct tt_tool *tool = tt_tool_find("io")->tool;
	struct tt_io_inside_row row = {
		.key = {.tgid = 7, .start_ns = 100, .disk = 8u << 20 | 16, .op = TT_IO_WRITE},
		.figure = {.requests = 3, .bytes = 12288, .ns = 4000, .times = {2, [TT_TOOL_TIMES - 1] = 1}}};
	struct tt_tool_run run = {.tool = tool, .state = calloc(1, sizeof(struct tt_io_state))};
	struct made m;

	make(&m);
	for (int i = 0; i < 2; i++)
		tool->inside->row(&run, &m.to, &row);
	const char *text = exposition(&m);
	has(text, "\nprocess_disk_io_bytes_total" DISK "} 24576\n");
	has(text, "\nprocess_disk_operation_duration_seconds_count" DISK "} 6\n");
	has(text, "\nprocess_disk_operation_duration_seconds_sum" DISK "} 0.000008\n");
	has(text, "\nprocess_disk_operation_duration_seconds_bucket" DISK ",le=\"0.000001024\"} 4\n");
	has(text, "\nprocess_disk_operation_duration_seconds_bucket" DISK ",le=\"68.719476736\"} 4\n");
	has(text, "\nprocess_disk_operation_duration_seconds_bucket" DISK ",le=\"+Inf\"} 6\n");
	has_not(text, "errors");
	row.figure = (struct tt_io_figure){.requests = 1, .errors = 1, .times = {1}};
	tool->inside->row(&run, &m.to, &row);
	has(exposition(&m), "\nprocess_disk_operation_errors_total" DISK "} 1\n");
	/* No operation there is. */
	row.key.op = TT_IO_OP_MAX;
	tool->inside->row(&run, &m.to, &row);
	has(exposition(&m), "\nprocess_disk_operation_duration_seconds_count" DISK "} 7\n");
	free(run.state);
	unmake(&m);
}

static void disks_count_what_came_on_top(void **state)
{
	const struct tt_tool *tool = tt_tool_find("io")->tool;
	struct tt_io_state *s = calloc(1, sizeof(*s));
	struct tt_tool_run run = {.tool = tool, .state = s};
	struct made m;

	make(&m);
	s->disks.list[0] = (struct tt_disk){.number = 1, .name = "sda", .used = true, .before = {.reads = 10, .busy_ns = 5}};
	s->disks.list[0].now = (struct tt_disk_counts){.reads = 15, .read_bytes = 512, .read_ns = 1500000000, .busy_ns = 3};
	s->disks.list[1] = (struct tt_disk){.number = 2, .name = "sdb", .now = {.reads = 1}};
	s->disks.count = 2;
	tool->inside->rows_end(&run, &m.to);
	const char *text = exposition(&m);
	has(text, "\nsystem_disk_operations_total{system_device=\"sda\",disk_io_direction=\"read\"} 5\n");
	has(text, "\nsystem_disk_io_bytes_total{system_device=\"sda\",disk_io_direction=\"read\"} 512\n");
	has(text, "\nsystem_disk_operation_time_seconds_total{system_device=\"sda\",disk_io_direction=\"read\"} 1.5\n");
	has(text, "\nsystem_disk_io_time_seconds_total{system_device=\"sda\"} 0.000000003\n"); /* it began anew */
	has_not(text, "sdb");								       /* nobody used it */
	free(s);
	unmake(&m);
}

static void sched_has_parts_and_waits(void **state)
{
	const struct tt_tool *tool = tt_tool_find("sched")->tool;
	struct tt_sched_inside_row row = {.tgid = 7, .start_ns = 100};
	struct tt_tool_run run = {.tool = tool};
	struct made m;

	make(&m);
	row.part_ns[TT_SCHED_RUN] = 2500000000;
	row.part_ns[TT_SCHED_FAULT] = 1;
	tool->inside->row(&run, &m.to, &row);
	row = (struct tt_sched_inside_row){.tgid = 7, .start_ns = 100, .waits = {.count = 2, .ns = 3000, .times = {[1] = 2}}};
	tool->inside->row(&run, &m.to, &row);
	const char *text = exposition(&m);
	has(text, "\nprocess_thread_time_seconds_total{service_name=\"shop\",part=\"running\"} 2.5\n");
	has(text, "\nprocess_thread_time_seconds_total{service_name=\"shop\",part=\"page fault\"} 0.000000001\n");
	has_not(text, "part=\"lock\"");
	has(text, "\nprocess_cpu_wait_duration_seconds_count{service_name=\"shop\"} 2\n");
	has(text, "\nprocess_cpu_wait_duration_seconds_sum{service_name=\"shop\"} 0.000003\n");
	has(text, "\nprocess_cpu_wait_duration_seconds_bucket{service_name=\"shop\",le=\"0.000001024\"} 0\n");
	has(text, "\nprocess_cpu_wait_duration_seconds_bucket{service_name=\"shop\",le=\"0.000002048\"} 2\n");
	unmake(&m);
}

/* --- the profile --- */

static void check_window(const struct tt_profile_window *w, uint64_t now_ns, uint64_t length_ns, const char *service,
			 const char *want)
{
	struct tt_fold fold = TT_FOLD(1u << 20);
	tt_buf_auto struct tt_buf text = TT_BUF(1u << 20);

	tt_profile_window_fold(w, now_ns, length_ns, tt_span_str(service), &fold);
	tt_fold_sort(&fold);
	tt_fold_text(&fold, &text);
	tt_buf_add_char(&text, 0);
	assert_string_equal((const char *)text.data, want);
	tt_fold_free(&fold);
}

static void add(struct tt_profile_window *w, uint64_t now_ns, const char *text, bool want)
{
	assert_int_equal(tt_profile_window_add(w, now_ns, text, strlen(text)), want);
}

static void a_window_forgets_by_parts(void **state)
{
	struct tt_profile_window *w = NULL;

	assert_int_equal(tt_profile_window_new(&w, 1000, 1u << 20), 0);
	add(w, 50, "a;x", true);
	add(w, 60, "a;x", true);
	add(w, 199, "b;x", true);
	add(w, 950, "a;y;z", true);
	check_window(w, 999, 1000, "", "a;x 2\na;y;z 1\nb;x 1\n");
	check_window(w, 999, 1000, "a", "x 2\ny;z 1\n");
	check_window(w, 999, 1000, "a;y", "z 1\n");
	check_window(w, 999, 1000, "c", "");
	check_window(w, 999, 100, "", "a;y;z 1\n");
	/* The first part is not within the last 1000 any more; then its room is another's. */
	check_window(w, 1100, 1000, "", "a;y;z 1\nb;x 1\n");
	add(w, 1100, "c", true);
	check_window(w, 1100, 1000, "", "a;y;z 1\nb;x 1\nc 1\n");
	check_window(w, 5000, 1000, "", "");
	assert_int_equal(tt_profile_window_refused(w), 0);
	tt_profile_window_free(w);
}

static void a_window_has_its_room(void **state)
{
	struct tt_profile_window *w = NULL;
	char text[16];
	int kept = 0;

	assert_int_equal(tt_profile_window_new(&w, 1000, 11 * 4096), 0);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "a;%d", i);
		kept += tt_profile_window_add(w, 1, text, strlen(text));
	}
	assert_in_range(kept, 10, 4096 / 16);
	assert_int_equal(tt_profile_window_refused(w), 1000 - kept);
	add(w, 1, "a;0", true);	 /* one that is there counts on */
	add(w, 101, text, true); /* and the next part has room of its own */
	tt_profile_window_free(w);
}

static void samples_that_make_no_sense_are_left_alone(void **state)
{
	const struct tt_tool *tool = tt_tool_find("profile")->tool;
	struct tt_profile_seen_record *r = calloc(1, sizeof(*r));
	struct tt_tool_run run = {.tool = tool, .limits = NULL};
	struct tt_stack_wish wish = {.wanted = 1};
	struct made m;

	make(&m);
	run.limits = &m.limits;
	assert_int_equal(tool->inside->begin(&run), 0);
	assert_int_equal(tt_stacks_new(&run.stacks, &run, &wish), 0);
	r->rec = (struct tt_record){.type = (uint16_t)TT_PROFILE_SEEN, .tgid = 7, .start_ns = 100, .time_ns = 1};
	r->rec.len = offsetof(struct tt_profile_seen_record, kernel) - 1; /* cut */
	tool->inside->record(&run, &m.to, &r->rec);
	r->rec.len++;
	r->user_count = TT_STACK_DEPTH + 1;
	tool->inside->record(&run, &m.to, &r->rec);
	r->user_count = 0;
	r->kernel_count = 1; /* and has none */
	tool->inside->record(&run, &m.to, &r->rec);
	r->kernel_count = 0;
	r->rec.type = TT_REC_TOOL;
	tool->inside->record(&run, &m.to, &r->rec);
	has_not(exposition(&m), "process_profile");
	r->rec.type = (uint16_t)TT_PROFILE_SEEN;
	tool->inside->record(&run, &m.to, &r->rec);
	has(exposition(&m), "\nprocess_profile_samples_total{service_name=\"shop\"} 1\n");
	check_window(((const struct tt_profile_run *)run.state)->window, 1, 1000, "", "shop;[unknown] 1\n");
	tool->free(&run);
	tt_stacks_free(run.stacks);
	free(r);
	unmake(&m);
}

TT_UNIT_TESTS(cmocka_unit_test(a_window_forgets_by_parts), cmocka_unit_test(a_window_has_its_room),
	      cmocka_unit_test(samples_that_make_no_sense_are_left_alone), cmocka_unit_test(wishes_are_judged),
	      cmocka_unit_test(options_reach_the_settings), cmocka_unit_test(times_are_those_of_histograms),
	      cmocka_unit_test(io_counts_by_process_and_disk), cmocka_unit_test(disks_count_what_came_on_top),
	      cmocka_unit_test(sched_has_parts_and_waits))
