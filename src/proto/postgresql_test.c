// SPDX-License-Identifier: Apache-2.0
#include "proto/postgresql_test.h"

static void logs_in_and_asks(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN;
	Q("select 1");
	COLUMN;
	ROW;
	ROW;
	TAG("SELECT 2");
	READY;
	Q("INSERT INTO t VALUES (1)");
	TAG("INSERT 0 1");
	READY;
	Q("");
	S('I', "");
	READY;
	C('X', "");
	CHECK(LOGGED_IN DONE("SELECT", "select 1", "14", "71", ROWS("2"))
		      DONE("INSERT", "INSERT INTO t VALUES (1)", "30", "22", CHANGED("1")) DONE("QUERY", "", "6", "11", ""));
	TRUNCATE;
}

static void reads_several_statements_in_one_query(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN;
	Q("BEGIN; UPDATE t SET a=1; SELECT a FROM t; CREATE TABLE u AS SELECT 1; COMMIT");
	TAG("BEGIN");
	TAG("UPDATE 3");
	COLUMN;
	ROW;
	TAG("SELECT 1");
	TAG("SELECT 5");
	TAG("COMMIT");
	READY;
	CHECK(LOGGED_IN DONE("BEGIN", "BEGIN; UPDATE t SET a=1; SELECT a FROM t; CREATE TABLE u AS SELECT 1; COMMIT", "82", "110",
			     ROWS("1") CHANGED("8")));
	TRUNCATE;
}

/* One transaction unless it is told otherwise: what was done before the error is undone. */
static void counts_nothing_that_was_rolled_back(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN;
	Q("UPDATE t SET a=1; DELETE FROM u; SELECT nope");
	TAG("UPDATE 3");
	TAG("DELETE 2");
	ERROR("ERROR", "42703", "no column");
	READY;
	Q("BEGIN; UPDATE t SET a=1; COMMIT; DELETE FROM u; SELECT nope");
	TAG("BEGIN");
	TAG("UPDATE 3");
	TAG("COMMIT");
	TAG("DELETE 2");
	ERROR("ERROR", "42703", "no column");
	READY;
	CHECK(LOGGED_IN FAILED("UPDATE", "UPDATE t SET a=1; DELETE FROM u; SELECT nope", "42703", "50", "72", "") FAILED(
		"BEGIN", "BEGIN; UPDATE t SET a=1; COMMIT; DELETE FROM u; SELECT nope", "42703", "65", "95", CHANGED("3")));
	TRUNCATE;
}

static void reads_errors(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN;
	Q("SELECT * FROM nope");
	ERROR("ERROR", "42P01", "relation does not exist");
	READY;
	Q("DO 'RAISE'");
	S('N', "SNOTICE\0C00000\0Mhello\0\0");
	TAG("DO");
	READY;
	S('A', "\0\0\0\1channel\0text\0"); /* asynchronous: belongs to nothing */
	S('S', "TimeZone\0UTC\0");
	Q("SELECT 1");
	COLUMN;
	ERROR("FATAL", "57P01", "terminating connection");
	STEP(TT_S_EOF);
	CHECK(LOGGED_IN FAILED("SELECT", "SELECT * FROM nope", "42P01", "24", "58", "") DONE("DO", "DO 'RAISE'", "16", "42", "")
		      FAILED("SELECT", "SELECT 1", "57P01", "14", "78", ROWS("0")));
	TRUNCATE;
}

static void is_refused(void **state)
{
	tt_script_auto struct tt_script s = {0};

	STARTUP;
	ERROR("FATAL", "3D000", "database does not exist");
	STEP(TT_S_EOF);
	CHECK("CONNECT|shop|3D000|3D000|32|52|" SYSTEM "CONNECT,db.user=joe,db.response.status_code=3D000\n");
}

static void negotiates_no_encryption(void **state)
{
	tt_script_auto struct tt_script s = {0};

	C(0, "\x04\xd2\x16\x30");
	tt_script_say(&s, TT_SAY_SERVER, "N", 1, NULL, 0);
	C(0, "\x04\xd2\x16\x2f");
	tt_script_say(&s, TT_SAY_SERVER, "N", 1, NULL, 0);
	OPEN;
	CHECK(LOGGED_IN);
	TRUNCATE;
}

static void stops_before_tls(void **state)
{
	tt_script_auto struct tt_script s = {0};

	C(0, "\x04\xd2\x16\x2f");
	tt_script_say(&s, TT_SAY_SERVER, "S", 1, NULL, 0);
	tt_script_say(&s, TT_SAY_CLIENT, "\x16\x03\x01\x00\x05hello", 10, NULL, 0);
	tt_script_say(&s, TT_SAY_SERVER, "\x16\x03\x03\x00\x05hello", 10, NULL, 0);
	CHECK("");
	TRUNCATE;
}

static void cancels(void **state)
{
	tt_script_auto struct tt_script s = {0};

	C(0, "\x04\xd2\x16\x2e\0\0\0\1\0\0\0\2");
	STEP(TT_S_EOF);
	CHECK("CANCEL|-|-|-|16|0|complete|db.system.name=postgresql,db.operation.name=CANCEL\n");
}

static void executes_prepared_statements(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN;
	PARSE("s1", "SELECT $1::int");
	DESCRIBE("Ss1");
	SYNC;
	PARSED;
	S('t', "\0\1\0\0\0\x17");
	COLUMN;
	READY;
	BIND("", "s1");
	DESCRIBE("P");
	EXECUTE("");
	SYNC;
	BOUND;
	COLUMN;
	ROW;
	TAG("SELECT 1");
	READY;
	PARSE("", "DELETE FROM t");
	BIND("", "");
	EXECUTE("");
	SYNC;
	PARSED;
	BOUND;
	TAG("DELETE 4");
	READY;
	C('C', "Ss1\0");
	SYNC;
	S('3', "");
	READY;
	BIND("", "s1");
	EXECUTE("");
	SYNC;
	ERROR("ERROR", "26000", "no such statement");
	READY;
	CHECK(LOGGED_IN DONE("PREPARE", "SELECT $1::int", "39", "49", "") DONE("SELECT", "SELECT $1::int", "32", "58", ROWS("1"))
		      DONE("DELETE", "DELETE FROM t", "45", "24",
			   CHANGED("4")) "EXECUTE|-|26000|26000|25|46|incomplete|db.system.name=postgresql,db.namespace=shop,db."
					 "operation.name=EXECUTE,"
					 "db.response.status_code=26000\n");
	TRUNCATE;
}

static void tells_pipelined_executions_apart(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN;
	PARSE("", "SELECT 1");
	BIND("", "");
	EXECUTE("");
	PARSE("", "UPDATE t SET a=2");
	BIND("p", "");
	EXECUTE("p");
	EXECUTE("p");
	SYNC;
	PARSE("", "SELECT 3");
	BIND("", "");
	EXECUTE("");
	SYNC;
	PARSED;
	BOUND;
	ROW;
	TAG("SELECT 1");
	PARSED;
	BOUND;
	TAG("UPDATE 2");
	S('I', "");
	READY;
	PARSED;
	BOUND;
	ROW;
	S('s', "");
	READY;
	CHECK(LOGGED_IN DONE("SELECT", "SELECT 1", "40", "36", ROWS("1")) DONE("UPDATE", "UPDATE t SET a=2", "50", "24",
									       CHANGED("2"))
		      DONE("UPDATE", "UPDATE t SET a=2", "11", "5", "") DONE("SELECT", "SELECT 3", "40", "27", ROWS("1")));
	TRUNCATE;
}

static void skips_after_an_error(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN;
	PARSE("", "SELECT 1");
	BIND("", "");
	EXECUTE("");
	PARSE("", "oops");
	BIND("", "");
	EXECUTE("");
	PARSE("", "SELECT 3");
	BIND("", "");
	EXECUTE("");
	SYNC;
	Q("SELECT 4");
	PARSED;
	BOUND;
	ROW;
	TAG("SELECT 1");
	ERROR("ERROR", "42601", "syntax error");
	READY;
	COLUMN;
	TAG("SELECT 0");
	READY;
	CHECK(LOGGED_IN DONE("SELECT", "SELECT 1", "40", "36", ROWS("1")) FAILED("QUERY", "oops", "42601", "36", "41", "")
		      SKIPPED("SELECT", "SELECT 3", "40") DONE("SELECT", "SELECT 4", "14", "47", ROWS("0")));
	TRUNCATE;
}

static void shows_a_commit_that_fails(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN;
	PARSE("", "INSERT INTO t VALUES (1)");
	BIND("", "");
	EXECUTE("");
	SYNC;
	PARSED;
	BOUND;
	TAG("INSERT 0 1");
	ERROR("ERROR", "23505", "deferred");
	READY;
	PARSE("bad", "SELEC");
	SYNC;
	ERROR("ERROR", "42601", "syntax error");
	READY;
	CHECK(LOGGED_IN DONE("INSERT", "INSERT INTO t VALUES (1)", "56", "26",
			     CHANGED("1")) "SYNC|-|23505|23505|5|43|" SYSTEM
					   "SYNC,db.response.status_code=23505\n" FAILED("PREPARE", "SELEC", "42601", "22", "47",
											 ""));
	TRUNCATE;
}

/* The server keeps what the name stood for when it refuses a second Parse of it. */
static void keeps_the_statement_a_name_stands_for(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN;
	PARSE("n", "SELECT 1");
	SYNC;
	PARSED;
	READY;
	PARSE("n", "SELECT 2");
	SYNC;
	ERROR("ERROR", "42P05", "exists");
	READY;
	BIND("", "n");
	EXECUTE("");
	SYNC;
	BOUND;
	TAG("SELECT 0");
	READY;
	CHECK(LOGGED_IN DONE("PREPARE", "SELECT 1", "23", "11", "") FAILED("PREPARE", "SELECT 2", "42P05", "23", "41", "")
		      DONE("SELECT", "SELECT 1", "24", "19", ROWS("0")));
}

/* The same where all was sent before the server had answered: the name stands for what it took last. */
static void names_what_ran_behind_a_refused_parse(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN;
	PARSE("z", "SELECT 1");
	SYNC;
	PARSE("z", "DELETE FROM t");
	SYNC;
	BIND("", "z");
	EXECUTE("");
	SYNC;
	PARSED;
	READY;
	ERROR("ERROR", "42P05", "exists");
	READY;
	BOUND;
	TAG("SELECT 0");
	READY;
	CHECK(LOGGED_IN DONE("PREPARE", "SELECT 1", "23", "11", "") FAILED("PREPARE", "DELETE FROM t", "42P05", "28", "41", "")
		      DONE("SELECT", "SELECT 1", "24", "19", ROWS("0")));
	TRUNCATE;
}

static void names_what_ran_behind_a_skipped_parse(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN;
	PARSE("q", "SELECT 1");
	SYNC;
	PARSED;
	READY;
	PARSE("", "SELECT oops");
	BIND("", "");
	EXECUTE("");
	PARSE("q", "DELETE FROM t");
	PARSE("q", "DELETE FROM u");
	SYNC;
	BIND("", "q");
	EXECUTE("");
	SYNC;
	ERROR("ERROR", "42601", "syntax error");
	READY;
	BOUND;
	TAG("SELECT 0");
	READY;
	BIND("", "q");
	EXECUTE("");
	SYNC;
	BOUND;
	TAG("SELECT 0");
	READY;
	CHECK(LOGGED_IN DONE("PREPARE", "SELECT 1", "23", "11", "")
		      FAILED("SELECT", "SELECT oops", "42601", "43", "41",
			     "") "PREPARE|DELETE FROM u|skipped|skipped|51|6|" SYSTEM
				 "PREPARE,db.query.text=DELETE FROM u\n" DONE("SELECT", "SELECT 1", "24", "19", ROWS("0"))
					 DONE("SELECT", "SELECT 1", "24", "19", ROWS("0")));
}

/* A name that stood for nothing: what was taken for its text is not known to be it. */
static void doubts_what_ran_behind_a_skipped_parse(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN;
	PARSE("", "oops");
	PARSE("n", "SELECT 1");
	SYNC;
	BIND("", "n");
	EXECUTE("");
	SYNC;
	ERROR("ERROR", "42601", "syntax error");
	READY;
	ERROR("ERROR", "26000", "no such statement");
	READY;
	CHECK(LOGGED_IN FAILED("PREPARE", "SELECT 1", "42601", "36", "47",
			       "") "SELECT|SELECT 1|26000|26000|24|46|incomplete|db.system.name=postgresql,db.namespace=shop,"
				   "db.operation.name=SELECT,db.query.text=SELECT 1,db.response.status_code=26000\n");
	TRUNCATE;
}

/* More than are followed: what they stand for is known as long as none of them fails. */
static void prepares_many_at_once(void **state)
{
	for (int fails = 0; fails < 2; fails++) {
		tt_script_auto struct tt_script s = {0};
		char parse[] = "a\0SELECT 1\0\0\0";

		OPEN;
		for (int i = 0; i < 12; i++, parse[0]++)
			message(&s, TT_SAY_CLIENT, 'P', parse, sizeof(parse) - 1);
		SYNC;
		for (int i = 0; i < (fails ? 1 : 12); i++)
			PARSED;
		if (fails)
			ERROR("ERROR", "42P05", "exists");
		READY;
		BIND("", "a");
		EXECUTE("");
		BIND("", "l");
		EXECUTE("");
		SYNC;
		BOUND;
		TAG("SELECT 0");
		BOUND;
		TAG("SELECT 0");
		READY;
		char *got = tt_talk(&tt_proto_postgresql, s.line);
		assert_int_equal(!strstr(got, DONE("SELECT", "SELECT 1", "24", "19", ROWS("0"))), fails);
		assert_int_equal(!!strstr(got, "EXECUTE|-|OK|-|24|19|incomplete|"), fails);
		free(got);
	}
}

static void flushes(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN;
	PARSE("", "SELECT 1");
	DESCRIBE("S");
	C('H', "");
	PARSED;
	S('t', "\0\0");
	COLUMN;
	BIND("", "");
	EXECUTE("");
	C('H', "");
	BOUND;
	ROW;
	TAG("SELECT 1");
	SYNC;
	READY;
	PARSE("", "oops");
	C('H', "");
	ERROR("ERROR", "42601", "syntax error");
	SYNC;
	READY;
	CHECK(LOGGED_IN DONE("SELECT", "SELECT 1", "52", "70", ROWS("1")) FAILED("PREPARE", "oops", "42601", "23", "47", ""));
	TRUNCATE;
}

static void copies_in_and_out(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN;
	Q("COPY t FROM STDIN");
	S('G', "\0\0\0");
	C('d', "1\n");
	C('d', "2\n");
	C('c', "");
	TAG("COPY 2");
	READY;
	Q("COPY t TO STDOUT");
	S('H', "\0\0\0");
	S('d', "1\n");
	S('d', "2\n");
	S('c', "");
	TAG("COPY 2");
	READY;
	Q("COPY t FROM STDIN");
	S('G', "\0\0\0");
	C('d', "x\n");
	C('f', "no\0");
	ERROR("ERROR", "57014", "COPY failed");
	READY;
	CHECK(LOGGED_IN DONE("COPY", "COPY t FROM STDIN", "42", "26", CHANGED("2")) DONE(
		"COPY", "COPY t TO STDOUT", "22", "45", ROWS("2")) FAILED("COPY", "COPY t FROM STDIN", "57014", "38", "54", ""));
	TRUNCATE;
}

/* As libpq does: the Sync sent with the Execute is lost in the copy, a second one is answered. */
static void copies_in_the_extended_protocol(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN;
	PARSE("", "COPY t FROM STDIN");
	BIND("", "");
	EXECUTE("");
	SYNC;
	PARSED;
	BOUND;
	S('G', "\0\0\0");
	C('d', "1\n");
	C('c', "");
	SYNC;
	TAG("COPY 1");
	READY;
	PARSE("", "SELECT 1");
	BIND("", "");
	EXECUTE("");
	SYNC;
	PARSED;
	BOUND;
	ROW;
	TAG("SELECT 1");
	READY;
	CHECK(LOGGED_IN DONE("COPY", "COPY t FROM STDIN", "49", "30", CHANGED("1"))
		      DONE("SELECT", "SELECT 1", "40", "36", ROWS("1")));
	TRUNCATE;
}

static void calls_a_function(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN;
	C('F', "\0\0\0\1\0\0\0\0\0\0");
	S('V', "\xff\xff\xff\xff");
	READY;
	CHECK(LOGGED_IN "FUNCTION_CALL|-|OK|-|15|15|" SYSTEM "FUNCTION_CALL\n");
}

static void replicates(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN;
	Q("START_REPLICATION 0/0");
	S('W', "\0\0\0");
	S('d', "w123");
	C('d', "r123");
	S('d', "w456");
	STEP(TT_S_EOF);
	CHECK(LOGGED_IN "START_REPLICATION|START_REPLICATION 0/0|-|closed_by_server|36|26|" SYSTEM
			"START_REPLICATION,db.query.text=START_REPLICATION 0/0\n");
}

static void starts_in_the_middle(void **state)
{
	tt_script_auto struct tt_script s = {0};

	STEP(TT_MID);
	ROW;
	ROW;
	TAG("SELECT 9");
	READY;
	STEP(TT_PAUSE(1500));
	Q("SELECT 1");
	COLUMN;
	ROW;
	TAG("SELECT 1");
	READY;
	BIND("", "old");
	EXECUTE("");
	SYNC;
	BOUND;
	TAG("SELECT 0");
	READY;
#define MID "complete|db.system.name=postgresql,db.operation.name="
	CHECK("SELECT|SELECT 1|OK|-|14|59|" MID "SELECT,db.query.text=SELECT 1" ROWS("1") "\n"
											  "EXECUTE|-|OK|-|26|19|in" MID
											  "EXECUTE" ROWS("0") "\n");
}

static void starts_in_the_middle_of_executions(void **state)
{
	tt_script_auto struct tt_script s = {0};

	STEP(TT_MID);
	for (int i = 0; i < 2; i++) {
		tt_script_say(&s, TT_SAY_CLIENT,
			      "B\0\0\0\x0f\0old\0\0\0\0\0\0\0"
			      "E\0\0\0\x09\0\0\0\0\0",
			      26, "S\0\0\0\4", 5);
		tt_script_say(&s, TT_SAY_SERVER, "2\0\0\0\4C\0\0\0\x0dUPDATE 1\0", 19, "Z\0\0\0\5I", 6);
	}
	CHECK("EXECUTE|-|OK|-|26|19|in" MID "EXECUTE" CHANGED("1") "\nEXECUTE|-|OK|-|26|19|in" MID "EXECUTE" CHANGED("1") "\n");
}

/* A type and a length, and nothing that tells: a PUBREC and a PUBREL of MQTT are as much. */
static void takes_no_header_for_a_message(void **state)
{
	static const char *const heads[] = {"P\3\0\4\207", "T\3\0\4\207"};

	for (size_t i = 0; i < 2; i++) {
		for (size_t j = 0; j < 2; j++) {
			tt_script_auto struct tt_script s = {0};

			STEP(TT_MID);
			tt_script_say(&s, i ? TT_SAY_SERVER : TT_SAY_CLIENT, heads[j], 5, "", 0);
			CHECK("");
		}
	}
}

static void keeps_to_the_text_limit(void **state)
{
	tt_script_auto struct tt_script s = {0};
	char text[20002] = {0};

	memset(text, 'y', 20001);
	memcpy(text, "SELECT ", 7);
	OPEN;
	message(&s, TT_SAY_CLIENT, 'Q', text, sizeof(text));
	TAG("SELECT 0");
	READY;
	text[0] = 0;
	memcpy(text + 1, "INSERT ", 7);
	message(&s, TT_SAY_CLIENT, 'P', text, sizeof(text));
	BIND("", "");
	EXECUTE("");
	SYNC;
	PARSED;
	BOUND;
	TAG("INSERT 0 1");
	READY;
	char *got = tt_talk(&tt_proto_postgresql, s.line);
	assert_non_null(strstr(got, "|OK|-|20007|20|complete|"));
	assert_non_null(strstr(got, "\nINSERT|INSERT yyy"));
	assert_non_null(strstr(got, "|OK|-|20030|26|complete|"));
	assert_true(strlen(got) > 32000 && strlen(got) < 34000);
	free(got);
}

static void loses_the_server(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN;
	Q("SELECT 1");
	COLUMN;
	STEP(TT_S_EOF);
	CHECK(LOGGED_IN "SELECT|SELECT 1|-|closed_by_server|14|27|" SYSTEM "SELECT,db.query.text=SELECT 1\n");
}

static void is_not_misled(void **state)
{
	static const char *const others[] = {
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "*1\r\n$4\r\nPING\r\n", "\x16\x03\x01\x02",
		"SSH-2.0-OpenSSH_9.2\r\n",	     "EHLO x\r\n",	     "CONNECT a:1 HTTP/1.1\r\n\r\n",
		"DELETE / HTTP/1.1\r\n\r\n",
	};
	for (size_t i = 0; i < TT_ARRAY_LEN(others); i++) {
		for (int mid = 0; mid < 2; mid++) {
			tt_script_auto struct tt_script s = {0};
			if (mid)
				STEP(TT_MID);
			tt_script_say(&s, TT_SAY_CLIENT, others[i], strlen(others[i]), NULL, 0);
			tt_script_say(&s, TT_SAY_SERVER, others[i], strlen(others[i]), NULL, 0);
			CHECK("");
		}
	}
}

TT_UNIT_TESTS(cmocka_unit_test(logs_in_and_asks), cmocka_unit_test(reads_several_statements_in_one_query),
	      cmocka_unit_test(counts_nothing_that_was_rolled_back), cmocka_unit_test(reads_errors), cmocka_unit_test(is_refused),
	      cmocka_unit_test(negotiates_no_encryption), cmocka_unit_test(stops_before_tls), cmocka_unit_test(cancels),
	      cmocka_unit_test(executes_prepared_statements), cmocka_unit_test(tells_pipelined_executions_apart),
	      cmocka_unit_test(skips_after_an_error), cmocka_unit_test(shows_a_commit_that_fails),
	      cmocka_unit_test(keeps_the_statement_a_name_stands_for), cmocka_unit_test(names_what_ran_behind_a_refused_parse),
	      cmocka_unit_test(names_what_ran_behind_a_skipped_parse), cmocka_unit_test(doubts_what_ran_behind_a_skipped_parse),
	      cmocka_unit_test(prepares_many_at_once), cmocka_unit_test(flushes), cmocka_unit_test(copies_in_and_out),
	      cmocka_unit_test(copies_in_the_extended_protocol), cmocka_unit_test(calls_a_function), cmocka_unit_test(replicates),
	      cmocka_unit_test(starts_in_the_middle), cmocka_unit_test(starts_in_the_middle_of_executions),
	      cmocka_unit_test(takes_no_header_for_a_message), cmocka_unit_test(keeps_to_the_text_limit),
	      cmocka_unit_test(loses_the_server), cmocka_unit_test(is_not_misled))
