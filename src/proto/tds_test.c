// SPDX-License-Identifier: Apache-2.0
/* Log-in, batches, procedures, prepared statements, attention, holes and hostile lengths. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_tds;

/* clang-format off */
#define PACKET(type, status, len, bytes) type status len "\0\0\1\0" bytes
#define HEADERS "\x16\0\0\0\x12\0\0\0\2\0" "\0\0\0\0\0\0\0\0" "\1\0\0\0"
#define PRELOGIN PACKET("\x12", "\1", "\0\x1a", "\0\0\x0b\0\6\1\0\x11\0\1\xff" "\x0f\0\0\0\0\0" "\2")
#define PRELOGIN_OK PACKET("\4", "\1", "\0\x1a", "\0\0\x0b\0\6\1\0\x11\0\1\xff" "\x0f\0\0\0\0\0" "\2")
#define PRELOGIN_ON PACKET("\4", "\1", "\0\x1a", "\0\0\x0b\0\6\1\0\x11\0\1\xff" "\x0f\0\0\0\0\0" "\1")
#define ZEROS28 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
/* 36 bytes, then places: user at 94 (1), database at 96 (2). */
#define LOGIN PACKET("\x10", "\1", "\0\x6c", "\x64\0\0\0" "\4\0\0\x74" "\0\x10\0\0" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" \
	"\x5e\0\0\0" "\x5e\0\1\0" "\x60\0\0\0" "\x60\0\0\0" "\x60\0\0\0" "\x60\0\0\0" "\x60\0\0\0" "\x60\0\0\0" "\x60\0\2\0" \
	"\0\0\0\0\0\0" "\x64\0\0\0" "\x64\0\0\0" "\x64\0\0\0" "\0\0\0\0" "u\0" "d\0b\0")
#define DB_IS_DB "\xe3\x07\0\1\2d\0b\0\0"
#define LOGIN_ACK "\xad\x0a\0\1\x74\0\0\4" "\0" "\x0f\0\0\0"
#define DONE(status, command, rows) "\xfd" status "\0" command "\0" rows "\0\0\0\0\0\0\0"
#define DONE_PROC(status) "\xfe" status "\0" "\xe0\0" "\0\0\0\0\0\0\0\0"
#define DONE_IN(status, command, rows) "\xff" status "\0" command "\0" rows "\0\0\0\0\0\0\0"
#define LOGIN_OK PACKET("\4", "\1", "\0\x2c", DB_IS_DB LOGIN_ACK DONE("\0", "\0", "\0"))
#define SELECT_A "S\0E\0L\0E\0C\0T\0 \0a\0"
#define INSERT_B "I\0N\0S\0E\0R\0T\0 \0b\0"
#define BATCH(text) PACKET("\1", "\1", "\0\x2e", HEADERS text)
/* A column, a row. */
#define ROWS "\x81\1\0" "\0\0\0\0\x09\0\x26\4\1a\0" "\xd1\4\1\0\0\0"
#define ROWS_OK PACKET("\4", "\1", "\0\x29", ROWS DONE("\x10", "\xc1", "\1"))
#define COUNTED PACKET("\4", "\1", "\0\x15", DONE("\x10", "\xc3", "\3"))
#define NO_SUCH "\xaa\x18\0" "\xd0\0\0\0" "\1\x10" "\3\0n\0o\0!\0" "\1s\0" "\0" "\1\0\0\0" "\0\0"
#undef NO_SUCH
#define NO_SUCH "\xaa\x16\0" "\xd0\0\0\0" "\1\x10" "\3\0n\0o\0!\0" "\1s\0" "\0" "\1\0\0\0"
#define FAILED PACKET("\4", "\1", "\0\x2e", NO_SUCH DONE("\2", "\0", "\0"))
#define FAILED_LATE PACKET("\4", "\1", "\0\x42", ROWS NO_SUCH DONE("\2", "\xc1", "\0"))
#define NVARCHAR(len, text) "\0\0\xe7\x40\x1f\x09\4\xd0\0\x34" len "\0" text
#define NUMBER(value) "\0\0\x26\4\4" value "\0\0\0"
#define NO_NUMBER "\0\1\x26\4\0"
/* By number: sp_executesql, sp_prepexec, sp_execute; by name. */
#define EXECUTE_SQL PACKET("\3", "\1", "\0\x40", HEADERS "\xff\xff\x0a\0\0\0" NVARCHAR("\x10", SELECT_A))
#define PREPARE PACKET("\3", "\1", "\0\x51", HEADERS "\xff\xff\x0d\0\0\0" NO_NUMBER NVARCHAR("\0", "") NVARCHAR("\x10", INSERT_B))
#define EXECUTE(handle) PACKET("\3", "\1", "\0\x2d", HEADERS "\xff\xff\x0c\0\0\0" NUMBER(handle))
#define PROCEDURE PACKET("\3", "\1", "\0\x28", HEADERS "\3\0d\0o\0x\0" "\0\0")
#define EXECUTED PACKET("\4", "\1", "\0\x3b", ROWS DONE_IN("\x11", "\xc1", "\1") "\x79\0\0\0\0" DONE_PROC("\0"))
#define PREPARED PACKET("\4", "\1", "\0\x39", DONE_IN("\x11", "\xc3", "\2") "\x79\0\0\0\0" "\xac\0\0\0\1\0\0\0\0\0\0\x26\4\4\5\0\0\0" DONE_PROC("\0"))
#define ATTENTION PACKET("\6", "\1", "\0\x08", "")
#define ATTENDED PACKET("\4", "\1", "\0\x15", DONE("\x20", "\0", "\0"))
#define BEGIN PACKET("\x0e", "\1", "\0\x22", HEADERS "\5\0\0\0")
#define BEGUN PACKET("\4", "\1", "\0\x15", DONE("\0", "\0", "\0"))

#define MS "db.system.name=microsoft.sql_server,"
#define DB MS "db.namespace=db,"
#define OP(kind) "db.operation.name=" kind
#define TEXT(text) ",db.query.text=" text
#define PRE "PRELOGIN|-|OK|-|26|26|complete|" MS OP("PRELOGIN") ",tds.encryption=not_supported\n"
#define CONNECTED "CONNECT|db|OK|-|108|44|complete|" MS OP("CONNECT") ",db.namespace=db,db.user=u\n"
#define START TT_C(PRELOGIN), TT_S(PRELOGIN_OK), TT_C(LOGIN), TT_S(LOGIN_OK)
/* clang-format on */

static void check(const struct tt_line *script, const char *expected)
{
	tt_talk_check(&tt_proto_tds, script, expected);
	tt_talk_truncate(&tt_proto_tds, script);
}

static void batches(void **state)
{
	const struct tt_line script[] = {START,
					 TT_C(BATCH(SELECT_A)),
					 TT_S(ROWS_OK),
					 TT_C(BATCH(INSERT_B)),
					 TT_S(COUNTED),
					 TT_C(BATCH(SELECT_A)),
					 TT_S(FAILED),
					 TT_C(BATCH(SELECT_A)),
					 TT_S(FAILED_LATE),
					 TT_C(BEGIN),
					 TT_S(BEGUN),
					 TT_TALK_END};

	check(script,
	      PRE CONNECTED "SELECT|SELECT a|OK|-|46|41|complete|" DB OP("SELECT")
		      TEXT("SELECT a") ",db.response.returned_rows=1\nINSERT|INSERT b|OK|-|46|21|complete|" DB OP("INSERT")
			      TEXT("INSERT b") ",db.response.affected_rows=3\n"
					       "SELECT|SELECT a|208|208|46|46|complete|" DB OP("SELECT") TEXT(
						       "SELECT a") ",db.response.status_code=208\n"
								   "SELECT|SELECT a|208|208|46|66|complete|" DB OP("SELECT")
									   TEXT("SELECT a") ",db.response.status_code="
											    "208\n"
											    "BEGIN|-|OK|-|34|21|complete|" DB OP(
												    "BEGIN") "\n");
}

static void procedures(void **state)
{
	const struct tt_line script[] = {START,		 TT_C(EXECUTE_SQL),   TT_S(EXECUTED), TT_C(PREPARE),
					 TT_S(PREPARED), TT_C(EXECUTE("\5")), TT_S(EXECUTED), TT_C(PROCEDURE),
					 TT_S(EXECUTED), TT_TALK_END};

	check(script,
	      PRE CONNECTED "SELECT|SELECT a|OK|-|64|59|complete|" DB OP("SELECT") ",db.stored_procedure.name=sp_executesql" TEXT(
		      "SELECT a") ",db.response.returned_rows=1\nINSERT|INSERT b|OK|-|81|57|complete|" DB
		      OP("INSERT") ",db.stored_procedure.name=sp_prepexec" TEXT(
			      "INSERT b") ",db.response.affected_rows=2\n"
					  "INSERT|INSERT b|OK|-|45|59|complete|" DB
						  OP("INSERT") ",db.stored_procedure.name=sp_execute" TEXT(
							  "INSERT b") ",db.response.returned_rows=1\nEXECUTE|dox|OK|-|40|59|"
								      "complete|" DB OP(
									      "EXECUTE") ",db.stored_procedure.name=dox,db."
											 "response.returned_rows=1\n");
}

static void attention(void **state)
{
	const struct tt_line script[] = {
		START,	       TT_C(BATCH(SELECT_A)), TT_C(ATTENTION), TT_S(ATTENDED),	      TT_C(BATCH(INSERT_B)),
		TT_S(COUNTED), TT_C(ATTENTION),	      TT_S(ATTENDED),  TT_C(BATCH(SELECT_A)), TT_S(ROWS_OK),
		TT_TALK_END};
	char *lines = tt_talk(&tt_proto_tds, script);

	assert_string_equal(lines,
			    PRE CONNECTED "CANCEL|-|-|-|8|0|complete|" DB OP(
				    "CANCEL") "\nSELECT|SELECT a|cancelled|cancelled|46|21|complete|" DB OP("SELECT")
				    TEXT("SELECT a") "\nINSERT|INSERT b|OK|-|46|21|complete|" DB OP("INSERT")
					    TEXT("INSERT b") ",db.response.affected_rows=3\nCANCEL|-|-|-|8|0|complete|" DB OP(
						    "CANCEL") "\nSELECT|SELECT a|OK|-|46|41|complete|" DB OP("SELECT")
						    TEXT("SELECT a") ",db.response.returned_rows=1\n");
	free(lines);
	tt_talk_truncate(&tt_proto_tds, script);
}

/* TLS for the log-in alone; for all of it nothing more is told. */
static void encrypted(void **state)
{
	static const char hello[] = PACKET("\x12", "\1", "\0\x0d", "\x16\3\1\0\0");
	static const char record[] = "\x17\3\3\0\4abcd";
	const struct tt_line login_only[] = {TT_C(PRELOGIN),
					     TT_S(PRELOGIN_ON),
					     {TT_SAY_CLIENT, hello, sizeof(hello) - 1},
					     {TT_SAY_SERVER, hello, sizeof(hello) - 1},
					     {TT_SAY_CLIENT, record, sizeof(record) - 1},
					     TT_S(LOGIN_OK),
					     TT_C(BATCH(SELECT_A)),
					     TT_S(ROWS_OK),
					     TT_TALK_END};

	check(login_only, "PRELOGIN|-|OK|-|26|26|complete|" MS OP(
				  "PRELOGIN") ",tds.encryption=on\n"
					      "CONNECT|-|OK|-|9|44|complete|" MS OP(
						      "CONNECT") "\n"
								 "SELECT|SELECT a|OK|-|46|41|complete|" DB OP("SELECT")
									 TEXT("SELECT a") ",db.response.returned_rows=1\n");
}

/* A long answer in packets of the usual size: only its beginning and its end are read. */
static void long_answer(void **state)
{
	tt_buf_auto struct tt_buf b = TT_BUF(1u << 20);
	static const char rows[] = ROWS, done[] = DONE("\x10", "\xc1", "\x7f");
	size_t total = 30000;

	for (size_t at = 0; at < total; at += 4088) {
		size_t len = at + 4088 < total ? 4088 : total - at;
		const uint8_t head[] = {
			4, at + len == total, (uint8_t)((len + 8) >> 8), (uint8_t)(len + 8), 0, 0, (uint8_t)(at / 4088 + 1), 0};
		tt_buf_add(&b, head, sizeof(head));
		for (size_t i = at; i < at + len; i++) {
			size_t left = total - i;
			char c = i < sizeof(rows) - 1 ? rows[i] : left <= sizeof(done) - 1 ? done[sizeof(done) - 1 - left] : 'x';
			tt_buf_add_char(&b, c);
		}
	}
	const struct tt_line script[] = {START, TT_C(BATCH(SELECT_A)), {TT_SAY_SERVER, (const char *)b.data, b.len}, TT_TALK_END};
	char expected[2048];
	snprintf(expected, sizeof(expected),
		 PRE CONNECTED "SELECT|SELECT a|OK|-|46|%zu|complete|" DB OP("SELECT")
			 TEXT("SELECT a") ",db.response.returned_rows=127\n",
		 b.len);
	tt_talk_check(&tt_proto_tds, script, expected);
}

static void in_the_middle(void **state)
{
	const struct tt_line script[] = {TT_MID,	 TT_S(COUNTED), TT_C(BATCH(SELECT_A)), TT_S(ROWS_OK), TT_C(EXECUTE("\7")),
					 TT_S(EXECUTED), TT_TALK_END};
	char *lines = tt_talk(NULL, script);

	assert_string_equal(
		lines,
		"tds|SELECT|SELECT a|OK|-|46|41|complete|" MS OP("SELECT")
			TEXT("SELECT a") ",db.response.returned_rows=1\n"
					 "tds|EXECUTE|-|OK|-|45|59|incomplete|" MS OP(
						 "EXECUTE") ",db.stored_procedure.name=sp_execute,db.response.returned_rows=1\n");
	free(lines);
}

static void hostile(void **state)
{
	static const struct tt_line scripts[][2] = {
		{TT_C("\x12\1\0\7\0\0\1\0"
		      "\0\0\x0b\0\6\1\0\x11\0\1\xff"),
		 TT_TALK_END}, /* a length below the header's */
		{TT_C(PACKET("\x12", "\1", "\0\x1a", "\0\xff\xff\0\6\1\0\x11\0\1\xff\0\0\0\0\0\0\2")),
		 TT_TALK_END}, /* an option elsewhere */
		{TT_C(PACKET("\x10", "\1", "\0\x14", "\xff\xff\xff\xff\4\0\0\x74\0\x10\0\0")), TT_TALK_END},
		{TT_C(PACKET("\1", "\1", "\0\x1e", "\xff\xff\xff\x7f\x12\0\0\0\2\0\0\0\0\0\0\0\0\0\1\0\0\0")), TT_TALK_END},
		{TT_C("\1\1\0\x0c\0\0\1\1abcd"), TT_TALK_END},
	};

	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		char *lines = tt_talk(NULL, scripts[i]);
		assert_string_equal(lines, "");
		free(lines);
	}
}

TT_UNIT_TESTS(cmocka_unit_test(batches), cmocka_unit_test(procedures), cmocka_unit_test(attention), cmocka_unit_test(encrypted),
	      cmocka_unit_test(long_answer), cmocka_unit_test(in_the_middle), cmocka_unit_test(hostile))
