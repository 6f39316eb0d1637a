// SPDX-License-Identifier: Apache-2.0
/* Handshakes of TLS 1.3 and what a library says of them, at either end. */
#include <stdlib.h>

#include "base/buf.h"
#include "harness/talk.h"
#include "harness/unit.h"
#include "proto/proto.h"
#include "shared/limits.h"

extern const struct tt_proto tt_proto_tls;

#define NS_PER_MS 1000000u
#define PEER_DID_NOT_RETURN_A_CERTIFICATE (20 << TT_HANDSHAKE_PART_SHIFT | 199)
#define ALERT_CERTIFICATE_REQUIRED (20 << TT_HANDSHAKE_PART_SHIFT | 1116)
#define UNEXPECTED_EOF (20 << TT_HANDSHAKE_PART_SHIFT | 294)

/* clang-format off */
#define RANDOM "0123456789abcdef0123456789abcdef"
#define RECORD(type, len, data) type "\x03\x03\0" len data
#define CLIENT_HELLO RECORD("\x16", "\x36", "\1\0\0\x32\3\3" RANDOM "\0\0\2\x13\1\1\0\0\7" "\0\x2b\0\3\2\3\4")
#define SERVER_HELLO RECORD("\x16", "\x32", "\2\0\0\x2e\3\3" RANDOM "\0\x13\1\0\0\6" "\0\x2b\0\2\3\4")
#define FINISHED RECORD("\x17", "\x35", "encrypted.encrypted.encrypted.encrypted.encrypted.123")
#define ALERT RECORD("\x17", "\x13", "encrypted.encrypted")
/* clang-format on */

struct end {
	struct tt_streams *streams;
	struct tt_limits limits;
	struct tt_buf lines;
	uint64_t now_ns;
	uint64_t offset[2];
	bool server;
	bool within;	 /* chunks are moved within a library */
	uint32_t beyond; /* bytes a call has moved that were not copied */
};

static void on_exchange(void *ctx, const struct tt_exchange *x)
{
	struct end *e = ctx;
	struct tt_span status = tt_message_get(x->response, TT_TEXT_STATUS);

	tt_buf_printf(&e->lines, "%.*s|%d ms|%s\n", (int)status.len, status.data ? (const char *)status.data : "",
		      (int)((x->response_last_ns - x->request_first_ns) / NS_PER_MS), x->complete ? "complete" : "incomplete");
}

static const struct tt_streams_ops ops = {.exchange = on_exchange};

static void end_begin(struct end *e, bool server, bool within)
{
	static const struct tt_proto *const protos[] = {&tt_proto_tls};

	*e = (struct end){.lines = TT_BUF(4096), .now_ns = 1000000000, .server = server, .within = within};
	tt_limits_init(&e->limits);
	assert_int_equal(tt_streams_new(&e->streams, &e->limits, protos, 1, &ops, e), 0);
}

static void moves(struct end *e, int dir, uint8_t origin, const char *data, size_t len)
{
	struct tt_chunk *k = calloc(1, sizeof(*k) + len);

	assert_non_null(k);
	*k = (struct tt_chunk){
		.rec = {.type = TT_REC_CHUNK,
			.version = TT_RECORD_VERSION,
			.len = (uint32_t)(sizeof(*k) + len),
			.time_ns = e->now_ns += NS_PER_MS},
		.conn = {.sock = 1, .ino = 1},
		.entry_ns = e->now_ns,
		.offset = origin ? 0 : e->offset[dir],
		.length = (uint32_t)len + e->beyond,
		.captured = (uint32_t)len,
		.direction = (uint8_t)dir,
		.transport = TT_TRANSPORT_TCP,
		.origin = origin,
		.role = e->server ? TT_ROLE_SERVER : TT_ROLE_CLIENT,
		.flags = (uint16_t)(TT_CHUNK_FROM_START | (e->within ? TT_CHUNK_HANDSHAKE : 0) | (len ? 0 : TT_CHUNK_EOF)),
		.data_off = sizeof(*k),
	};
	memcpy(k + 1, data, len);
	if (!origin)
		e->offset[dir] += len + e->beyond;
	tt_streams_record(e->streams, &k->rec);
	free(k);
}

#define ASKS(e, text) moves(e, (e)->server ? TT_RX : TT_TX, TT_ORIGIN_SOCKET, text, sizeof(text) - 1)
#define ANSWERS(e, text) moves(e, (e)->server ? TT_TX : TT_RX, TT_ORIGIN_SOCKET, text, sizeof(text) - 1)

static void told(struct end *e, enum tt_handshake state, int32_t error)
{
	const struct tt_handshake_record r = {
		.rec = {.type = TT_REC_HANDSHAKE,
			.version = TT_RECORD_VERSION,
			.len = sizeof(r),
			.time_ns = e->now_ns += NS_PER_MS},
		.conn = {.sock = 1, .ino = 1},
		.error = error,
		.origin = TT_ORIGIN_OPENSSL,
		.state = (uint8_t)state,
	};

	tt_streams_record(e->streams, &r.rec);
}

/* Up to and with what the client says last; 3 ms, of which its answer takes 1. */
static void up_to_the_last(struct end *e)
{
	ASKS(e, CLIENT_HELLO);
	ANSWERS(e, SERVER_HELLO FINISHED);
	ASKS(e, FINISHED);
}

static void said(struct end *e, const char *expected)
{
	char *lines = strndup(e->lines.data ? (const char *)e->lines.data : "", e->lines.len);

	assert_string_equal(lines, expected);
	free(lines);
}

static void end_check(struct end *e, const char *expected)
{
	tt_streams_finish(e->streams);
	said(e, expected);
	tt_streams_free(e->streams);
	tt_buf_free(&e->lines);
}

static void close_it(struct end *e)
{
	const struct tt_conn_record r = {
		.rec = {.type = TT_REC_CLOSE, .version = TT_RECORD_VERSION, .len = sizeof(r), .time_ns = e->now_ns += NS_PER_MS},
		.conn = {.sock = 1, .ino = 1},
	};

	tt_streams_record(e->streams, &r.rec);
	e->now_ns += 10000 * (uint64_t)NS_PER_MS;
	tt_streams_advance(e->streams, e->now_ns);
}

static void nobody_says_anything(void **state)
{
	struct end e;

	end_begin(&e, true, false);
	up_to_the_last(&e);
	said(&e, "OK|1 ms|complete\n");
	told(&e, TT_HANDSHAKE_FAILED, PEER_DID_NOT_RETURN_A_CERTIFICATE); /* too late: it was told */
	end_check(&e, "OK|1 ms|complete\n");
}

static void a_server_is_through(void **state)
{
	struct end e;

	end_begin(&e, true, true);
	up_to_the_last(&e);
	said(&e, "");
	told(&e, TT_HANDSHAKE_DONE, 0);
	end_check(&e, "OK|1 ms|complete\n");
}

static void a_server_goes_on(void **state)
{
	struct end e;

	end_begin(&e, true, true);
	up_to_the_last(&e);
	ANSWERS(&e, FINISHED); /* a ticket */
	end_check(&e, "OK|1 ms|complete\n");
}

static void a_server_refuses(void **state)
{
	struct end e;

	end_begin(&e, true, false);
	ASKS(&e, CLIENT_HELLO);
	ANSWERS(&e, SERVER_HELLO FINISHED);
	told(&e, TT_HANDSHAKE_UNDERWAY, 0); /* bytes in memory */
	ASKS(&e, FINISHED);
	ANSWERS(&e, ALERT);
	said(&e, "");
	told(&e, TT_HANDSHAKE_FAILED, PEER_DID_NOT_RETURN_A_CERTIFICATE);
	end_check(&e, "peer_did_not_return_a_certificate|1 ms|complete\n");
}

/* Its library does not say why, or its errors are not observed. */
static void a_server_never_gets_through(void **state)
{
	struct end e;

	end_begin(&e, true, true);
	up_to_the_last(&e);
	told(&e, TT_HANDSHAKE_UNDERWAY, 0);
	ANSWERS(&e, ALERT);
	close_it(&e);
	end_check(&e, "handshake_failed|1 ms|complete\n");
}

static void a_client_is_refused_after_all(void **state)
{
	struct end e;

	end_begin(&e, false, true);
	up_to_the_last(&e);
	told(&e, TT_HANDSHAKE_DONE, 0);
	ANSWERS(&e, ALERT);
	said(&e, "");
	told(&e, TT_HANDSHAKE_FAILED, ALERT_CERTIFICATE_REQUIRED);
	end_check(&e, "certificate_required|1 ms|complete\n");
}

/* That the server ended the connection says nothing of the handshake, which was through on this side. */
static void a_client_hears_nothing(void **state)
{
	struct end e;

	end_begin(&e, false, true);
	up_to_the_last(&e);
	told(&e, TT_HANDSHAKE_DONE, 0);
	told(&e, TT_HANDSHAKE_FAILED, UNEXPECTED_EOF);
	moves(&e, TT_RX, TT_ORIGIN_SOCKET, "", 0);
	end_check(&e, "OK|1 ms|complete\n");
}

static void a_client_waits_no_longer(void **state)
{
	struct end e;

	end_begin(&e, false, true);
	up_to_the_last(&e);
	told(&e, TT_HANDSHAKE_DONE, 0);
	e.now_ns += 10000 * (uint64_t)NS_PER_MS;
	tt_streams_advance(e.streams, e.now_ns);
	said(&e, "OK|1 ms|complete\n");
	end_check(&e, "OK|1 ms|complete\n");
}

/* NSS and rustls are around their sockets, too. */
static void a_library_that_says_nothing(void **state)
{
	struct end e;

	end_begin(&e, false, true);
	ASKS(&e, CLIENT_HELLO);
	e.now_ns += 10000 * (uint64_t)NS_PER_MS;
	tt_streams_advance(e.streams, e.now_ns);
	ANSWERS(&e, SERVER_HELLO FINISHED);
	ASKS(&e, FINISHED);
	said(&e, "");
	e.now_ns += 10000 * (uint64_t)NS_PER_MS;
	tt_streams_advance(e.streams, e.now_ns);
	said(&e, "OK|10001 ms|complete\n");
	end_check(&e, "OK|10001 ms|complete\n");
}

static void a_client_refuses(void **state)
{
	struct end e;

	end_begin(&e, false, true);
	ASKS(&e, CLIENT_HELLO);
	ANSWERS(&e, SERVER_HELLO FINISHED);
	ASKS(&e, ALERT);
	said(&e, "");
	told(&e, TT_HANDSHAKE_FAILED, 20 << TT_HANDSHAKE_PART_SHIFT | 134);
	end_check(&e, "certificate_verify_failed|1 ms|complete\n");
}

static void plaintext_says_it_is_through(void **state)
{
	struct end e;

	end_begin(&e, true, true);
	up_to_the_last(&e);
	said(&e, "");
	moves(&e, TT_RX, TT_ORIGIN_OPENSSL, "x", 1);
	end_check(&e, "OK|1 ms|complete\n");
}

/* What was not seen behind the handshake was not said of it: of what a client sends at once only the front is copied. */
static void gaps_behind_it(void **state)
{
	for (int server = 0; server < 2; server++) {
		struct end e;

		end_begin(&e, server, true);
		up_to_the_last(&e);
		if (!server)
			told(&e, TT_HANDSHAKE_DONE, 0);
		e.beyond = 100000;
		ASKS(&e, FINISHED);
		ASKS(&e, FINISHED);
		e.beyond = 0;
		said(&e, "");
		ANSWERS(&e, FINISHED);
		end_check(&e, "OK|1 ms|complete\n");
	}
}

/* A server that goes on, of which that is not seen. */
static void a_gap_of_the_server(void **state)
{
	struct end e;

	end_begin(&e, false, true);
	up_to_the_last(&e);
	told(&e, TT_HANDSHAKE_UNDERWAY, 0);
	e.offset[TT_RX] += 100;
	ANSWERS(&e, FINISHED);
	e.now_ns += 10000 * (uint64_t)NS_PER_MS;
	tt_streams_advance(e.streams, e.now_ns);
	end_check(&e, "OK|1 ms|complete\n");
}

/* SSL_read of a session that nobody asked for its handshake: behind that, an end without an alert is none of the handshake's. */
static void an_end_behind_it(void **state)
{
	struct end e;

	end_begin(&e, true, true);
	up_to_the_last(&e);
	told(&e, TT_HANDSHAKE_FAILED, UNEXPECTED_EOF);
	close_it(&e);
	end_check(&e, "OK|1 ms|complete\n");
}

static void records_without_sense(void **state)
{
	struct end e;
	struct tt_stream_stats stats;

	end_begin(&e, true, true);
	up_to_the_last(&e);
	struct tt_handshake_record r = {.rec = {.type = TT_REC_HANDSHAKE, .len = sizeof(r)}, .conn = {.sock = 1, .ino = 1}};
	r.state = TT_HANDSHAKE_FAILED + 1;
	tt_streams_record(e.streams, &r.rec);
	r.state = TT_HANDSHAKE_FAILED;
	r.origin = TT_ORIGIN_MAX;
	tt_streams_record(e.streams, &r.rec);
	r.origin = 0;
	r.rec.len = sizeof(r.rec);
	tt_streams_record(e.streams, &r.rec);
	tt_streams_stats(e.streams, &stats);
	assert_int_equal(stats.bad_records, 3);
	end_check(&e, "OK|1 ms|complete\n");
}

TT_UNIT_TESTS(cmocka_unit_test(nobody_says_anything), cmocka_unit_test(a_server_is_through), cmocka_unit_test(a_server_goes_on),
	      cmocka_unit_test(a_server_refuses), cmocka_unit_test(a_server_never_gets_through),
	      cmocka_unit_test(a_client_is_refused_after_all), cmocka_unit_test(a_client_hears_nothing),
	      cmocka_unit_test(a_client_waits_no_longer), cmocka_unit_test(a_library_that_says_nothing),
	      cmocka_unit_test(a_client_refuses), cmocka_unit_test(plaintext_says_it_is_through),
	      cmocka_unit_test(gaps_behind_it), cmocka_unit_test(a_gap_of_the_server), cmocka_unit_test(an_end_behind_it),
	      cmocka_unit_test(records_without_sense))
