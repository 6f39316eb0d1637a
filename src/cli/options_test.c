// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/own.h"
#include "cli/reload.h"
#include "harness/unit.h"

static const struct tt_command_row agent = {.name = "agent", .bit = TT_COMMAND_AGENT};
static const struct tt_command_row command_run = {.name = "run", .bit = TT_COMMAND_RUN, .arguments = "-- COMMAND [ARGUMENT]..."};
static const struct tt_command_row command_read = {.name = "read", .bit = TT_COMMAND_READ, .arguments = "FILE..."};
static const struct tt_command_row watch = {.name = "watch", .bit = TT_COMMAND_WATCH};

static struct tt_config config;
static struct tt_option_error error;
static char *rest[32];
static char path[64];

#define READ(command, ...) read_args(command, (char *[]){__VA_ARGS__, NULL})

static int read_args(const struct tt_command_row *command, char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	error.text[0] = 0;
	return tt_options_read(&config, command, argc, argv, rest, &error);
}

static int set_up(void **state)
{
	tt_config_init(&config);
	path[0] = 0;
	return 0;
}

static int tear_down(void **state)
{
	tt_config_free(&config);
	if (path[0])
		unlink(path);
	return 0;
}

static void write_file(const char *text)
{
	if (!path[0]) {
		snprintf(path, sizeof(path), "/tmp/tt_options_XXXXXX");
		int fd = mkstemp(path);
		assert_true(fd >= 0);
		close(fd);
	}
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* A second one without freeing the first would leak: tests that read twice call this. */
static void again(void)
{
	tt_config_free(&config);
}

static void every_kind_of_value(void **state)
{
	assert_int_equal(READ(&agent, "--listen=[::1]:80", "--pid", "12,13", "-p14", "--include-self", "--json", "-", "--limit",
			      "series=1k", "--limit=routes=8", "--log-level", "debug", "--hooks", "tracepoint",
			      "--listen-allow-host", "a,b"),
			 0);
	assert_string_equal(config.listen, "[::1]:80");
	assert_int_equal(config.pid_count, 3);
	assert_int_equal(config.pids[0] * 10000 + config.pids[1] * 100 + config.pids[2], 121314);
	assert_true(config.include_self);
	assert_string_equal(config.json, "-");
	assert_int_equal(config.limits.value[TT_LIMIT_SERIES], 1024);
	assert_int_equal(config.limits.value[TT_LIMIT_ROUTES], 8);
	assert_int_equal(config.log_level, TT_LOG_DEBUG);
	assert_string_equal(config.hooks, "tracepoint");
	assert_int_equal(config.allow_hosts.count, 2);
	assert_string_equal(config.allow_hosts.list[1], "b");
	assert_null(config.allow_hosts.list[2]);
	assert_null(rest[0]);
}

static void presets_depend_on_the_command(void **state)
{
	assert_int_equal(READ(&agent, "--show-values"), 0);
	assert_string_equal(config.listen, "127.0.0.1:9464");
	again();
	assert_int_equal(READ(&agent, "--no-listen"), 0);
	assert_null(config.listen);
	again();
	assert_int_equal(READ(&command_run, "--", "true"), 0);
	assert_null(config.listen);
	assert_int_equal(config.log_level, TT_LOG_WARN);
	assert_int_equal(config.limits.value[TT_LIMIT_SERIES], tt_limit_rows[TT_LIMIT_SERIES].preset);
}

static void arguments_and_options(void **state)
{
	/* The command's own options are its own. */
	assert_int_equal(READ(&command_run, "--user", "nobody", "curl", "--json", "-x"), 0);
	assert_string_equal(config.user, "nobody");
	assert_null(config.json);
	assert_string_equal(rest[0], "curl");
	assert_string_equal(rest[1], "--json");
	assert_string_equal(rest[2], "-x");
	assert_null(rest[3]);
	again();
	assert_int_equal(READ(&command_run, "--json", "o", "--", "--strange", "--"), 0);
	assert_string_equal(rest[0], "--strange");
	assert_string_equal(rest[1], "--");
	again();
	/* Files and options in any order; - is a file. */
	assert_int_equal(READ(&command_read, "a.pcap", "--json=out", "-", "--", "--b.pcap"), 0);
	assert_string_equal(config.json, "out");
	assert_string_equal(rest[0], "a.pcap");
	assert_string_equal(rest[1], "-");
	assert_string_equal(rest[2], "--b.pcap");
	assert_null(rest[3]);
	again();
	/* Where the argument may be left out, the next word is it but in read, which has words of its own, and only if it is no
	 * option. */
	assert_int_equal(READ(&command_run, "--json", "--", "true"), 0);
	assert_string_equal(config.json, "-");
	assert_string_equal(rest[0], "true");
	again();
	assert_int_equal(READ(&agent, "--json", "--pid", "1"), 0);
	assert_string_equal(config.json, "-");
	again();
	assert_int_equal(READ(&agent, "--json"), 0);
	assert_string_equal(config.json, "-");
	again();
	assert_int_equal(READ(&watch, "--json", "out"), 0);
	assert_string_equal(config.json, "out");
	again();
	assert_int_equal(READ(&command_read, "--json", "a.pcap"), 0);
	assert_string_equal(config.json, "-");
	assert_string_equal(rest[0], "a.pcap");
	again();
	assert_int_equal(READ(&command_read, "a.pcap", "--help", "--nonsense"), 1);
	again();
	assert_int_equal(READ(&agent, "-h"), 1);
}

static void bad_use_is_told_in_one_line(void **state)
{
	static const struct {
		const struct tt_command_row *command;
		const char *argv[4];
		const char *text;
	} rows[] = {
		{&agent, {"--nonsense"}, "unknown option --nonsense (telltale agent --help)"},
		{&agent, {"--nonsense=1"}, "unknown option --nonsense (telltale agent --help)"},
		{&agent, {"-x"}, "unknown option -x (telltale agent --help)"},
		{&agent, {"--user", "x"}, "unknown option --user (telltale agent --help)"}, /* another command's */
		{&agent, {"--js", "x"}, "unknown option --js (telltale agent --help)"},
		{&agent, {"--json="}, "--json: is empty"},
		{&agent, {"--show-values=yes"}, "--show-values takes no value"},
		{&agent, {"--pid", "12x"}, "--pid: '12x' is not a process number"},
		{&agent, {"-p", "0"}, "-p: '0' is not a process number"},
		{&agent, {"--pid", "-1"}, "--pid: '-1' is not a process number"},
		{&agent, {"--pid", "1,,2"}, "--pid: has an empty value"},
		{&agent, {"--pid", "99999999999"}, "--pid: '99999999999' is not a process number"},
		{&agent, {"--limit", "series"}, "--limit: 'series' is not NAME=VALUE"},
		{&agent, {"--limit", "serie=1"}, "--limit: there is no limit 'serie' (telltale help limits)"},
		{&agent, {"--limit", "series=x"}, "--limit: series: 'x' is not a number"},
		{&agent, {"--limit", "series=1"}, "--limit: series must lie between 16 and 4194304 series"},
		{&agent,
		 {"--listen", "localhost:99999"},
		 "--listen: 'localhost:99999' is not an address and port such as 127.0.0.1:9464, or none"},
		{&agent,
		 {"--protocol", "klingon"},
		 "--protocol: 'klingon' is not a protocol telltale knows (telltale help protocols)"},
		{&agent, {"--record", "-"}, "--record: '-' is not a file (standard output is /dev/stdout)"},
		{&agent, {"--hooks", "magic"}, "--hooks: 'magic' is not auto or fexit or tracepoint or kprobe"},
		{&agent,
		 {"--uprobes-without", "go,ssl"},
		 "--uprobes-without: 'ssl' is not one of openssl gnutls nss go nghttp2 grpc rustls"},
		{&agent, {"--log-level", "loud"}, "--log-level: 'loud' is not error, warning, info or debug"},
		{&agent, {"--pid", "1", "--netns=x"}, "--pid, --cgroup and --netns exclude each other"},
		{&watch,
		 {"--connect", "localhost:1", "--pid=1"},
		 "--connect: the agent there observes: it cannot be joined with --pid"},
		{&watch,
		 {"--record", "x", "--connect=localhost:1"},
		 "--connect: the agent there observes: it cannot be joined with --record"},
		{&agent, {"--config", "/nonexistent/x"}, "/nonexistent/x: No such file or directory"},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		assert_int_equal(read_args(rows[i].command, (char **)rows[i].argv), -EINVAL);
		assert_string_equal(error.text, rows[i].text);
		assert_null(strchr(error.text, '\n'));
	}
}

static void the_file_and_the_options(void **state)
{
	write_file("# comment\nlisten: '[::1]:9000'\npids: [1, 2]\nprotocols: dns\nshow_values: yes\nlimits:\n  series: 2k\n  "
		   "routes: 9\n"
		   "user: nobody\n"); /* run's: not for the agent */
	assert_int_equal(READ(&agent, "--config", path), 0);
	assert_string_equal(config.listen, "[::1]:9000");
	assert_int_equal(config.pid_count, 2);
	assert_int_equal(config.protocols.count, 1);
	assert_true(config.show_values);
	assert_int_equal(config.limits.value[TT_LIMIT_SERIES], 2048);
	assert_null(config.user);
	assert_string_equal(config.config_file, path);
	again();
	/* Options win, wherever --config stands; a scope replaces a scope; a list a list. */
	assert_int_equal(
		READ(&agent, "--limit", "routes=10", "--cgroup", "/x", "--protocol=redis", "--config", path, "--no-listen"), 0);
	assert_null(config.listen);
	assert_int_equal(config.pid_count, 0);
	assert_string_equal(config.cgroup, "/x");
	assert_int_equal(config.protocols.count, 1);
	assert_string_equal(config.protocols.list[0], "redis");
	assert_int_equal(config.limits.value[TT_LIMIT_ROUTES], 10);
	assert_int_equal(config.limits.value[TT_LIMIT_SERIES], 2048);
}

static void a_flag_can_be_put_off(void **state)
{
	write_file("uprobes: true\nuprobes_without:\n  - nss\n  - go\n");
	assert_int_equal(READ(&agent, "--config", path), 0);
	assert_true(config.uprobes);
	assert_int_equal(config.uprobes_without.count, 2);
	again();
	assert_int_equal(READ(&agent, "--no-uprobes", "--uprobes-without", "gnutls", "--config", path), 0);
	assert_false(config.uprobes);
	assert_int_equal(config.uprobes_without.count, 1);
}

/* What the file gave is named by its line, what an option gave by the option. */
static void values_know_where_they_stand(void **state)
{
	struct tt_config_name name;
	char expected[400];

	write_file("show_values: true\nlisten: none\n\npids:\n  - 1\n  - 2\njson: a\nuser: nobody\n");
	assert_int_equal(READ(&agent, "--config", path, "--json", "b"), 0);
	snprintf(expected, sizeof(expected), "%s:5: pids:", path);
	assert_string_equal(tt_config_name(&name, &config, "pids", "--pid"), expected);
	assert_string_equal(tt_config_name(&name, &config, "json", "--json"), "--json");
	assert_string_equal(tt_config_name(&name, &config, "user", "--user"), "--user"); /* not the agent's */
	again();
	assert_int_equal(READ(&agent, "--config", path, "--cgroup", "/x"), 0);
	assert_string_equal(tt_config_name(&name, &config, "pids", "--pid"), "--pid");
	again();

	write_file("cgroup: /x\npids: 1\n");
	assert_int_equal(READ(&agent, "--config", path), -EINVAL);
	snprintf(expected, sizeof(expected), "%s:2: pids: pids, cgroup and netns exclude each other", path);
	assert_string_equal(error.text, expected);

	/* The file is of no concern to an agent that is asked, but options are. */
	write_file("connect: localhost:1\nrecord: x\n");
	assert_int_equal(READ(&watch, "--config", path, "--json"), 0);
	again();
	assert_int_equal(READ(&watch, "--config", path, "--show-values"), -EINVAL);
	snprintf(expected, sizeof(expected), "%s:1: connect: the agent there observes: it cannot be joined with --show-values",
		 path);
	assert_string_equal(error.text, expected);
}

static void a_running_agent_takes_times_only(void **state)
{
	char *argv[] = {"agent", "--config", path, NULL};
	int at;

	tt_log_set_level(TT_LOG_ERROR);
	write_file("limits: {exchange_timeout_s: 60, series: 100}\nlog_level: error\njson: a\n");
	assert_int_equal(tt_options_parse(&config, &agent, 3, argv, &at), 0);
	write_file("limits: {exchange_timeout_s: 5, series: 200}\nlog_level: error\njson: b\n");
	assert_int_equal(tt_reload(&config, NULL, NULL), 0);
	assert_int_equal(config.limits.value[TT_LIMIT_EXCHANGE_TIMEOUT], 5);
	assert_int_equal(config.limits.value[TT_LIMIT_SERIES], 100);
	assert_string_equal(config.json, "a");
	write_file("limits: {exchange_timeout_s: 7}\njsn: b\n");
	assert_int_equal(tt_reload(&config, NULL, NULL), -EINVAL);
	assert_int_equal(config.limits.value[TT_LIMIT_EXCHANGE_TIMEOUT], 5);
}

static void a_reload_keeps_the_old_on_error(void **state)
{
	struct tt_config kept;

	write_file("listen: none\nlimits: {series: 100}\n");
	assert_int_equal(READ(&agent, "-c", path), 0);
	assert_null(config.listen);
	kept = config;
	write_file("listen: none\nlimits: {series: lots}\n");
	assert_int_equal(READ(&agent, "-c", path), -EINVAL);
	assert_memory_equal(&kept, &config, sizeof(kept));
	write_file("limits: {series: 200}\n");
	again();
	assert_int_equal(READ(&agent, "-c", path), 0);
	assert_int_equal(config.limits.value[TT_LIMIT_SERIES], 200);
	assert_string_equal(config.listen, "127.0.0.1:9464");
}

static void tools_with_their_options(void **state)
{
	static const char *const files[] = {
		"tools: {io: {disk: sda}, sched: {}}\n",
		"tools:\n  io:\n    disk: sda\n  sched:\n",
		"tools: [io, 'io:disk=sda', sched]\n",
	};
	static const char *const want[] = {"io", "io:disk=sda", "sched"};

	for (size_t i = 0; i < TT_ARRAY_LEN(files); i++) {
		again();
		write_file(files[i]);
		assert_int_equal(READ(&agent, "-c", path), 0);
		assert_int_equal(config.tools.count, 3);
		for (size_t n = 0; n < 3; n++)
			assert_string_equal(config.tools.list[n], want[n]);
	}
	again();
	assert_int_equal(READ(&agent, "-c", path, "--tools", "sched"), 0);
	assert_int_equal(config.tools.count, 1);
}

static void nothing_in_the_file(void **state)
{
	static const char *const files[] = {"", "# only this\n", "---\n", "\n\n", "{}\n"};

	for (size_t i = 0; i < TT_ARRAY_LEN(files); i++) {
		again();
		write_file(files[i]);
		assert_int_equal(READ(&agent, "-c", path), 0);
		assert_string_equal(config.listen, "127.0.0.1:9464");
	}
}

static void errors_name_file_line_and_key(void **state)
{
	static const struct {
		const char *file;
		const char *text; /* behind the path */
	} rows[] = {
		{"listen: none\nlissen: x\n", ":2: there is no key 'lissen' (telltale help configuration)"},
		{"listen: nowhere:x\n", ":1: listen: 'nowhere:x' is not an address and port such as 127.0.0.1:9464, or none"},
		{"\n\nlimits:\n  series: 20000\n  routs: 3\n", ":5: limits: there is no limit 'routs' (telltale help limits)"},
		{"limits:\n  series:\n", ":2: series: has no value"},
		{"limits: 3\n", ":1: limits: names and values are expected below it"},
		{"limits:\n  series: [1]\n", ":2: series: a simple value is expected here"},
		{"pids:\n  - 1\n  - two\n", ":3: pids: 'two' is not a process number"},
		{"json:\n", ":1: json: has no value"},
		{"json: ~\n", ":1: json: has no value"},
		{"json: [a]\n", ":1: json: a simple value is expected here"},
		{"json: a\njson: b\n", ":2: json: is set a second time"},
		{"show_values: perhaps\n", ":1: show_values: 'perhaps' is neither true nor false"},
		{"- a\n", ":1: lines of KEY: VALUE are expected"},
		{"just text\n", ":1: lines of KEY: VALUE are expected"},
		{"quiet: true\nmetrics: -\n",
		 ":2: block sequence entries are not allowed in this context (standard output is \"-\", with its quotes)"},
		{"json: a\n---\njson: b\n", ":2: a second document"},
		{"? [a]\n: b\n", ":1: a key is expected here"},
		{"json: *x\n", ":1: json: a simple value is expected here"},
		{"json: \"a\\0b\"\n", ":1: json: the value is not text"},
		{"user: ''\n", ":1: user: has no value"},
		{"tools:\n  io:\n  iostat:\n", ":3: tools: 'iostat' is none of the tools there are inside: io, profile, sched"},
		{"tools: [io, leak]\n", ":1: tools: 'leak' is none of the tools there are inside: io, profile, sched"},
		{"tools:\n  io: {disk: sda, slow: 5}\n", ":2: tools: io has no option 'slow' inside"},
		{"tools:\n  io:\n    disk:\n", ":3: disk: has no value"},
		{"tools:\n  io: 3\n", ":2: io: options are expected below it, or nothing"},
		{"tools:\n  io: [disk]\n", ":2: io: options are expected below it, or nothing"},
		{"tools:\n  io:\n    disk: [a]\n", ":3: disk: a simple value is expected here"},
		{"tools:\n", ":1: tools: has no value"},
		{"no_times: true\n", ":1: there is no key 'no_times' (telltale help configuration)"},
	};
	char expected[400];

	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		write_file(rows[i].file);
		assert_int_equal(READ(&agent, "-c", path), -EINVAL);
		snprintf(expected, sizeof(expected), "%s%s", path, rows[i].text);
		assert_string_equal(error.text, expected);
	}
	write_file("json: a\n bad: [\n");
	assert_int_equal(READ(&agent, "-c", path), -EINVAL);
	assert_non_null(strstr(error.text, ":2: "));
}

static void what_main_calls(void **state)
{
	char *argv[] = {"read", "a.pcap", "--record", "x", "b.pcap", "--limit", "series=77", NULL};
	char *bad[] = {"agent", "stray", NULL};
	struct tt_config again_read;
	int at = 0;

	tt_log_set_level(TT_LOG_ERROR);
	assert_int_equal(tt_options_parse(&config, &command_read, 7, argv, &at), 0);
	assert_int_equal(at, 5);
	assert_string_equal(argv[5], "a.pcap");
	assert_string_equal(argv[6], "b.pcap");
	assert_null(argv[7]);

	/* The arguments are kept as they were. */
	struct tt_buf names tt_buf_auto = TT_BUF(1000);
	assert_int_equal(tt_options_reload(&again_read), 0);
	tt_options_differences(&config, &again_read, &names);
	assert_int_equal(names.len, 0);
	again_read.limits.value[TT_LIMIT_SERIES]++;
	free(again_read.record);
	again_read.record = NULL;
	again_read.show_values = true;
	tt_options_differences(&config, &again_read, &names);
	assert_true(tt_span_eq(tt_buf_span(&names), TT_SPAN_LIT("show-values, record, limit")));
	tt_config_free(&again_read);

	again();
	assert_int_equal(tt_options_parse(&config, &agent, 2, bad, &at), -EINVAL);
}

static void the_table_is_sound(void **state)
{
	assert_true(tt_options_count <= 64); /* sets of them are bits of 64 */
	for (size_t i = 0; i < tt_options_count; i++) {
		const struct tt_option *o = &tt_options[i];
		bool bare = o->kind == TT_OPTION_FLAG || o->kind == TT_OPTION_OFF || o->kind == TT_OPTION_CLEAR;
		assert_int_equal(o->argument == NULL, bare);
		assert_non_null(o->help);
		assert_true(o->commands != 0);
		assert_true(!o->check || o->expected);
		for (size_t j = 0; j < i; j++) {
			/* The same name may mean another thing to another command. */
			bool meet = o->commands & tt_options[j].commands;
			assert_true(!meet || strcmp(o->name, tt_options[j].name) != 0);
			assert_true(!meet || !o->letter || o->letter != tt_options[j].letter);
			assert_true(!o->key || !tt_options[j].key || strcmp(o->key, tt_options[j].key) != 0);
		}
	}
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

TT_UNIT_TESTS(WITH(every_kind_of_value), WITH(presets_depend_on_the_command), WITH(arguments_and_options),
	      WITH(bad_use_is_told_in_one_line), WITH(the_file_and_the_options), WITH(a_flag_can_be_put_off),
	      WITH(values_know_where_they_stand), WITH(a_reload_keeps_the_old_on_error), WITH(a_running_agent_takes_times_only),
	      WITH(nothing_in_the_file), WITH(tools_with_their_options), WITH(errors_name_file_line_and_key),
	      WITH(what_main_calls), WITH(the_table_is_sound))
