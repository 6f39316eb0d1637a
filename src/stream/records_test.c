// SPDX-License-Identifier: Apache-2.0
/* What single records do to a connection: its end, its layer-4 figures, its coming back after it was forgotten. */
#include "stream/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/toys.h"
#include "harness/unit.h"

#define MS 1000000u
#define S (1000u * (uint64_t)MS)

struct world {
	struct tt_limits limits;
	struct tt_streams *streams;
	const struct tt_proto *proto;
	uint64_t now_ns;
	uint32_t retransmits_told; /* in all, by the next record */
	/* What was reported. */
	unsigned exchanges;
	enum tt_outcome outcome;
	bool complete;
	uint64_t response_bytes;
	uint64_t bytes[2];
	uint32_t resets;
	uint32_t retransmits;
};

static void on_exchange(void *ctx, const struct tt_exchange *x)
{
	struct world *w = ctx;

	w->exchanges++;
	w->outcome = x->outcome;
	w->complete = x->complete;
	w->response_bytes = x->response_bytes;
}

static void on_connection(void *ctx, const struct tt_conn_report *r)
{
	struct world *w = ctx;

	w->bytes[TT_TX] += r->tx_bytes;
	w->bytes[TT_RX] += r->rx_bytes;
	w->resets += r->resets;
	w->retransmits += r->retransmits;
}

static const struct tt_streams_ops ops = {.exchange = on_exchange, .connection = on_connection};

static struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	tt_limits_init(&w->limits);
	w->proto = &toy_in_order;
	w->now_ns = S;
	assert_int_equal(tt_streams_new(&w->streams, &w->limits, &w->proto, 1, &ops, w), 0);
	return w;
}

static void world_free(struct world *w)
{
	tt_streams_free(w->streams);
	free(w);
}

static void pass(struct world *w, uint64_t ns)
{
	w->now_ns += ns;
	tt_streams_advance(w->streams, w->now_ns);
}

/* The observed end is the server's. */
static void chunk(struct world *w, int dir, uint64_t offset, const char *data, int error)
{
	size_t len = data ? strlen(data) : 0;
	struct {
		struct tt_chunk k;
		char data[64];
	} r = {
		.k = {.rec = {.type = TT_REC_CHUNK,
			      .version = TT_RECORD_VERSION,
			      .len = (uint32_t)(sizeof(r.k) + len),
			      .time_ns = w->now_ns += MS,
			      .tid = 7,
			      .tgid = 7},
		      .conn = {.sock = 0x1000, .ino = 1},
		      .entry_ns = w->now_ns,
		      .offset = offset,
		      .length = (uint32_t)len,
		      .captured = (uint32_t)len,
		      .error = error,
		      .direction = (uint8_t)dir,
		      .transport = TT_TRANSPORT_TCP,
		      .role = TT_ROLE_SERVER,
		      .flags = TT_CHUNK_FROM_START | (error ? TT_CHUNK_ERROR : 0),
		      .data_off = sizeof(r.k),
		      .local = {.family = TT_FAMILY_INET, .port = 80},
		      .peer = {.family = TT_FAMILY_INET, .port = 50000}},
	};

	assert_true(len <= sizeof(r.data));
	if (len)
		memcpy(r.data, data, len);
	tt_streams_record(w->streams, &r.k.rec);
	tt_streams_advance(w->streams, w->now_ns);
}

static void about(struct world *w, enum tt_record_type type, uint16_t flags, uint64_t tx, uint64_t rx)
{
	struct tt_conn_record r = {
		.rec = {.type = type,
			.version = TT_RECORD_VERSION,
			.len = sizeof(r),
			.time_ns = w->now_ns += MS,
			.tid = 7,
			.tgid = 7},
		.conn = {.sock = 0x1000, .ino = 1},
		.transport = TT_TRANSPORT_TCP,
		.role = TT_ROLE_SERVER,
		.flags = flags,
		.tx_offset = tx,
		.rx_offset = rx,
		.retransmits = w->retransmits_told,
	};
	tt_streams_record(w->streams, &r.rec);
	tt_streams_advance(w->streams, w->now_ns);
}

/* The last bytes of a body were lost on the way: the final offset tells that they were sent, so the answer was whole. */
static void final_offsets_end_a_body(void **state)
{
	struct world *w = world_new();

	chunk(w, TT_RX, 0, "Q one\n", 0);
	chunk(w, TT_TX, 0, "A ok +10\nhal", 0);
	about(w, TT_REC_CLOSE, TT_CONN_OFFSETS, 19, 6);
	pass(w, S);
	assert_int_equal(w->exchanges, 1);
	assert_int_equal(w->outcome, TT_OUTCOME_ANSWERED);
	assert_int_equal(w->response_bytes, 19);
	assert_false(w->complete); /* when it ended is not known */
	world_free(w);
}

/* An answer that the end of what is sent ends is whole once that end was sent, whatever comes of the connection. */
/* What an end said last was not seen: it may have been its end, or that of the answer. */
static void without_its_last_bytes_how_it_ended_is_unknown(void **state)
{
	struct world *w = world_new();

	chunk(w, TT_RX, 0, "Q one\n", 0);
	about(w, TT_REC_CLOSE, TT_CONN_OFFSETS, 0, 7);
	pass(w, 2000 * MS);
	assert_int_equal(w->exchanges, 1);
	assert_int_equal(w->outcome, TT_OUTCOME_LOST);
	world_free(w);

	w = world_new();
	chunk(w, TT_RX, 0, "Q one\n", 0);
	chunk(w, TT_TX, 0, "A ok *\nhal", 0);
	about(w, TT_REC_CLOSE, TT_CONN_OFFSETS | TT_CONN_RESET_RECEIVED, 11, 6);
	pass(w, 2000 * MS);
	assert_int_equal(w->exchanges, 1);
	assert_int_equal(w->outcome, TT_OUTCOME_RESET);
	assert_false(w->complete);
	world_free(w);
}

static void a_reset_behind_the_end_takes_nothing_back(void **state)
{
	for (int fin_sent = 0; fin_sent < 2; fin_sent++) {
		struct world *w = world_new();

		chunk(w, TT_RX, 0, "Q one\n", 0);
		chunk(w, TT_TX, 0, "A ok *\nall", 0);
		about(w, TT_REC_CLOSE, TT_CONN_OFFSETS | TT_CONN_RESET_RECEIVED | (fin_sent ? TT_CONN_FIN_SENT : 0), 10, 6);
		pass(w, S);
		assert_int_equal(w->exchanges, 1);
		assert_int_equal(w->outcome, fin_sent ? TT_OUTCOME_ANSWERED : TT_OUTCOME_RESET);
		assert_int_equal(w->resets, 1);
		if (fin_sent) {
			assert_int_equal(w->response_bytes, 10);
			assert_true(w->complete);
		}
		world_free(w);
	}
}

/* As far back as records may be out of order at all what was asked is taken to have come late, where its answer waited for it. */
static void what_was_asked_may_come_late(void **state)
{
	struct world *w = world_new();

	chunk(w, TT_RX, 0, "Q one\n", 0);
	chunk(w, TT_TX, 0, "A ok\n", 0);
	chunk(w, TT_TX, 5, "A ok\n", 0);
	chunk(w, TT_RX, 12, "Q three\n", 0);
	pass(w, 140 * MS);
	chunk(w, TT_RX, 6, "Q two\n", 0);
	assert_int_equal(w->exchanges, 2);
	assert_int_equal(w->outcome, TT_OUTCOME_ANSWERED);
	assert_true(w->complete);
	world_free(w);
}

static void a_reset_counts_once(void **state)
{
	struct world *w = world_new();

	chunk(w, TT_RX, 0, "Q one\n", 0);
	about(w, TT_REC_L4, TT_CONN_RESET_RECEIVED, 0, 6);
	chunk(w, TT_RX, 6, NULL, ECONNRESET);
	about(w, TT_REC_CLOSE, TT_CONN_OFFSETS | TT_CONN_RESET_RECEIVED, 0, 6);
	pass(w, S);
	assert_int_equal(w->outcome, TT_OUTCOME_RESET);
	assert_int_equal(w->resets, 1);
	world_free(w);

	w = world_new();
	chunk(w, TT_RX, 0, "Q one\n", 0);
	about(w, TT_REC_L4, TT_CONN_RESET_SENT, 0, 6);
	about(w, TT_REC_CLOSE, TT_CONN_OFFSETS | TT_CONN_RESET_SENT, 0, 6);
	pass(w, S);
	assert_int_equal(w->resets, 1);
	world_free(w);
}

/* A pool's connection that was idle for long goes on: nothing before counts again, and its next exchange is whole. */
static void a_forgotten_connection_comes_back(void **state)
{
	struct world *w = world_new();

	chunk(w, TT_RX, 0, "Q one\n", 0);
	chunk(w, TT_TX, 0, "A ok\n", 0);
	pass(w, 601 * S);
	assert_int_equal(w->exchanges, 1);
	chunk(w, TT_RX, 6, "Q two\n", 0);
	chunk(w, TT_TX, 5, "A ok\n", 0);
	pass(w, 2 * S);
	assert_int_equal(w->bytes[TT_RX], 12);
	assert_int_equal(w->bytes[TT_TX], 10);
	assert_int_equal(w->exchanges, 2);
	assert_true(w->complete);
	world_free(w);
}

/* The kernel counts since the connection opened: what came before it was first seen is not counted, nor twice. */
static void retransmits_count_from_the_first_sight(void **state)
{
	struct world *w = world_new();

	chunk(w, TT_RX, 6, "Q two\n", 0);
	w->retransmits_told = 5;
	about(w, TT_REC_L4, TT_CONN_TCP_INFO, 0, 12);
	assert_int_equal(w->retransmits, 0);
	w->retransmits_told = 7;
	about(w, TT_REC_L4, TT_CONN_TCP_INFO, 0, 12);
	assert_int_equal(w->retransmits, 2);
	world_free(w);

	w = world_new();
	about(w, TT_REC_OPEN, 0, 0, 0);
	chunk(w, TT_RX, 0, "Q one\n", 0);
	w->retransmits_told = 3;
	about(w, TT_REC_L4, TT_CONN_TCP_INFO, 0, 6);
	assert_int_equal(w->retransmits, 3);
	pass(w, 601 * S);
	about(w, TT_REC_L4, TT_CONN_TCP_INFO, 0, 6);
	chunk(w, TT_RX, 6, "Q two\n", 0);
	about(w, TT_REC_L4, TT_CONN_TCP_INFO, 0, 12);
	assert_int_equal(w->retransmits, 3);
	world_free(w);
}

static void an_empty_datagram_has_no_bytes(void **state)
{
	struct world *w = world_new();
	struct tt_chunk k = {
		.rec = {.type = TT_REC_CHUNK,
			.version = TT_RECORD_VERSION,
			.len = sizeof(k),
			.time_ns = w->now_ns,
			.tid = 7,
			.tgid = 7},
		.conn = {.sock = 0x2000, .ino = 2},
		.direction = TT_RX,
		.transport = TT_TRANSPORT_UDP,
		.flags = TT_CHUNK_DATAGRAM,
		.data_off = sizeof(k),
	};

	tt_streams_record(w->streams, &k.rec);
	pass(w, S);
	assert_int_equal(w->bytes[TT_RX], 0);
	world_free(w);
}

static void chunks_may_change_places(void **state)
{
	struct world *w = world_new();

	about(w, TT_REC_OPEN, 0, 0, 0);
	chunk(w, TT_RX, 0, "Q o", 0);
	chunk(w, TT_RX, 5, "\nQ two\n", 0);
	chunk(w, TT_RX, 3, "ne", 0);
	chunk(w, TT_TX, 5, "A bad\n", 0);
	chunk(w, TT_TX, 0, "A ok\n", 0);
	chunk(w, TT_RX, 5, "\nQ two\n", 0); /* again */
	pass(w, S);
	assert_int_equal(w->exchanges, 2);
	assert_true(w->complete);
	assert_int_equal(w->bytes[TT_RX], 12);
	assert_int_equal(w->bytes[TT_TX], 11);
	world_free(w);
}

/* --- how often what is kept is offered again ----------------------------------------------------------------------------- */

static unsigned calls[2];

static enum tt_step parse_never_enough(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	calls[side]++;
	return TT_MORE;
}

static enum tt_verdict detect_any(const struct tt_first *first)
{
	return TT_YES;
}

/* Neither a byte of the other side nor one that was offered already is a reason to parse again. */
static void what_is_not_enough_is_offered_once(void **state)
{
	static const struct tt_proto never = {
		.name = "never", .pairing = TT_PAIR_IN_ORDER, .stream = true, .detect = detect_any, .parse = parse_never_enough};
	struct world *w = world_new();
	const struct tt_proto *only = &never;

	w->streams = tt_streams_free(w->streams);
	assert_int_equal(tt_streams_new(&w->streams, &w->limits, &only, 1, &ops, w), 0);
	memset(calls, 0, sizeof(calls));
	for (uint64_t i = 0; i < 100; i++) {
		chunk(w, TT_RX, i, "q", 0);
		chunk(w, TT_TX, i, "a", 0);
	}
	assert_int_equal(calls[TT_REQUESTS], 100);
	assert_int_equal(calls[TT_RESPONSES], 100);
	world_free(w);
}

/* Bytes of a capture came again as other ones, those of `offset` on; none: they had been acknowledged. */
static void conflict(struct world *w, int dir, uint64_t offset, uint32_t length)
{
	struct tt_chunk k = {
		.rec = {.type = TT_REC_CHUNK, .version = TT_RECORD_VERSION, .len = sizeof(k), .time_ns = w->now_ns += MS},
		.conn = {.sock = 0x1000, .ino = 1},
		.offset = offset,
		.length = length,
		.direction = (uint8_t)dir,
		.transport = TT_TRANSPORT_TCP,
		.origin = TT_ORIGIN_PCAP,
		.role = TT_ROLE_SERVER,
		.flags = TT_CHUNK_FROM_START | TT_CHUNK_NO_PAYLOAD,
		.data_off = sizeof(k)};

	tt_streams_record(w->streams, &k.rec);
}

static void a_conflict_marks_what_it_is_part_of(void **state)
{
	struct world *w = world_new();
	struct tt_stream_stats stats;

	chunk(w, TT_RX, 0, "Q one\n", 0);
	chunk(w, TT_TX, 0, "A ok\n", 0);
	assert_true(w->exchanges == 1 && w->complete);
	conflict(w, TT_RX, 0, 2); /* that one is reported: what follows it is in doubt */
	pass(w, 2 * S);
	chunk(w, TT_RX, 6, "Q two\n", 0);
	conflict(w, TT_RX, 6, 0); /* taken as it is */
	chunk(w, TT_TX, 5, "A ok\n", 0);
	assert_true(w->exchanges == 2 && w->complete);
	chunk(w, TT_RX, 12, "Q tri\n", 0);
	conflict(w, TT_RX, 14, 1);
	chunk(w, TT_TX, 10, "A ok\n", 0);
	assert_true(w->exchanges == 3 && !w->complete);
	assert_int_equal(w->outcome, TT_OUTCOME_ANSWERED);
	chunk(w, TT_RX, 18, "Q for\n", 0);
	chunk(w, TT_TX, 15, "A o", 0);
	conflict(w, TT_TX, 15, 3);
	chunk(w, TT_TX, 18, "k\n", 0);
	assert_true(w->exchanges == 4 && !w->complete);

	pass(w, 2 * S);
	chunk(w, TT_RX, 24, "Q fiv\n", 0);
	chunk(w, TT_TX, 20, "A ok\n", 0);
	assert_true(w->exchanges == 5 && w->complete);
	tt_streams_stats(w->streams, &stats);
	assert_int_equal(stats.conflicts, 4);
	assert_int_equal(stats.bytes, 5 * 11);
	world_free(w);
}

/* Bytes in doubt that are of two chunks, which wait for another one: they are no hole, and what follows them is whole. */
static void a_conflict_waits_behind_all_it_is_about(void **state)
{
	struct world *w = world_new();
	struct tt_stream_stats stats;

	chunk(w, TT_RX, 0, "Q one\n", 0);
	chunk(w, TT_TX, 0, "A ok\n", 0);
	chunk(w, TT_RX, 12, "Q tri\n", 0);
	chunk(w, TT_RX, 18, "Q for\n", 0);
	conflict(w, TT_RX, 16, 4);
	chunk(w, TT_RX, 24, "Q fiv\n", 0);
	chunk(w, TT_RX, 6, "Q two\n", 0);
	tt_streams_stats(w->streams, &stats);
	assert_int_equal(stats.conflicts, 1);
	assert_int_equal(stats.holes + stats.missing_bytes + stats.desyncs, 0);
	assert_int_equal(stats.bytes, 5 * 6 + 5);
	for (uint64_t i = 0; i < 4; i++)
		chunk(w, TT_TX, 5 + 5 * i, "A ok\n", 0);
	pass(w, 2 * S);
	assert_int_equal(w->exchanges, 5);
	assert_false(w->complete);
	world_free(w);
}

/* A message that comes in more chunks than times are kept for is whole; the times that are not kept are counted. */
static void times_of_arrival_are_bounded(void **state)
{
	struct world *w = world_new();
	struct tt_stream_stats stats;

	w->limits.value[TT_LIMIT_STREAM_MARKS] = 16;
	for (uint64_t i = 0; i < 20; i++)
		chunk(w, TT_RX, i, i == 0 ? "Q" : i == 1 ? " " : i == 19 ? "\n" : "n", 0);
	chunk(w, TT_TX, 0, "A ok\n", 0);
	assert_true(w->exchanges == 1 && w->complete);
	tt_streams_stats(w->streams, &stats);
	assert_int_equal(stats.marks_full, 4);
	world_free(w);
}

TT_UNIT_TESTS(cmocka_unit_test(without_its_last_bytes_how_it_ended_is_unknown), cmocka_unit_test(what_was_asked_may_come_late),
	      cmocka_unit_test(final_offsets_end_a_body), cmocka_unit_test(a_reset_behind_the_end_takes_nothing_back),
	      cmocka_unit_test(a_reset_counts_once), cmocka_unit_test(a_forgotten_connection_comes_back),
	      cmocka_unit_test(retransmits_count_from_the_first_sight), cmocka_unit_test(an_empty_datagram_has_no_bytes),
	      cmocka_unit_test(what_is_not_enough_is_offered_once), cmocka_unit_test(chunks_may_change_places),
	      cmocka_unit_test(a_conflict_marks_what_it_is_part_of), cmocka_unit_test(a_conflict_waits_behind_all_it_is_about),
	      cmocka_unit_test(times_of_arrival_are_bounded))
