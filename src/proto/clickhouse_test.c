// SPDX-License-Identifier: Apache-2.0
/* Log-in, queries and their answers at an old and a new revision, blocks plain and compressed, holes, hostile lengths. */
#include <stdlib.h>
#include <string.h>

#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_clickhouse;

/* clang-format off */
/* Revisions 54412 and 54468 as varuints. */
#define OLD "\x8c\xa9\x03"
#define NEW "\xc4\xa9\x03"
#define HELLO(revision) "\0\6client\x14\3" revision "\4shop\5alice\6secret"
#define GREETING_OLD "\0\x0a" "ClickHouse\x12\x10" OLD "\3UTC\4host\1"
#define GREETING_NEW "\0\x0a" "ClickHouse\x17\x0c" NEW "\3UTC\4host\1" "\1\2.*\4long" "\1\2\3\4\5\6\7\x08"
#define ADDENDUM "\0"
#define INFO "\1\0\2\xff\xff\xff\xff\0"
#define NO_BLOCK INFO "\0\0"
#define NO_TABLES "\2\0" NO_BLOCK
#define QUERY_OLD(text) "\1\0" "\1\0\0\x09" "0.0.0.0:0" "\1\1u\1h\1c\x14\3" OLD "\0" "\0" "\0" "\2\0" text
#define QUERY_NEW(packed, text) "\1\2id" "\1\0\0\x09" "0.0.0.0:0" "\0\0\0\0\0\0\0\0" "\1\1u\1h\1c\x14\3" NEW "\0" "\0" "\0" "\0" "\0\0\0" \
	"\7threads\0\1" "8" "\0" "\0" "\2" packed text "\0"
#define PROGRESS_OLD "\3\3\x18\0"
#define PROGRESS_NEW(written) "\3\3\x18\0\0" written "\0\x64"
#define PROFILE "\6\3\1\x18\0\0\1"
#define END "\5"
#define ONE_COLUMN(type, custom, values) "\1\0" INFO "\1\3" "\1a" type custom values
/* Three strings; three arrays of nullable numbers: [1, NULL], [], [2]. */
#define STRINGS "\3one\0\5three"
#define ARRAYS "\2\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0" "\0\1\0" "\1\0\0\0\2\0"
/* Two keys, three rows. */
#define WORDS "\1\0\0\0\0\0\0\0" "\0\6\0\0\0\0\0\0" "\2\0\0\0\0\0\0\0" "\0\1x" "\3\0\0\0\0\0\0\0" "\0\1\1"
#define FRAME(bytes, len, plain) "0123456789abcdef\x82" len "\0\0\0" plain "\0\0\0" bytes
#define EMPTY_PACKED FRAME("abc", "\x0c", "\x0a")
#define EXCEPTION "\2\x3c\0\0\0\x0d" "DB::Exception\x18" "No table. (UNKNOWN_TABLE)" "\0"
#undef EXCEPTION
#define EXCEPTION "\2\x3c\0\0\0\x0d" "DB::Exception\x19" "No table. (UNKNOWN_TABLE)" "\5stack" "\0"

#define DB "db.system.name=clickhouse,db.namespace=shop,"
#define SQL(kind, text) DB "db.operation.name=" kind ",db.query.text=" text
#define ID ",clickhouse.query_id=id"
#define CONNECTED(a, b) "CONNECT|shop|OK|-|" a "|" b "|complete|db.system.name=clickhouse,db.operation.name=CONNECT,db.namespace=shop,db.user=alice\n"
#define READ ",clickhouse.read_rows=3,clickhouse.read_bytes=24\n"
/* clang-format on */

static void check(const struct tt_line *script, const char *expected)
{
	tt_talk_check(&tt_proto_clickhouse, script, expected);
	tt_talk_truncate(&tt_proto_clickhouse, script);
}

static void old_revision(void **state)
{
	const struct tt_line script[] = {TT_C(HELLO(OLD)),
					 TT_S(GREETING_OLD),
					 TT_C(QUERY_OLD("\10SELECT a") NO_TABLES),
					 TT_S(ONE_COLUMN("\6String", "", STRINGS)),
					 TT_S(PROGRESS_OLD PROFILE "\1\0" NO_BLOCK END),
					 TT_C("\4"),
					 TT_S("\4"),
					 TT_C(QUERY_OLD("\10SELECT b") NO_TABLES),
					 TT_S(EXCEPTION),
					 TT_TALK_END};

	check(script,
	      CONNECTED("31", "27") "SELECT|SELECT a|OK|-|53|56|complete|" SQL(
		      "SELECT",
		      "SELECT a") ",db.response.returned_rows=3" READ "PING|-|OK|-|1|1|complete|" DB "db.operation.name=PING\n"
				  "SELECT|SELECT b|60|60|53|52|complete|" SQL(
					  "SELECT", "SELECT b") ",db.response.status_code=60,clickhouse.error_name=UNKNOWN_"
								"TABLE\n");
}

static void new_revision(void **state)
{
	const struct tt_line script[] = {TT_C(HELLO(NEW)),
					 TT_S(GREETING_NEW),
					 TT_C(ADDENDUM QUERY_NEW("\0", "\10SELECT a") NO_TABLES),
					 TT_S(ONE_COLUMN("\x16LowCardinality(String)", "\0", WORDS)),
					 TT_S(ONE_COLUMN("\x16"
							 "Array(Nullable(Int16))",
							 "\0", ARRAYS)),
					 TT_S(PROGRESS_NEW("\0") PROFILE END),
					 TT_C(QUERY_NEW("\0", "\10INSERT b") NO_TABLES),
					 TT_S("\x0b\0\1x"
					      "\1\0" INFO "\1\0\1a\4Int8\0"),
					 TT_C("\2\0" INFO "\1\3\1a\4Int8\0"
					      "abc"),
					 TT_C(NO_TABLES),
					 TT_S(PROGRESS_NEW("\3") END),
					 TT_TALK_END};

	check(script, CONNECTED("31", "44") "SELECT|SELECT a|OK|-|81|163|complete|" SQL("SELECT", "SELECT a") ID
	      ",db.response.returned_rows=3" READ "INSERT|INSERT b|OK|-|116|33|complete|" SQL("INSERT", "INSERT b") ID
	      ",db.response.affected_rows=3" READ);
}

static void compressed(void **state)
{
	const struct tt_line script[] = {TT_C(HELLO(NEW)),
					 TT_S(GREETING_NEW),
					 TT_C(ADDENDUM QUERY_NEW("\1", "\10SELECT a") "\2\0" EMPTY_PACKED),
					 TT_S("\1\0" FRAME("0123456789", "\x13", "\x20")),
					 TT_S("\x0a\0" INFO "\1\0\1t\6String\0"),
					 TT_S(PROGRESS_NEW("\0") PROFILE END),
					 TT_TALK_END};

	check(script, CONNECTED("31", "44") "SELECT|SELECT a|OK|-|99|75|complete|" SQL("SELECT", "SELECT a") ID
	      ",db.response.returned_rows=3" READ);
}

static void in_the_middle(void **state)
{
	const struct tt_line script[] = {TT_MID, TT_S(PROGRESS_NEW("\0")), TT_C(QUERY_NEW("\0", "\10SELECT a") NO_TABLES),
					 TT_S(PROGRESS_NEW("\0") PROFILE END), TT_TALK_END};
	char *lines = tt_talk(NULL, script);

	assert_string_equal(lines,
			    "clickhouse|SELECT|SELECT a|OK|-|81|16|complete|db.system.name=clickhouse,db.operation.name=SELECT,"
			    "db.query.text=SELECT a" ID ",db.response.returned_rows=3" READ);
	free(lines);
	tt_talk_truncate(&tt_proto_clickhouse, script);
}

/* A client that kept its connection asks first whether it still is one. */
static void in_the_middle_behind_a_ping(void **state)
{
	const struct tt_line apart[] = {TT_MID,
					TT_C("\4"),
					TT_S("\4"),
					TT_C(QUERY_NEW("\0", "\10SELECT a") NO_TABLES),
					TT_S(PROGRESS_NEW("\0") PROFILE END),
					TT_TALK_END};
	const struct tt_line at_once[] = {TT_MID, TT_C("\4\3" QUERY_NEW("\0", "\10SELECT a") NO_TABLES), TT_TALK_END};
	char *lines = tt_talk(NULL, apart);

	assert_string_equal(lines,
			    "clickhouse|SELECT|SELECT a|OK|-|81|16|complete|db.system.name=clickhouse,db.operation.name=SELECT,"
			    "db.query.text=SELECT a" ID ",db.response.returned_rows=3" READ);
	free(lines);
	tt_talk_truncate(&tt_proto_clickhouse, apart);

	lines = tt_talk(NULL, at_once);
	assert_non_null(strstr(lines, "clickhouse|SELECT|SELECT a|"));
	free(lines);
}

/*
 * The revision spoken is an older one than the query tells: what the server says tells it. Where it says too little, and nothing
 * more comes, the answer is incomplete.
 */
static void in_the_middle_of_an_older_revision(void **state)
{
	/* A newer client's, as an older server has it: nothing in it tells which. */
#define QUERY_ALIKE                  \
	"\1\0"                       \
	"\1\0\0\x09"                 \
	"0.0.0.0:0"                  \
	"\1\1u\1h\1c\x14\3" NEW "\0" \
	"\0"                         \
	"\0"                         \
	"\2\0"                       \
	"\10SELECT a" NO_TABLES
	const struct tt_line script[] = {TT_MID,
					 TT_S(END),
					 TT_C(QUERY_ALIKE),
					 TT_S(ONE_COLUMN("\6String", "", STRINGS)),
					 TT_S(PROFILE),
					 TT_S(PROGRESS_OLD),
					 TT_S("\1\0" NO_BLOCK END),
					 TT_C(QUERY_ALIKE),
					 TT_S(PROGRESS_OLD),
					 TT_S(END),
					 TT_TALK_END};
	const struct tt_line cut[] = {TT_MID,	TT_S(END), TT_C(QUERY_ALIKE), TT_S(ONE_COLUMN("\6String", "", STRINGS)),
				      TT_C_EOF, TT_S_EOF,  TT_TALK_END};
	char *lines = tt_talk(NULL, script);

#define ALIKE "|complete|db.system.name=clickhouse,db.operation.name=SELECT,db.query.text=SELECT a"
	assert_string_equal(lines, "clickhouse|SELECT|SELECT a|OK|-|53|56" ALIKE ",db.response.returned_rows=3" READ
				   "clickhouse|SELECT|SELECT a|OK|-|53|5" ALIKE READ);
	free(lines);
	tt_talk_truncate(&tt_proto_clickhouse, script);

	lines = tt_talk(NULL, cut);
	assert_non_null(strstr(lines, "clickhouse|SELECT|SELECT a|-|closed_by_client|53|32|incomplete|"));
	free(lines);
}

/* What cannot be walked leaves the answer incomplete; the next query is followed again. */
static void unknown_types(void **state)
{
	static const struct tt_line types[] = {
		TT_S(ONE_COLUMN("\4JSON", "\0", STRINGS)),
		TT_S(ONE_COLUMN("\6String", "\1", STRINGS)),
		TT_S(ONE_COLUMN("\x1f"
				"Array(Array(Array(Array(String)",
				"\0", ARRAYS)),
		TT_S("\1\0" INFO "\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"
		     "\1a\6String\0"),
		TT_S("\1\0" INFO "\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"
		     "\1a\6String\0"),
		TT_S(ONE_COLUMN("\x0c"
				"Array(UInt8)",
				"\0", "01234567012345670123456\x7f")),
		TT_S("\x63"),
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		const struct tt_line script[] = {TT_C(HELLO(NEW)),
						 TT_S(GREETING_NEW),
						 TT_C(ADDENDUM QUERY_NEW("\0", "\10SELECT a") NO_TABLES),
						 types[i],
						 TT_PAUSE(3000),
						 TT_C(QUERY_NEW("\0", "\10SELECT b") NO_TABLES),
						 TT_PAUSE(10),
						 TT_S(PROGRESS_NEW("\0") PROFILE END),
						 TT_TALK_END};
		char *lines = tt_talk(&tt_proto_clickhouse, script);
		const char *first = strstr(lines, "SELECT|SELECT a|"),
			   *second = strstr(lines, "SELECT|SELECT b|OK|-|81|16|complete|");
		if (!second)
			print_error("%zu: %s", i, lines);
		assert_non_null(first);
		assert_non_null(second);
		assert_true(strstr(first, "|incomplete|") && strstr(first, "|incomplete|") < second);
		free(lines);
	}
}

static void hostile(void **state)
{
	static const struct tt_line scripts[][3] = {
		{TT_C("\0\xff\xff\xff\xff\x7f"
		      "client"),
		 TT_TALK_END},
		{TT_C("\0\6client\x14\3\1\4shop\5alice\6secret"), TT_TALK_END},
		{TT_C("\0\6client\x14\3" NEW "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"
		      "x"),
		 TT_TALK_END},
		{TT_C("\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"), TT_TALK_END},
	};

	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		char *lines = tt_talk(NULL, scripts[i]);
		assert_string_equal(lines, "");
		free(lines);
	}
}

TT_UNIT_TESTS(cmocka_unit_test(old_revision), cmocka_unit_test(new_revision), cmocka_unit_test(compressed),
	      cmocka_unit_test(in_the_middle), cmocka_unit_test(in_the_middle_behind_a_ping),
	      cmocka_unit_test(in_the_middle_of_an_older_revision), cmocka_unit_test(unknown_types), cmocka_unit_test(hostile))
