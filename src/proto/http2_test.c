// SPDX-License-Identifier: Apache-2.0
#include "proto/proto.h"

#include <stdio.h>
#include <stdlib.h>

#include "harness/talk.h"
#include "harness/unit.h"
#include "shared/limits.h"

extern const struct tt_proto tt_proto_http2;

/* Frames; `id` is the stream's last byte as text. The number behind each is its length. */
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"			  /* 24 */
#define SETTINGS "\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x64"			  /* 15 */
#define GET(id) "\0\0\3\1\5\0\0\0" id "\x82\x86\x84"			  /* 12: headers, end of stream */
#define POST(id) "\0\0\3\1\4\0\0\0" id "\x83\x86\x84"			  /* 12: headers */
#define OK(id) "\0\0\1\1\4\0\0\0" id "\x88"				  /* 10: headers */
#define OK_END(id) "\0\0\1\1\5\0\0\0" id "\x88"				  /* 10: headers, end of stream */
#define DATA(id) "\0\0\5\0\0\0\0\0" id "hello"				  /* 14 */
#define DATA_END(id) "\0\0\5\0\1\0\0\0" id "hello"			  /* 14: end of stream */
#define RST(id, code) "\0\0\4\3\0\0\0\0" id "\0\0\0" code		  /* 13 */
#define GOAWAY(last, code) "\0\0\x8\7\0\0\0\0\0\0\0\0" last "\0\0\0" code /* 17 */

/* What is known of them. */
#define A_GET "network.protocol.version=2,http.request.method=GET,url.path=/"
#define A_POST(size) "network.protocol.version=2,http.request.method=POST,url.path=/,http.request.body.size=" size
#define A_POST_OPEN "network.protocol.version=2,http.request.method=POST,url.path=/"
#define A_200 ",http.response.status_code=200"
#define A_HELLO A_200 ",http.response.body.size=5\n"

#define CHECK(expected, ...)                                                       \
	do {                                                                       \
		static const struct tt_line script[] = {__VA_ARGS__, TT_TALK_END}; \
		tt_talk_check(&tt_proto_http2, script, expected);                  \
		tt_talk_truncate(&tt_proto_http2, script);                         \
	} while (0)

#define ONCE(proto, expected, ...)                                                 \
	do {                                                                       \
		static const struct tt_line script[] = {__VA_ARGS__, TT_TALK_END}; \
		char *got = tt_talk(proto, script);                                \
		assert_string_equal(got, expected);                                \
		free(got);                                                         \
	} while (0)

static void one_stream(void **state)
{
	CHECK("GET|/|200|-|12|24|complete|" A_GET A_HELLO, TT_C(PREFACE SETTINGS GET("\1")),
	      TT_S(SETTINGS OK("\1") DATA_END("\1")));
}

static void interleaved_streams(void **state)
{
	CHECK("GET|/|200|-|12|24|complete|" A_GET A_HELLO "POST|/|200|-|40|24|complete|" A_POST("10") A_HELLO,
	      TT_C(PREFACE SETTINGS POST("\1") GET("\3")), TT_S(SETTINGS OK("\3") DATA_END("\3")), TT_C(DATA("\1")),
	      TT_S(OK("\1")), TT_C(DATA_END("\1")), TT_S(DATA_END("\1")));
}

static void answered_early(void **state)
{
	CHECK("POST|/|200|-|40|10|complete|" A_POST("10") A_200 "\n", TT_C(PREFACE SETTINGS POST("\1")),
	      TT_S(SETTINGS OK_END("\1")), TT_C(DATA("\1")), TT_C(DATA_END("\1")));
}

static void header_blocks_in_parts(void **state)
{
	/* HEADERS with padding and priority, then two CONTINUATIONs, a header cut between them; the block's end is the request's
	 */
	CHECK("GET|/|200|-|40|54|complete|server.address=h," A_GET A_HELLO,
	      TT_C(PREFACE SETTINGS "\0\0\xb\1\x29\0\0\0\1\1\0\0\0\0\x0f\x82\x86\x84\1\0"
				    "\0\0\0\x9\0\0\0\0\1"
				    "\0\0\2\x9\4\0\0\0\1\1h"),
	      TT_S(SETTINGS OK("\1") DATA("\1") "\0\0\1\1\1\0\0\0\1\x40"
						"\0\0\xb\x9\4\0\0\0\1\5trail\4once"));
}

static void other_frames_are_passed_over(void **state)
{
	/* PING, WINDOW_UPDATE, PRIORITY, a type nobody knows, and a pushed stream whose promise was not seen */
	CHECK("GET|/|200|-|12|24|complete|" A_GET A_HELLO,
	      TT_C(PREFACE SETTINGS "\0\0\x8\6\0\0\0\0\0"
				    "12345678"
				    "\0\0\5\2\0\0\0\0\1\0\0\0\0\7"
				    "\0\0\3\xee\xff\0\0\0\0"
				    "abc" GET("\1")),
	      TT_S(SETTINGS "\0\0\4\x8\0\0\0\0\0\0\0\1\0" OK("\1") OK("\2") DATA("\2") DATA_END("\1") DATA_END("\2")));
}

/* The server says GET / itself and answers it on an even stream. */
#define PROMISE(on, id) "\0\0\x7\5\4\0\0\0" on "\0\0\0" id "\x82\x86\x84" /* 16 */
#define A_PUSHED "http.request.pushed=1," A_GET

static void pushed_streams(void **state)
{
	CHECK("GET|/|200|-|12|24|complete|" A_GET A_HELLO "GET|/|200|-|16|24|complete|" A_PUSHED A_HELLO
	      "GET|/|200|-|16|10|complete|" A_PUSHED A_200 "\n",
	      TT_C(PREFACE SETTINGS GET("\1")),
	      TT_S(SETTINGS PROMISE("\1", "\2") OK("\1") PROMISE("\1", "\4") DATA_END("\1") OK("\2")),
	      TT_S(DATA_END("\2") OK_END("\4")));
	/* a promise in parts, padded: the header that is cut is the authority */
	CHECK("GET|/|200|-|30|10|complete|http.request.pushed=1,server.address=h," A_GET A_200 "\n"
	      "GET|/|200|-|12|10|complete|" A_GET A_200 "\n",
	      TT_C(PREFACE SETTINGS GET("\1")),
	      TT_S(SETTINGS "\0\0\xb\5\x8\0\0\0\1\1\0\0\0\2\x82\x86\x84\1\1\0"
			    "\0\0\1\x9\4\0\0\0\1h" OK_END("\2") OK_END("\1")));
}

static void pushed_streams_are_broken_off(void **state)
{
	CHECK("GET|/|-|CANCEL|16|0|complete|" A_PUSHED "\n"
	      "GET|/|200|-|12|10|complete|" A_GET A_200 "\n"
	      "GET|/|-|INTERNAL_ERROR|16|13|complete|" A_PUSHED "\n",
	      TT_C(PREFACE SETTINGS GET("\1")), TT_S(SETTINGS PROMISE("\1", "\2")), TT_C(RST("\2", "\x8")),
	      TT_S(OK("\2") DATA("\2") OK_END("\1") PROMISE("\1", "\4") RST("\4", "\2")));
	CHECK("GET|/|200|-|12|10|complete|" A_GET A_200 "\n"
	      "GET|/|-|closed_by_server|16|0|complete|" A_PUSHED "\n",
	      TT_C(PREFACE SETTINGS GET("\1")), TT_S(SETTINGS PROMISE("\1", "\2") OK_END("\1")), TT_S_EOF);
	/* A client may not speak there, a promise has a new even number, and GOAWAY counts the client's streams only. */
	CHECK("GET|/|200|-|12|10|complete|" A_GET A_200 "\n"
	      "GET|/|200|-|16|10|complete|" A_PUSHED A_200 "\n",
	      TT_C(PREFACE SETTINGS GET("\1")),
	      TT_S(SETTINGS PROMISE("\1", "\4") PROMISE("\1", "\2") PROMISE("\1", "\3") PROMISE("\1", "\0")),
	      TT_C(GET("\4") DATA("\4")), TT_S(OK_END("\1") GOAWAY("\1", "\0") OK_END("\2") OK_END("\4")));
}

static void pushed_in_a_hole(void **state)
{
	/* of the first the answer is in it, of the second the promise */
	CHECK("GET|/|200|-|12|10|complete|" A_GET A_200 "\n"
	      "GET|/|200|-|16|10|complete|" A_PUSHED A_200 "\n"
	      "GET|/|-|lost|16|0|incomplete|" A_PUSHED "\n",
	      TT_C(PREFACE SETTINGS GET("\1")), TT_S(SETTINGS OK_END("\1") PROMISE("\1", "\2")), TT_S_HOLE(500),
	      TT_S(DATA("\4") DATA_END("\4")), TT_S(PROMISE("\3", "\6") OK_END("\6")), TT_S_EOF);
}

static void broken_off_by_the_server(void **state)
{
	CHECK("GET|/|-|REFUSED_STREAM|12|13|complete|" A_GET "\n"
	      "GET|/|200|INTERNAL_ERROR|12|24|complete|" A_GET A_200 "\n"
	      "GET|/|200|-|12|24|complete|" A_GET A_HELLO,
	      TT_C(PREFACE SETTINGS GET("\1") GET("\3") GET("\5")),
	      TT_S(SETTINGS RST("\1", "\7") OK("\3") DATA("\3") RST("\3", "\2")), TT_S(OK("\5") DATA_END("\5")));
}

static void broken_off_by_the_client(void **state)
{
	CHECK("GET|/|-|CANCEL|12|0|complete|" A_GET "\n"
	      "GET|/|200|CANCEL|12|24|complete|" A_GET A_200 "\n"
	      "GET|/|200|-|12|24|complete|" A_GET A_HELLO,
	      TT_C(PREFACE SETTINGS GET("\1") GET("\3") GET("\5")), TT_S(SETTINGS OK("\3") DATA("\3")),
	      TT_C(RST("\1", "\x8") RST("\3", "\x8")), TT_S(DATA("\3") OK("\5") DATA_END("\5")));
}

static void no_need_for_the_rest(void **state)
{
	/* a whole answer, then RST_STREAM(NO_ERROR): the request need not be sent to its end */
	CHECK("POST|/|200|-|26|10|complete|network.protocol.version=2,http.request.method=POST,url.path=/" A_200 "\n",
	      TT_C(PREFACE SETTINGS POST("\1") DATA("\1")), TT_S(SETTINGS OK_END("\1") RST("\1", "\0")));
}

static void going_away(void **state)
{
	CHECK("GET|/|-|REFUSED_STREAM|12|17|complete|" A_GET "\n"
	      "GET|/|-|REFUSED_STREAM|12|17|complete|" A_GET "\n"
	      "GET|/|200|-|12|24|complete|" A_GET A_HELLO,
	      TT_C(PREFACE SETTINGS GET("\1") GET("\3") GET("\5")), TT_S(SETTINGS GOAWAY("\1", "\0") OK("\1") DATA_END("\1")));
}

static void unanswered(void **state)
{
	CHECK("GET|/|-|closed_by_server|12|0|complete|" A_GET "\n", TT_C(PREFACE SETTINGS GET("\1")), TT_S(SETTINGS), TT_S_EOF);
}

/* An answer that does not end before its connection does, as of a long stream of events, is told as far as it came. */
static void an_answer_broken_off(void **state)
{
	ONCE(&tt_proto_http2, "GET|/|200|closed_by_server|12|24|complete|" A_GET A_200 "\n", TT_C(PREFACE SETTINGS GET("\1")),
	     TT_S(SETTINGS OK("\1") DATA("\1")), TT_S_EOF);
}

static void holes(void **state)
{
	/* in a DATA frame that is skipped: costs nothing */
	CHECK("GET|/|200|-|12|1019|complete|" A_GET A_200 ",http.response.body.size=1000\n"
	      "GET|/|200|-|12|24|complete|" A_GET A_HELLO,
	      TT_C(PREFACE SETTINGS GET("\1")), TT_S(SETTINGS OK("\1") "\0\3\xe8\0\1\0\0\0\1"), TT_S_HOLE(1000), TT_C(GET("\3")),
	      TT_S(OK("\3") DATA_END("\3")));
	/* anywhere else: what was open is incomplete, what begins afterwards is not */
	CHECK("GET|/|200|-|12|10|incomplete|" A_GET A_200 "\n"
	      "GET|/|200|-|12|24|complete|" A_GET A_HELLO,
	      TT_C(PREFACE SETTINGS GET("\1")), TT_S(SETTINGS OK("\1")), TT_S_HOLE(1000), TT_C(GET("\3")),
	      TT_S(OK("\3") DATA_END("\3")));
}

static void from_the_middle(void **state)
{
	CHECK("GET|/|200|-|12|24|complete|" A_GET A_HELLO "GET|/|-|unfinished|12|0|incomplete|" A_GET "\n", TT_MID,
	      TT_S(DATA("\1")), TT_C(GET("\x7") GET("\x9")), TT_S(OK("\x7") DATA_END("\x7")));
}

static void out_of_step(void **state)
{
	/* something between the parts of a header block: no longer followed until frames make sense again */
	ONCE(&tt_proto_http2, "GET|/|200|-|12|24|complete|" A_GET A_HELLO "-|-|-|lost|10|0|incomplete|\n",
	     TT_C(PREFACE SETTINGS "\0\0\1\1\1\0\0\0\1\x82" GET("\3")), TT_C(GET("\5")), TT_S(SETTINGS OK("\5") DATA_END("\5")));
}

static void upgraded_from_http(void **state)
{
	ONCE(NULL,
	     "http2|GET|/|200|-|32|24|complete|http.request.method=GET,url.path=/,network.protocol.version=2" A_HELLO
	     "http2|GET|/|200|-|12|24|complete|" A_GET A_HELLO,
	     TT_C("GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n"), TT_C(PREFACE SETTINGS GET("\3")),
	     TT_S("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nX: 1\r\n\r\n" SETTINGS OK("\1")
			  DATA_END("\1")),
	     TT_S(OK("\3") DATA_END("\3")));
}

/* --- malformed ----------------------------------------------------------------------------------------------------------- */

#define TRAIL(id) "\0\0\xc\1\5\0\0\0" id "\x40\5trail\4once" /* 21: headers, end of stream */

static void trailers_of_a_request_change_nothing(void **state)
{
	CHECK("POST|/|200|-|47|10|complete|" A_POST("5") A_200 "\n", TT_C(PREFACE SETTINGS POST("\1") DATA("\1") TRAIL("\1")),
	      TT_S(SETTINGS OK_END("\1")));
	CHECK("POST|/|200|-|42|10|incomplete|" A_POST("5") A_200 "\n",
	      TT_C(PREFACE SETTINGS POST("\1") DATA("\1") "\0\0\7\1\5\0\0\0\1\x04\5/evil"), TT_S(SETTINGS OK_END("\1")));
	CHECK("POST|/|200|-|24|10|incomplete|" A_POST_OPEN A_200 "\n", TT_C(PREFACE SETTINGS POST("\1") GET("\1")),
	      TT_S(SETTINGS OK_END("\1")));
	/* nor whether it is gRPC */
	CHECK("POST|/p.S/M|200|-|47|10|complete|network.protocol.version=2,http.request.method=POST,url.path=/p.S/M" A_200 "\n",
	      TT_C(PREFACE SETTINGS "\0\0\xa\1\4\0\0\0\1\x83\x86\x04\6/p.S/M"
				    "\0\0\x13\1\5\0\0\0\1\x0f\x10\x10"
				    "application/grpc"),
	      TT_S(SETTINGS OK_END("\1")));
}

static void said_twice(void **state)
{
	CHECK("GET|/|200|-|15|10|incomplete|" A_GET A_200 "\n", TT_C(PREFACE SETTINGS "\0\0\6\1\5\0\0\0\1\x82\x86\x84\x04\1x"),
	      TT_S(SETTINGS OK_END("\1")));
	CHECK("GET|/|200|-|12|11|incomplete|" A_GET A_200 "\n", TT_C(PREFACE SETTINGS GET("\1")),
	      TT_S(SETTINGS "\0\0\2\1\5\0\0\0\1\x88\x8d"));
	CHECK("GET|/|200|-|12|20|incomplete|" A_GET A_200 "\n", TT_C(PREFACE SETTINGS GET("\1")),
	      TT_S(SETTINGS OK("\1") "\0\0\1\1\5\0\0\0\1\x8d"));
}

/* What comes back is no answer without a status. */
static void no_readable_status(void **state)
{
	CHECK("GET|/|-|lost|12|15|incomplete|" A_GET "\n", TT_C(PREFACE SETTINGS GET("\1")),
	      TT_S(SETTINGS "\0\0\6\1\5\0\0\0\1\x08\4"
			    "2000"));
	CHECK("GET|/|-|lost|12|21|incomplete|" A_GET "\n", TT_C(PREFACE SETTINGS GET("\1")), TT_S(SETTINGS TRAIL("\1")));
}

/* The answer's headers are in the hole, its trailers are not: when it began is not known either. */
static void upgraded_and_answered_in_a_hole(void **state)
{
	static const struct tt_line script[] = {
		TT_C("GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n"),
		TT_C(PREFACE SETTINGS),
		TT_S("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nX: 1\r\n\r\n" SETTINGS),
		TT_S_HOLE(10),
		TT_S(DATA("\1") TRAIL("\1")),
		TT_TALK_END};
	char *got = tt_talk_timed(NULL, script);

	assert_string_equal(
		got,
		"http2|GET|/|-|lost|32|21|incomplete|http.request.method=GET,url.path=/,network.protocol.version=2|4000|0\n");
	free(got);
}

/* --- floods
 * ---------------------------------------------------------------------------------------------------------------------- */

static char *play(const char *head, size_t head_len, const char *part, size_t part_len, size_t n)
{
	char *text = malloc(head_len + n * part_len);
	assert_non_null(text);
	memcpy(text, head, head_len);
	for (size_t i = 0; i < n; i++)
		memcpy(text + head_len + i * part_len, part, part_len);
	const struct tt_line script[] = {{TT_SAY_CLIENT, text, head_len + n * part_len}, TT_S(SETTINGS), TT_S_EOF, TT_TALK_END};
	char *got = tt_talk(&tt_proto_http2, script);
	free(text);
	return got;
}

static void continuation_flood(void **state)
{
	static const char head[] = PREFACE SETTINGS "\0\0\1\1\1\0\0\0\1\x82";
	static const char part[] = "\0\0\5\x9\0\0\0\0\1"
				   "abcde";
	char *got = play(head, sizeof(head) - 1, part, sizeof(part) - 1, 50000);
	assert_string_equal(got, "-|-|-|closed_by_server|700010|0|complete|\n");
	free(got);
}

static void rapid_reset(void **state)
{
	const size_t n = 20000;
	char *text = malloc(39 + n * 25);
	assert_non_null(text);
	memcpy(text, PREFACE SETTINGS, 39);
	for (size_t i = 0; i < n; i++) {
		char *at = text + 39 + i * 25;
		memcpy(at, GET("\1") RST("\1", "\x8"), 25);
		uint32_t id = (uint32_t)(2 * i + 1);
		for (int b = 0; b < 4; b++)
			at[5 + b] = at[17 + b] = (char)(id >> (24 - 8 * b));
	}
	const struct tt_line script[] = {{TT_SAY_CLIENT, text, 39 + n * 25}, TT_S(SETTINGS), TT_TALK_END};
	char *got = tt_talk(&tt_proto_http2, script);
	static const char line[] = "GET|/|-|CANCEL|12|0|complete|" A_GET "\n";
	assert_int_equal(strlen(got), n * (sizeof(line) - 1));
	assert_memory_equal(got + (n - 1) * (sizeof(line) - 1), line, sizeof(line) - 1);
	free(got);
	free(text);
}

struct talkers {
	struct tt_streams *streams;
	uint64_t clock, exchanges, whole;
};

static void on_whole(void *ctx, const struct tt_exchange *x)
{
	struct talkers *t = ctx;

	t->exchanges++;
	t->whole += x->complete;
}

static const struct tt_streams_ops talker_ops = {.exchange = on_whole};

static void talk(struct talkers *t, uint64_t sock, int dir, uint64_t offset, const char *text, size_t len)
{
	struct tt_chunk *k = malloc(sizeof(*k) + len);

	assert_non_null(k);
	*k = (struct tt_chunk){.rec = {.type = TT_REC_CHUNK,
				       .version = TT_RECORD_VERSION,
				       .len = (uint32_t)(sizeof(*k) + len),
				       .time_ns = ++t->clock},
			       .conn = {.sock = sock, .ino = sock},
			       .offset = offset,
			       .length = (uint32_t)len,
			       .captured = (uint32_t)len,
			       .direction = (uint8_t)dir,
			       .transport = TT_TRANSPORT_TCP,
			       .role = TT_ROLE_SERVER,
			       .flags = TT_CHUNK_FROM_START,
			       .data_off = sizeof(*k)};
	memcpy(k + 1, text, len);
	tt_streams_record(t->streams, &k->rec);
	free(k);
}

/* Open all at once, never answered: what is kept has its limits, and each frame costs the same. */
static void a_million_streams(void **state)
{
	const size_t n = 1000000, part = 120000;
	static const struct tt_proto *const protos[] = {&tt_proto_http2};
	struct talkers t = {0};
	struct tt_limits limits;
	uint64_t offset = 0;
	tt_limits_init(&limits);
	assert_int_equal(tt_streams_new(&t.streams, &limits, protos, 1, &talker_ops, &t), 0);
	char *to = malloc(part);
	assert_non_null(to);
	for (size_t i = 0; i < n;) {
		size_t len = 0;
		if (i == 0) {
			memcpy(to, PREFACE SETTINGS, 39);
			len = 39;
		}
		for (; len + 12 <= part && i < n; i++, len += 12) {
			memcpy(to + len, POST("\1"), 12);
			uint32_t id = (uint32_t)(2 * i + 1);
			for (int b = 0; b < 4; b++)
				to[len + 5 + b] = (char)(id >> (24 - 8 * b));
		}
		talk(&t, 1, TT_RX, offset, to, len);
		offset += len;
	}
	struct tt_stream_stats stats;
	tt_streams_stats(t.streams, &stats);
	/* one was given up and is still in the parser's hands */
	assert_int_equal(stats.messages, limits.value[TT_LIMIT_PENDING_REQUESTS] + 1);
	assert_int_equal(stats.pending_full, n - limits.value[TT_LIMIT_PENDING_REQUESTS]);
	tt_streams_finish(t.streams);
	assert_int_equal(t.exchanges, n);
	tt_streams_free(t.streams);
	free(to);
}

/* How many of the requests a client says at once, from the connection's start, came with an id it had used. */
static uint64_t ids_again(const char *text, size_t len)
{
	static const struct tt_proto *const protos[] = {&tt_proto_http2};
	struct talkers t = {0};
	struct tt_limits limits;
	struct tt_stream_stats stats;

	tt_limits_init(&limits);
	assert_int_equal(tt_streams_new(&t.streams, &limits, protos, 1, &talker_ops, &t), 0);
	talk(&t, 1, TT_RX, 0, text, len);
	tt_streams_stats(t.streams, &stats);
	tt_streams_finish(t.streams);
	tt_streams_free(t.streams);
	return stats.ids_again;
}

#define IDS_AGAIN(text) ids_again(text, sizeof(text) - 1)

static void ids_used_again(void **state)
{
	assert_int_equal(IDS_AGAIN(PREFACE SETTINGS GET("\1") GET("\3")), 0);
	assert_int_equal(IDS_AGAIN(PREFACE SETTINGS GET("\1") GET("\1")), 1);
	/* reset, then asked on again; an id that was passed over */
	assert_int_equal(IDS_AGAIN(PREFACE SETTINGS GET("\5") "\0\0\4\3\0\0\0\0\5\0\0\0\x8" GET("\5") GET("\3")), 2);
	/* trailers behind a reset are none */
	assert_int_equal(IDS_AGAIN(PREFACE SETTINGS POST("\1") "\0\0\4\3\0\0\0\0\1\0\0\0\x8"
							       "\0\0\xb\1\5\0\0\0\1\x40\5trail\4once"),
			 0);
}

/* Blocks that never end fill what all connections may keep: others are told nevertheless, and what is not told is counted. */
static void others_fill_what_is_kept(void **state)
{
	enum { FLOODS = 400, OTHERS = 100, ASKED = 300 };
	static const struct tt_proto *const protos[] = {&tt_proto_http2};
	static char flood[39 + 10 + 9 + 9000];
	struct talkers t = {0};
	struct tt_stream_stats stats;
	struct tt_limits limits;
	char asked[ASKED][12];

	tt_limits_init(&limits);
	limits.value[TT_LIMIT_PARSER_TOTAL_BYTES] = 1 << 20;
	assert_int_equal(tt_streams_new(&t.streams, &limits, protos, 1, &talker_ops, &t), 0);
	memcpy(flood, PREFACE SETTINGS "\0\0\1\1\1\0\0\0\1\x82\0\x23\x28\x9\0\0\0\0\1", 39 + 10 + 9);
	for (uint64_t i = 1; i <= FLOODS; i++)
		talk(&t, i, TT_RX, 0, flood, sizeof(flood));
	tt_streams_stats(t.streams, &stats);
	assert_true(stats.parser_full > 0);
	for (uint64_t i = FLOODS + 1; i <= FLOODS + OTHERS; i++) {
		talk(&t, i, TT_RX, 0, PREFACE SETTINGS GET("\1"), 39 + 12);
		talk(&t, i, TT_TX, 0, SETTINGS OK_END("\1"), 15 + 10);
	}
	assert_int_equal(t.exchanges, OTHERS);
	assert_int_equal(t.whole, OTHERS);
	tt_streams_stats(t.streams, &stats);
	assert_int_equal(stats.unopened, 0);

	/* Many at once on each: what has no room is counted, once. */
	for (uint32_t i = 0; i < ASKED; i++) {
		memcpy(asked[i], POST("\0"), 12);
		asked[i][7] = (char)((2 * i + 3) >> 8);
		asked[i][8] = (char)(2 * i + 3);
	}
	for (uint64_t i = FLOODS + 1; i <= FLOODS + OTHERS; i++)
		talk(&t, i, TT_RX, 39 + 12, asked[0], sizeof(asked));
	tt_streams_stats(t.streams, &stats);
	assert_true(stats.unopened > 0);
	assert_true(stats.parser_bytes <= 1 << 20);
	tt_streams_finish(t.streams);
	tt_streams_stats(t.streams, &stats);
	assert_int_equal(t.exchanges + stats.unopened, FLOODS + OTHERS + OTHERS * ASKED);
	tt_streams_free(t.streams);
}

/* CONTINUATIONs of no length, for ever: nothing is kept of them. */
static void empty_continuation_flood(void **state)
{
	static const char head[] = PREFACE SETTINGS "\0\0\1\1\1\0\0\0\1\x82";
	char *got = play(head, sizeof(head) - 1, "\0\0\0\x9\0\0\0\0\1", 9, 100000);
	assert_string_equal(got, "-|-|-|closed_by_server|900010|0|complete|\n");
	free(got);
}

static void settings_and_ping_flood(void **state)
{
	char *got = play(PREFACE GET("\1"), 36,
			 "\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x64\0\0\x8\6\0\0\0\0\0"
			 "12345678",
			 32, 50000);
	assert_string_equal(got, "GET|/|-|closed_by_server|12|0|complete|" A_GET "\n");
	free(got);
}

/* A block longer than the limit is not read, and what depends on it is not known: the first stream's values, no later ones. */
static void block_too_long(void **state)
{
	static char text[9 + 70000 + 12 + 14 + 11];
	memcpy(text, "\1\x11\x70\1\5\0\0\0\1", 9);
	memset(text + 9, 0x82, 70000);
	memcpy(text + 9 + 70000, GET("\3") "\0\0\5\1\5\0\0\0\5\x82\x86\x84\xbe\xbf", 26);
	const struct tt_line script[] = {TT_C(PREFACE SETTINGS),
					 {TT_SAY_CLIENT, text, 9 + 70000 + 26},
					 TT_S(SETTINGS OK_END("\1") OK_END("\3") OK_END("\5")),
					 TT_TALK_END};
	char *got = tt_talk(&tt_proto_http2, script);
	assert_string_equal(got, "-|-|200|-|70009|10|incomplete|network.protocol.version=2" A_200 "\n"
				 "GET|/|200|-|12|10|complete|" A_GET A_200 "\n"
				 "GET|/|200|-|14|10|complete|" A_GET A_200 "\n");
	free(got);
}

/* Frames as long as a frame can say, and strings longer than 32 bits can count. */
static void huge_lengths(void **state)
{
	ONCE(&tt_proto_http2, "POST|/|-|closed_by_server|16777236|0|complete|" A_POST_OPEN "\n",
	     TT_C(PREFACE SETTINGS POST("\1") "\xff\xff\xff\0\0\0\0\0\1xyz"), TT_S(SETTINGS), TT_S_EOF);
	ONCE(&tt_proto_http2, "-|-|-|lost|18|0|incomplete|network.protocol.version=2\n",
	     TT_C(PREFACE SETTINGS "\0\0\x9\1\5\0\0\0\1\x40\x7f\xff\xff\xff\xff\x0f"
				   "ab"),
	     TT_S(SETTINGS), TT_S_EOF);
}

/* --- attached late --------------------------------------------------------------------------------------------------------- */

#define PATH_IN(id, len, path) "\0\0" len "\1\5\0\0\0" id "\x82\x86" path

static void known_again_once_inserted_again(void **state)
{
	/* index 62 is from before; then 62 is what was inserted; a hole takes it away, and it is inserted again */
	CHECK("GET|-|200|-|12|10|incomplete|network.protocol.version=2,http.request.method=GET" A_200 "\n"
	      "GET|/new|200|-|17|10|complete|network.protocol.version=2,http.request.method=GET,url.path=/new" A_200 "\n"
	      "GET|/new|200|-|12|10|complete|network.protocol.version=2,http.request.method=GET,url.path=/new" A_200 "\n",
	      TT_MID, TT_C(PATH_IN("\x07", "\3", "\xbe") PATH_IN("\x09", "\x8", "\x44\4/new") PATH_IN("\x0b", "\3", "\xbe")),
	      TT_S(OK_END("\x07") OK_END("\x09") OK_END("\x0b")));
	ONCE(&tt_proto_http2,
	     "GET|/new|200|-|17|10|complete|network.protocol.version=2,http.request.method=GET,url.path=/new" A_200 "\n"
	     "GET|-|200|-|12|10|incomplete|network.protocol.version=2,http.request.method=GET" A_200 "\n"
	     "GET|/old|200|-|17|10|complete|network.protocol.version=2,http.request.method=GET,url.path=/old" A_200 "\n",
	     TT_C(PREFACE SETTINGS PATH_IN("\1", "\x8", "\x44\4/new")), TT_S(SETTINGS OK_END("\1")), TT_C_HOLE(30),
	     TT_C(PATH_IN("\5", "\3", "\xbe") PATH_IN("\x07", "\x8", "\x44\4/old")), TT_S(OK_END("\5") OK_END("\x07")));
}

static void early_hints(void **state)
{
	CHECK("GET|/|200|-|12|38|complete|" A_GET A_HELLO, TT_C(PREFACE SETTINGS GET("\1")),
	      TT_S(SETTINGS "\0\0\5\1\4\0\0\0\1\x08\x03"
			    "103"),
	      TT_S(OK("\1") DATA_END("\1")));
}

/* Pseudo-headers come in any order (RFC 9113, 8.3). */
static void connect_asks_for_an_authority(void **state)
{
#define METHOD_CONNECT \
	"\x02\x07"     \
	"CONNECT"
#define H8 "server.address=h,server.port=8,network.protocol.version=2,http.request.method=CONNECT"
#define SAYS(block) TT_C(PREFACE SETTINGS "\0\0\xe\1\5\0\0\0\1" block), TT_S(SETTINGS OK("\1") DATA_END("\1"))
	CHECK("CONNECT|h:8|200|-|23|24|complete|" H8 A_HELLO, SAYS(METHOD_CONNECT "\x01\x03h:8"));
	CHECK("CONNECT|h:8|200|-|23|24|complete|" H8 A_HELLO, SAYS("\x01\x03h:8" METHOD_CONNECT));
	/* RFC 8441: with a path, that is it */
	CHECK("CONNECT|/c|200|-|25|24|complete|server.address=h,network.protocol.version=2,http.request.method=CONNECT,url.path=/"
	      "c" A_HELLO,
	      TT_C(PREFACE SETTINGS "\0\0\x10\1\5\0\0\0\1"
				    "\x04\x02/c"
				    "\x01\x01h" METHOD_CONNECT),
	      TT_S(SETTINGS OK("\1") DATA_END("\1")));
	/* without one, and no CONNECT: nothing is */
	CHECK("GET|-|200|-|13|24|complete|server.address=h,network.protocol.version=2,http.request.method=GET" A_HELLO,
	      TT_C(PREFACE SETTINGS "\0\0\x04\1\5\0\0\0\1"
				    "\x01\x01h"
				    "\x82"),
	      TT_S(SETTINGS OK("\1") DATA_END("\1")));
#undef SAYS
}

/* --- decoded headers
 * --------------------------------------------------------------------------------------------------------------- */

struct decoded {
	struct tt_streams *streams;
	struct tt_limits limits;
	struct tt_buf lines;
	uint64_t offset[2];
	uint64_t now_ns;
};

static void on_exchange(void *ctx, const struct tt_exchange *x)
{
	struct decoded *d = ctx;
	static const enum tt_text texts[] = {TT_TEXT_OPERATION, TT_TEXT_RESOURCE};
	for (size_t i = 0; i < 2; i++) {
		struct tt_span s = tt_message_get(x->request, texts[i]);
		tt_buf_printf(&d->lines, "%.*s|", s.data ? (int)s.len : 1, s.data ? (const char *)s.data : "-");
	}
	struct tt_span status = tt_message_get(x->response, TT_TEXT_STATUS);
	tt_buf_printf(&d->lines, "%.*s|%d|", status.data ? (int)status.len : 1, status.data ? (const char *)status.data : "-",
		      tt_exchange_failed(x));
	for (uint32_t i = 0; i < x->request->attribute_count; i++) {
		const struct tt_attribute *a = &x->request->attributes[i];
		struct tt_span s = tt_message_attr_span(x->request, a);
		if (a->type == TT_ATTR_STRING)
			tt_buf_printf(&d->lines, "%s=%.*s,", a->key, (int)s.len, (const char *)s.data);
		else
			tt_buf_printf(&d->lines, "%s=%lld,", a->key, (long long)a->number);
	}
	tt_buf_add_char(&d->lines, '\n');
}

static const struct tt_streams_ops ops = {.exchange = on_exchange};

static struct tt_chunk where(struct decoded *d, int dir)
{
	return (struct tt_chunk){
		.rec = {.type = TT_REC_CHUNK,
			.version = TT_RECORD_VERSION,
			.len = sizeof(struct tt_chunk),
			.time_ns = d->now_ns += 1000000},
		.conn = {.sock = 1, .ino = 1},
		.offset = d->offset[dir],
		.direction = (uint8_t)dir,
		.transport = TT_TRANSPORT_TCP,
		.role = TT_ROLE_SERVER,
		.flags = TT_CHUNK_FROM_START,
		.data_off = sizeof(struct tt_chunk),
	};
}

static void frames(struct decoded *d, int dir, const char *data, size_t len)
{
	struct tt_chunk *k = malloc(sizeof(*k) + len);
	assert_non_null(k);
	*k = where(d, dir);
	k->rec.len += (uint32_t)len;
	k->length = k->captured = (uint32_t)len;
	memcpy(k + 1, data, len);
	d->offset[dir] += len;
	tt_streams_record(d->streams, &k->rec);
	free(k);
}

#define FRAMES(d, dir, text) frames(d, dir, text, sizeof(text) - 1)

/* "name\0value\0...", a value "?" is not known */
static void headers(struct decoded *d, int dir, uint64_t stream, bool end, const char *const *pairs)
{
	struct tt_header list[8];
	size_t n = 0;
	for (; pairs[2 * n]; n++) {
		const char *value = pairs[2 * n + 1];
		list[n] = (struct tt_header){tt_span_str(pairs[2 * n]), value[0] == '?' ? tt_span(NULL, 0) : tt_span_str(value)};
	}
	struct tt_headers h = {.stream_id = stream, .header = list, .count = n, .end_stream = end};
	struct tt_chunk k = where(d, dir);
	tt_streams_headers(d->streams, &k, &h);
}

#define HEADERS(d, dir, stream, end, ...) headers(d, dir, stream, end, (const char *const[]){__VA_ARGS__, NULL})

static struct decoded *decoded_new(void)
{
	struct decoded *d = calloc(1, sizeof(*d));
	assert_non_null(d);
	static const struct tt_proto *const protos[] = {&tt_proto_http2};
	d->lines = TT_BUF(65536);
	d->now_ns = 1000000000;
	tt_limits_init(&d->limits);
	assert_int_equal(tt_streams_new(&d->streams, &d->limits, protos, 1, &ops, d), 0);
	FRAMES(d, TT_RX, PREFACE SETTINGS);
	FRAMES(d, TT_TX, SETTINGS);
	return d;
}

static void decoded_check(struct decoded *d, const char *expected)
{
	tt_streams_finish(d->streams);
	tt_buf_add_char(&d->lines, 0);
	assert_string_equal((char *)d->lines.data, expected);
	tt_streams_free(d->streams);
	tt_buf_free(&d->lines);
	free(d);
}

#define TEXTS "POST|/a/b?q=1|503|1|"
#define FIELDS "server.address=h,server.port=81,user_agent.original=ua,http.request.header.traceparent=00-1,"
#define HTTP "network.protocol.version=2,http.request.method=POST,url.path=/a/b,"

#define REQUEST \
	":method", "POST", ":scheme", "http", ":authority", "h:81", ":path", "/a/b?q=1", "user-agent", "ua", "traceparent", "00-1"

static void headers_decoded_after_their_frames(void **state)
{
	struct decoded *d = decoded_new();
	FRAMES(d, TT_RX, POST("\1"));
	HEADERS(d, TT_RX, 1, false, REQUEST);
	FRAMES(d, TT_RX, DATA_END("\1"));
	FRAMES(d, TT_TX, OK("\1"));
	HEADERS(d, TT_TX, 1, false, ":status", "103");
	HEADERS(d, TT_TX, 1, false, ":status", "503", "user-agent", "nobody");
	FRAMES(d, TT_TX, DATA_END("\1"));
	decoded_check(d, TEXTS HTTP FIELDS "url.query=q=1,http.request.body.size=5,\n");
}

static void headers_decoded_before_their_frames(void **state)
{
	struct decoded *d = decoded_new();
	HEADERS(d, TT_RX, 1, false, REQUEST);
	FRAMES(d, TT_RX, POST("\1") DATA_END("\1"));
	HEADERS(d, TT_TX, 1, false, ":status", "503");
	FRAMES(d, TT_TX, OK("\1") DATA_END("\1"));
	decoded_check(d, TEXTS FIELDS HTTP "url.query=q=1,http.request.body.size=5,\n");
}

static void headers_decoded_without_frames(void **state)
{
	struct decoded *d = decoded_new();
	HEADERS(d, TT_RX, 1, true, REQUEST);
	HEADERS(d, TT_TX, 1, true, ":status", "503");
	/* and what is over stays over */
	HEADERS(d, TT_TX, 1, true, ":status", "200");
	HEADERS(d, TT_RX, 1, true, ":path", "/again");
	decoded_check(d, TEXTS FIELDS HTTP "url.query=q=1,\n");
}

static void unknown_values_change_nothing(void **state)
{
	struct decoded *d = decoded_new();
	FRAMES(d, TT_RX, GET("\1"));
	HEADERS(d, TT_RX, 0, true, ":path", "/connection");
	FRAMES(d, TT_RX, POST("\3"));
	HEADERS(d, TT_RX, 3, false, ":method", "?", ":path", "/known", ":authority", "");
	FRAMES(d, TT_TX, OK_END("\1"));
	HEADERS(d, TT_TX, 3, false, ":status", "2x0", ":path", "/wrong");
	FRAMES(d, TT_TX, OK_END("\3"));
	FRAMES(d, TT_RX, DATA_END("\3"));
	decoded_check(d, "GET|/|200|0|network.protocol.version=2,http.request.method=GET,url.path=/,\n"
			 "POST|/known|-|0|network.protocol.version=2,http.request.method=POST,url.path=/"
			 "known,http.request.body.size=5,\n");
}

TT_UNIT_TESTS(cmocka_unit_test(one_stream), cmocka_unit_test(interleaved_streams), cmocka_unit_test(answered_early),
	      cmocka_unit_test(header_blocks_in_parts), cmocka_unit_test(ids_used_again),
	      cmocka_unit_test(other_frames_are_passed_over), cmocka_unit_test(pushed_streams),
	      cmocka_unit_test(pushed_streams_are_broken_off), cmocka_unit_test(pushed_in_a_hole),
	      cmocka_unit_test(broken_off_by_the_server), cmocka_unit_test(broken_off_by_the_client),
	      cmocka_unit_test(no_need_for_the_rest), cmocka_unit_test(going_away), cmocka_unit_test(unanswered),
	      cmocka_unit_test(an_answer_broken_off), cmocka_unit_test(holes), cmocka_unit_test(from_the_middle),
	      cmocka_unit_test(out_of_step), cmocka_unit_test(upgraded_from_http),
	      cmocka_unit_test(trailers_of_a_request_change_nothing), cmocka_unit_test(said_twice),
	      cmocka_unit_test(no_readable_status), cmocka_unit_test(upgraded_and_answered_in_a_hole),
	      cmocka_unit_test(others_fill_what_is_kept), cmocka_unit_test(continuation_flood), cmocka_unit_test(rapid_reset),
	      cmocka_unit_test(a_million_streams), cmocka_unit_test(empty_continuation_flood),
	      cmocka_unit_test(settings_and_ping_flood), cmocka_unit_test(block_too_long), cmocka_unit_test(huge_lengths),
	      cmocka_unit_test(known_again_once_inserted_again), cmocka_unit_test(early_hints),
	      cmocka_unit_test(connect_asks_for_an_authority), cmocka_unit_test(headers_decoded_after_their_frames),
	      cmocka_unit_test(headers_decoded_before_their_frames), cmocka_unit_test(headers_decoded_without_frames),
	      cmocka_unit_test(unknown_values_change_nothing))
