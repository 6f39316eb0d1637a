// SPDX-License-Identifier: Apache-2.0
/* Connections that were open before anybody looked, and tables of headers that a library tells of them. */
#include <stdlib.h>

#include "base/buf.h"
#include "harness/talk.h"
#include "harness/unit.h"
#include "proto/proto.h"
#include "shared/header_table.h"
#include "shared/limits.h"

extern const struct tt_proto tt_proto_http2;

#define NS_PER_MS 1000000u

/* One end of a connection, its server's. */
struct end {
	struct tt_streams *streams;
	struct tt_limits limits;
	struct tt_buf lines;
	uint64_t now_ns;
	uint64_t offset[2];
	uint16_t flags;
};

static void on_exchange(void *ctx, const struct tt_exchange *x)
{
	struct end *e = ctx;
	struct tt_span path = tt_message_get(x->request, TT_TEXT_RESOURCE), status = tt_message_get(x->response, TT_TEXT_STATUS);

	tt_buf_printf(&e->lines, "%.*s|%.*s|%s\n", (int)path.len, path.data ? (const char *)path.data : "", (int)status.len,
		      status.data ? (const char *)status.data : "", x->complete ? "complete" : "incomplete");
}

static const struct tt_streams_ops ops = {.exchange = on_exchange};

static struct end *end_new(bool expected)
{
	static const struct tt_proto *const protos[] = {&tt_proto_http2};
	struct end *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	e->lines = TT_BUF(65536);
	e->now_ns = 1000000000;
	e->offset[0] = e->offset[1] = 1000;
	tt_limits_init(&e->limits);
	assert_int_equal(tt_streams_new(&e->streams, &e->limits, protos, 1, &ops, e), 0);
	tt_streams_expect_tables(e->streams, expected);
	return e;
}

static void says(struct end *e, int dir, const char *data, size_t len)
{
	struct tt_chunk *k = calloc(1, sizeof(*k) + len);

	assert_non_null(k);
	*k = (struct tt_chunk){
		.rec = {.type = TT_REC_CHUNK,
			.version = TT_RECORD_VERSION,
			.len = (uint32_t)(sizeof(*k) + len),
			.time_ns = e->now_ns += NS_PER_MS},
		.conn = {.sock = 1, .ino = 1},
		.offset = e->offset[dir],
		.length = (uint32_t)len,
		.captured = (uint32_t)len,
		.direction = (uint8_t)dir,
		.transport = TT_TRANSPORT_TCP,
		.role = TT_ROLE_SERVER,
		.flags = e->flags,
		.data_off = sizeof(*k),
	};
	memcpy(k + 1, data, len);
	e->offset[dir] += len;
	tt_streams_record(e->streams, &k->rec);
	free(k);
}

#define ASKS(e, text) says(e, TT_RX, text, sizeof(text) - 1)
#define ANSWERS(e, text) says(e, TT_TX, text, sizeof(text) - 1)

/*
 * Entries are "name", "value", …, the newest first; without a name it is not known, and as long as the value; `more` is added to
 * the size.
 */
static void told(struct end *e, int dir, uint32_t stream, struct tt_span block, const char *const *entries, uint32_t more)
{
	uint8_t room[sizeof(struct tt_table_record) + 1024] __attribute__((aligned(8))) = {0};
	struct tt_table_record *r = (struct tt_table_record *)room;
	uint8_t *at = (uint8_t *)(r + 1);

	*r = (struct tt_table_record){
		.rec = {.type = TT_REC_HEADER_TABLE, .version = TT_RECORD_VERSION, .time_ns = e->now_ns += NS_PER_MS},
		.conn = {.sock = 1, .ino = 1},
		.stream = stream,
		.fragment = (uint32_t)block.len,
		.size = more,
		.most = 4096,
		.direction = (uint8_t)dir,
		.after = dir == TT_TX,
	};
	memcpy(r->block, block.data, TT_MIN(block.len, sizeof(r->block)));
	for (; *entries; entries += 2, r->entries++) {
		r->entry[r->entries] = (struct tt_table_entry){(uint16_t)strlen(entries[0]), (uint16_t)strlen(entries[1])};
		if (!*entries[0]) {
			r->entry[r->entries].name_len = TT_TABLE_UNKNOWN;
			r->entry[r->entries].value_len |= TT_TABLE_UNKNOWN;
			r->size += 32 + (uint32_t)strlen(entries[1]);
			continue;
		}
		for (int i = 0; i < 2; i++) {
			memcpy(at, entries[i], strlen(entries[i]));
			at += strlen(entries[i]);
			r->size += (uint32_t)strlen(entries[i]) + 16;
		}
	}
	r->in_all = r->entries;
	r->rec.len = (uint32_t)(at - room);
	tt_streams_record(e->streams, &r->rec);
}

#define TOLD(e, dir, stream, block, more, ...) \
	told(e, dir, stream, TT_SPAN_LIT(block), (const char *const[]){__VA_ARGS__ NULL}, more)

static void end_check(struct end *e, const char *expected, uint64_t tables, uint64_t unfit)
{
	struct tt_stream_stats stats;

	tt_streams_stats(e->streams, &stats);
	tt_streams_finish(e->streams);
	tt_buf_add_char(&e->lines, 0);
	assert_string_equal((char *)e->lines.data, expected);
	assert_int_equal(stats.header_tables, tables);
	assert_int_equal(stats.header_tables_unfit, unfit);
	tt_streams_stats(e->streams, &stats);
	assert_int_equal(stats.parser_bytes, 0);
	tt_streams_free(e->streams);
	tt_buf_free(&e->lines);
	free(e);
}

/* Frames of one byte of a stream's number: headers (end of stream: 5) of so many bytes, content that ends it. */
#define HEADERS(id, length, ends, block) "\0\0" length "\1" ends "\0\0\0" id block
#define DATA_END(id) "\0\0\2\0\1\0\0\0" id "ok"

/* A path that is in the table: its newest entry, the one behind it; and one that is inserted. */
#define NEWEST "\x83\x86\xbe"
#define SECOND "\x83\x86\xbf"
#define INSERTED "\x83\x86\x44\2/n"
#define ASK_NEWEST(id) HEADERS(id, "\3", "\4", NEWEST) DATA_END(id)
#define ASK_SECOND(id) HEADERS(id, "\3", "\4", SECOND) DATA_END(id)
#define ASK_INSERTED(id) HEADERS(id, "\6", "\4", INSERTED) DATA_END(id)
#define OK(id) HEADERS(id, "\1", "\4", "\x88") DATA_END(id)

static void told_after_the_block_passed(void **state)
{
	struct end *e = end_new(true);
	ASKS(e, ASK_NEWEST("\5"));
	TOLD(e, TT_RX, 5, NEWEST, 0, ":path", "/cart", ":path", "/old", );
	ANSWERS(e, OK("\5"));
	ASKS(e, ASK_INSERTED("\7") ASK_SECOND("\x9"));
	ANSWERS(e, OK("\7") OK("\x9"));
	end_check(e, "/cart|200|complete\n/n|200|complete\n/cart|200|complete\n", 1, 0);
}

/* The answer's table is as its block left it: 418 is what it inserted, its tag was there before. */
static void told_before_the_block_passed(void **state)
{
	struct end *e = end_new(true);
	TOLD(e, TT_TX, 5,
	     "\x48\3"
	     "418\xbf",
	     0, ":status", "418", "etag", "1", ":status", "207", );
	ASKS(e, HEADERS("\5", "\3", "\4", "\x83\x86\x84") DATA_END("\5"));
	ANSWERS(e, HEADERS("\5", "\6", "\4",
			   "\x48\3"
			   "418\xbf") DATA_END("\5"));
	ASKS(e, HEADERS("\7", "\3", "\4", "\x83\x86\x84") DATA_END("\7"));
	ANSWERS(e, HEADERS("\7", "\1", "\4", "\xc0") DATA_END("\7"));
	end_check(e, "/|418|complete\n/|207|complete\n", 1, 0);
}

/* An entry the library does not have takes its room, and what needs it is not known; what was seen being inserted may be it. */
static void told_not_all(void **state)
{
	struct end *e = end_new(true);
	ASKS(e, HEADERS("\5", "\6", "\4", INSERTED) DATA_END("\5"));
	tt_streams_advance(e->streams, e->now_ns += 1000 * (uint64_t)NS_PER_MS);
	TOLD(e, TT_RX, 7, SECOND, 0, "", ":path/too long", ":path", "/cart", );
	TOLD(e, TT_RX, 9, SECOND, 0, "", ":path/n", ":path", "/cart", "", "x", );
	ASKS(e, ASK_SECOND("\7") ASK_SECOND("\x9") ASK_NEWEST("\xb") HEADERS("\xd", "\3", "\4", "\x83\x86\xc0") DATA_END("\xd"));
	ANSWERS(e, OK("\5") OK("\7") OK("\x9") OK("\xb") OK("\xd"));
	end_check(e, "/n|200|complete\n|200|incomplete\n/cart|200|complete\n|200|incomplete\n|200|incomplete\n", 1, 1);
}

/* Another block's, one whose size is not what it says, and one that says other things than were seen. */
static void told_what_does_not_fit(void **state)
{
	struct end *e = end_new(true);
	ASKS(e, HEADERS("\5", "\6", "\4", INSERTED) DATA_END("\5"));
	tt_streams_advance(e->streams, e->now_ns += 1000 * (uint64_t)NS_PER_MS);
	TOLD(e, TT_RX, 9, NEWEST, 0, ":path", "/another", );
	TOLD(e, TT_RX, 7, SECOND, 1, ":path", "/n", ":path", "/old", );
	TOLD(e, TT_RX, 11, SECOND, 0, ":path", "/m", ":path", "/old", );
	ASKS(e, ASK_SECOND("\7") ASK_SECOND("\xb") ASK_NEWEST("\xd"));
	ANSWERS(e, OK("\5") OK("\7") OK("\xb") OK("\xd"));
	end_check(e, "/n|200|complete\n|200|incomplete\n|200|incomplete\n/n|200|complete\n", 0, 2);
}

static void not_told_in_time(void **state)
{
	struct end *e = end_new(true);
	ASKS(e, ASK_NEWEST("\5"));
	ANSWERS(e, OK("\5"));
	tt_streams_advance(e->streams, e->now_ns += 1000 * (uint64_t)NS_PER_MS);
	/* it is of use from its block on */
	TOLD(e, TT_RX, 7, NEWEST, 0, ":path", "/cart", );
	ASKS(e, ASK_NEWEST("\7"));
	ANSWERS(e, OK("\7"));
	end_check(e, "|200|incomplete\n/cart|200|complete\n", 1, 0);
}

static void nobody_tells(void **state)
{
	struct end *e = end_new(false);
	ASKS(e, ASK_NEWEST("\5"));
	ANSWERS(e, OK("\5"));
	tt_buf_add_char(&e->lines, 0);
	assert_string_equal((char *)e->lines.data, "|200|incomplete\n");
	e->lines.len--;
	end_check(e, "|200|incomplete\n", 0, 0);
}

/* More than is kept, entries beyond what is there, and a record cut short. */
static void told_too_much(void **state)
{
	struct end *e = end_new(true);
	struct tt_table_record r = {.rec = {.type = TT_REC_HEADER_TABLE, .len = sizeof(r)}, .conn = {.sock = 1, .ino = 1}};
	struct tt_stream_stats stats;

	for (uint32_t i = 0; i < 100; i++)
		TOLD(e, TT_RX, 101 + 2 * i, NEWEST, 0, ":path", "/another", );
	TOLD(e, TT_RX, 5, NEWEST, 0, ":path", "/cart", );
	r.entries = r.in_all = TT_TABLE_ENTRIES_MOST + 1;
	tt_streams_record(e->streams, &r.rec);
	r.entries = 1;
	r.entry[0].name_len = 1;
	tt_streams_record(e->streams, &r.rec);
	r.rec.len = sizeof(r.rec);
	tt_streams_record(e->streams, &r.rec);
	tt_streams_stats(e->streams, &stats);
	assert_int_equal(stats.bad_records, 3);
	assert_int_equal(stats.header_tables_full, 101 - 4);
	assert_true(stats.parser_bytes < 4096);
	ASKS(e, ASK_NEWEST("\5"));
	ANSWERS(e, OK("\5"));
	end_check(e, "/cart|200|complete\n", 1, 0);
}

/* What waits for a table does not become a hole when there is no more room for it. */
static void waiting_ends_where_there_is_no_room(void **state)
{
	struct end *e = end_new(true);
	static const char head[] = "\0\x40\0\0\0\0\0\0\5";
	char data[9 + 16384] = {0};

	e->limits.value[TT_LIMIT_STREAM_BYTES] = 65536;
	ASKS(e, HEADERS("\5", "\3", "\4", NEWEST));
	memcpy(data, head, sizeof(head) - 1);
	for (int i = 0; i < 20; i++)
		says(e, TT_RX, data, sizeof(data));
	ASKS(e, DATA_END("\5"));
	ANSWERS(e, OK("\5"));
	struct tt_stream_stats stats;
	tt_streams_stats(e->streams, &stats);
	assert_int_equal(stats.holes, 0);
	assert_int_equal(stats.buffer_full, 0);
	assert_int_equal(stats.wait_full, 1);
	end_check(e, "|200|incomplete\n", 0, 0);
}

TT_UNIT_TESTS(cmocka_unit_test(told_after_the_block_passed), cmocka_unit_test(told_before_the_block_passed),
	      cmocka_unit_test(told_not_all), cmocka_unit_test(told_what_does_not_fit), cmocka_unit_test(not_told_in_time),
	      cmocka_unit_test(nobody_tells), cmocka_unit_test(told_too_much),
	      cmocka_unit_test(waiting_ends_where_there_is_no_room))
