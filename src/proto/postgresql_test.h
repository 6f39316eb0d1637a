/* SPDX-License-Identifier: Apache-2.0 */
/* How the PostgreSQL parser's tests say messages, and what they expect of them. */
#ifndef TT_PROTO_POSTGRESQL_TEST_H
#define TT_PROTO_POSTGRESQL_TEST_H

#include "harness/script.h"
#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_postgresql;

/* A message: its type (0: none), its length, its body. */
static inline void message(struct tt_script *s, enum tt_say say, char type, const char *body, size_t len)
{
	const char header[5] = {type, 0, (char)((len + 4) >> 16), (char)((len + 4) >> 8), (char)(len + 4)};
	tt_script_say(s, say, header + !type, 5 - !type, body, len);
}

#define C(type, body) message(&s, TT_SAY_CLIENT, type, body, sizeof(body) - 1)
#define S(type, body) message(&s, TT_SAY_SERVER, type, body, sizeof(body) - 1)
#define STEP(step) s.line[s.count++] = (struct tt_line)step

#define STARTUP C(0, "\0\3\0\0user\0joe\0database\0shop\0\0")
#define READY S('Z', "I")
#define OPEN                                    \
	do {                                    \
		STARTUP;                        \
		S('R', "\0\0\0\x05salt");       \
		C('p', "md5secret\0");          \
		S('R', "\0\0\0\0");             \
		S('S', "server_version\0"       \
		       "16\0");                 \
		S('K', "\0\0\0\x01\0\0\0\x02"); \
		READY;                          \
	} while (0)
#define SYSTEM "complete|db.system.name=postgresql,db.namespace=shop,db.operation.name="
#define LOGGED_IN "CONNECT|shop|OK|-|47|64|" SYSTEM "CONNECT,db.user=joe\n"
#define DONE(op, text, rq, rs, more) op "|" text "|OK|-|" rq "|" rs "|" SYSTEM op ",db.query.text=" text more "\n"
#define FAILED(op, text, code, rq, rs, more)                                                                                   \
	op "|" text "|" code "|" code "|" rq "|" rs "|" SYSTEM op ",db.query.text=" text ",db.response.status_code=" code more \
	   "\n"
#define SKIPPED(op, text, rq) op "|" text "|skipped|skipped|" rq "|0|" SYSTEM op ",db.query.text=" text "\n"
#define ROWS(n) ",db.response.returned_rows=" n
#define CHANGED(n) ",db.response.affected_rows=" n

#define Q(text) C('Q', text "\0")
#define COLUMN        \
	S('T', "\0\1" \
	       "a\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff\0\0")
#define ROW                   \
	S('D', "\0\1\0\0\0\1" \
	       "7")
#define TAG(text) S('C', text "\0")
#define ERROR(severity, code, text) S('E', "S" severity "\0V" severity "\0C" code "\0M" text "\0\0")
#define PARSE(name, text) C('P', name "\0" text "\0\0\0")
#define BIND(portal, name) C('B', portal "\0" name "\0\0\0\0\0\0\0")
#define DESCRIBE(what) C('D', what "\0")
#define EXECUTE(portal) C('E', portal "\0\0\0\0\0")
#define SYNC C('S', "")
#define PARSED S('1', "")
#define BOUND S('2', "")

#define CHECK(expected) tt_talk_check(&tt_proto_postgresql, s.line, expected)
#define TRUNCATE tt_talk_truncate(&tt_proto_postgresql, s.line)

#endif
