// SPDX-License-Identifier: Apache-2.0
/*
 * Hostile conversations, each as long as it likes: what is kept stays inside the limit rows, and the work grows with the bytes
 * and not faster. Work is counted, not timed: the library below is compiled so that each basic block calls the counter, and what
 * memchr and its like look at is added. A conversation is played at two lengths, in large segments and in small ones.
 */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>

#include "harness/unit.h"
#include "proto/proto.h"
#include "source/pieces.h"
#include "stream/stream.h"

#define MS 1000000u
#define SHORT (48u << 10)
#define LONG (4 * SHORT)
#define GROWTH 5.0	   /* of the work where the bytes are four times as many */
#define STEPS_A_BYTE 250.0 /* the dearest is a stream opened and reset by 25 bytes */
#define MOST_HEAP (24u << 20)
#define FEW_STEPS 20.0 /* where nothing more is looked at, growth says nothing */

static uint64_t steps;

/* Called by every basic block of the library. */
void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
	steps++;
}

void *__real_memchr(const void *s, int c, size_t n);
void *__wrap_memchr(const void *s, int c, size_t n);
void *__wrap_memchr(const void *s, int c, size_t n)
{
	const char *found = __real_memchr(s, c, n);
	steps += (found ? (size_t)(found - (const char *)s) : n) / 16;
	return (void *)found;
}

void *__real_memmem(const void *s, size_t n, const void *wanted, size_t len);
void *__wrap_memmem(const void *s, size_t n, const void *wanted, size_t len);
void *__wrap_memmem(const void *s, size_t n, const void *wanted, size_t len)
{
	const char *found = __real_memmem(s, n, wanted, len);
	steps += (found ? (size_t)(found - (const char *)s) : n) / 4;
	return (void *)found;
}

void *__real_memmove(void *to, const void *from, size_t n);
void *__wrap_memmove(void *to, const void *from, size_t n);
void *__wrap_memmove(void *to, const void *from, size_t n)
{
	steps += n / 16;
	return __real_memmove(to, from, n);
}

struct flood {
	const char *name;
	const struct tt_proto *proto;
	const char *head; /* of the client */
	size_t head_len;
	const char *unit; /* said again and again */
	size_t unit_len;
	int ids[2];	/* where in it a stream's number stands, counted up by two; 0: nowhere */
	bool by_server; /* the server says it, after `head` */
	double most;	/* steps a byte; 0: STEPS_A_BYTE */
	bool chosen;	/* by a multiplication that everybody can look up all of them have one hash */
	bool keeps;	/* its protocol keeps more than a few KB of each connection */
};

extern const struct tt_proto tt_proto_amqp, tt_proto_dns, tt_proto_dubbo, tt_proto_http, tt_proto_http2, tt_proto_ldap,
	tt_proto_memcached, tt_proto_mongodb, tt_proto_mqtt, tt_proto_nats, tt_proto_postgresql, tt_proto_pulsar, tt_proto_redis,
	tt_proto_sip, tt_proto_smtp, tt_proto_thrift;

#define BYTES(s) (s), sizeof(s) - 1
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
#define JSON_HEAD(path) "POST " path " HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100000000\r\n\r\n"

static const struct flood floods[] = {
	{"rapid reset", &tt_proto_http2, BYTES(PREFACE), BYTES("\0\0\3\1\5\0\0\0\1\x82\x84\x86\0\0\4\3\0\0\0\0\1\0\0\0\x8"),
	 .ids = {5, 17}},
	{"streams opened", &tt_proto_http2, BYTES(PREFACE), BYTES("\0\0\3\1\4\0\0\0\1\x83\x84\x86"), .ids = {5}, .keeps = true},
	{"streams opened, ids chosen", &tt_proto_http2, BYTES(PREFACE), BYTES("\0\0\3\1\4\0\0\0\1\x83\x84\x86"), .ids = {5},
	 .keeps = true, .chosen = true},
	{"header entries", &tt_proto_http2, BYTES(PREFACE), BYTES("\0\0\xa\1\5\0\0\0\1\x82\x84\x86\x40\1a\3bcd"), .ids = {5},
	 .keeps = true},
	{"CONTINUATION", &tt_proto_http2, BYTES(PREFACE "\0\0\1\1\1\0\0\0\1\x82"), BYTES("\0\0\5\x9\0\0\0\0\1\0\1a\1b"),
	 .keeps = true},
	{"CONTINUATION of nothing", &tt_proto_http2, BYTES(PREFACE "\0\0\1\1\1\0\0\0\1\x82"), BYTES("\0\0\0\x9\0\0\0\0\1")},
	{"SETTINGS", &tt_proto_http2, BYTES(PREFACE), BYTES("\0\0\6\4\0\0\0\0\0\0\1\0\0\x10\0")},
	{"table sizes", &tt_proto_http2, BYTES(PREFACE), BYTES("\0\0\6\1\5\0\0\0\1\x20\x3f\xe1\x1f\x82\x84"), .ids = {5},
	 .keeps = true},
	{"PING", &tt_proto_http2, BYTES(PREFACE),
	 BYTES("\0\0\x8\6\0\0\0\0\0"
	       "12345678")},
	{"DATA of nothing", &tt_proto_http2, BYTES(PREFACE "\0\0\3\1\4\0\0\0\1\x83\x84\x86"), BYTES("\0\0\0\0\0\0\0\0\1")},
	{"WINDOW_UPDATE", &tt_proto_http2, BYTES(PREFACE), BYTES("\0\0\4\x8\0\0\0\0\1\0\0\0\1"), .ids = {5}},
	{"PRIORITY", &tt_proto_http2, BYTES(PREFACE), BYTES("\0\0\5\2\0\0\0\0\1\0\0\0\0\1"), .ids = {5}},
	{"header lines", &tt_proto_http, BYTES("GET / HTTP/1.1\r\n"), BYTES("a: b\r\n")},
	{"one header line", &tt_proto_http, BYTES("GET / HTTP/1.1\r\na: "), BYTES("bbbbbbbb")},
	{"chunks", &tt_proto_http, BYTES("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), BYTES("1\r\na\r\n")},
	{"pipelined requests", &tt_proto_http, BYTES(""), BYTES("GET / HTTP/1.1\r\nHost: a\r\n\r\n")},
	{"JSON arrays (GraphQL)", &tt_proto_http, BYTES(JSON_HEAD("/graphql")), BYTES("["), .keeps = true},
	{"JSON objects (GraphQL)", &tt_proto_http, BYTES(JSON_HEAD("/graphql")), BYTES("{\"a\":"), .keeps = true},
	{"JSON arrays (JSON-RPC)", &tt_proto_http, BYTES(JSON_HEAD("/")), BYTES("[{\"jsonrpc\":")},
	{"braces in a query", &tt_proto_http, BYTES(JSON_HEAD("/graphql") "{\"query\":\""), BYTES("{a"), .keeps = true},
	{"arrays (RESP)", &tt_proto_redis, BYTES(""), BYTES("*1\r\n")},
	{"arrays answered (RESP)", &tt_proto_redis, BYTES("*1\r\n$4\r\nPING\r\n"), BYTES("*1\r\n"), .by_server = true},
	{"structs (Thrift)", &tt_proto_thrift, BYTES("\x80\1\0\1\0\0\0\4ping\0\0\0\0"), BYTES("\xc\0\1")},
	{"structs (compact Thrift)", &tt_proto_thrift, BYTES("\x82\x21\0\4ping"), BYTES("\x1c")},
	{"lists (Thrift)", &tt_proto_thrift, BYTES("\x80\1\0\1\0\0\0\4ping\0\0\0\0\xf\0\1"), BYTES("\xf\0\0\0\1")},
	{"documents (BSON)", &tt_proto_mongodb, BYTES("\0\0\x10\0\1\0\0\0\0\0\0\0\xdd\7\0\0\0\0\0\0\0\xe0\xff\xf\0"),
	 BYTES("\3a\0\xff\xff\xf\0")},
	{"lists (Hessian)", &tt_proto_dubbo,
	 BYTES("\xda\xbb\xc2\0\0\0\0\0\0\0\0\1\0\x40\0\0\5"
	       "2.0.2"
	       "\1a\5"
	       "0.0.0\1m"),
	 BYTES("\x57")},
	{"maps (Hessian)", &tt_proto_dubbo,
	 BYTES("\xda\xbb\xc2\0\0\0\0\0\0\0\0\1\0\x40\0\0\5"
	       "2.0.2"
	       "\1a\5"
	       "0.0.0\1m"),
	 BYTES("H\1a")},
	{"filters (BER)", &tt_proto_ldap,
	 BYTES("\x30\x84\0\0\xff\xff\2\1\1\x63\x84\0\0\xff\xf0\4\0\xa\1\2\xa\1\0\2\1\0\2\1\0\1\1\0"),
	 BYTES("\xa2\x84\0\0\xff\0")},
	{"messages of nothing (AMQP)", &tt_proto_amqp, BYTES("AMQP\0\0\x9\1"), BYTES("\x8\0\0\0\0\0\0\xce")},
	{"pings (MQTT)", &tt_proto_mqtt, BYTES("\x10\xe\0\4MQTT\4\2\0\x3c\0\2id"), BYTES("\xc0\0")},
	{"lines (NATS)", &tt_proto_nats, BYTES("CONNECT {}\r\n"), BYTES("PING\r\n")},
	{"statements (PostgreSQL)", &tt_proto_postgresql, BYTES("\0\0\0\x10\0\3\0\0user\0a\0\0"), BYTES("Q\0\0\0\6;\0")},
	{"a command of small fields (Pulsar)", &tt_proto_pulsar, BYTES("\0\xf\0\4\0\xf\0\0\x8\2\x12\x80\x80\x2c"),
	 BYTES("\x12\1a")},
	{"parsed, never run (PostgreSQL)", &tt_proto_postgresql, BYTES("\0\0\0\x10\0\3\0\0user\0a\0\0"),
	 BYTES("P\0\0\0\xb\0a b\0\0\0")},
	{"gets without an end (memcached)", &tt_proto_memcached, BYTES("get a\r\nget "), BYTES("key ")},
	{"a line (SMTP)", &tt_proto_smtp, BYTES("EHLO a\r\nMAIL FROM:<"), BYTES("aaaaaaaa")},
	{"head lines (SIP)", &tt_proto_sip,
	 BYTES("OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\nCall-ID: a\r\nCSeq: 1 OPTIONS\r\n"),
	 BYTES("a: b\r\n")},
};

struct played {
	uint64_t steps, bytes;
	size_t heap;
	struct tt_stream_stats stats;
};

static void on_exchange(void *ctx, const struct tt_exchange *x)
{
	(void)x;
	++*(uint64_t *)ctx;
}

static const struct tt_streams_ops ops = {.exchange = on_exchange};

static void say_at(struct tt_streams *s, enum tt_origin origin, uint64_t conn, int dir, uint64_t *offset, const char *data,
		   size_t len, uint64_t now)
{
	tt_free_auto struct tt_chunk *k = calloc(1, sizeof(*k) + len);
	assert_non_null(k);
	*k = (struct tt_chunk){
		.rec = {.type = TT_REC_CHUNK, .version = TT_RECORD_VERSION, .len = (uint32_t)(sizeof(*k) + len), .time_ns = now},
		.conn = {.sock = conn, .ino = conn},
		.offset = *offset,
		.length = (uint32_t)len,
		.captured = (uint32_t)len,
		.direction = (uint8_t)dir,
		.transport = TT_TRANSPORT_TCP,
		.origin = (uint8_t)origin,
		.role = TT_ROLE_SERVER,
		.flags = TT_CHUNK_FROM_START,
		.data_off = sizeof(*k)};
	if (len)
		memcpy(k + 1, data, len);
	*offset += len;
	tt_streams_record(s, &k->rec);
}

static void say(struct tt_streams *s, uint64_t conn, int dir, uint64_t *offset, const char *data, size_t len, uint64_t now)
{
	say_at(s, TT_ORIGIN_SOCKET, conn, dir, offset, data, len, now);
}

static char *flood_bytes(const struct flood *f, size_t most, size_t *ret_len)
{
	char *text = malloc(f->head_len + most + f->unit_len);
	assert_non_null(text);
	size_t len = f->by_server ? 0 : f->head_len;
	memcpy(text, f->head, len);
	for (uint32_t id = 1; len < most; id += 2, len += f->unit_len) {
		while (f->chosen && (id * 0x9E3779B1u >> 7) & 0x3fff)
			id += 2;
		memcpy(text + len, f->unit, f->unit_len);
		for (int i = 0; i < 2; i++) {
			for (int b = 0; f->ids[i] && b < 4; b++)
				text[len + (size_t)f->ids[i] + (size_t)b] = (char)(id >> (24 - 8 * b));
		}
	}
	*ret_len = len;
	return text;
}

static struct played play(const struct flood *f, size_t most, size_t segment)
{
	struct played p = {0};
	struct tt_limits limits;
	struct tt_streams *s = NULL;
	uint64_t exchanges = 0, offset[2] = {0, 0}, now = MS;
	tt_free_auto char *text = flood_bytes(f, most, &p.bytes);

	tt_limits_init(&limits);
	assert_int_equal(tt_streams_new(&s, &limits, &f->proto, 1, &ops, &exchanges), 0);
	if (f->by_server)
		say(s, 1, TT_RX, &offset[TT_RX], f->head, f->head_len, now);
	int dir = f->by_server ? TT_TX : TT_RX;
	steps = 0;
	for (size_t at = 0; at < p.bytes; at += segment) {
		say(s, 1, dir, &offset[dir], text + at, p.bytes - at < segment ? p.bytes - at : segment, now += MS / 100);
		size_t heap = mallinfo2().uordblks;
		p.heap = heap > p.heap ? heap : p.heap;
	}
	p.steps = steps;
	tt_streams_stats(s, &p.stats);
	assert_true(p.stats.buffered_bytes <= 2 * limits.value[TT_LIMIT_STREAM_BYTES]);
	assert_true(p.stats.messages <= limits.value[TT_LIMIT_PENDING_REQUESTS] + 2);
	tt_streams_finish(s);
	tt_streams_free(s);
	return p;
}

/* What is wrong of a flood is told; the rest are looked at all the same. */
static unsigned check(const struct flood *f, size_t segment)
{
	struct played less = play(f, SHORT, segment), more = play(f, LONG, segment);
	double growth = (double)more.steps / (double)less.steps, a_byte = (double)more.steps / (double)more.bytes;
	bool wrong = (growth > GROWTH && a_byte > FEW_STEPS && !f->most) || a_byte > (f->most ? f->most : STEPS_A_BYTE) ||
		     more.heap > MOST_HEAP;

	print_message("%-32s segments of %5zu: %7.1f steps a byte, %4.1f times as many for 4 times the bytes, %zu KB%s\n",
		      f->name, segment, a_byte, growth, more.heap >> 10, wrong ? "  <- too much" : "");
	return wrong;
}

static void work_grows_with_the_bytes(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(floods) / sizeof(*floods); i++) {
		wrong += check(&floods[i], 1400);
		wrong += check(&floods[i], 16);
	}
	assert_int_equal(wrong, 0);
}

/* What many connections keep is bounded for all of them, and is accounted for to the last byte. Returns how often it was refused.
 */
static uint64_t many(const struct flood *f, uint64_t conns, size_t most, uint64_t limit, size_t *ret_heap)
{
	enum { SEGMENT = 1000 };
	struct tt_limits limits;
	struct tt_streams *s = NULL;
	struct tt_stream_stats stats;
	uint64_t exchanges = 0, now = MS;
	size_t len, before = mallinfo2().uordblks;
	tt_free_auto char *text = flood_bytes(f, most, &len);
	tt_free_auto uint64_t *offsets = calloc(conns, 2 * sizeof(*offsets));

	tt_limits_init(&limits);
	limits.value[TT_LIMIT_PARSER_TOTAL_BYTES] = limit;
	assert_int_equal(tt_streams_new(&s, &limits, &f->proto, 1, &ops, &exchanges), 0);
	int dir = f->by_server ? TT_TX : TT_RX;
	for (uint64_t c = 0; f->by_server && c < conns; c++)
		say(s, c + 1, TT_RX, &offsets[2 * c + TT_RX], f->head, f->head_len, now);
	for (size_t at = 0; at < len; at += SEGMENT) {
		for (uint64_t c = 0; c < conns; c++) {
			size_t n = len - at < SEGMENT ? len - at : SEGMENT;
			say(s, c + 1, dir, &offsets[2 * c + (uint64_t)dir], text + at, n, now += MS / 1000);
			tt_streams_stats(s, &stats);
			assert_true(stats.parser_bytes <= limit);
		}
	}
	*ret_heap = mallinfo2().uordblks - before;
	tt_streams_finish(s);
	tt_streams_stats(s, &stats);
	assert_int_equal(stats.parser_bytes, 0);
	tt_streams_free(s);
	return stats.parser_full;
}

static void many_connections_keep_little(void **state)
{
	size_t heap;

	(void)state;
	for (size_t i = 0; i < sizeof(floods) / sizeof(*floods); i++) {
		uint64_t full = many(&floods[i], 40, 16u << 10, 64u << 10, &heap);
		print_message("%-32s 40 connections: refused %llu times\n", floods[i].name, (unsigned long long)full);
		assert_true(full || !floods[i].keeps);
	}
}

/* 3 000 calls whose content is looked at, none of which comes to its end: 180 MB would be kept of them. */
static void unfinished_contents_have_a_total(void **state)
{
	static const struct flood json = {"", &tt_proto_http, BYTES(JSON_HEAD("/graphql") "{\"query\":\""), BYTES("aaaaaaaa")};
	size_t heap;

	(void)state;
	assert_true(many(&json, 3000, 60u << 10, 4u << 20, &heap) > 0);
	assert_true(heap < 16u << 20);
}

/* One segment is missing, and many small ones come behind it. */
static void what_is_behind_a_missing_segment_costs_little(void **state)
{
	enum { PIECES = 20000 };
	struct tt_pieces p = {0};

	(void)state;
	steps = 0;
	for (int64_t off = 1; off <= PIECES; off++)
		assert_int_equal(tt_pieces_add(&p, off, 1, tt_span("a", 1), 1), 0);
	tt_pieces_free(&p);
	print_message("%.1f steps a segment\n", (double)steps / PIECES);
	assert_true(steps / PIECES < 100);
}

/* And they come in any order, with something missing before each: a multiplication by an odd number makes one of any. */
static void scattered_segments_cost_little(void **state)
{
	enum { PIECES = 1 << 15 };
	struct tt_pieces p = {0};
	struct tt_conflict none;

	(void)state;
	steps = 0;
	for (uint32_t i = 0; i < PIECES; i++) {
		int64_t off = 2 * (int64_t)(i * 40503 % PIECES);
		assert_false(tt_pieces_differ(&p, off, tt_span("a", 1), &none));
		assert_int_equal(tt_pieces_add(&p, off, 1, tt_span("a", 1), 1), 0);
	}
	tt_pieces_free(&p);
	print_message("%.1f steps a segment\n", (double)steps / PIECES);
	assert_true(steps / PIECES < 1000);
}

/* Requests of one id before a hole, then some that are answered: each answer has to pass those that are given up. */
static void equal_ids_behind_a_hole(void **state)
{
	enum { BEFORE = 16000, BEHIND = 4000 };
	const struct tt_proto *proto = &tt_proto_nats;
	struct tt_limits limits;
	struct tt_streams *s = NULL;
	uint64_t exchanges = 0, offset[2] = {0, 0}, now = MS;
	static const char ping[] = "PING\r\n";

	(void)state;
	tt_limits_init(&limits);
	assert_int_equal(tt_streams_new(&s, &limits, &proto, 1, &ops, &exchanges), 0);
	say(s, 1, TT_TX, &offset[TT_TX], BYTES("INFO {}\r\n"), now += MS);
	say(s, 1, TT_RX, &offset[TT_RX], BYTES("CONNECT {\"verbose\":false}\r\n"), now += MS);
	for (int i = 0; i < BEFORE; i++)
		say(s, 1, TT_RX, &offset[TT_RX], BYTES(ping), now += MS / 100);
	offset[TT_RX] += 6; /* missing */
	say(s, 1, TT_RX, &offset[TT_RX], BYTES(ping), now += MS);
	tt_streams_advance(s, now += 1000 * (uint64_t)MS);
	steps = 0;
	for (int i = 0; i < BEHIND; i++) {
		say(s, 1, TT_RX, &offset[TT_RX], BYTES(ping), now += MS);
		say(s, 1, TT_TX, &offset[TT_TX], BYTES("PONG\r\n"), now += MS);
	}
	struct tt_stream_stats stats;
	tt_streams_stats(s, &stats);
	print_message("%.1f steps an answer, %" PRIu64 " exchanges, %" PRIu64 " messages kept\n", (double)steps / BEHIND,
		      exchanges, stats.messages);
	assert_true(stats.holes == 1 && exchanges >= BEHIND && stats.messages > BEFORE / 2);
	assert_true(steps / BEHIND < 4 * STEPS_A_BYTE);
	tt_streams_finish(s);
	tt_streams_free(s);
}

/* A capture's answers that nobody asked for, then as many questions; `ids` of them are different. */
static double answers_before_questions(unsigned ids)
{
	enum { COUNT = 10000 };
	const struct tt_proto *proto = &tt_proto_dns;
	struct tt_limits limits;
	struct tt_streams *s = NULL;
	uint64_t exchanges = 0, offset[2] = {0, 0}, now = MS;
	char message[] = "\0\x17\0\0\x81\x80\0\1\0\0\0\0\0\0\1a\3com\0\0\1\0\1";

	tt_limits_init(&limits);
	assert_int_equal(tt_streams_new(&s, &limits, &proto, 1, &ops, &exchanges), 0);
	steps = 0;
	for (unsigned i = 0; i < 2 * COUNT; i++) {
		unsigned id = i % COUNT * ids / COUNT;
		message[2] = (char)(id >> 8);
		message[3] = (char)id;
		message[4] = (char)(i < COUNT ? 0x81 : 0x01);
		int dir = i < COUNT ? TT_TX : TT_RX;
		say_at(s, TT_ORIGIN_PCAP, 1, dir, &offset[dir], message, sizeof(message) - 1, now += MS / 1000);
	}
	tt_streams_finish(s);
	tt_streams_free(s);
	print_message("%u ids: %.1f steps a message, %" PRIu64 " exchanges\n", ids, (double)steps / (2 * COUNT), exchanges);
	assert_true(exchanges >= COUNT);
	return (double)steps / (2 * COUNT);
}

static void answers_nobody_asked_for(void **state)
{
	(void)state;
	assert_true(answers_before_questions(1) < 4 * STEPS_A_BYTE);
	assert_true(answers_before_questions(10000) < 4 * STEPS_A_BYTE);
}

TT_UNIT_TESTS(cmocka_unit_test(answers_nobody_asked_for), cmocka_unit_test(work_grows_with_the_bytes),
	      cmocka_unit_test(many_connections_keep_little), cmocka_unit_test(what_is_behind_a_missing_segment_costs_little),
	      cmocka_unit_test(scattered_segments_cost_little), cmocka_unit_test(unfinished_contents_have_a_total),
	      cmocka_unit_test(equal_ids_behind_a_hole))
