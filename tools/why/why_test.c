// SPDX-License-Identifier: Apache-2.0
/* The sentence that names the cause. The programs and the division: tests/e2e/tool_why.py. */
#include "tools/why/why.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include "harness/unit.h"
#include "tools/rows.h"
#include "tools/runner.h"
#include "tools/why/cause.h"

#define MS 1000000ull

static struct tt_why_facts facts(uint32_t part, uint64_t ms, uint32_t beside, uint64_t beside_ms)
{
	struct tt_why_facts f = {.wall_ns = (ms + beside_ms) * MS};

	f.sum.row.part[part].ns = ms * MS;
	f.sum.row.part[beside].ns += beside_ms * MS;
	return f;
}

static void check(const struct tt_why_facts *f, const char *want)
{
	char cause[TT_WHY_CAUSE_LEN];

	tt_why_cause(f, cause);
	assert_string_equal(cause, want);
}

static void the_greatest_part_is_the_cause(void **state)
{
	struct tt_why_facts f = facts(TT_SCHED_WAIT, 670, TT_SCHED_RUN, 330);

	f.ahead = (struct tt_why_longest){.ns = 600 * MS, .who = "make[123]"};
	check(&f, "It waits for a processor 67 % of the time, longest behind make[123] (600 ms): others have it; and it runs on "
		  "a processor 33 %.");
	f = facts(TT_SCHED_RUN, 950, TT_SCHED_WAIT, 50);
	check(&f, "It runs on a processor 95 % of the time: what it does there takes the time.");
	f = facts(TT_SCHED_DISK, 900, TT_SCHED_RUN, 100);
	f.block[TT_SCHED_DISK] = (struct tt_why_longest){.ns = MS, .call = "fdatasync", .who = "(softirq block)"};
	check(&f, "It waits for files and disks 90 % of the time (mostly fdatasync): telltale io shows which; and it runs on a "
		  "processor 10 %.");
	f = facts(TT_SCHED_LOCK, 100, TT_SCHED_LOCK, 0);
	f.block[TT_SCHED_LOCK] = (struct tt_why_longest){.ns = MS, .call = "futex", .who = "holder[7]"};
	check(&f, "It waits for a lock or a condition 100 % of the time (mostly futex), until holder[7] wakes it: another thread "
		  "holds "
		  "it, or has nothing for it to do.");
}

/* What a process does as it wants to is told, and what held it up beside that. */
static void what_is_idle_is_no_cause_alone(void **state)
{
	struct tt_why_facts f = facts(TT_SCHED_EVENTS, 970, TT_SCHED_NETWORK, 30);

	f.block[TT_SCHED_EVENTS] = (struct tt_why_longest){.ns = MS, .call = "epoll_wait"};
	check(&f, "It waits until something happens 97 % of the time (mostly epoll_wait): it has nothing to do meanwhile; when "
		  "it does "
		  "something, it waits for the network 3 %.");
	f = facts(TT_SCHED_SLEEP, 995, TT_SCHED_RUN, 5);
	check(&f, "It sleeps for a time it chose itself 100 % of the time: nobody else holds it up.");
	assert_true(tt_why_idle(TT_SCHED_CHILD));
	assert_false(tt_why_idle(TT_SCHED_DISK));
}

static void nothing_known_is_no_cause(void **state)
{
	struct tt_why_facts f = {0};

	check(&f, "");
	assert_int_equal(tt_why_lead(&f), TT_SCHED_PART_MAX);
}

/* Every part has words, and the longest there can be fit. */
static void every_part_has_a_sentence(void **state)
{
	for (uint32_t part = 0; part < TT_SCHED_PART_MAX; part++) {
		for (uint32_t beside = 0; beside < TT_SCHED_PART_MAX; beside++) {
			struct tt_why_facts f = facts(part, 600, beside, beside == part ? 0 : 400);
			char cause[TT_WHY_CAUSE_LEN];

			memset(f.ahead.who, 'x', sizeof(f.ahead.who) - 1);
			f.ahead.ns = UINT64_MAX;
			for (uint32_t i = 0; i < TT_SCHED_PART_MAX; i++) {
				memset(f.block[i].call, 'y', sizeof(f.block[i].call) - 1);
				memset(f.block[i].who, 'z', sizeof(f.block[i].who) - 1);
			}
			tt_why_cause(&f, cause);
			assert_int_equal(strncmp(cause, "It ", 3), 0);
			assert_int_equal(cause[strlen(cause) - 1], '.');
			assert_null(strstr(cause, "(null)"));
		}
	}
}

/* A kill is a line; what is shorter than it should be, or of another type, is none. */
static void kills_are_told(void **state)
{
	struct tt_sched_kill k = {.rec = {.type = (uint16_t)TT_SCHED_KILL, .len = sizeof(k), .time_ns = 9000, .tgid = 7},
				  .comm = "victim",
				  .by = "wants more",
				  .by_tgid = 8};
	struct tt_tool_run run = {.tool = tt_tool_find("why")->tool};
	char path[] = "/tmp/tt-why-XXXXXX", text[512];
	int fd = mkstemp(path);
	const struct tt_rows_options o = {
		.tables = run.tool->tables, .table_count = run.tool->table_count, .most = 1, .text_fd = -1, .json_fd = fd};

	unlink(path);
	assert_int_equal(tt_rows_new(&run.rows, &o), 0);
	assert_int_equal(run.tool->record(&run, &k.rec), 0);
	k.rec.len--;
	assert_int_equal(run.tool->record(&run, &k.rec), 0);
	k.rec.type = 1;
	assert_int_equal(run.tool->record(&run, &k.rec), 0);
	assert_int_equal(tt_rows_flush(run.rows), 0);
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = 0;
	assert_string_equal(text, "{\"kind\":\"kill\",\"time_unix_ns\":9000,\"pid\":7,\"comm\":\"victim\",\"by_pid\":8,"
				  "\"killed_for\":\"wants more[8]\"}\n");
	tt_rows_free(run.rows);
	close(fd);
}

TT_UNIT_TESTS(cmocka_unit_test(the_greatest_part_is_the_cause), cmocka_unit_test(what_is_idle_is_no_cause_alone),
	      cmocka_unit_test(nothing_known_is_no_cause), cmocka_unit_test(every_part_has_a_sentence),
	      cmocka_unit_test(kills_are_told))
