// SPDX-License-Identifier: Apache-2.0
/* Conversations in MongoDB's wire protocol, built by hand, in every way of arriving. */
#include <stdio.h>
#include <stdlib.h>

#include "harness/talk.h"
#include "harness/unit.h"
#include "proto/mongodb_internal.h"

extern const struct tt_proto tt_proto_mongodb;

/* --- messages built by hand ---------------------------------------------------------------------------------------------------
 */

static char arena[1 << 18];
static size_t used;
static size_t open_at[8]; /* where the lengths of what is open stand */
static unsigned depth;

static int begin_test(void **state)
{
	used = depth = 0;
	return 0;
}

static void put(const void *data, size_t len)
{
	assert_true(used + len <= sizeof(arena));
	memcpy(arena + used, data, len);
	used += len;
}

static void put32(uint32_t v)
{
	uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
	put(b, 4);
}

static void open_length(void)
{
	open_at[depth++] = used;
	put32(0);
}

static void close_length(void)
{
	size_t end = used;
	size_t at = open_at[--depth];
	used = at;
	put32((uint32_t)(end - at));
	used = end;
}

static void message(uint32_t id, uint32_t to, uint32_t opcode)
{
	open_length();
	put32(id);
	put32(to);
	put32(opcode);
}

/* OP_MSG up to its first document. */
static void msg(uint32_t id, uint32_t to, uint32_t flags)
{
	message(id, to, MONGODB_MSG);
	put32(flags);
	put("", 1);
	open_length();
}

static void key(char type, const char *name)
{
	put(&type, 1);
	put(name, strlen(name) + 1);
}

static void text(const char *name, const char *value)
{
	key(2, name);
	put32((uint32_t)strlen(value) + 1);
	put(value, strlen(value) + 1);
}

static void number(const char *name, uint32_t v)
{
	key(0x10, name);
	put32(v);
}

static void real(const char *name, double v)
{
	key(1, name);
	put(&v, 8);
}

static void document(char type, const char *name)
{
	key(type, name);
	open_length();
}

static void end_document(void)
{
	put("", 1);
	close_length();
}

/* The document and the message are over; what was said since `from`. */
static struct tt_line said(enum tt_say who, size_t from)
{
	return (struct tt_line){who, arena + from, used - from};
}

static struct tt_line end_msg(enum tt_say who)
{
	size_t from = open_at[0];
	end_document();
	close_length();
	return said(who, from);
}

static struct tt_line find(uint32_t id)
{
	msg(id, 0, 0);
	text("find", "cats");
	document(3, "filter");
	text("name", "Tom");
	end_document();
	text("$db", "zoo");
	return end_msg(TT_SAY_CLIENT);
}

static struct tt_line answer(uint32_t id, uint32_t to)
{
	msg(id, to, 0);
	document(3, "cursor");
	number("ok", 0); /* not the reply's own */
	text("ns", "zoo.cats");
	end_document();
	real("ok", 1);
	return end_msg(TT_SAY_SERVER);
}

static struct tt_line refusal(uint32_t id, uint32_t to)
{
	msg(id, to, 0);
	real("ok", 0);
	text("errmsg", "no such command: 'purr'");
	number("code", 59);
	text("codeName", "CommandNotFound");
	return end_msg(TT_SAY_SERVER);
}

#define FIND                                                                                                                  \
	"find|cats|OK|-|%zu|%zu|complete|db.system.name=mongodb,db.operation.name=find,db.collection.name=cats,db.namespace=" \
	"zoo\n"

static const char *one_find(size_t request, size_t response)
{
	static char lines[2048];
	snprintf(lines, sizeof(lines), FIND, request, response);
	return lines;
}

static void check(const struct tt_line *script, const char *lines)
{
	tt_talk_check(&tt_proto_mongodb, script, lines);
	tt_talk_truncate(&tt_proto_mongodb, script);
}

/* --- commands -----------------------------------------------------------------------------------------------------------------
 */

static void one_command(void **state)
{
	struct tt_line script[] = {find(7), answer(1, 7), TT_TALK_END};
	check(script, one_find(script[0].len, script[1].len));
}

static void answers_out_of_order(void **state)
{
	struct tt_line script[] = {find(1), find(2), refusal(10, 2), answer(11, 1), TT_TALK_END};
	char lines[2048];

	snprintf(lines, sizeof(lines),
		 "find|cats|59|CommandNotFound|%zu|%zu|complete|db.system.name=mongodb,db.operation.name=find,"
		 "db.collection.name=cats,db.namespace=zoo,db.response.status_code=59\n" FIND,
		 script[1].len, script[2].len, script[0].len, script[3].len);
	check(script, lines);
}

/* Documents in a section of their own, before the command; a checksum behind all. */
static struct tt_line insert(uint32_t id, uint32_t flags)
{
	size_t from = used;

	message(id, 0, MONGODB_MSG);
	put32(flags);
	put("\1", 1);
	open_length();
	put("documents", 10);
	open_length();
	text("name", "Tom");
	end_document();
	close_length();
	put("", 1);
	open_length();
	text("insert", "cats");
	text("$db", "zoo");
	end_document();
	if (flags & MONGODB_CHECKSUM)
		put32(0x12345678);
	close_length();
	return said(TT_SAY_CLIENT, from);
}

static struct tt_line write_failed(uint32_t id, uint32_t to)
{
	msg(id, to, 0);
	number("n", 0);
	document(4, "writeErrors");
	document(3, "0");
	number("index", 0);
	number("code", 11000);
	text("errmsg", "E11000 duplicate key");
	end_document();
	end_document();
	real("ok", 1);
	return end_msg(TT_SAY_SERVER);
}

static void writes(void **state)
{
	struct tt_line script[] = {
		find(1),    answer(2, 1), insert(3, MONGODB_CHECKSUM), write_failed(4, 3), insert(5, MONGODB_MORE_TO_COME),
		TT_TALK_END};
	char lines[2048];

	snprintf(lines, sizeof(lines),
		 FIND "insert|cats|11000|DuplicateKey|%zu|%zu|complete|db.system.name=mongodb,db.operation.name=insert,"
		      "db.collection.name=cats,db.namespace=zoo,db.response.affected_rows=0,db.response.status_code=11000\n"
		      "insert|cats|-|-|%zu|0|complete|db.system.name=mongodb,db.operation.name=insert,db.collection.name=cats,"
		      "db.namespace=zoo\n",
		 script[0].len, script[1].len, script[2].len, script[3].len, script[4].len);
	check(script, lines);
}

static struct tt_line get_more(uint32_t id)
{
	msg(id, 0, 0);
	key(0x12, "getMore");
	put("\1\2\3\4\5\6\7\0", 8);
	text("collection", "cats");
	text("$db", "zoo");
	return end_msg(TT_SAY_CLIENT);
}

static struct tt_line streamed(uint32_t id, uint32_t to, bool more)
{
	msg(id, to, more ? MONGODB_MORE_TO_COME : 0);
	document(3, "cursor");
	end_document();
	real("ok", 1);
	return end_msg(TT_SAY_SERVER);
}

static void a_stream_of_replies(void **state)
{
	struct tt_line script[] = {
		get_more(1), streamed(20, 1, true), streamed(21, 20, true), streamed(22, 21, false), find(2), answer(23, 2),
		TT_TALK_END};
	char lines[2048];

	snprintf(lines, sizeof(lines),
		 "getMore|cats|OK|-|%zu|%zu|complete|db.system.name=mongodb,db.operation.name=getMore,db.collection.name=cats,"
		 "db.namespace=zoo\n"
		 "<getMore|cats|-|-|%zu|0|complete|db.system.name=mongodb,db.operation.name=getMore,db.collection.name=cats\n"
		 "<getMore|cats|-|-|%zu|0|complete|db.system.name=mongodb,db.operation.name=getMore,db.collection.name="
		 "cats\n" FIND,
		 script[0].len, script[1].len, script[2].len, script[3].len, script[4].len, script[5].len);
	check(script, lines);
}

/* --- before OP_MSG ------------------------------------------------------------------------------------------------------------
 */

static struct tt_line query(uint32_t id, const char *name, bool hello)
{
	size_t from = used;

	message(id, 0, MONGODB_QUERY);
	put32(0);
	put(name, strlen(name) + 1);
	put32(0);
	put32(1);
	open_length();
	if (hello)
		number("isMaster", 1);
	text("name", "Tom");
	end_document();
	close_length();
	return said(TT_SAY_CLIENT, from);
}

static struct tt_line reply(uint32_t id, uint32_t to, uint32_t flags)
{
	size_t from = used;

	message(id, to, MONGODB_REPLY);
	put32(flags);
	put32(0);
	put32(0);
	put32(0);
	put32(1);
	open_length();
	if (flags) {
		text("$err", "not allowed");
		number("code", 13);
	} else {
		real("ok", 0);
	}
	end_document();
	close_length();
	return said(TT_SAY_SERVER, from);
}

static struct tt_line legacy_insert(uint32_t id)
{
	size_t from = used;

	message(id, 0, MONGODB_INSERT);
	put32(0);
	put("zoo.cats", 9);
	open_length();
	text("name", "Tom");
	end_document();
	close_length();
	return said(TT_SAY_CLIENT, from);
}

/* A document that was found may have a field called "ok"; a command's reply says by it what became of the command. */
static void legacy_operations(void **state)
{
	struct tt_line script[] = {query(1, "zoo.cats", false), reply(9, 1, 0), query(2, "zoo.$cmd", true), reply(9, 2, 0),
				   query(3, "zoo.cats", false), reply(9, 3, 2), legacy_insert(4),	    TT_TALK_END};
	char lines[2048];

	snprintf(lines, sizeof(lines),
		 "find|cats|OK|-|%zu|%zu|complete|db.system.name=mongodb,db.namespace=zoo,db.operation.name=find,db.collection."
		 "name=cats\n"
		 "isMaster|-|UnknownError|UnknownError|%zu|%zu|complete|db.system.name=mongodb,db.namespace=zoo,db.operation."
		 "name=isMaster\n"
		 "find|cats|13|Unauthorized|%zu|%zu|complete|db.system.name=mongodb,db.namespace=zoo,db.operation.name=find,"
		 "db.collection.name=cats,db.response.status_code=13\n"
		 "insert|cats|-|-|%zu|0|complete|db.system.name=mongodb,db.namespace=zoo,db.operation.name=insert,db.collection."
		 "name=cats\n",
		 script[0].len, script[1].len, script[2].len, script[3].len, script[4].len, script[5].len, script[6].len);
	check(script, lines);
}

/* --- odd and hostile ----------------------------------------------------------------------------------------------------------
 */

/* A name without a number, a number without a name, and texts that make the message's own buffer grow in between. */
static void errors_half_said(void **state)
{
	struct tt_line first = find(1);
	msg(2, 1, 0);
	text("codeName", "SomethingWithALongNameThatFillsTheBuffer");
	real("ok", 0);
	struct tt_line named = end_msg(TT_SAY_SERVER);
	struct tt_line second = find(3);
	msg(4, 3, 0);
	text("errmsg", "a message of some length, so that what follows has no room where it is");
	number("code", 4711);
	real("ok", 0);
	struct tt_line script[] = {first, named, second, end_msg(TT_SAY_SERVER), TT_TALK_END};
	char lines[2048];

	snprintf(lines, sizeof(lines),
		 "find|cats|SomethingWithALongNameThatFillsTheBuffer|SomethingWithALongNameThatFillsTheBuffer|%zu|%zu|complete|"
		 "db.system.name=mongodb,db.operation.name=find,db.collection.name=cats,db.namespace=zoo\n"
		 "find|cats|4711|4711|%zu|%zu|complete|db.system.name=mongodb,db.operation.name=find,db.collection.name=cats,"
		 "db.namespace=zoo,db.response.status_code=4711\n",
		 script[0].len, script[1].len, script[2].len, script[3].len);
	check(script, lines);
}

static void begins_in_the_middle(void **state)
{
	struct tt_line late = answer(50, 49);
	struct tt_line script[] = {TT_MID, late, find(1), answer(51, 1), TT_TALK_END};
	check(script, one_find(script[2].len, script[3].len));
}

/* A field before the end that was never captured. */
static void a_large_value(void **state)
{
	static char large[60000];
	memset(large, 'x', sizeof(large) - 1);
	struct tt_line question = find(1);

	msg(5, 1, 0);
	text("cursor", large);
	real("ok", 1);
	struct tt_line whole = end_msg(TT_SAY_SERVER);
	struct tt_line head = {TT_SAY_SERVER, whole.data, 200};
	struct tt_line tail = {TT_SAY_SERVER, whole.data + 50000, whole.len - 50000};
	struct tt_line script[] = {question, head, TT_S_HOLE(50000 - 200), tail, TT_TALK_END};
	char *lines = tt_talk(&tt_proto_mongodb, script);
	assert_string_equal(lines, one_find(question.len, whole.len));
	free(lines);
}

static struct tt_line with_bytes(uint32_t id, size_t at, uint32_t v)
{
	struct tt_line l = find(id);
	char *data = arena + (l.data - arena);
	for (int i = 0; i < 4; i++)
		data[at + (size_t)i] = (char)(v >> 8 * i);
	return l;
}

/* Lengths that are wrong: of the message, of its document, of a text in it. */
static void hostile_lengths(void **state)
{
	static const uint32_t lengths[] = {0, 1, 4, 15, 16, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 48000001};
	static const size_t places[] = {0, 21, 31};

	for (size_t p = 0; p < 3; p++) {
		for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
			begin_test(NULL);
			struct tt_line script[] = {find(1), answer(2, 1), with_bytes(3, places[p], lengths[i]), answer(4, 3),
						   TT_TALK_END};
			tt_talk_truncate(&tt_proto_mongodb, script);
			char *lines = tt_talk(&tt_proto_mongodb, script);
			const char *first = one_find(script[0].len, script[1].len);
			assert_memory_equal(lines, first, strlen(first));
			free(lines);
		}
	}
}

static void refuses_what_it_is_not(void **state)
{
	static const struct tt_span others[] = {
		TT_SPAN_LIT("GET / HTTP/1.1\r\n\r\n"),
		TT_SPAN_LIT("*1\r\n$4\r\nPING\r\n"),
		TT_SPAN_LIT("\x16\x03\x01\x00\xfc\x01\x00\x00\xf8\x03\x03\x5a\x5a\x5a\x5a\x5a"),
		TT_SPAN_LIT("\x20\0\0\0\1\0\0\0\0\0\0\0\xdd\7\0\0\0\0\0\0\7"),
	};

	for (size_t i = 0; i < 4; i++) {
		struct tt_first first = {.side = {others[i]}, .from_start = {true, true}};
		assert_int_equal(tt_proto_mongodb.detect(&first), TT_NO);
	}
	struct tt_line l = find(1);
	struct tt_first swapped = {.side = {{NULL, 0}, tt_span(l.data, l.len)}};
	assert_int_equal(tt_proto_mongodb.detect(&swapped), TT_NO);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, begin_test)
	const struct CMUnitTest tests[] = {
		T(one_command),	     T(answers_out_of_order), T(writes),	T(a_stream_of_replies), T(legacy_operations),
		T(errors_half_said), T(begins_in_the_middle), T(a_large_value), T(hostile_lengths),	T(refuses_what_it_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
