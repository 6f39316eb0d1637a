// SPDX-License-Identifier: Apache-2.0
/* Capture wishes of HTTP/1.x and HTTP/2: content that is only counted need not be copied, what follows it is wanted whole. */
#include "proto/proto.h"

#include <stdlib.h>

#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_http, tt_proto_http2;

struct wishes {
	struct tt_streams *streams;
	struct tt_limits limits;
	uint64_t offset[2];
	uint64_t now_ns;
	unsigned count;
	enum tt_direction dir;
	uint64_t from;
	uint32_t bytes;
};

static void on_exchange(void *ctx, const struct tt_exchange *x)
{
}

static void on_wish(void *ctx, const struct tt_conn_id *conn, enum tt_direction dir, uint64_t from, uint32_t bytes)
{
	struct wishes *w = ctx;
	w->count++;
	w->dir = dir;
	w->from = from;
	w->bytes = bytes;
}

static const struct tt_streams_ops ops = {.exchange = on_exchange, .wish = on_wish};

static void start(struct wishes *w, const struct tt_proto *const *proto)
{
	*w = (struct wishes){.now_ns = 1000000000};
	tt_limits_init(&w->limits);
	assert_int_equal(tt_streams_new(&w->streams, &w->limits, proto, 1, &ops, w), 0);
}

static void say(struct wishes *w, int dir, const char *text, size_t len)
{
	struct tt_chunk *k = malloc(sizeof(*k) + len);
	assert_non_null(k);
	*k = (struct tt_chunk){
		.rec = {.type = TT_REC_CHUNK,
			.version = TT_RECORD_VERSION,
			.len = (uint32_t)(sizeof(*k) + len),
			.time_ns = w->now_ns += 1000000},
		.conn = {.sock = 1, .ino = 1},
		.offset = w->offset[dir],
		.length = (uint32_t)len,
		.captured = (uint32_t)len,
		.direction = (uint8_t)dir,
		.transport = TT_TRANSPORT_TCP,
		.role = TT_ROLE_SERVER,
		.flags = TT_CHUNK_FROM_START,
		.data_off = sizeof(*k),
	};
	memcpy(k + 1, text, len);
	w->offset[dir] += len;
	tt_streams_record(w->streams, &k->rec);
	free(k);
}

#define SAY(w, dir, text) say(w, dir, text, sizeof(text) - 1)

static void end(struct wishes *w)
{
	tt_streams_finish(w->streams);
	tt_streams_free(w->streams);
}

static void expect_wish(const struct wishes *w, unsigned count, enum tt_direction dir, uint64_t from, uint32_t bytes)
{
	assert_int_equal(w->count, count);
	assert_int_equal(w->dir, dir);
	assert_int_equal(w->from, from);
	assert_int_equal(w->bytes, bytes);
}

static void counted_content(void **state)
{
	static const struct tt_proto *const proto = &tt_proto_http;
	struct wishes w;
	start(&w, &proto);
	uint32_t whole = (uint32_t)w.limits.value[TT_LIMIT_CAPTURE_BYTES];

	SAY(&w, TT_RX, "GET / HTTP/1.1\r\n\r\n");
	SAY(&w, TT_TX, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	assert_int_equal(w.count, 0); /* too little to say a word about */
	SAY(&w, TT_RX, "PUT / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n0123456789");
	expect_wish(&w, 1, TT_RX, 18 + 43 + 1000000, whole);
	end(&w);
}

static void chunks_and_the_rest(void **state)
{
	static const struct tt_proto *const proto = &tt_proto_http;
	struct wishes w;
	start(&w, &proto);
	uint32_t whole = (uint32_t)w.limits.value[TT_LIMIT_CAPTURE_BYTES];

	SAY(&w, TT_RX, "GET / HTTP/1.1\r\n\r\n");
	SAY(&w, TT_TX, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	SAY(&w, TT_TX, "5\r\nhello\r\n100000\r\nabc");
	expect_wish(&w, 1, TT_TX, 47 + 10 + 8 + 0x100000, whole);
	end(&w);

	start(&w, &proto);
	SAY(&w, TT_RX, "GET / HTTP/1.0\r\n\r\n");
	SAY(&w, TT_TX, "HTTP/1.0 200 OK\r\n\r\nto the end");
	expect_wish(&w, 1, TT_TX, 29, 0);
	end(&w);
}

static void data_frames(void **state)
{
	static const struct tt_proto *const proto = &tt_proto_http2;
	struct wishes w;
	start(&w, &proto);
	uint32_t whole = (uint32_t)w.limits.value[TT_LIMIT_CAPTURE_BYTES];

	SAY(&w, TT_RX,
	    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	    "\0\0\0\4\0\0\0\0\0"
	    "\0\0\3\1\5\0\0\0\1\x82\x86\x84");
	SAY(&w, TT_TX,
	    "\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x64"
	    "\0\0\1\1\4\0\0\0\1\x88"
	    "\0\0\5\0\0\0\0\0\1hel");
	assert_int_equal(w.count, 0);
	SAY(&w, TT_TX,
	    "lo"
	    "\x10\0\0\0\1\0\0\0\1"
	    "abc");
	expect_wish(&w, 1, TT_TX, 15 + 10 + 14 + 9 + 0x100000, whole);
	end(&w);
}

TT_UNIT_TESTS(cmocka_unit_test(counted_content), cmocka_unit_test(chunks_and_the_rest), cmocka_unit_test(data_frames))
