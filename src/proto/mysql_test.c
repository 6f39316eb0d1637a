// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <zlib.h>
#include <zstd.h>

#include "harness/script.h"
#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_mysql;

#define CAPS_OLD "\x05\xa6\x2f\x00"	   /* MySQL, protocol 4.1, statements, results, auth plugin; EOF packets */
#define CAPS_NEW "\x05\xa6\x2f\x01"	   /* the same, without EOF packets */
#define CAPS_DB "\x0d\xa6\x2f\x01"	   /* with a database */
#define CAPS_ATTRIBUTES "\x05\xa6\x2f\x09" /* with query attributes */
#define CAPS_METADATA "\x05\xa6\x2f\x03"   /* definitions may be left out */
#define CAPS_COMPRESS "\x25\xa6\x2f\x01"
#define CAPS_ZSTD "\x05\xa6\x2f\x05"
#define CAPS_SSL "\x05\xae\x2f\x01"
#define CAPS_ALL "\xff\xff\xff\x0b"

#define OK "\0\0\0\x02\0\0\0"
#define OK_ROWS(n) "\0" n "\0\x02\0\0\0"
#define OK_MORE(n) "\0" n "\0\x0a\0\0\0"
#define END "\xfe\0\0\x02\0\0\0" /* of rows, without EOF packets */
#define END_MORE "\xfe\0\0\x0a\0\0\0"
#define EOF_ "\xfe\0\0\x02\0"
#define EOF_CURSOR "\xfe\0\0\x42\0"
#define EOF_LAST "\xfe\0\0\x82\0"
#define COLUMN          \
	"\x03"          \
	"def\0\0\0\x01" \
	"a\0\x0c\x3f\0\x01\0\0\0\x08\x81\0\0\0\0"
#define ERR(code, state, text) "\xff" code "#" state text

static void packet(struct tt_script *s, enum tt_say say, uint8_t seq, const char *payload, size_t len)
{
	const uint8_t header[4] = {(uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16), seq};
	tt_script_say(s, say, header, 4, payload, len);
}

#define C(seq, text) packet(&s, TT_SAY_CLIENT, seq, text, sizeof(text) - 1)
#define S(seq, text) packet(&s, TT_SAY_SERVER, seq, text, sizeof(text) - 1)
#define GREETING(version, lo, hi)                                       \
	S(0, "\x0a" version "\0\x07\0\0\0"                              \
	     "12345678\0" lo "\xff\x02\0" hi "\x15\0\0\0\0\0\0\0\0\0\0" \
	     "901234567890\0mysql_native_password\0")
#define LOGIN(seq, caps, rest)                                                     \
	C(seq, caps "\0\0\0\x01\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" \
		    "joe\0\x04"                                                    \
		    "wxyz" rest "mysql_native_password\0")
#define OPEN(caps)                                          \
	do {                                                \
		GREETING("8.0.36", "\xff\xff", "\xff\x0b"); \
		LOGIN(1, caps, "");                         \
		S(2, OK);                                   \
	} while (0)
#define LOGGED_IN "CONNECT|-|OK|-|67|11|complete|db.system.name=mysql,db.operation.name=CONNECT,db.user=joe\n"
#define Q(text) C(0, "\x03" text)
#define SYSTEM "complete|db.system.name=mysql,db.operation.name="
/* A command without text; a statement that succeeds. */
#define COMMAND(op, rq, rs) op "|-|OK|-|" rq "|" rs "|" SYSTEM op "\n"
#define DONE(op, text, rq, rs, more) op "|" text "|OK|-|" rq "|" rs "|" SYSTEM op ",db.query.text=" text "," more "\n"
#define ROWS(n) "db.response.returned_rows=" n
#define CHANGED(n) "db.response.affected_rows=" n

#define CHECK(expected) tt_talk_check(&tt_proto_mysql, s.line, expected)

/* A result set of two rows without EOF packets, from packet `seq` on. */
#define RESULT(seq, end)                         \
	do {                                     \
		S((seq), "\x01");                \
		S((seq) + 1, COLUMN);            \
		S((seq) + 2, "\x01"              \
			     "1");               \
		S((seq) + 3, "\xfb"); /* NULL */ \
		S((seq) + 4, end);               \
	} while (0)

static void logs_in_and_asks(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN(CAPS_NEW);
	Q("select 1");
	RESULT(1, END);
	Q("INSERT INTO t VALUES (1),(2)");
	S(1, OK_ROWS("\x02"));
	C(0, "\x0e");
	S(1, OK);
	C(0, "\x09");
	S(1, "Uptime: 5  Threads: 1");
	C(0, "\x0d");
	S(1, EOF_);
	C(0, "\x1b\0\0");
	S(1, EOF_);
	C(0, "\x04t\0");
	S(1, COLUMN);
	S(2, EOF_);
	C(0, "\x01");
	CHECK(LOGGED_IN DONE("SELECT", "select 1", "13", "54", ROWS("2"))
		      DONE("INSERT", "INSERT INTO t VALUES (1),(2)", "33", "11", CHANGED("2")) COMMAND("PING", "5", "11")
			      COMMAND("STATISTICS", "5", "25") COMMAND("DEBUG", "5", "9") COMMAND("SET_OPTION", "7", "9")
				      COMMAND("FIELD_LIST", "7", "36") "QUIT|-|-|-|5|0|" SYSTEM "QUIT\n");
	tt_talk_truncate(&tt_proto_mysql, s.line);
}

static void reads_results_with_eof_packets(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN(CAPS_OLD);
	Q("SELECT 2");
	S(1, "\x01");
	S(2, COLUMN);
	S(3, EOF_);
	S(4, "\x01"
	     "1");
	S(5, "\0"); /* an empty string is no OK here */
	S(6, EOF_);
	Q("SELECT 3");
	S(1, "\x01");
	S(2, COLUMN);
	S(3, EOF_);
	S(4, EOF_);
	Q("SELECT sleep(9)");
	S(1, "\x01");
	S(2, COLUMN);
	S(3, EOF_);
	S(4, ERR("\x25\x05", "70100", "Query execution was interrupted"));
	CHECK(LOGGED_IN DONE("SELECT", "SELECT 2", "13", "61", ROWS("2")) DONE(
		"SELECT", "SELECT 3", "13", "50",
		ROWS("0")) "SELECT|SELECT sleep(9)|1317|1317|20|85|" SYSTEM
			   "SELECT,db.query.text=SELECT sleep(9),db.response.status_code=1317,db.response.sql_state=70100,"
			   "db.response.returned_rows=0\n");
	tt_talk_truncate(&tt_proto_mysql, s.line);
}

static void reads_several_statements(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN(CAPS_NEW);
	Q("UPDATE t SET a=1; SELECT a; DELETE FROM t");
	S(1, OK_MORE("\x03"));
	RESULT(2, END_MORE);
	S(7, OK_ROWS("\x04"));
	Q("SELECT 1; oops");
	RESULT(1, END_MORE);
	S(6, ERR("\x28\x04", "42000", "You have an error"));
	C(0, "\x0e");
	S(1, OK);
	CHECK(LOGGED_IN DONE("UPDATE", "UPDATE t SET a=1; SELECT a; DELETE FROM t", "46", "76",
			     ROWS("2") "," CHANGED("7")) "SELECT|SELECT 1; oops|1064|1064|19|84|" SYSTEM
							 "SELECT,db.query.text=SELECT 1; "
							 "oops,db.response.status_code=1064,db.response.sql_state=42000," ROWS(
								 "2") "\n" COMMAND("PING", "5", "11"));
	tt_talk_truncate(&tt_proto_mysql, s.line);
}

static void reads_errors(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN(CAPS_NEW);
	Q("SELECT nope");
	S(1, ERR("\x1e\x04", "42S22", "Unknown column"));
	C(0, "\x02nodb");
	S(1, ERR("\x19\x04", "42000", "Unknown database"));
	CHECK(LOGGED_IN "SELECT|SELECT nope|1054|1054|16|27|" SYSTEM
			"SELECT,db.query.text=SELECT nope,db.response.status_code=1054,db.response.sql_state=42S22\n"
			"INIT_DB|nodb|1049|1049|9|29|" SYSTEM
			"INIT_DB,db.response.status_code=1049,db.response.sql_state=42000\n");
	tt_talk_truncate(&tt_proto_mysql, s.line);
}

static void is_refused(void **state)
{
	tt_script_auto struct tt_script s = {0};

	GREETING("8.0.36", "\xff\xff", "\xff\x0b");
	LOGIN(1, CAPS_NEW, "");
	S(2, ERR("\x15\x04", "28000", "Access denied"));
	s.line[s.count++] = (struct tt_line)TT_S_EOF;
	CHECK("CONNECT|-|1045|1045|67|26|" SYSTEM
	      "CONNECT,db.user=joe,db.response.status_code=1045,db.response.sql_state=28000\n");
}

static void is_turned_away_at_once(void **state)
{
	tt_script_auto struct tt_script s = {0};

	S(0, "\xff\x10\x04Too many connections");
	s.line[s.count++] = (struct tt_line)TT_S_EOF;
	CHECK("");
}

static void logs_in_in_rounds(void **state)
{
	tt_script_auto struct tt_script s = {0};

	GREETING("8.0.36", "\xff\xff", "\xff\x0b");
	LOGIN(1, CAPS_NEW, "");
	S(2, "\xfe"
	     "caching_sha2_password\0"
	     "12345678901234567890\0");
	C(3, "abcdefghijklmnopqrstuvwxyz012345");
	S(4, "\x01\x04");
	C(5, "\x02");
	S(6, "\x01-----BEGIN PUBLIC KEY-----");
	C(7, "encrypted");
	S(8, OK);
	Q("SELECT 1");
	RESULT(1, END);
	C(0, "\x11"
	     "ann\0\x04"
	     "wxyz"
	     "\0\x08\0"
	     "mysql_native_password\0");
	S(1, "\xfe"
	     "caching_sha2_password\0"
	     "12345678901234567890\0");
	C(2, "abcdefghijklmnopqrstuvwxyz012345");
	S(3, "\x01\x03");
	S(4, OK);
	CHECK("CONNECT|-|OK|-|121|96|" SYSTEM "CONNECT,db.user=joe\n" DONE(
		"SELECT", "SELECT 1", "13", "54", ROWS("2")) "CHANGE_USER|-|OK|-|75|65|" SYSTEM "CHANGE_USER,db.user=ann\n");
	tt_talk_truncate(&tt_proto_mysql, s.line);
}

#define PREPARED(id, columns, params) "\0" id "\0\0\0" columns "\0" params "\0\0\0\0"

static void runs_prepared_statements(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN(CAPS_NEW);
	C(0, "\x16SELECT a FROM t WHERE b=?");
	S(1, PREPARED("\x01", "\x01", "\x01"));
	S(2, COLUMN);
	S(3, COLUMN);
	C(0, "\x16"
	     "DELETE FROM t");
	S(1, PREPARED("\x02", "\0", "\0"));
	C(0, "\x18\x01\0\0\0\0\0a long value");
	C(0, "\x17\x01\0\0\0\0\x01\0\0\0\0\x01\xfc\0");
	S(1, "\x01");
	S(2, COLUMN);
	S(3, "\0\0\x07\0\0\0\0\0\0\0");
	S(4, END);
	C(0, "\x17\x02\0\0\0\0\x01\0\0\0");
	S(1, OK_ROWS("\x05"));
	C(0, "\x1a\x01\0\0\0");
	S(1, OK);
	C(0, "\x19\x01\0\0\0");
	C(0, "\x17\x01\0\0\0\0\x01\0\0\0");
	S(1, ERR("\xdb\x04", "HY000", "Unknown prepared statement handler"));
	C(0, "\x16"
	     "oops");
	S(1, ERR("\x28\x04", "42000", "You have an error"));
	CHECK(LOGGED_IN
	      "PREPARE|SELECT a FROM t WHERE b=?|OK|-|30|70|" SYSTEM "PREPARE,db.query.text=SELECT a FROM t WHERE b=?\n"
	      "PREPARE|DELETE FROM t|OK|-|18|16|" SYSTEM
	      "PREPARE,db.query.text=DELETE FROM t\n" DONE("SELECT", "SELECT a FROM t WHERE b=?", "18", "57",
							   ROWS("1")) DONE("DELETE", "DELETE FROM t", "14", "11", CHANGED("5"))
		      COMMAND("STMT_RESET", "9",
			      "11") "STMT_CLOSE|-|-|-|9|0|" SYSTEM "STMT_CLOSE\n"
				    "EXECUTE|-|1243|1243|14|47|incomplete|db.system.name=mysql,db.operation.name=EXECUTE,"
				    "db.response.status_code=1243,db.response.sql_state=HY000\n"
				    "PREPARE|oops|1064|1064|9|30|" SYSTEM
				    "PREPARE,db.query.text=oops,db.response.status_code=1064,db.response.sql_state=42000\n");
	tt_talk_truncate(&tt_proto_mysql, s.line);
}

static void fetches_through_a_cursor(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN(CAPS_OLD);
	C(0, "\x16SELECT a FROM t");
	S(1, PREPARED("\x01", "\x01", "\0"));
	S(2, COLUMN);
	S(3, EOF_);
	C(0, "\x17\x01\0\0\0\x01\x01\0\0\0");
	S(1, "\x01");
	S(2, COLUMN);
	S(3, EOF_CURSOR);
	C(0, "\x1c\x01\0\0\0\x02\0\0\0");
	S(1, "\0\0\x07\0\0\0\0\0\0\0");
	S(2, "\0\0\x07\0\0\0\0\0\0\0");
	S(3, EOF_CURSOR);
	C(0, "\x1c\x01\0\0\0\x02\0\0\0");
	S(1, EOF_LAST);
	Q("SELECT 3");
	S(1, "\x01");
	S(2, COLUMN);
	S(3, EOF_);
	S(4, EOF_);
	CHECK(LOGGED_IN "PREPARE|SELECT a FROM t|OK|-|20|52|" SYSTEM "PREPARE,db.query.text=SELECT a FROM t\n" DONE(
		"SELECT", "SELECT a FROM t", "14", "41",
		ROWS("0")) "STMT_FETCH|-|OK|-|13|37|" SYSTEM
			   "STMT_FETCH," ROWS("2") "\n"
						   "STMT_FETCH|-|OK|-|13|9|" SYSTEM "STMT_FETCH," ROWS("0") "\n" DONE(
							   "SELECT", "SELECT 3", "13", "50", ROWS("0")));
	tt_talk_truncate(&tt_proto_mysql, s.line);
}

/* MariaDB: executed without waiting for its id, and in bulk. */
static void executes_what_was_prepared_last(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN(CAPS_NEW);
	C(0, "\x16INSERT INTO t VALUES (?)");
	C(0, "\x17\xff\xff\xff\xff\0\x01\0\0\0\0\x01\x03\0\x01\0\0\0");
	S(1, PREPARED("\x09", "\0", "\x01"));
	S(2, COLUMN);
	S(1, OK_ROWS("\x01"));
	C(0, "\xfa\x09\0\0\0\x80\0\x03\0\0\x01\0\0\0\0\x02\0\0\0");
	S(1, OK_ROWS("\x02"));
	CHECK(LOGGED_IN "PREPARE|INSERT INTO t VALUES (?)|OK|-|29|43|" SYSTEM
			"PREPARE,db.query.text=INSERT INTO t VALUES (?)\n" DONE("INSERT", "INSERT INTO t VALUES (?)", "22", "11",
										CHANGED("1"))
				DONE("INSERT", "INSERT INTO t VALUES (?)", "23", "11", CHANGED("2")));
}

static void sends_a_file(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN(CAPS_NEW);
	Q("LOAD DATA LOCAL INFILE 'x' INTO TABLE t");
	S(1, "\xfbx");
	C(2, "1\n2\n");
	C(3, "3\n");
	C(4, "");
	S(5, OK_ROWS("\x03"));
	C(0, "\x0e");
	S(1, OK);
	CHECK(LOGGED_IN DONE("LOAD", "LOAD DATA LOCAL INFILE 'x' INTO TABLE t", "62", "17", CHANGED("3"))
		      COMMAND("PING", "5", "11"));
	tt_talk_truncate(&tt_proto_mysql, s.line);
}

/* The packets of a file are numbered on past 255. */
static void sends_a_long_file(void **state)
{
	tt_script_auto struct tt_script s = {0};
	tt_buf_auto struct tt_buf file = TT_BUF(1u << 16);

	OPEN(CAPS_NEW);
	Q("LOAD DATA LOCAL INFILE 'x' INTO TABLE t");
	S(1, "\xfbx");
	for (int i = 0; i < 300; i++)
		tt_buf_add(&file, (uint8_t[]){2, 0, 0, (uint8_t)(2 + i), 0x0e, '\n'}, 6);
	tt_script_say(&s, TT_SAY_CLIENT, file.data, file.len, "\0\0\0\x2e", 4);
	S(0x2f, OK_ROWS("\x03"));
	C(0, "\x0e");
	S(1, OK);
	CHECK(LOGGED_IN DONE("LOAD", "LOAD DATA LOCAL INFILE 'x' INTO TABLE t", "1848", "17", CHANGED("3"))
		      COMMAND("PING", "5", "11"));
}

static void passes_over_query_attributes(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN(CAPS_ATTRIBUTES);
	Q("\0\x01SELECT 1");
	RESULT(1, END);
	Q("\x02\x01\0\x01\xfe\0\x01n\x08\0\x01m\x05"
	  "value12345678SELECT 2");
	RESULT(1, END);
	CHECK(LOGGED_IN DONE("SELECT", "SELECT 1", "15", "54", ROWS("2")) DONE("SELECT", "SELECT 2", "39", "54", ROWS("2")));
	tt_talk_truncate(&tt_proto_mysql, s.line);
}

static void reads_results_without_definitions(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN(CAPS_METADATA);
	Q("SELECT 1");
	S(1, "\x01\x01");
	S(2, COLUMN);
	S(3, "\x01"
	     "1");
	S(4, END);
	Q("SELECT 1");
	S(1, "\0\x01");
	S(2, "\x01"
	     "1");
	S(3, END);
	CHECK(LOGGED_IN DONE("SELECT", "SELECT 1", "13", "50", ROWS("1")) DONE("SELECT", "SELECT 1", "13", "23", ROWS("1")));
}

static void knows_mariadb_and_its_database(void **state)
{
	tt_script_auto struct tt_script s = {0};

	GREETING("5.5.5-10.11.6-MariaDB", "\xfe\xf7", "\xff\x81");
	LOGIN(1, CAPS_DB, "shop\0");
	S(2, OK);
	Q("USE `other`;");
	S(1, OK);
	Q("SELECT 1");
	S(1, "\x01\0");					 /* definitions left out */
	S(2, "\xff\xff\xff\x01\x02\x01\0\0\0\x04stage"); /* progress */
	S(3, "\x01"
	     "1");
	S(4, END);
	Q("SELECT 1; USE third");
	RESULT(1, END_MORE);
	S(6, OK);
	Q("DO 1");
	S(1, OK);
	C(0, "\x02"
	     "fourth");
	S(1, OK);
	Q("DO 2");
	S(1, "\0\0\0\x02\x40\0\0\x02ok\x09\x01\x07\x06schema");
	Q("DO 3");
	S(1, OK);
	char *got = tt_talk(&tt_proto_mysql, s.line);
#define MARIA "complete|db.system.name=mariadb,"
	assert_string_equal(got,
			    "CONNECT|shop|OK|-|72|11|" MARIA "db.operation.name=CONNECT,db.user=joe,db.namespace=shop\n"
			    "USE|USE `other`;|OK|-|17|11|" MARIA
			    "db.namespace=shop,db.operation.name=USE,db.query.text=USE `other`;,db.response.affected_rows=0\n"
			    "SELECT|SELECT 1|OK|-|13|42|" MARIA
			    "db.namespace=other,db.operation.name=SELECT,db.query.text=SELECT 1,db.response.returned_rows=1\n"
			    "SELECT|SELECT 1; USE third|OK|-|24|65|" MARIA
			    "db.namespace=other,db.operation.name=SELECT,db.query.text=SELECT 1; USE "
			    "third,db.response.returned_rows=2,db.response.affected_rows=0\n"
			    "DO|DO 1|OK|-|9|11|" MARIA "db.operation.name=DO,db.query.text=DO 1,db.response.affected_rows=0\n"
			    "INIT_DB|fourth|OK|-|11|11|" MARIA "db.operation.name=INIT_DB\n"
			    "DO|DO 2|OK|-|9|24|" MARIA
			    "db.namespace=fourth,db.operation.name=DO,db.query.text=DO 2,db.response.affected_rows=0\n"
			    "DO|DO 3|OK|-|9|11|" MARIA
			    "db.namespace=schema,db.operation.name=DO,db.query.text=DO 3,db.response.affected_rows=0\n");
	free(got);
}

static void stops_before_tls(void **state)
{
	tt_script_auto struct tt_script s = {0};

	GREETING("8.0.36", "\xff\xff", "\xff\x0b");
	C(1, CAPS_SSL "\0\0\0\x01\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
	C(0, "\x0e"); /* would be a command */
	S(1, OK);
	CHECK("");
}

/* What a library probe sees of a connection inside TLS: no greeting. */
static void begins_inside_tls(void **state)
{
	tt_script_auto struct tt_script s = {0};

	LOGIN(2, CAPS_SSL, "");
	S(3, OK);
	Q("SELECT 1");
	RESULT(1, END);
	CHECK(LOGGED_IN DONE("SELECT", "SELECT 1", "13", "54", ROWS("2")));
}

/* A compressed packet around plain ones; `pack`: made smaller, else as they are. */
static void compressed(struct tt_script *s, enum tt_say say, uint8_t seq, bool pack, const char *plain, size_t len)
{
	uint8_t block[4096];
	uLongf n = sizeof(block);

	assert_int_equal(compress(block, &n, (const uint8_t *)plain, len), Z_OK);
	size_t out = pack ? n : len;
	const uint8_t header[7] = {(uint8_t)out, (uint8_t)(out >> 8),	  (uint8_t)(out >> 16),
				   seq,		 pack ? (uint8_t)len : 0, pack ? (uint8_t)(len >> 8) : 0};
	tt_script_say(s, say, header, 7, pack ? (const char *)block : plain, out);
}

#define PACKED(say, seq, plain) compressed(&s, say, seq, true, plain, sizeof(plain) - 1)
#define AS_IS(say, seq, plain) compressed(&s, say, seq, false, plain, sizeof(plain) - 1)
#define SELECT_LONG "SELECT 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"

/* Packets too short to be made smaller; a statement and an answer that are; an answer cut within a row. */
static void compressed_packets(void **state)
{
	tt_script_auto struct tt_script s = {0};
	char expected[1024];

	OPEN(CAPS_COMPRESS);
	AS_IS(TT_SAY_CLIENT, 0, "\x01\0\0\0\x0e");
	AS_IS(TT_SAY_SERVER, 1, "\x07\0\0\x01" OK);
	PACKED(TT_SAY_CLIENT, 0, "\x46\0\0\0\x03" SELECT_LONG);
	PACKED(TT_SAY_SERVER, 1,
	       "\x01\0\0\x01\x01"
	       "\x17\0\0\x02" COLUMN "\x40\0\0\x03"
	       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	AS_IS(TT_SAY_SERVER, 2,
	      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	      "\x07\0\0\x04" END);
	AS_IS(TT_SAY_CLIENT, 0, "\x01\0\0\0\x0e");
	PACKED(TT_SAY_SERVER, 1, "\x07\0\0\x02" OK); /* numbered on from the compressed packets */

	size_t n = s.count;
	snprintf(expected, sizeof(expected),
		 LOGGED_IN COMMAND("PING", "12", "18") "SELECT|" SELECT_LONG "|OK|-|%zu|%zu|" SYSTEM
						       "SELECT,db.query.text=" SELECT_LONG ",db.response.returned_rows=1\n"
						       "PING|-|OK|-|12|%zu|" SYSTEM "PING\n",
		 s.line[n - 5].len, s.line[n - 4].len + s.line[n - 3].len, s.line[n - 1].len);
	CHECK(expected);
}

static void zstd_packets(void **state)
{
	tt_script_auto struct tt_script s = {0};
	static const char ping[] = "\x01\0\0\0\x0e";
	static const char ok[] = "\x07\0\0\x01" OK;
	uint8_t block[256];

	GREETING("8.0.36", "\xdf\xff", "\xff\x0f");
	LOGIN(1, CAPS_ZSTD, "");
	S(2, OK);
	uint8_t n = (uint8_t)ZSTD_compress(block, sizeof(block), ping, 5, 3);
	tt_script_say(&s, TT_SAY_CLIENT, (const uint8_t[7]){n, 0, 0, 0, 5}, 7, block, n);
	uint8_t m = (uint8_t)ZSTD_compress(block, sizeof(block), ok, 11, 3);
	tt_script_say(&s, TT_SAY_SERVER, (const uint8_t[7]){m, 0, 0, 1, 11}, 7, block, m);
	CHECK(LOGGED_IN COMMAND("PING", "21", "27"));
	assert_int_equal(n + m + 14, 21 + 27);
}

static void broken_compression(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN(CAPS_COMPRESS);
	AS_IS(TT_SAY_CLIENT, 0, "\x01\0\0\0\x0e");
	AS_IS(TT_SAY_SERVER, 1, "\x07\0\0\x01" OK);
	tt_script_say(&s, TT_SAY_CLIENT, "\x09\0\0\0\xff\xff\xff", 7, "\x78\x9cxxxxxxx", 9);
	tt_script_say(&s, TT_SAY_CLIENT, "\xff\xff\xff\0\xff\xff\xff", 7, "\x78\x9cxxxxxxx", 9);
	CHECK(LOGGED_IN COMMAND("PING", "12", "18"));
}

static void starts_in_the_middle(void **state)
{
	tt_script_auto struct tt_script s = {0};

	s.line[s.count++] = (struct tt_line)TT_MID;
	S(9, "\x01"
	     "1"); /* rows of an answer that began before */
	S(10, END);
	s.line[s.count++] = (struct tt_line)TT_PAUSE(1500);
	Q("SELECT 1");
	RESULT(1, END);
	C(0, "\x16SELECT ?");
	S(1, PREPARED("\x01", "\x01", "\x01"));
	S(2, COLUMN);
	S(3, COLUMN);
	C(0, "\x17\x01\0\0\0\0\x01\0\0\0");
	S(1, "\x01");
	S(2, COLUMN);
	S(3, "\0\0\x07\0\0\0\0\0\0\0");
	S(4, END);
	C(0, "\x17\x05\0\0\0\0\x01\0\0\0"); /* prepared before */
	S(1, OK_ROWS("\x01"));
	CHECK(DONE("SELECT", "SELECT 1", "13", "54",
		   ROWS("2")) "PREPARE|SELECT ?|OK|-|13|70|" SYSTEM
			      "PREPARE,db.query.text=SELECT ?\n" DONE(
				      "SELECT", "SELECT ?", "14", "57",
				      ROWS("1")) "EXECUTE|-|OK|-|14|11|incomplete|db.system.name=mysql,db.operation.name=EXECUTE,"
						 "db.response.affected_rows=1\n");
}

/* The first answer leaves open whether EOF packets are sent: it is not claimed to be complete. */
static void learns_of_eof_packets_in_the_middle(void **state)
{
	tt_script_auto struct tt_script s = {0};

	s.line[s.count++] = (struct tt_line)TT_MID;
	C(0, "\x16"
	     "DELETE FROM t WHERE a=?");
	S(1, PREPARED("\x01", "\0", "\x01"));
	S(2, COLUMN);
	S(3, EOF_);
	C(0, "\x16"
	     "DELETE FROM t WHERE b=?");
	S(1, PREPARED("\x02", "\0", "\x01"));
	S(2, COLUMN);
	S(3, EOF_);
	Q("SELECT 1");
	S(1, "\x01");
	S(2, COLUMN);
	S(3, EOF_);
	S(4, "\x01"
	     "1");
	S(5, EOF_);
	CHECK("PREPARE|DELETE FROM t WHERE a=?|OK|-|28|43|incomplete|db.system.name=mysql,db.operation.name=PREPARE,"
	      "db.query.text=DELETE FROM t WHERE a=?\n"
	      "PREPARE|DELETE FROM t WHERE b=?|OK|-|28|52|" SYSTEM
	      "PREPARE,db.query.text=DELETE FROM t WHERE b=?\n" DONE("SELECT", "SELECT 1", "13", "56", ROWS("1")));
}

/* As MariaDB does: the answer goes on from the number of the request's last packet. */
static void joins_packets_of_16_mb(void **state)
{
	enum { JOINED = 0xffffff };
	tt_script_auto struct tt_script s = {0};
	char *big = malloc(JOINED + 8);

	assert_non_null(big);
	memset(big, 'x', JOINED + 8);
	memcpy(big, "\xff\xff\xff\0\x03SELECT '", 13);
	OPEN(CAPS_NEW);
	tt_script_say(&s, TT_SAY_CLIENT, big, JOINED + 4,
		      "\x02\0\0\x01"
		      "x'",
		      6);
	S(2, "\x01");
	S(3, COLUMN);
	memcpy(big, "\xff\xff\xff\x04\xfe", 5);
	tt_script_say(&s, TT_SAY_SERVER, big, JOINED + 4, "\0\0\0\x05", 4);
	S(6, END);
	C(0, "\x0e");
	S(1, OK);
	memcpy(big, "\xff\xff\xff\0\x03SELECT '", 13);
	tt_script_say(&s, TT_SAY_CLIENT, big, JOINED + 4, "", 0);
	S(1, ERR("\x81\x04", "08S01", "Got a packet bigger than 'max_allowed_packet' bytes"));

	char *got = tt_talk(&tt_proto_mysql, s.line);
	assert_non_null(strstr(got, "|OK|-|16777225|16777266|complete|"));
	assert_non_null(strstr(got, ROWS("1") "\n" COMMAND("PING", "5", "11")));
	assert_non_null(strstr(got, "|1153|1153|"));
	free(got);
	free(big);
}

static void keeps_to_the_text_limit(void **state)
{
	tt_script_auto struct tt_script s = {0};
	char text[20001];

	memset(text, 'y', sizeof(text));
	memcpy(text, "\x03SELECT ", 8);
	OPEN(CAPS_NEW);
	packet(&s, TT_SAY_CLIENT, 0, text, sizeof(text));
	RESULT(1, END);
	char *got = tt_talk(&tt_proto_mysql, s.line);
	assert_non_null(strstr(got, "|OK|-|20005|54|complete|"));
	assert_true(strlen(got) > 16000 && strlen(got) < 17000);
	free(got);
}

/* The client goes on before it has read: what the answers tell later still finds the right statement. */
static void pipelines(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN(CAPS_NEW);
	C(0, "\x16SELECT 7");
	S(1, PREPARED("\x01", "\0", "\0"));
	C(0, "\x17\x01\0\0\0\0\x01\0\0\0");
	C(0, "\x19\x01\0\0\0");
	C(0, "\x0e");
	C(0, "\x02shop");
	C(0, "\x0e");
	S(1, OK_ROWS("\x01"));
	S(1, OK);
	S(1, OK);
	S(1, OK);
	char *got = tt_talk(&tt_proto_mysql, s.line);
	assert_non_null(strstr(got, DONE("SELECT", "SELECT 7", "14", "11", CHANGED("1"))));
	assert_non_null(strstr(got, "PING|-|OK|-|5|11|" SYSTEM "PING,db.namespace=shop\n"));
	free(got);
}

static void streams_the_binary_log(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN(CAPS_NEW);
	C(0, "\x12\x04\0\0\0\0\0\x01\0\0\0log");
	S(1, "\0event");
	S(2, "\0event");
	s.line[s.count++] = (struct tt_line)TT_S_EOF;
	CHECK(LOGGED_IN "BINLOG_DUMP|-|OK|-|18|20|" SYSTEM "BINLOG_DUMP\n");
}

static void loses_the_server(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN(CAPS_NEW);
	Q("SELECT 1");
	S(1, "\x01");
	S(2, COLUMN);
	s.line[s.count++] = (struct tt_line)TT_S_EOF;
	CHECK(LOGGED_IN "SELECT|SELECT 1|-|closed_by_server|13|32|" SYSTEM "SELECT,db.query.text=SELECT 1\n");
}

static void is_not_misled(void **state)
{
	static const char *const others[] = {
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "*1\r\n$4\r\nPING\r\n", "\x16\x03\x01\x02",
		"SSH-2.0-OpenSSH_9.2\r\n",	     "EHLO x\r\n",
	};
	for (size_t i = 0; i < TT_ARRAY_LEN(others); i++) {
		for (int mid = 0; mid < 2; mid++) {
			tt_script_auto struct tt_script s = {0};
			if (mid)
				s.line[s.count++] = (struct tt_line)TT_MID;
			tt_script_say(&s, TT_SAY_CLIENT, others[i], strlen(others[i]), NULL, 0);
			tt_script_say(&s, TT_SAY_SERVER, "\x07\0\0\x01\0\0\0\x02\0\0\0", 11, NULL, 0);
			CHECK("");
		}
	}
}

TT_UNIT_TESTS(cmocka_unit_test(logs_in_and_asks), cmocka_unit_test(reads_results_with_eof_packets),
	      cmocka_unit_test(reads_several_statements), cmocka_unit_test(reads_errors), cmocka_unit_test(is_refused),
	      cmocka_unit_test(is_turned_away_at_once), cmocka_unit_test(logs_in_in_rounds),
	      cmocka_unit_test(runs_prepared_statements), cmocka_unit_test(fetches_through_a_cursor),
	      cmocka_unit_test(executes_what_was_prepared_last), cmocka_unit_test(sends_a_file),
	      cmocka_unit_test(sends_a_long_file), cmocka_unit_test(passes_over_query_attributes),
	      cmocka_unit_test(reads_results_without_definitions), cmocka_unit_test(knows_mariadb_and_its_database),
	      cmocka_unit_test(stops_before_tls), cmocka_unit_test(begins_inside_tls), cmocka_unit_test(compressed_packets),
	      cmocka_unit_test(zstd_packets), cmocka_unit_test(broken_compression), cmocka_unit_test(starts_in_the_middle),
	      cmocka_unit_test(learns_of_eof_packets_in_the_middle), cmocka_unit_test(joins_packets_of_16_mb),
	      cmocka_unit_test(keeps_to_the_text_limit), cmocka_unit_test(pipelines), cmocka_unit_test(streams_the_binary_log),
	      cmocka_unit_test(loses_the_server), cmocka_unit_test(is_not_misled))
