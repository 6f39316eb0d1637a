// SPDX-License-Identifier: Apache-2.0
/* Folded stacks, pictures, options. The programs themselves: tests/e2e/tool_profile.py. */
#include "tools/profile/profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "harness/unit.h"
#include "tools/profile/state.h"
#include "tools/runner.h"
#include "tools/stacks/fold.h"
#include "tools/stacks/stacks.h"
#include "tools/stacks/svg.h"

static void add(struct tt_fold *f, const char *text, uint64_t value)
{
	tt_fold_add(f, text, strlen(text), value);
}

static void check_text(struct tt_buf *b, const char *want)
{
	tt_buf_add_char(b, 0);
	assert_string_equal(b->data, want);
}

static void stacks_add_up(void **state)
{
	tt_buf_auto struct tt_buf b = TT_BUF(4096);
	struct tt_fold f = TT_FOLD(4096);
	char text[32];

	add(&f, "a;b", 1);
	add(&f, "a b;c", 2);
	add(&f, "a;c", 3);
	add(&f, "a;b", 4);
	add(&f, "a", 5);
	assert_int_equal(tt_fold_find(&f, "a;b", 3)->value, 5);
	assert_null(tt_fold_find(&f, "b", 1));
	tt_fold_sort(&f);
	tt_fold_text(&f, &b);
	/* What begins alike stands together. */
	check_text(&b, "a 5\na;b 5\na;c 3\na b;c 2\n");
	tt_fold_free(&f);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "x;%d", i % 500);
		add(&f, text, 1);
	}
	assert_int_equal(f.count, 500);
	assert_int_equal(tt_fold_find(&f, "x;499", 5)->value, 2);
	tt_fold_free(&f);
}

static unsigned own_of(const char *text)
{
	const char *names[32];
	char copy[512], *next = copy;
	unsigned depth = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *name; (name = strsep(&next, ";"));)
		names[depth++] = *name ? name : NULL;
	return tt_stacks_own(names, depth);
}

/* Innermost first; "" is a function without a name, as those of BPF programs are to many. */
static void the_tools_own_functions_end_a_stack(void **state)
{
	assert_int_equal(
		own_of(";bpf_trace_run4;__bpf_trace_sched_switch;__traceiter_sched_switch;__schedule;schedule;pipe_read"), 5);
	assert_int_equal(own_of("bpf_get_stackid_raw_tp;bpf_prog_1;bpf_trace_run4;__schedule;schedule;pipe_read"), 4);
	assert_int_equal(own_of("bpf_trace_run5;;__traceiter_kmalloc;__kmalloc;vfs_read"), 3);
	/* Within another program, which is called by the kernel as well. */
	assert_int_equal(
		own_of(";bpf_trace_run2;__traceiter_kmalloc;kmalloc;helper;bpf_prog_9;bpf_trace_run1;__traceiter_x;vfs_read"), 3);
	assert_int_equal(own_of("vfs_read;ksys_read;do_syscall_64"), 0);
	assert_int_equal(own_of(""), 0);
}

static void what_has_no_room_is_counted(void **state)
{
	struct tt_fold f = TT_FOLD(8);

	add(&f, "12345678", 3);
	add(&f, "9", 4);
	add(&f, "12345678", 1);
	assert_int_equal(f.count, 1);
	assert_int_equal(f.rows[0].value, 4);
	assert_int_equal(f.refused, 4);
	tt_fold_free(&f);
}

/* Elements open and close in their order, quotes are even, and nothing stands bare. As much of XML as is used. */
static void check_xml(const struct tt_buf *b)
{
	char open[16][16];
	unsigned depth = 0, roots = 0;

	for (const char *at = (const char *)b->data; (at = strchr(at, '<')); at++) {
		if (strncmp(at, "<?xml", 5) == 0 || strncmp(at, "]]>", 3) == 0)
			continue;
		if (strncmp(at, "<![CDATA[", 9) == 0) {
			at = strstr(at, "]]>");
			assert_non_null(at);
			continue;
		}
		const char *end = strchr(at, '>');
		assert_non_null(end);
		bool closes = at[1] == '/';
		size_t len = strcspn(at + 1 + closes, " >/");
		assert_in_range(len, 1, 15);
		unsigned quotes = 0;
		for (const char *c = at + 1; c < end; c++) {
			assert_int_not_equal(*c, '<');
			quotes += *c == '"';
		}
		assert_int_equal(quotes % 2, 0);
		if (closes) {
			assert_true(depth > 0);
			depth--;
			assert_true(strlen(open[depth]) == len && memcmp(open[depth], at + 2, len) == 0);
		} else if (end[-1] != '/') {
			assert_true(depth < 16);
			roots += depth == 0;
			snprintf(open[depth++], sizeof(*open), "%.*s", (int)len, at + 1);
		}
	}
	assert_int_equal(depth, 0);
	assert_int_equal(roots, 1);
}

static unsigned count_of(const struct tt_buf *b, const char *word)
{
	unsigned n = 0;

	for (const char *at = (const char *)b->data; (at = strstr(at, word)); at++)
		n++;
	return n;
}

static void flame_graphs_are_whole(void **state)
{
	tt_buf_auto struct tt_buf b = TT_BUF(1u << 20);
	struct tt_fold f = TT_FOLD(4096);

	add(&f, "main;work<int&>;\"x\" 'y'", 30);
	add(&f, "main;work<int&>", 10);
	add(&f, "main;rest", 60);
	add(&f, "main", 100);
	tt_fold_sort(&f);
	tt_flame_graph(&f, "a & b", "samples", &b);
	tt_buf_add_char(&b, 0);
	assert_false(b.failed);
	check_xml(&b);
	assert_int_equal(count_of(&b, "<g data-x="), 5); /* all, main, work, x y, rest */
	assert_int_equal(count_of(&b, "<title>main (200 samples, 100.00%)</title>"), 1);
	assert_int_equal(count_of(&b, "<title>work&lt;int&amp;&gt; (40 samples, 20.00%)</title>"), 1);
	assert_int_equal(count_of(&b, "<title>&quot;x&quot; &#39;y&#39; (30 samples, 15.00%)</title>"), 1);
	tt_buf_clear(&b);
	tt_fold_free(&f);
	tt_flame_graph(&f, "nothing", "samples", &b);
	tt_buf_add_char(&b, 0);
	check_xml(&b);
}

/* Deeper than is drawn, and wider than names. */
static void deep_stacks_are_drawn(void **state)
{
	tt_buf_auto struct tt_buf b = TT_BUF(4u << 20);
	struct tt_fold f = TT_FOLD(1u << 20);
	char text[4096] = "";

	for (size_t len = 0; len + 8 < sizeof(text); len += 2)
		memcpy(text + len, "f;", 3);
	tt_fold_add(&f, text, strlen(text) - 1, 1);
	for (int i = 0; i < 3000; i++) {
		snprintf(text, sizeof(text), "g%d;\xc3\xbc", i);
		add(&f, text, 1);
	}
	tt_fold_sort(&f);
	tt_flame_graph(&f, "deep", "samples", &b);
	tt_buf_add_char(&b, 0);
	assert_false(b.failed);
	check_xml(&b);
	tt_fold_free(&f);
}

static void span_add(struct tt_timeline *t, uint32_t tid, uint64_t from, uint64_t to, uint32_t part, bool want)
{
	struct tt_sched_span_record span = {
		.rec = {.tid = tid, .tgid = 7}, .from_ns = from, .to_ns = to, .part = part, .name = "a<b>&;012345678"};

	assert_int_equal(tt_timeline_add(t, &span), want);
}

static void timelines_show_what_was_done_when(void **state)
{
	tt_buf_auto struct tt_buf b = TT_BUF(1u << 20);
	struct tt_timeline *t = NULL;

	assert_int_equal(tt_timeline_new(&t, "/dev/null", 4), 0);
	span_add(t, 8, 0, 500000, TT_SCHED_RUN, true);
	span_add(t, 8, 500000, 1000000, TT_SCHED_LOCK, true);
	span_add(t, 9, 250000, 2000000, TT_SCHED_SLEEP, true); /* beyond the end: cut */
	span_add(t, 9, 5, 5, TT_SCHED_RUN, false);
	span_add(t, 9, 5, 6, TT_SCHED_PART_MAX, false);
	span_add(t, 9, 100000, 200000, TT_SCHED_DISK, true);
	span_add(t, 9, 200000, 210000, TT_SCHED_DISK, false); /* no room */
	tt_timeline_draw(t, 0, 1000000, 10, &b);
	tt_buf_add_char(&b, 0);
	check_xml(&b);
	assert_int_equal(count_of(&b, "<title>running: 0.500 ms of 0.500, from 0.000 s on</title>"), 1);
	assert_int_equal(count_of(&b, "<title>lock: 0.500 ms of 0.500, from 0.001 s on</title>") +
				 count_of(&b, "<title>lock: 0.500 ms of 0.500, from 0.000 s on</title>"),
			 1);
	assert_int_equal(count_of(&b, "<title>disk: 0.100 ms"), 1);
	assert_int_equal(count_of(&b, "<title>sleep: 0.750 ms"), 1);
	assert_int_equal(count_of(&b, "a&lt;b&gt;&amp;:012345678 8</text>"), 1);
	tt_buf_clear(&b);
	tt_timeline_draw(t, 0, 1000000, 1, &b);
	tt_buf_add_char(&b, 0);
	/* The one that did most. */
	assert_int_equal(count_of(&b, "<title>sleep"), 0);
	assert_int_equal(count_of(&b, "<title>lock"), 1);
	tt_timeline_free(t);
}

/* As many as spans: each is found without going through the others, and has its own. */
static void timelines_of_many_threads(void **state)
{
	enum { THREADS = 100000 };
	tt_buf_auto struct tt_buf b = TT_BUF(1u << 20);
	struct tt_timeline *t = NULL;

	assert_int_equal(tt_timeline_new(&t, "/dev/null", 2 * THREADS + 1), 0);
	for (uint32_t i = 1; i <= THREADS; i++)
		span_add(t, i, 0, i, TT_SCHED_RUN, true);
	for (uint32_t i = 1; i <= THREADS; i++)
		span_add(t, i, THREADS, THREADS + i, TT_SCHED_LOCK, true);
	tt_timeline_draw(t, 0, 1000000, 2, &b);
	tt_buf_add_char(&b, 0);
	assert_int_equal(count_of(&b, "what 2 of 100000 threads did"), 1);
	assert_int_equal(count_of(&b, "<title>lock"), 2);
	assert_int_equal(count_of(&b, "<title>running"), 2);
	tt_timeline_free(t);
}

static void long_stacks_keep_their_ends(void **state)
{
	tt_buf_auto struct tt_buf b = TT_BUF(64);
	char to[12];

	tt_buf_add_str(&b, "main;work");
	tt_stacks_tail(to, sizeof(to), &b);
	assert_string_equal(to, "main;work");
	tt_buf_add_str(&b, ";read");
	tt_stacks_tail(to, sizeof(to), &b);
	assert_string_equal(to, "...;read");
	tt_buf_clear(&b);
	tt_stacks_tail(to, sizeof(to), &b);
	assert_string_equal(to, "");
}

static void options_are_checked(void **state)
{
	const struct tt_tool *tool = tt_tool_find("profile")->tool;
	struct tt_profile_settings s = {.wall = 1};
	struct tt_tool_error e = {""};

	assert_int_equal(tool->prepare(&s, &e), -EINVAL);
	assert_non_null(strstr(e.text, "--wall"));
	s = (struct tt_profile_settings){.hz = 99};
	assert_int_equal(tool->prepare(&s, &e), 0);
	assert_int_equal(tool->sample_hz(&s), 99);
	assert_int_equal(s.sched.config.stacks, 0);
	assert_string_equal(tool->stacks(&s)->unit, "samples");
	s = (struct tt_profile_settings){.wall = 1, .sched.stacks.svg = "x"};
	assert_int_equal(tool->prepare(&s, &e), 0);
	assert_int_equal(tool->sample_hz(&s), 49);
	assert_int_equal(s.sched.config.stacks, 1);
}

TT_UNIT_TESTS(cmocka_unit_test(stacks_add_up), cmocka_unit_test(the_tools_own_functions_end_a_stack),
	      cmocka_unit_test(what_has_no_room_is_counted), cmocka_unit_test(flame_graphs_are_whole),
	      cmocka_unit_test(deep_stacks_are_drawn), cmocka_unit_test(timelines_show_what_was_done_when),
	      cmocka_unit_test(timelines_of_many_threads), cmocka_unit_test(long_stacks_keep_their_ends),
	      cmocka_unit_test(options_are_checked))
