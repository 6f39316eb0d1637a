// SPDX-License-Identifier: Apache-2.0
/* Records as the programs write them, and the lines that come of them. */
#include "tools/execs/execs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/unit.h"
#include "tools/rows.h"
#include "tools/runner.h"

#define UID 4000000000u /* nobody's: shown as number */

static const struct tt_tool *tool;
static struct tt_limits limits;
static struct tt_tool_run run;
static int fd;
static char text[1 << 16];

static int begin(void **state)
{
	char path[] = "/tmp/tt-execs-XXXXXX";

	fd = mkstemp(path);
	unlink(path);
	tool = tt_tool_find("execs")->tool;
	tt_limits_init(&limits);
	run = (struct tt_tool_run){.tool = tool, .limits = &limits};
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

static void start(enum tt_execs_record_type type, uint32_t pid, uint64_t process, uint64_t time, uint32_t error, const char *args,
		  size_t len)
{
	struct tt_execs_started s = {
		.rec = {.type = (uint16_t)type,
			.len = sizeof(s),
			.version = TT_RECORD_VERSION,
			.tgid = pid,
			.tid = pid,
			.start_ns = process,
			.time_ns = time},
		.ppid = 1,
		.uid = UID,
		.error = error,
		.args_len = (uint32_t)len,
	};
	memcpy(s.args, args, len);
	assert_int_equal(tool->record(&run, &s.rec), 0);
}

static void stop(uint32_t pid, uint64_t process, uint64_t time, uint32_t wait_status)
{
	struct tt_execs_ended e = {
		.rec = {.type = TT_EXECS_ENDED,
			.len = sizeof(e),
			.version = TT_RECORD_VERSION,
			.tgid = pid,
			.tid = pid,
			.start_ns = process,
			.time_ns = time},
		.wait_status = wait_status,
	};
	assert_int_equal(tool->record(&run, &e.rec), 0);
}

static const char *lines(void)
{
	assert_int_equal(tt_rows_flush(run.rows), 0);
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = 0;
	return text;
}

#define ARGS(s) (s), sizeof(s)
#define LINE(time, pid, lived, end, status, command)                                                                          \
	"{\"kind\":\"exec\",\"time_unix_ns\":" time ",\"pid\":" pid ",\"ppid\":1,\"user\":\"4000000000\",\"lived_ns\":" lived \
	",\"end\":" end ",\"status\":" status ",\"command\":" command "}\n"

static void ends_are_told(void **state)
{
	start(TT_EXECS_STARTED, 10, 5, 1000, 0, ARGS("ls\0-l"));
	start(TT_EXECS_STARTED, 11, 6, 2000, 0, ARGS("sh"));
	stop(10, 5, 3000, 2 << 8);
	stop(11, 6, 3500, 9);
	start(TT_EXECS_FAILED, 12, 7, 4000, 2, ARGS("/bin/none\0x"));
	stop(99, 9, 5000, 0);		      /* a fork that executed nothing */
	assert_null(strstr(lines(), "none")); /* it may be found elsewhere */
	stop(12, 7, 5000, 127 << 8);
	assert_string_equal(lines(), LINE("1000", "10", "2000", "\"exit\"", "\"2\"", "\"ls -l\"")
					     LINE("2000", "11", "1500", "\"signal\"", "\"SIGKILL\"", "\"sh\"")
						     LINE("4000", "12", "null", "\"error\"", "\"ENOENT\"", "\"/bin/none x\""));
}

static void core_dumps_are_signals(void **state)
{
	start(TT_EXECS_STARTED, 10, 5, 1000, 0, ARGS("sh"));
	stop(10, 5, 3000, 11 | 0x80);
	assert_string_equal(lines(), LINE("1000", "10", "2000", "\"signal\"", "\"SIGSEGV\"", "\"sh\""));
}

static void one_process_may_be_many_programs(void **state)
{
	start(TT_EXECS_STARTED, 10, 5, 1000, 0, ARGS("sh"));
	start(TT_EXECS_STARTED, 10, 5, 1500, 0, ARGS("ls"));
	stop(10, 5, 3000, 0);
	assert_string_equal(lines(), LINE("1000", "10", "500", "\"exec\"", "null", "\"sh\"")
					     LINE("1500", "10", "1500", "\"exit\"", "\"0\"", "\"ls\""));
}

/* The end of the first was lost: nothing is invented for it. */
static void numbers_come_round_again(void **state)
{
	start(TT_EXECS_STARTED, 10, 5, 1000, 0, ARGS("a"));
	start(TT_EXECS_STARTED, 10, 700, 1500, 0, ARGS("b"));
	stop(10, 700, 3000, 0);
	start(TT_EXECS_STARTED, 20, 5, 4000, 0, ARGS("c"));
	stop(20, 900, 5000, 0);
	assert_string_equal(lines(), LINE("1000", "10", "null", "null", "null", "\"a\"")
					     LINE("1500", "10", "1500", "\"exit\"", "\"0\"", "\"b\"")
						     LINE("4000", "20", "null", "null", "null", "\"c\""));
}

static void what_runs_is_shown_at_the_end(void **state)
{
	start(TT_EXECS_STARTED, 10, 5, 2000, 0, ARGS("b"));
	start(TT_EXECS_STARTED, 9, 5, 1000, 0, ARGS("a"));
	assert_string_equal(lines(), "");
	assert_int_equal(tool->end(&run), 0);
	assert_string_equal(lines(), LINE("1000", "9", "null", "null", "null", "\"a\"")
					     LINE("2000", "10", "null", "null", "null", "\"b\""));
}

static void a_full_table_loses_no_line(void **state)
{
	limits.value[TT_LIMIT_TOOL_PROGRAMS] = 1;
	start(TT_EXECS_STARTED, 10, 5, 1000, 0, ARGS("a"));
	start(TT_EXECS_STARTED, 11, 6, 2000, 0, ARGS("b"));
	stop(11, 6, 2500, 0);
	stop(10, 5, 3000, 0);
	assert_int_equal(run.notes[0], 1);
	assert_string_equal(lines(), LINE("2000", "11", "null", "null", "null", "\"b\"")
					     LINE("1000", "10", "2000", "\"exit\"", "\"0\"", "\"a\""));
}

static void long_commands_are_cut(void **state)
{
	char args[TT_EXECS_ARGS_LEN];

	memset(args, 'x', sizeof(args));
	start(TT_EXECS_FAILED, 10, 5, 1000, 1, args, sizeof(args));
	args[sizeof(args) - 1] = 0; /* just fits */
	start(TT_EXECS_FAILED, 10, 5, 1000, 1, args, sizeof(args));
	start(TT_EXECS_FAILED, 10, 5, 1000, 14, args, 0);
	const char *at = strstr(lines(), "\"command\":\"");
	assert_int_equal(strspn(at + 11, "x"), TT_EXECS_ARGS_LEN);
	assert_int_equal(strncmp(at + 11 + TT_EXECS_ARGS_LEN, "...\"", 4), 0);
	at = strstr(at + 11, "\"command\":\"");
	assert_int_equal(strspn(at + 11, "x"), TT_EXECS_ARGS_LEN - 1);
	assert_int_equal(at[11 + TT_EXECS_ARGS_LEN - 1], '"');
	assert_non_null(strstr(at, "\"EFAULT\",\"command\":null"));
}

#define FAILED(error, path) start(TT_EXECS_FAILED, 10, 5, 1000, error, ARGS(path "\0-v"))

/* Directory after directory, then the program: one line. */
static void lookups_are_folded(void **state)
{
	FAILED(2, "/usr/local/bin/ld");
	FAILED(13, "/opt/bin/ld");
	start(TT_EXECS_STARTED, 10, 5, 2000, 0, ARGS("ld\0-v"));
	stop(10, 5, 3000, 0);
	assert_int_equal(run.notes[1], 2);
	assert_string_equal(lines(), LINE("2000", "10", "1000", "\"exit\"", "\"0\"", "\"ld -v\""));
}

/* A script: its interpreter is what is started. And a program that is called otherwise than its file. */
static void what_was_found_may_have_another_name(void **state)
{
	FAILED(2, "/usr/local/bin/script");
	start(TT_EXECS_STARTED, 10, 5, 2000, 0, ARGS("/bin/sh\0-e\0/usr/bin/script\0-v"));
	FAILED(2, "/usr/local/bin/cc");
	start(TT_EXECS_STARTED, 10, 5, 3000, 0, ARGS("gcc\0-v"));
	assert_null(strstr(lines(), "error"));
	assert_int_equal(run.notes[1], 2);
}

static void what_is_not_found_has_one_line(void **state)
{
	FAILED(2, "/usr/local/bin/ld");
	FAILED(2, "/usr/local/bin/ld"); /* again: another attempt */
	FAILED(2, "/usr/bin/ld");
	FAILED(2, "/usr/bin/ld"); /* PATH may name it twice */
	FAILED(2, "/bin/gold");
	FAILED(8, "/sbin/gold"); /* no search goes on after this */
	start(TT_EXECS_STARTED, 10, 5, 2000, 0, ARGS("as\0--version"));
	assert_string_equal(lines(),
			    LINE("1000", "10", "null", "\"error\"", "\"ENOENT\"", "\"/usr/local/bin/ld -v\"")
				    LINE("1000", "10", "null", "\"error\"", "\"ENOENT\"", "\"/usr/local/bin/ld -v\"")
					    LINE("1000", "10", "null", "\"error\"", "\"ENOENT\"", "\"/bin/gold -v\"")
						    LINE("1000", "10", "null", "\"error\"", "\"ENOEXEC\"", "\"/sbin/gold -v\""));
	assert_int_equal(run.notes[1], 2);

	FAILED(2, "/bin/last");
	assert_int_equal(tool->end(&run), 0);
	assert_non_null(strstr(lines(), "\"/bin/last -v\""));
}

static void each_place_if_asked_for(void **state)
{
	const struct tt_execs_config config = {.lookups = true};

	run.settings = &config;
	FAILED(2, "/usr/local/bin/ld");
	FAILED(2, "/usr/bin/ld");
	assert_non_null(strstr(lines(), "\"/usr/bin/ld -v\""));
	assert_int_equal(run.notes[1], 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
TT_UNIT_TESTS(TEST(ends_are_told), TEST(core_dumps_are_signals), TEST(one_process_may_be_many_programs),
	      TEST(numbers_come_round_again), TEST(what_runs_is_shown_at_the_end), TEST(a_full_table_loses_no_line),
	      TEST(long_commands_are_cut), TEST(lookups_are_folded), TEST(what_was_found_may_have_another_name),
	      TEST(what_is_not_found_has_one_line), TEST(each_place_if_asked_for))
