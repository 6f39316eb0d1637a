// SPDX-License-Identifier: Apache-2.0
/* Conversations in CQL's native protocol, built by hand, in every way of arriving. */
#include <stdio.h>
#include <stdlib.h>

#include "harness/talk.h"
#include "harness/unit.h"
#include "proto/cassandra_internal.h"

extern const struct tt_proto tt_proto_cassandra;

/* --- envelopes and frames built by hand
 * ------------------------------------------------------------------------------------------ */

static char arena[1 << 19];
static size_t used;

/* The expected lines. */
static char expected[8192];
static size_t expected_len;

static int begin_test(void **state)
{
	used = expected_len = 0;
	expected[0] = '\0';
	return 0;
}

static char *reserve(size_t n)
{
	assert_true(used + n <= sizeof(arena));
	used += n;
	return arena + used - n;
}

static void put_be(char *at, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		at[i] = (char)(v >> 8 * (n - 1 - i));
}

static struct tt_line envelope(enum tt_say who, unsigned version, unsigned stream, unsigned opcode, const char *body, size_t len)
{
	char *at = reserve(CASSANDRA_HEADER + len);

	at[0] = (char)(version | (who == TT_SAY_SERVER ? 0x80 : 0));
	at[1] = 0;
	put_be(at + 2, stream, 2);
	at[4] = (char)opcode;
	put_be(at + 5, len, 4);
	memcpy(at + CASSANDRA_HEADER, body, len);
	return (struct tt_line){who, at, CASSANDRA_HEADER + len};
}

#define ASK(version, stream, opcode, body) envelope(TT_SAY_CLIENT, version, stream, opcode, body, sizeof(body) - 1)
#define ANSWER(version, stream, opcode, body) envelope(TT_SAY_SERVER, version, stream, opcode, body, sizeof(body) - 1)

static uint32_t crc24(const uint8_t *p, size_t n)
{
	uint32_t crc = 0x875060;
	while (n--) {
		crc ^= (uint32_t)*p++ << 16;
		for (int i = 0; i < 8; i++) {
			crc <<= 1;
			if (crc & 0x1000000)
				crc ^= 0x1974f0b;
		}
	}
	return crc & 0xffffff;
}

/* A frame around bytes that may be several envelopes or a part of one. */
static struct tt_line frame(enum tt_say who, const char *payload, size_t len, size_t unpacked, bool compressed)
{
	size_t head = compressed ? 5 : 3;
	char *at = reserve(head + 3 + len + 4);
	uint64_t bits = len | (compressed ? (uint64_t)unpacked << 17 | 1ull << 34 : 1ull << 17);

	for (size_t i = 0; i < head; i++)
		at[i] = (char)(bits >> 8 * i);
	uint32_t crc = crc24((const uint8_t *)at, head);
	for (size_t i = 0; i < 3; i++)
		at[head + i] = (char)(crc >> 8 * i);
	memcpy(at + head + 3, payload, len);
	memcpy(at + head + 3 + len, "\1\2\3\4", 4);
	return (struct tt_line){who, at, head + 3 + len + 4};
}

static struct tt_line framed(struct tt_line l)
{
	return frame(l.say, l.data, l.len, 0, false);
}

#define SYSTEM "db.system.name=cassandra"
#define SELECT "SELECT * FROM t"
#define ONE "\0\1\0"	    /* consistency, flags of versions 3 and 4 */
#define ONE5 "\0\1\0\0\0\0" /* of version 5 */
#define QUERY_SELECT "\0\0\0\x0f" SELECT ONE
#define VOID "\0\0\0\1"
#define ROWS "\0\0\0\2\0\0\0\1\0\0\0\0\0\0\0\0"
#define ID       \
	"\0\x10" \
	"0123456789abcdef"

/* An expected line with the lengths of both halves. */
static void expect(size_t request, size_t response, const char *what, const char *status, const char *attributes)
{
	expected_len += (size_t)snprintf(expected + expected_len, sizeof(expected) - expected_len,
					 "%s|%s|%zu|%zu|complete|" SYSTEM ",%s\n", what, status, request, response, attributes);
	assert_true(expected_len < sizeof(expected));
}

#define SELECTED "db.operation.name=SELECT,db.query.text=" SELECT ",cassandra.consistency.level=one"

static void check(const struct tt_line *script)
{
	tt_talk_check(&tt_proto_cassandra, script, expected);
	tt_talk_truncate(&tt_proto_cassandra, script);
	expected_len = 0;
}

/* --- conversations
 * -------------------------------------------------------------------------------------------------------------- */

static void handshake_and_query(void **state)
{
	struct tt_line script[] = {ASK(4, 0, CASSANDRA_OPTIONS, ""),
				   ANSWER(4, 0, CASSANDRA_SUPPORTED, "\0\1\0\13CQL_VERSION\0\1\0\0053.4.6"),
				   ASK(4, 1, CASSANDRA_STARTUP, "\0\1\0\13CQL_VERSION\0\0053.4.6"),
				   ANSWER(4, 1, CASSANDRA_READY, ""),
				   ASK(4, 2, CASSANDRA_QUERY, QUERY_SELECT),
				   ANSWER(4, 2, CASSANDRA_RESULT, ROWS),
				   ASK(4, 2, CASSANDRA_QUERY, "\0\0\0\5USE k" ONE),
				   ANSWER(4, 2, CASSANDRA_RESULT, "\0\0\0\3\0\1k"),
				   ASK(4, 3, CASSANDRA_QUERY, QUERY_SELECT),
				   ANSWER(4, 3, CASSANDRA_ERROR, "\0\0\x22\0\0\7no such"),
				   TT_TALK_END};

	expect(script[0].len, script[1].len, "OPTIONS|-", "OK|-", "db.operation.name=OPTIONS");
	expect(script[2].len, script[3].len, "STARTUP|-", "OK|-", "db.operation.name=STARTUP");
	expect(script[4].len, script[5].len, "SELECT|" SELECT, "OK|-", SELECTED);
	expect(script[6].len, script[7].len, "USE|USE k", "OK|-",
	       "db.operation.name=USE,db.query.text=USE k,cassandra.consistency.level=one,db.namespace=k");
	expect(script[8].len, script[9].len, "SELECT|" SELECT, "2200|Invalid",
	       SELECTED ",db.response.status_code=2200,db.namespace=k");
	check(script);
}

/* Answers in another order, an event in between, an id used anew. */
static void multiplexed(void **state)
{
	struct tt_line script[] = {ASK(4, 1, CASSANDRA_QUERY, QUERY_SELECT),
				   ASK(4, 2, CASSANDRA_OPTIONS, ""),
				   ANSWER(4, 2, CASSANDRA_SUPPORTED, "\0\1\0\13CQL_VERSION\0\1\0\0053.4.6"),
				   ANSWER(4, 0xffff, CASSANDRA_EVENT, "\0\15STATUS_CHANGE\0\2UP"),
				   ASK(4, 2, CASSANDRA_QUERY, QUERY_SELECT),
				   ANSWER(4, 2, CASSANDRA_RESULT, VOID),
				   ANSWER(4, 1, CASSANDRA_RESULT, ROWS),
				   TT_TALK_END};

	expect(script[1].len, script[2].len, "OPTIONS|-", "OK|-", "db.operation.name=OPTIONS");
	expect(script[3].len, 0, "<EVENT|STATUS_CHANGE", "-|-", "db.operation.name=EVENT");
	expect(script[4].len, script[5].len, "SELECT|" SELECT, "OK|-", SELECTED);
	expect(script[0].len, script[6].len, "SELECT|" SELECT, "OK|-", SELECTED);
	check(script);
}

static void prepared(void **state)
{
	struct tt_line script[] = {ASK(4, 1, CASSANDRA_PREPARE, "\0\0\0\x0f" SELECT),
				   ANSWER(4, 1, CASSANDRA_RESULT, "\0\0\0\4" ID "\0\0\0\0\0\0\0\0"),
				   ASK(4, 1, CASSANDRA_EXECUTE, ID ONE),
				   ANSWER(4, 1, CASSANDRA_RESULT, ROWS),
				   ASK(4, 1, CASSANDRA_EXECUTE,
				       "\0\x10"
				       "another id here!" ONE),
				   ANSWER(4, 1, CASSANDRA_ERROR, "\0\0\x25\0\0\0"),
				   ASK(4, 1, CASSANDRA_BATCH,
				       "\0\0\2"
				       "\0\0\0\0\4DO A\0\1\0\0\0\1x"
				       "\1" ID "\0\0"
				       "\0\1\0"),
				   ANSWER(4, 1, CASSANDRA_RESULT, VOID),
				   TT_TALK_END};

	expect(script[0].len, script[1].len, "PREPARE|" SELECT, "OK|-", "db.query.text=" SELECT ",db.operation.name=PREPARE");
	expect(script[2].len, script[3].len, "SELECT|" SELECT, "OK|-", SELECTED);
	expect(script[4].len, script[5].len, "EXECUTE|-", "2500|Unprepared",
	       "cassandra.consistency.level=one,db.operation.name=EXECUTE,db.response.status_code=2500");
	expect(script[6].len, script[7].len, "BATCH|DO A; " SELECT, "OK|-",
	       "db.operation.batch.size=2,db.query.text=DO A; " SELECT
	       ",cassandra.consistency.level=one,db.operation.name=BATCH");
	check(script);
}

/* Version 5: the handshake alone, then frames; two envelopes in one. */
static void framed_envelopes(void **state)
{
	struct tt_line startup = ASK(5, 0, CASSANDRA_STARTUP, "\0\1\0\13CQL_VERSION\0\0053.4.6");
	struct tt_line ready = ANSWER(5, 0, CASSANDRA_READY, "");
	size_t from = used;
	struct tt_line one = ASK(5, 1, CASSANDRA_QUERY, "\0\0\0\x0f" SELECT ONE5);
	struct tt_line two = ASK(5, 2, CASSANDRA_OPTIONS, "");
	struct tt_line both = frame(TT_SAY_CLIENT, arena + from, used - from, 0, false);
	struct tt_line rows = ANSWER(5, 1, CASSANDRA_RESULT, ROWS);
	struct tt_line supported = ANSWER(5, 2, CASSANDRA_SUPPORTED, "\0\1\0\13CQL_VERSION\0\1\0\0053.4.6");
	struct tt_line script[] = {startup, ready, both, framed(supported), framed(rows), TT_TALK_END};

	expect(startup.len, ready.len, "STARTUP|-", "OK|-", "db.operation.name=STARTUP");
	expect(two.len, supported.len, "OPTIONS|-", "OK|-", "db.operation.name=OPTIONS");
	expect(one.len, rows.len, "SELECT|" SELECT, "OK|-", SELECTED);
	check(script);
}

/* LZ4: a literal alone is a block. The second frame did not get smaller and is sent as it is. */
static void compressed_frames(void **state)
{
	struct tt_line question = ASK(5, 1, CASSANDRA_QUERY, "\0\0\0\x0f" SELECT ONE5);
	char block[64];
	block[0] = (char)0xf0;
	block[1] = (char)(question.len - 15);
	memcpy(block + 2, question.data, question.len);
	struct tt_line rows = ANSWER(5, 1, CASSANDRA_RESULT, ROWS);
	struct tt_line script[] = {TT_MID, frame(TT_SAY_CLIENT, block, question.len + 2, question.len, true),
				   frame(TT_SAY_SERVER, rows.data, rows.len, 0, true), TT_TALK_END};

	expect(question.len, rows.len, "SELECT|" SELECT, "OK|-", SELECTED);
	char *lines = tt_talk(&tt_proto_cassandra, script);
	assert_string_equal(lines, expected);
	free(lines);
	expected_len = 0;
	tt_talk_truncate(&tt_proto_cassandra, script);
}

/* An answer over three frames, whose inner part was never captured. */
static void a_large_answer(void **state)
{
	static char body[200000];
	memcpy(body, ROWS, sizeof(ROWS));
	struct tt_line question = ASK(5, 1, CASSANDRA_QUERY, "\0\0\0\x0f" SELECT ONE5);
	struct tt_line answer = envelope(TT_SAY_SERVER, 5, 1, CASSANDRA_RESULT, body, sizeof(body));
	struct tt_line first = frame(TT_SAY_SERVER, answer.data, 100000, 0, false);
	struct tt_line second = frame(TT_SAY_SERVER, answer.data + 100000, answer.len - 100000, 0, false);
	struct tt_line script[] = {
		framed(question), {TT_SAY_SERVER, first.data, 4000}, TT_S_HOLE(first.len - 4000), second, TT_TALK_END};

	expect(question.len, answer.len + 10, "SELECT|" SELECT, "OK|-", SELECTED);
	char *lines = tt_talk(&tt_proto_cassandra, script);
	assert_string_equal(lines, expected);
	free(lines);
	expected_len = 0;
}

static void begins_in_the_middle(void **state)
{
	struct tt_line script[] = {TT_MID, ANSWER(4, 9, CASSANDRA_RESULT, ROWS), ASK(4, 1, CASSANDRA_QUERY, QUERY_SELECT),
				   ANSWER(4, 1, CASSANDRA_RESULT, ROWS), TT_TALK_END};

	expect(script[2].len, script[3].len, "SELECT|" SELECT, "OK|-", SELECTED);
	check(script);
}

/* Lengths of the body, of the text in it, of an id. */
static void hostile_lengths(void **state)
{
	static const uint32_t lengths[] = {0, 1, 3, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, CASSANDRA_BODY_MAX + 1};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		for (size_t place = 5; place <= 9; place += 4) {
			begin_test(NULL);
			struct tt_line bad = ASK(4, 3, CASSANDRA_QUERY, QUERY_SELECT);
			struct tt_line id = ASK(4, 4, CASSANDRA_EXECUTE, ID ONE);
			put_be(arena + (bad.data - arena) + place, lengths[i], 4);
			put_be(arena + (id.data - arena) + place, lengths[i], place == 9 ? 2 : 4);
			struct tt_line script[] = {ASK(4, 1, CASSANDRA_QUERY, QUERY_SELECT),
						   ANSWER(4, 1, CASSANDRA_RESULT, ROWS),
						   id,
						   bad,
						   ANSWER(4, 3, CASSANDRA_RESULT, ROWS),
						   TT_TALK_END};
			tt_talk_truncate(&tt_proto_cassandra, script);
			expect(script[0].len, script[1].len, "SELECT|" SELECT, "OK|-", SELECTED);
			char *lines = tt_talk(&tt_proto_cassandra, script);
			assert_memory_equal(lines, expected, expected_len);
			free(lines);
			expected_len = 0;
		}
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, begin_test)
	const struct CMUnitTest tests[] = {
		T(handshake_and_query), T(multiplexed),		 T(prepared),	     T(framed_envelopes), T(compressed_frames),
		T(a_large_answer),	T(begins_in_the_middle), T(hostile_lengths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
