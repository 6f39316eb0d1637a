// SPDX-License-Identifier: Apache-2.0
#include "tools/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/unit.h"
#include "tools/rows.h"

struct row {
	uint64_t time_ns;
	uint64_t id;
	uint64_t took_ns;
	uint64_t size_bytes;
	char text[24];
};

static const struct tt_field list[] = {
	TT_FIELD(struct row, time_ns, "TIME", TT_UNIT_NONE, 12, "time_unix_ns", TT_FIELD_TIME, "when"),
	TT_FIELD(struct row, id, "ID", TT_UNIT_NONE, 4, "id", TT_FIELD_ID, "which"),
	TT_FIELD(struct row, took_ns, "TOOK", TT_UNIT_MS, 10, "took_ns", TT_FIELD_NS, "how long"),
	TT_FIELD(struct row, size_bytes, "SIZE", TT_UNIT_KIB, 9, "size_bytes", TT_FIELD_BYTES, "how much"),
	TT_FIELD(struct row, text, "TEXT", TT_UNIT_NONE, 0, "text", TT_FIELD_TEXT, "what"),
};
static const struct tt_fields fields = {list, TT_ARRAY_LEN(list)};
static const struct tt_table table = {
	.kind = "thing", .help = "a thing", .fields = {list, TT_ARRAY_LEN(list)}, .row_size = sizeof(struct row), .rank = 2};
static const struct tt_table ordered = {.kind = "other",
					.help = "another",
					.fields = {list, TT_ARRAY_LEN(list)},
					.row_size = sizeof(struct row),
					.rank = 2,
					.in_order = true};
static const struct tt_table *const tables[] = {&table, &ordered};

/* As the other lines are made. */
static void thing_json(const struct tt_fields *f, const void *row, int64_t wall_minus_mono_ns, struct tt_buf *out)
{
	tt_fields_json(f, "thing", row, wall_minus_mono_ns, out);
}

typedef void (*line_fn)(const struct tt_fields *f, const void *row, int64_t wall_minus_mono_ns, struct tt_buf *out);

static void check_line(line_fn fn, const struct row *row, const char *want)
{
	tt_buf_auto struct tt_buf b = TT_BUF(4096);

	fn(&fields, row, 500, &b);
	tt_buf_add_char(&b, 0);
	assert_string_equal((char *)b.data, want);
}

/* --- fields --- */

static void one_table_makes_both(void **state)
{
	const struct row known = {.time_ns = 1000000, .id = 7, .took_ns = 2500000, .size_bytes = 1536, .text = "a \"b\""};
	const struct row unknown = {TT_UNKNOWN, TT_UNKNOWN, TT_UNKNOWN, TT_UNKNOWN, ""};
	tt_buf_auto struct tt_buf heading = TT_BUF(4096);

	setenv("TZ", "UTC", 1);
	tt_fields_heading(&fields, &unknown, &heading);
	tt_buf_add_char(&heading, 0);
	assert_string_equal((char *)heading.data, "TIME           ID   TOOK(ms) SIZE(KiB) TEXT\n");
	check_line(tt_fields_text, &known, "00:00:00.001    7        2.5       1.5 a \"b\"\n");
	check_line(thing_json, &known,
		   "{\"kind\":\"thing\",\"time_unix_ns\":1000500,\"id\":7,\"took_ns\":2500000,\"size_bytes\":1536,\"text\":\"a "
		   "\\\"b\\\"\"}\n");
	check_line(tt_fields_text, &unknown, "-               -          -         - -\n");
	check_line(thing_json, &unknown,
		   "{\"kind\":\"thing\",\"time_unix_ns\":null,\"id\":null,\"took_ns\":null,\"size_bytes\":null,\"text\":null}\n");
}

static void a_column_that_is_there_sometimes(void **state)
{
	const struct row with = {.id = 7, .text = "a"}, without = {.id = TT_UNKNOWN, .text = "a"};
	tt_buf_auto struct tt_buf lines = TT_BUF(4096);
	struct tt_field some[TT_ARRAY_LEN(list)];
	const struct tt_fields f = {some, TT_ARRAY_LEN(some)};

	memcpy(some, list, sizeof(list));
	some[1].sometimes = true;
	assert_null(tt_fields_fault(&f));
	tt_fields_heading(&f, &with, &lines);
	tt_fields_text(&f, &with, 0, &lines);
	tt_fields_heading(&f, &without, &lines);
	tt_fields_text(&f, &without, 0, &lines);
	tt_buf_add_char(&lines, 0);
	assert_string_equal((char *)lines.data, "TIME           ID   TOOK(ms) SIZE(KiB) TEXT\n"
						"00:00:00.000    7        0.0       0.0 a\n"
						"TIME           TOOK(ms) SIZE(KiB) TEXT\n"
						"00:00:00.000        0.0       0.0 a\n");
}

static void text_does_not_steer_the_terminal(void **state)
{
	struct row row = {.text = "\x1b[2J\xc3\xa9\xff\xc2\x9b!"};

	check_line(tt_fields_text, &row, "00:00:00.000    0        0.0       0.0 .[2J\xc3\xa9..!\n");
	memset(row.text, 'x', sizeof(row.text)); /* not ended */
	check_line(tt_fields_text, &row, "00:00:00.000    0        0.0       0.0 xxxxxxxxxxxxxxxxxxxxxxxx\n");
}

static void wrong_tables_are_found(void **state)
{
	struct tt_field wrong[TT_ARRAY_LEN(list)];
	struct tt_fields f = {wrong, TT_ARRAY_LEN(wrong)};

	assert_null(tt_fields_fault(&fields));
	memcpy(wrong, list, sizeof(list));
	wrong[4].sometimes = true;
	assert_non_null(tt_fields_fault(&f));
	memcpy(wrong, list, sizeof(list));
	wrong[2].json = "took";
	assert_non_null(tt_fields_fault(&f));
	memcpy(wrong, list, sizeof(list));
	wrong[1].json = "text";
	assert_non_null(tt_fields_fault(&f));
	memcpy(wrong, list, sizeof(list));
	wrong[1].size = 4;
	assert_non_null(tt_fields_fault(&f));
	memcpy(wrong, list, sizeof(list));
	wrong[1].unit = TT_UNIT_MS;
	assert_non_null(tt_fields_fault(&f));
	memcpy(wrong, list, sizeof(list));
	wrong[1].width = 0;
	assert_non_null(tt_fields_fault(&f));
}

/* --- rows --- */

static struct tt_rows *rows_of(int fd, bool gather, size_t most)
{
	const struct tt_rows_options o = {.tables = tables,
					  .table_count = TT_ARRAY_LEN(tables),
					  .gather = gather,
					  .most = most,
					  .text_fd = -1,
					  .json_fd = fd};
	struct tt_rows *r = NULL;

	assert_int_equal(tt_rows_new(&r, &o), 0);
	return r;
}

/* The ids of the lines in the pipe, in order. */
static size_t ids_read(int fd, unsigned *ids, size_t most)
{
	static char text[1 << 16];
	ssize_t n = read(fd, text, sizeof(text) - 1);
	size_t count = 0;

	text[n > 0 ? n : 0] = 0;
	for (const char *at = text; count < most && (at = strstr(at, "\"id\":")); at++)
		ids[count++] = (unsigned)strtoul(at + 5, NULL, 10);
	return count;
}

static void the_greatest_are_kept(void **state)
{
	int fds[2];
	unsigned ids[16];

	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	struct tt_rows *r = rows_of(fds[1], true, 5);
	for (int round = 0; round < 2; round++) {
		/* 37 and 100 have no divisor in common: each of 0 … 99 once. */
		for (unsigned i = 0; i < 100; i++)
			assert_int_equal(tt_rows_add(r, 0, &(struct row){.id = i * 37 % 100, .took_ns = 1 + i * 37 % 100}), 0);
		assert_int_equal(tt_rows_add(r, 0, &(struct row){.id = 200, .took_ns = TT_UNKNOWN}), 0);
		assert_int_equal(ids_read(fds[0], ids, 16), 0);
		assert_int_equal(tt_rows_flush(r), 0);
		assert_int_equal(ids_read(fds[0], ids, 16), 5);
		for (unsigned i = 0; i < 5; i++)
			assert_int_equal(ids[i], 99 - i);
	}
	assert_int_equal(tt_rows_shown(r), 10);
	assert_int_equal(tt_rows_left_out(r), 192);
	tt_rows_free(r);
	close(fds[0]);
	close(fds[1]);
}

static void rows_go_out_at_once(void **state)
{
	int fds[2];
	unsigned ids[256];

	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	struct tt_rows *r = rows_of(fds[1], false, 1);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(tt_rows_add(r, 0, &(struct row){.id = i}), 0);
	assert_int_equal(tt_rows_flush(r), 0);
	assert_int_equal(ids_read(fds[0], ids, 256), 200);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(ids[i], i);
	assert_int_equal(tt_rows_left_out(r), 0);
	tt_rows_free(r);

	r = rows_of(open("/dev/full", O_WRONLY), false, 1);
	assert_int_equal(tt_rows_add(r, 0, &(struct row){.id = 1}), 0);
	assert_int_equal(tt_rows_flush(r), -ENOSPC);
	assert_int_equal(tt_rows_add(r, 0, &(struct row){.id = 1}), -ENOSPC);
	tt_rows_free(r);
	close(fds[0]);
	close(fds[1]);
}

static int64_t wall_ns = 1000;

static int64_t wall(void)
{
	return wall_ns;
}

/* A clock that is set while rows are gathered is right for them; of what goes out at once it is for what comes after the flush.
 */
static void the_clock_is_asked_anew(void **state)
{
	static const char *const want[] = {"\"time_unix_ns\":5007,", "\"time_unix_ns\":1007,"};

	for (int at_once = 0; at_once < 2; at_once++) {
		struct tt_rows_options o = {.tables = tables,
					    .table_count = TT_ARRAY_LEN(tables),
					    .gather = !at_once,
					    .most = 4,
					    .text_fd = -1,
					    .wall_minus_mono_ns = wall};
		struct tt_rows *r = NULL;
		char text[4096];
		int fds[2];

		wall_ns = 1000;
		assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
		o.json_fd = fds[1];
		assert_int_equal(tt_rows_new(&r, &o), 0);
		assert_int_equal(tt_rows_add(r, 0, &(struct row){.time_ns = 7}), 0);
		wall_ns = 5000;
		assert_int_equal(tt_rows_flush(r), 0);
		assert_int_equal(tt_rows_add(r, 0, &(struct row){.time_ns = 8}), 0);
		assert_int_equal(tt_rows_flush(r), 0);
		ssize_t n = read(fds[0], text, sizeof(text) - 1);
		text[n > 0 ? n : 0] = 0;
		assert_non_null(strstr(text, want[at_once]));
		assert_non_null(strstr(text, "\"time_unix_ns\":5008,"));
		tt_rows_free(r);
		close(fds[0]);
		close(fds[1]);
	}
}

/* Text of a run that shows three rows of each table. */
static void shown_text(const struct tt_rows_options *more, char *text, size_t size)
{
	struct tt_rows_options o = *more;
	struct tt_rows *r = NULL;
	int fds[2];

	setenv("TZ", "UTC", 1);
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	o.tables = tables;
	o.table_count = TT_ARRAY_LEN(tables);
	o.gather = true;
	o.text_fd = fds[1];
	o.json_fd = -1;
	assert_int_equal(tt_rows_new(&r, &o), 0);
	for (unsigned i = 1; i <= 3; i++) {
		const struct row row = {.id = i, .took_ns = i * 1000000};
		assert_int_equal(tt_rows_add(r, 0, &row), 0);
		assert_int_equal(tt_rows_add(r, 1, &row), 0);
	}
	assert_int_equal(tt_rows_flush(r), 0);
	ssize_t n = read(fds[0], text, size - 1);
	text[n > 0 ? n : 0] = 0;
	tt_rows_free(r);
	close(fds[0]);
	close(fds[1]);
}

#define HEADING "TIME           ID   TOOK(ms) SIZE(KiB) TEXT\n"
#define SHOWN(id) "00:00:00.000    " id "        " id ".0       0.0 -\n"

static void tables_stand_apart(void **state)
{
	char text[4096];

	shown_text(&(struct tt_rows_options){.most = 2, .most_in_order = 8}, text, sizeof(text));
	assert_string_equal(text, HEADING SHOWN("3") SHOWN("2") "\n" HEADING SHOWN("1") SHOWN("2") SHOWN("3"));
	/* What is less than asked for is left out, in the column's unit, but not of what is in order. */
	shown_text(&(struct tt_rows_options){.most = 8, .least = 2.5}, text, sizeof(text));
	assert_string_equal(text, HEADING SHOWN("3") "\n" HEADING SHOWN("1") SHOWN("2") SHOWN("3"));
}

#define BEGIN "\033[H\033[J"

static void a_screen_is_not_overrun(void **state)
{
	struct tt_rows_options o = {.most = 8, .live = true, .screen = {.lines = 7}};
	char text[4096];

	shown_text(&o, text, sizeof(text));
	assert_string_equal(text, BEGIN HEADING SHOWN("3") "… 2 more rows\n\n" HEADING "… 3 more rows\n");
	o.screen.lines = 9;
	shown_text(&o, text, sizeof(text));
	assert_string_equal(text, BEGIN HEADING SHOWN("3") SHOWN("2") SHOWN("1") "\n" HEADING SHOWN("1") "… 2 more rows\n");
	o.screen.lines = 10;
	shown_text(&o, text, sizeof(text));
	assert_string_equal(text, BEGIN HEADING SHOWN("3") SHOWN("2") SHOWN("1") "\n" HEADING SHOWN("1") SHOWN("2") SHOWN("3"));
	/* No room for the other heading. */
	o.screen.lines = 5;
	shown_text(&o, text, sizeof(text));
	assert_string_equal(text, BEGIN HEADING SHOWN("3") "… 2 more rows\n… 3 more rows\n");
	o.screen = (struct tt_screen){.columns = 20};
	o.most = o.most_in_order = 1;
	o.colours = true;
	shown_text(&o, text, sizeof(text));
#define NARROW "\033[1mTIME           ID   \n\033[0m00:00:00.000    "
	assert_string_equal(text, BEGIN NARROW "3   \n\n" NARROW "1   \n");
}

static void a_table_comes_first(void **state)
{
	struct tt_table mine = ordered;
	const struct tt_table *const both[] = {&table, &mine};
	struct tt_rows_options o = {.tables = both,
				    .table_count = 2,
				    .gather = true,
				    .most = 8,
				    .live = true,
				    .screen = {.lines = 10, .columns = 60},
				    .json_fd = -1};
	struct row row = {.id = 1, .text = "one two three four five"};
	struct tt_rows *r = NULL;
	char text[4096];
	int fds[2];

	mine.first = true;
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	o.text_fd = fds[1];
	assert_int_equal(tt_rows_new(&r, &o), 0);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(tt_rows_add(r, 0, &row), 0);
		assert_int_equal(i < 2 ? tt_rows_add(r, 1, &row) : 0, 0);
	}
	assert_int_equal(tt_rows_flush(r), 0);
	ssize_t n = read(fds[0], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
#define LONG "00:00:00.000    1        0.0       0.0 one two three four"
#define GOES_ON "                                       five\n"
	assert_string_equal(text, BEGIN HEADING LONG " fi\n… 5 more rows\n\n" HEADING LONG "\n" GOES_ON LONG "\n" GOES_ON);
	tt_rows_free(r);
	close(fds[0]);
	close(fds[1]);
}

/* --- options --- */

struct config {
	uint64_t number;
	uint64_t wait_ns;
	uint8_t flag;
	const char *drawing;
};

static const struct tt_option_row own[] = {
	{"number", 'x', "N", TT_ROW_COUNT, offsetof(struct config, number), 2, 9, "a number"},
	{"wait", 0, "SECONDS", TT_ROW_SECONDS, offsetof(struct config, wait_ns), 1000, 10000000000, "a time"},
	{"flag", 'f', NULL, TT_ROW_FLAG, offsetof(struct config, flag), 0, 0, "a flag"},
	{"drawing", 0, "FILE", TT_ROW_OUTPUT, offsetof(struct config, drawing), 0, 0, "a file"},
};

/* The arguments live as long as the block they stand in: options borrow from them. */
#define READ(o, c, e, ...) (tt_limits_init(&(o)->limits), READ_IN(o, c, e, __VA_ARGS__))
#define READ_IN(o, c, e, ...)                                                                                  \
	tt_tool_options_read(o, own, TT_ARRAY_LEN(own), c, NULL, (int)TT_ARRAY_LEN(((char *[]){__VA_ARGS__})), \
			     (char *[]){__VA_ARGS__, NULL}, e)

static void options_are_read(void **state)
{
	struct tt_tool_options o;
	struct config c = {.number = 5};
	struct tt_tool_error e = {""};

	assert_int_equal(READ(&o, &c, &e, "-d", "1.5", "--interval=0.5", "-n10", "--pid", "7,8", "-p9", "--json", "--limit",
			      "tool_rows=1k"),
			 0);
	assert_int_equal(o.duration_ns, 1500000000);
	assert_int_equal(o.interval_ns, 500000000);
	assert_int_equal(o.top, 10);
	assert_int_equal(o.pid_count, 3);
	assert_int_equal(o.pids[2], 9);
	assert_int_equal(o.json, 1);
	assert_null(o.json_file);
	assert_int_equal(o.limits.value[TT_LIMIT_TOOL_ROWS], 1024);
	assert_int_equal(c.number, 5);
	tt_tool_options_free(&o);

	assert_int_equal(READ(&o, &c, &e, "--number", "9", "-f", "--wait", ".25", "--json=file", "--", "cat", "-d"), 0);
	assert_int_equal(c.number, 9);
	assert_int_equal(c.flag, 1);
	assert_int_equal(c.wait_ns, 250000000);
	assert_int_equal(o.json, 0);
	assert_string_equal(o.json_file, "file");
	assert_string_equal(o.command[0], "cat");
	assert_string_equal(o.command[1], "-d");
	assert_null(o.command[2]);
	tt_tool_options_free(&o);

	assert_int_equal(READ(&o, &c, &e, "2.5", "--min", "0.5", "--comm", "name", "-q", "7"), 0);
	assert_int_equal(o.interval_ns, 2500000000);
	assert_int_equal(o.count, 7);
	assert_true(o.least == 0.5);
	assert_string_equal(o.comm, "name");
	assert_int_equal(o.quiet, 1);
	tt_tool_options_free(&o);
	assert_int_equal(READ(&o, &c, &e, "1", "2", "3"), -EINVAL);
	assert_non_null(strstr(e.text, "'3'"));
	tt_tool_options_free(&o);

	assert_int_equal(READ(&o, &c, &e, "-f", "--help"), 1);
	tt_tool_options_free(&o);
}

static void wrong_options_are_named(void **state)
{
	static char *const wrong[][3] = {
		{"--nothing", NULL, "--nothing"},
		{"-z", NULL, "-z"},
		{"--duration", NULL, "--duration"},
		{"--duration", "x", "--duration"},
		{"-d", "-1", "--duration"},
		{"--duration", "nan", "--duration"},
		{"--duration", "0", "--duration"},
		{"--top", "0", "--top"},
		{"--top", "99999999999999999999", "--top"},
		{"--number", "1", "--number"},
		{"--number", "10", "--number"},
		{"--number", "3x", "--number"},
		{"--pid", "0", "--pid"},
		{"--pid", "1,", "--pid"},
		{"--pid", "x", "--pid"},
		{"--limit", "nosuch=1", "nosuch"},
		{"--limit", "tool_rows", "tool_rows"},
		{"--limit", "tool_rows=1", "tool_rows"},
		{"--cgroup", "", "--cgroup"},
		{"--container", "", "--container"},
		{"--flag=1", NULL, "--flag"},
		{"--json=", NULL, "--json"},
		{"word", NULL, "word"},
		{"0", NULL, "--interval"},
		{"--count", "3", "--count"},
		{"--min", "x", "--min"},
		{"--comm", "", "--comm"},
		{"--", NULL, "--"},
		{"--wait", "11", "--wait"},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(wrong); i++) {
		char *argv[] = {wrong[i][0], wrong[i][1], NULL};
		struct tt_tool_options o;
		struct config c = {0};
		struct tt_tool_error e = {""};
		int r = tt_tool_options_read(&o, own, TT_ARRAY_LEN(own), &c, NULL, argv[1] ? 2 : 1, argv, &e);
		if (r != -EINVAL || !strstr(e.text, wrong[i][2]))
			fail_msg("%s %s: %d '%s'", argv[0], argv[1] ? argv[1] : "", r, e.text);
		tt_tool_options_free(&o);
	}
	struct tt_tool_options o;
	struct config c = {0};
	struct tt_tool_error e = {""};
	assert_int_equal(READ(&o, &c, &e, "--pid", "1", "--cgroup", "/"), -EINVAL);
	tt_tool_options_free(&o);
	assert_int_equal(READ(&o, &c, &e, "--container", "web", "--cgroup", "/"), -EINVAL);
	tt_tool_options_free(&o);
	assert_int_equal(READ(&o, &c, &e, "--pid", "1", "--", "true"), -EINVAL);
	tt_tool_options_free(&o);
	assert_int_equal(READ(&o, &c, &e, "--json=/tmp/tt_no_such", "--drawing", "/tmp/../tmp/tt_no_such"), -EINVAL);
	assert_string_equal(e.text, "--drawing /tmp/../tmp/tt_no_such: --json writes to this file too");
	tt_tool_options_free(&o);
}

/* --- every tool there is --- */

static void table_is_whole(const char *tool, const struct tt_table *t)
{
	if (tt_fields_fault(&t->fields))
		fail_msg("%s, %s: %s", tool, t->kind, tt_fields_fault(&t->fields));
	for (size_t k = 0; k < t->fields.count; k++)
		assert_true(t->fields.list[k].offset + t->fields.list[k].size <= t->row_size);
	assert_true(t->rank < t->fields.count && t->fields.list[t->rank].size == sizeof(uint64_t));
}

static void table_is_told(const struct tt_table *t, const char *help)
{
	for (size_t k = 0; k < t->fields.count; k++) {
		if (t->fields.list[k].json)
			assert_non_null(strstr(help, t->fields.list[k].json));
	}
}

static void tools_are_whole(void **state)
{
	assert_true(tt_tool_count > 0);
	for (size_t i = 0; i < tt_tool_count; i++) {
		const struct tt_tool_entry *entry = &tt_tools[i];
		const struct tt_tool *tool = entry->tool;
		tt_buf_auto struct tt_buf b = TT_BUF(1u << 20);
		size_t size = 0;

		assert_ptr_equal(tt_tool_find(entry->name), entry);
		assert_true(tool->table_count > 0 && tool->table_count <= TT_TOOL_TABLES_MOST);
		for (size_t t = 0; t < tool->table_count; t++)
			table_is_whole(entry->name, tool->tables[t]);
		assert_true(tool->settings_size <= TT_TOOL_SETTINGS_MOST && tool->config_size <= tool->settings_size);
		assert_true(tool->hook_count <= 64);
		assert_non_null(entry->elf(&size));
		assert_true(size > 0);
		/* Every option and every field is in the help. */
		tt_tool_help(&b, entry);
		tt_buf_add_char(&b, 0);
		for (size_t k = 0; k < tool->option_count; k++)
			assert_non_null(strstr((char *)b.data, tool->options[k].name));
		for (size_t t = 0; t < tool->table_count; t++)
			table_is_told(tool->tables[t], (char *)b.data);
		for (size_t k = 0; k < tool->option_count; k++) {
			for (size_t c = 0; c < tt_common_row_count; c++)
				assert_string_not_equal(tool->options[k].name, tt_common_rows[c].name);
		}
	}
	assert_null(tt_tool_find("no-such-tool"));
}

TT_UNIT_TESTS(cmocka_unit_test(one_table_makes_both), cmocka_unit_test(a_column_that_is_there_sometimes),
	      cmocka_unit_test(text_does_not_steer_the_terminal), cmocka_unit_test(wrong_tables_are_found),
	      cmocka_unit_test(the_greatest_are_kept), cmocka_unit_test(rows_go_out_at_once),
	      cmocka_unit_test(tables_stand_apart), cmocka_unit_test(a_screen_is_not_overrun),
	      cmocka_unit_test(a_table_comes_first), cmocka_unit_test(the_clock_is_asked_anew),
	      cmocka_unit_test(options_are_read), cmocka_unit_test(wrong_options_are_named), cmocka_unit_test(tools_are_whole))
