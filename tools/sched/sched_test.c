// SPDX-License-Identifier: Apache-2.0
/* Names, options, and the lines that come of records. The programs themselves: tests/e2e/tool_sched.py. */
#include "tools/sched/sched.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"
#include "harness/unit.h"
#include "tools/rows.h"
#include "tools/runner.h"
#include "tools/sched/held.h"
#include "tools/sched/span.h"
#include "tools/sched/state.h"

static const struct tt_tool *tool;
static struct tt_limits limits;
static struct tt_tool_run run;
static struct tt_sched_settings settings;
static int fd;

static int begin(void **state)
{
	char path[] = "/tmp/tt-sched-XXXXXX";

	fd = mkstemp(path);
	unlink(path);
	tool = tt_tool_find("sched")->tool;
	tt_limits_init(&limits);
	settings = (struct tt_sched_settings){.report = 1, .config = {.late_ns = 1000}};
	run = (struct tt_tool_run){.tool = tool, .settings = &settings, .limits = &limits};
	const struct tt_rows_options o = {
		.tables = tool->tables, .table_count = tool->table_count, .most = 1, .text_fd = -1, .json_fd = fd};
	return tt_rows_new(&run.rows, &o) < 0 || tool->begin(&run) < 0;
}

static int end(void **state)
{
	tool->free(&run);
	tt_rows_free(run.rows);
	return close(fd);
}

static void check_record(const struct tt_record *rec, const char *want)
{
	char text[2048];

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(tool->record(&run, rec), 0);
	assert_int_equal(tt_rows_flush(run.rows), 0);
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = 0;
	assert_string_equal(text, want);
}

static void check_late(struct tt_sched_late late, const char *want)
{
	late.rec = (struct tt_record){.type = (uint16_t)TT_SCHED_LATE, .len = sizeof(late), .time_ns = 9000, .tgid = 7, .tid = 8};
	snprintf(late.name, sizeof(late.name), "name");
	late.cpu = 3;
	check_record(&late.rec, want);
}

#define LATE(wait, throttled, since, ahead)                                                                          \
	"{\"kind\":\"late\",\"time_unix_ns\":9000,\"pid\":7,\"tid\":8,\"comm\":\"name\",\"cpu\":3,\"wait_ns\":" wait \
	",\"throttled_ns\":" throttled ",\"since\":\"" since "\"," ahead "}\n"

static void late_ones_say_who_was_ahead(void **state)
{
	check_late((struct tt_sched_late){.wait_ns = 9000000,
					  .preempted = 1,
					  .ahead_count = 3,
					  .rest_ns = 1000000,
					  .ahead = {{.ns = 1000000, .tgid = 5, .comm = "less"},
						    {.ns = 6000000, .tgid = 6, .comm = "most"},
						    {.ns = 1000000, .tgid = 0, .comm = "swapper/3"}}},
		   LATE("9000000", "0", "preempted",
			"\"ahead_pid\":6,\"ahead_comm\":\"most\",\"ahead_ns\":6000000,"
			"\"ahead\":\"most[6] 6.0, less[5] 1.0, (idle) 1.0, (others) 1.0\""));
	check_late((struct tt_sched_late){.wait_ns = 5000, .throttled_ns = 4000},
		   LATE("5000", "4000", "woken", "\"ahead_pid\":null,\"ahead_comm\":null,\"ahead_ns\":null,\"ahead\":null"));
	/* More than there can be: not read beyond. */
	check_late(
		(struct tt_sched_late){.wait_ns = 5000, .ahead_count = 1000, .ahead = {{.ns = 1000000, .tgid = 5, .comm = "a"}}},
		LATE("5000", "0", "woken",
		     "\"ahead_pid\":5,\"ahead_comm\":\"a\",\"ahead_ns\":1000000,"
		     "\"ahead\":\"a[5] 1.0, (idle) 0.0, (idle) 0.0, (idle) 0.0\""));
}

static void check_held(struct tt_held_record held, const char *want)
{
	held.rec =
		(struct tt_record){.type = (uint16_t)TT_HELD_RECORD, .len = sizeof(held), .time_ns = 9999, .tgid = 7, .tid = 8};
	memcpy(held.name, "sixteen bytes...", sizeof(held.name)); /* not ended */
	held.end_ns = 9000;
	held.cpu = 3;
	held.kernel_stack = held.user_stack = TT_STACK_NONE;
	check_record(&held.rec, want);
}

#define HELD(what, ns, stolen, by, when)                                                                                    \
	"{\"kind\":\"held\",\"time_unix_ns\":9000,\"cpu\":3,\"what\":\"" what "\",\"held_ns\":" ns ",\"stolen_ns\":" stolen \
	",\"by\":" by ",\"pid\":7,\"tid\":8,\"comm\":\"sixteen bytes..\",\"stack_is\":\"" when "\",\"stack\":null}\n"

static void held_up_processors_say_by_what(void **state)
{
	check_held((struct tt_held_record){.kind = TT_HELD_IRQ_OFF, .ns = 20000000, .number = 24, .by = "virtio0"},
		   HELD("interrupts off", "20000000", "0", "\"24 virtio0\"", "after"));
	check_held((struct tt_held_record){.kind = TT_HELD_IRQ_OFF, .ns = 5, .stolen_ns = 6, .number = 24},
		   HELD("interrupts off", "5", "6", "null", "after"));
	check_held((struct tt_held_record){.kind = TT_HELD_SOFTIRQ_LATE, .ns = 5, .number = 3, .within = 1},
		   HELD("softirq late", "5", "0", "\"net_rx\"", "within"));
	check_held((struct tt_held_record){.kind = TT_HELD_SOFTIRQ_LONG, .ns = 5, .number = 99},
		   HELD("softirq long", "5", "0", "null", "after"));
	check_held((struct tt_held_record){.kind = TT_HELD_NO_RESCHED, .ns = 5, .number = 3, .within = 1},
		   HELD("no reschedule", "5", "0", "null", "within"));
	check_held((struct tt_held_record){.kind = TT_HELD_KIND_MAX, .ns = 5}, "");
}

static void check_clock(uint64_t over_ns, uint32_t hz, uint64_t look_ns)
{
	struct tt_sched_settings s = {.report = 3, .config.late_ns = over_ns};
	struct tt_tool_error e;

	assert_int_equal(tool->prepare(&s, &e), 0);
	assert_int_equal(tool->sample_hz(&s), hz);
	assert_int_equal(s.config.look_ns, look_ns);
	assert_true(tool->stacks(&s)->wanted);
}

/* Ten times within what is too long, and every millisecond at least. */
static void the_clock_is_as_fast_as_is_needed(void **state)
{
	struct tt_sched_settings s = {.report = 4, .config.late_ns = 999999};
	struct tt_tool_error e;

	check_clock(0, 1000, 1000000);
	check_clock(5000000, 2000, 500000);
	check_clock(1000000, 10000, 100000);
	check_clock(3600000000000, 1000, 1000000);
	assert_int_equal(tool->prepare(&s, &e), -EINVAL);
	s = (struct tt_sched_settings){.report = 1};
	assert_int_equal(tool->sample_hz(&s), 0);
}

static void lengths_have_buckets(void **state)
{
	assert_int_equal(tt_sched_bucket(0), 0);
	assert_int_equal(tt_sched_bucket(999), 0);
	assert_int_equal(tt_sched_bucket(1000), 1);
	assert_int_equal(tt_sched_bucket(1999), 1);
	assert_int_equal(tt_sched_bucket(2000), 2);
	assert_int_equal(tt_sched_bucket(20000000), 15);
	assert_int_equal(tt_sched_bucket(UINT64_MAX), TT_SCHED_BUCKETS - 1);
}

/* What is shorter than it should be, or of another type, is left alone. */
static void other_records_are_left_alone(void **state)
{
	struct tt_record rec = {.type = (uint16_t)TT_SCHED_LATE, .len = sizeof(rec)};

	assert_int_equal(tool->record(&run, &rec), 0);
	rec.type = (uint16_t)TT_HELD_RECORD;
	assert_int_equal(tool->record(&run, &rec), 0);
	rec.type = 1;
	assert_int_equal(tool->record(&run, &rec), 0);
	assert_int_equal(tt_rows_shown(run.rows), 0);
}

static void calls_have_reasons(void **state)
{
	uint8_t call[TT_SCHED_CALLS] = {0};
	char name[TT_SCHED_CALL_LEN];

	tt_sched_calls(call);
	assert_int_equal(call[SYS_futex], TT_SCHED_LOCK);
	assert_int_equal(call[SYS_read], TT_SCHED_BY_FILE);
	assert_int_equal(call[SYS_clock_nanosleep], TT_SCHED_SLEEP);
	assert_int_equal(call[SYS_getpid], 0);
	tt_sched_call_name(SYS_futex, name, sizeof(name));
	assert_string_equal(name, "futex");
	tt_sched_call_name(511, name, sizeof(name));
	assert_string_equal(name, "call 511");
	tt_sched_call_name(TT_SCHED_EXCEPTION, name, sizeof(name));
	assert_string_equal(name, "(exception)");
	tt_sched_call_name(TT_SCHED_NO_CALL, name, sizeof(name));
	assert_string_equal(name, "");
}

static void check_waker(unsigned kind, unsigned tgid, const char *want)
{
	const struct tt_sched_block_key k = {.waker_kind = (uint8_t)kind, .waker_tgid = tgid};
	char who[TT_SCHED_WHO_LEN];

	tt_sched_waker(&k, "sixteen bytes...", who, sizeof(who)); /* a name that is not ended */
	assert_string_equal(who, want);
}

static void wakers_have_names(void **state)
{
	check_waker(TT_SCHED_WAKER_TASK, 12, "sixteen bytes...[12]");
	check_waker(TT_SCHED_WAKER_TASK, 0, "(interrupt)");
	check_waker(TT_SCHED_WAKER_TIMER, 0, "(timer)");
	check_waker(TT_SCHED_WAKER_SOFTIRQ + 3, 0, "(softirq net_rx)");
	check_waker(TT_SCHED_WAKER_SOFTIRQ + 10, 0, "");
	check_waker(TT_SCHED_WAKER_UNKNOWN, 0, "");
}

/* What a task is in the middle of counts from the interval's beginning; what began later is the next one's. */
static void open_times_are_cut_to_the_interval(void **state)
{
	const struct tt_sched_view v = {.from_ns = 100, .now_ns = 200};
	struct tt_sched_task t = {.since_ns = 50, .state = TT_SCHED_BLOCKED, .part = TT_SCHED_PIPE};
	uint32_t part;
	uint64_t ns;

	assert_true(tt_sched_open(&v, &t, &part, &ns));
	assert_int_equal(part, TT_SCHED_PIPE);
	assert_int_equal(ns, 100);
	t = (struct tt_sched_task){.since_ns = 150, .state = TT_SCHED_WAITING};
	assert_true(tt_sched_open(&v, &t, &part, &ns));
	assert_int_equal(part, TT_SCHED_WAIT);
	assert_int_equal(ns, 50);
	t.throttled = 1;
	assert_true(tt_sched_open(&v, &t, &part, &ns));
	assert_int_equal(part, TT_SCHED_THROTTLED);
	t = (struct tt_sched_task){.since_ns = 200, .state = TT_SCHED_RUNNING};
	assert_false(tt_sched_open(&v, &t, &part, &ns));
	t = (struct tt_sched_task){.since_ns = 150, .state = TT_SCHED_BLOCKED, .part = TT_SCHED_PART_MAX};
	assert_false(tt_sched_open(&v, &t, &part, &ns));
}

static void each_task_is_there_once(void **state)
{
	struct tt_sched_task tasks[] = {{.tid = 9, .since_ns = 5},
					{.tid = 7, .since_ns = 300},
					{.tid = 7, .since_ns = 50, .state = TT_SCHED_BLOCKED},
					{.tid = 8, .since_ns = 1},
					{.tid = 7, .since_ns = 200}};

	assert_int_equal(tt_sched_once(tasks, 0), 0);
	assert_int_equal(tt_sched_once(tasks, TT_ARRAY_LEN(tasks)), 3);
	assert_int_equal(tasks[0].tid, 7);
	assert_int_equal(tasks[0].since_ns, 50);
	assert_int_equal(tasks[0].state, TT_SCHED_BLOCKED);
	assert_int_equal(tasks[1].tid, 8);
	assert_int_equal(tasks[2].tid, 9);
}

/* The sets are changed at 300, counted in since 200 and 100. */
static void check_span(struct tt_sched_now now, uint64_t from, uint64_t to, uint32_t set, uint64_t before_ns, uint64_t ns)
{
	struct tt_sched_span span = {0};

	tt_sched_span_of(&span, &now, from, to);
	assert_int_equal(span.set, set);
	assert_int_equal(span.before_ns, before_ns);
	assert_int_equal(span.ns, ns);
	assert_int_equal(span.whole_ns, to - from);
}

/* In each state and mixture of states there may be, what began in this interval, and before, has a time no longer than it was. */
static void spans_are_shared_out_while_sets_change(void **state)
{
	const struct tt_sched_now before = {.begun_ns = {200, 100}}, told = {.begun_ns = {200, 300}},
				  mixed = {.begun_ns = {200, 300}, .split = 1}, other = {.begun_ns = {200, 300}, .set = 1},
				  changed = {.begun_ns = {200, 300}, .set = 1, .split = 1};
	const struct tt_sched_now old_set[] = {before, told, mixed};

	for (size_t i = 0; i < TT_ARRAY_LEN(old_set); i++) {
		check_span(old_set[i], 250, 290, 0, 0, 40);
		check_span(old_set[i], 250, 301, 0, 0, 51);
		check_span(old_set[i], 50, 301, 0, 0, 101);
		check_span(old_set[i], 150, 290, 0, 0, 90);
	}
	check_span(changed, 250, 290, 1, 40, 0);
	check_span(changed, 250, 310, 1, 50, 10);
	check_span(changed, 50, 310, 1, 100, 10);
	check_span(changed, 305, 310, 1, 0, 5);
	check_span(changed, 50, 150, 1, 0, 0);
	check_span(other, 250, 310, 1, 0, 10);
	check_span(other, 250, 290, 1, 0, 0);
}

static void check_bad(uint64_t report, struct tt_sched_config config, const char *word)
{
	struct tt_sched_settings s = {.report = report, .config = config};
	struct tt_tool_error e = {""};

	assert_int_equal(tool->prepare(&s, &e), -EINVAL);
	assert_non_null(strstr(e.text, word));
}

static void a_report_is_asked_for(void **state)
{
	check_bad(0, (struct tt_sched_config){0}, "irqoff or nosched");
	check_bad(1, (struct tt_sched_config){.stacks = 1}, "--stacks");
	check_bad(1, (struct tt_sched_config){.latency = 1}, "--latency");
	check_bad(2, (struct tt_sched_config){.late_ns = 1}, "--over is not for offcpu");
	check_bad(3, (struct tt_sched_config){.latency = 1}, "--latency is not for irqoff");
	check_bad(4, (struct tt_sched_config){.threads = 1}, "--threads is not for nosched");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
TT_UNIT_TESTS(TEST(late_ones_say_who_was_ahead), TEST(held_up_processors_say_by_what), TEST(the_clock_is_as_fast_as_is_needed),
	      cmocka_unit_test(lengths_have_buckets), TEST(other_records_are_left_alone), cmocka_unit_test(calls_have_reasons),
	      cmocka_unit_test(wakers_have_names), cmocka_unit_test(open_times_are_cut_to_the_interval),
	      cmocka_unit_test(each_task_is_there_once), cmocka_unit_test(spans_are_shared_out_while_sets_change),
	      TEST(a_report_is_asked_for))
