// SPDX-License-Identifier: Apache-2.0
#include "proto/redis_command.h"

#include "harness/unit.h"
#include "proto/redis.h"

static const struct tt_redis_command *find(const char *name)
{
	return tt_redis_command_find(tt_span_str(name));
}

static void finds_in_any_case(void **state)
{
	assert_string_equal(find("get")->name, "GET");
	assert_string_equal(find("SeT")->name, "SET");
	assert_int_equal(find("acl")->kind, TT_REDIS_CONTAINER);
	assert_int_equal(find("ZUNIONSTORE")->key, TT_REDIS_KEY_1);
	assert_int_equal(find("ssubscribe")->kind, TT_REDIS_SSUBSCRIBE);
	assert_int_equal(find("ts.mget")->key, TT_REDIS_KEY_NONE);
	assert_int_equal(find("ts.add")->key, TT_REDIS_KEY_1);
}

static void finds_nothing_else(void **state)
{
	assert_null(find(""));
	assert_null(find("GE"));
	assert_null(find("GETT"));
	assert_null(find("TS."));
	assert_null(find("zzz"));
	assert_null(tt_redis_command_find(tt_span("GET\0", 4)));
	assert_null(tt_redis_command_find(tt_span("GET\0X", 5)));
	assert_null(tt_redis_command_find(tt_span("TS\0", 3)));
}

/* Whatever stands in the table is found, so it is sorted. */
static void is_sorted(void **state)
{
	static const char *const some[] = {"APPEND",	   "BITFIELD", "BITFIELD_RO",	 "BLPOP",      "CONFIG",
					   "DEBUG",	   "EVAL",     "EVALSHA",	 "EVALSHA_RO", "EVAL_RO",
					   "FCALL",	   "FCALL_RO", "GEOADD",	 "GEORADIUS",  "GEORADIUSBYMEMBER",
					   "GEORADIUS_RO", "HEXPIRE",  "LMPOP",		 "MONITOR",    "OBJECT",
					   "PSUBSCRIBE",   "RESTORE",  "RESTORE-ASKING", "SORT",       "SORT_RO",
					   "SPUBLISH",	   "TYPE",     "UNLINK",	 "VADD",       "WAITAOF",
					   "XREADGROUP",   "ZADD"};

	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		assert_non_null(find(some[i]));
		assert_string_equal(find(some[i])->name, some[i]);
	}
}

struct taken {
	char text[256];
	size_t len;
};

static void take(void *ctx, struct tt_span argument)
{
	struct taken *t = ctx;
	t->text[t->len++] = '[';
	memcpy(t->text + t->len, argument.data, argument.len);
	t->len += argument.len;
	t->text[t->len++] = ']';
	t->text[t->len] = '\0';
}

static void splits_inline_commands(void **state)
{
	static const struct {
		const char *line;
		const char *arguments; /* NULL: refused */
	} rows[] = {
		{"PING", "[PING]"},
		{"  a\tb  ", "[a][b]"},
		{"\"a b\" 'c d'", "[a b][c d]"},
		{"\"\\x41\\n\\\"\\q\" 'it\\'s \\n'", "[A\n\"q][it's \\n]"},
		{"\"\" ''", "[][]"},
		{"a\"b c\"", "[ab c]"},
		{"\"\\x4\"", "[x4]"},
		{"\"open", NULL},
		{"'open\\'", NULL},
		{"\"a\"b", NULL},
		{"\"a\\", NULL},
		{"", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct taken t = {.len = 0};
		assert_int_equal(tt_redis_inline_split(tt_span_str(rows[i].line), take, &t), rows[i].arguments != NULL);
		if (rows[i].arguments)
			assert_string_equal(t.text, rows[i].arguments);
	}
}

TT_UNIT_TESTS(cmocka_unit_test(finds_in_any_case), cmocka_unit_test(finds_nothing_else), cmocka_unit_test(is_sorted),
	      cmocka_unit_test(splits_inline_commands))
