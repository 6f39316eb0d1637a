// SPDX-License-Identifier: Apache-2.0
/*
 * What one connection can take from the others, and what becomes of what there is no room for: only its turn is kept, and what
 * was kept is paired. And the clock of a capture: what else is in it decides nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/toys.h"
#include "harness/unit.h"
#include "stream/stream.h"

#define MS 1000000u
#define S (1000u * (uint64_t)MS)

struct world {
	struct tt_limits limits;
	struct tt_streams *streams;
	const struct tt_proto *proto;
	uint64_t now_ns;
	uint64_t at[16][2]; /* offset, by connection and direction */
	bool capture;
	/* What was reported. */
	unsigned outcomes[TT_OUTCOME_MAX];
	unsigned complete;
	unsigned wrong; /* answered by another one's answer */
};

static void on_exchange(void *ctx, const struct tt_exchange *x)
{
	struct world *w = ctx;

	w->outcomes[x->outcome]++;
	w->complete += x->complete;
	if (x->outcome != TT_OUTCOME_ANSWERED)
		return;
	struct tt_span asked = tt_message_get(x->request, TT_TEXT_RESOURCE), said = tt_message_get(x->response, TT_TEXT_STATUS);
	w->wrong += !tt_span_eq(asked, said);
}

static const struct tt_streams_ops ops = {.exchange = on_exchange};

static struct world *world_new(const struct tt_proto *proto, uint64_t messages, uint64_t pending)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	tt_limits_init(&w->limits);
	w->limits.value[TT_LIMIT_MESSAGES] = messages;
	w->limits.value[TT_LIMIT_PENDING_REQUESTS] = pending;
	w->proto = proto;
	w->now_ns = S;
	assert_int_equal(tt_streams_new(&w->streams, &w->limits, &w->proto, 1, &ops, w), 0);
	return w;
}

static void world_free(struct world *w)
{
	tt_streams_free(w->streams);
	free(w);
}

static struct tt_stream_stats stats_of(const struct world *w)
{
	struct tt_stream_stats stats;

	tt_streams_stats(w->streams, &stats);
	return stats;
}

/* The observed end is the server's. */
static void say(struct world *w, int conn, int dir, const char *text)
{
	uint64_t *at = &w->at[conn][dir];
	size_t len = strlen(text);
	struct {
		struct tt_chunk k;
		char data[64];
	} r = {
		.k = {.rec = {.type = TT_REC_CHUNK,
			      .version = TT_RECORD_VERSION,
			      .len = (uint32_t)(sizeof(r.k) + len),
			      .time_ns = w->now_ns += MS / 100},
		      .conn = {.sock = 0x1000 + 64 * (uint64_t)conn, .ino = 1},
		      .entry_ns = w->now_ns,
		      .offset = *at,
		      .length = (uint32_t)len,
		      .captured = (uint32_t)len,
		      .direction = (uint8_t)dir,
		      .transport = TT_TRANSPORT_TCP,
		      .origin = w->capture ? TT_ORIGIN_PCAP : TT_ORIGIN_SOCKET,
		      .role = TT_ROLE_SERVER,
		      .flags = TT_CHUNK_FROM_START,
		      .data_off = sizeof(r.k),
		      .local = {.family = TT_FAMILY_INET, .port = 80},
		      .peer = {.family = TT_FAMILY_INET, .port = 50000}},
	};

	assert_true(len <= sizeof(r.data));
	memcpy(r.data, text, len);
	*at += len;
	tt_streams_record(w->streams, &r.k.rec);
	tt_streams_advance(w->streams, w->now_ns);
}

static void open_conn(struct world *w, int conn)
{
	const struct tt_conn_record r = {
		.rec = {.type = TT_REC_OPEN, .version = TT_RECORD_VERSION, .len = sizeof(r), .time_ns = w->now_ns += MS / 100},
		.conn = {.sock = 0x1000 + 64 * (uint64_t)conn, .ino = 1},
		.transport = TT_TRANSPORT_TCP,
		.role = TT_ROLE_SERVER,
		.local = {.family = TT_FAMILY_INET, .port = 80},
		.peer = {.family = TT_FAMILY_INET, .port = 50000},
	};

	tt_streams_record(w->streams, &r.rec);
}

static void ask(struct world *w, int conn, unsigned number)
{
	char text[32];

	snprintf(text, sizeof(text), "Q %u\n", number);
	say(w, conn, TT_RX, text);
}

static void answer(struct world *w, int conn, unsigned number)
{
	char text[32];

	snprintf(text, sizeof(text), "A %u\n", number);
	say(w, conn, TT_TX, text);
}

static void pass(struct world *w, uint64_t ns)
{
	w->now_ns += ns;
	tt_streams_advance(w->streams, w->now_ns);
}

/* A peer that asks and asks and never is answered keeps nobody else from being seen; nor do several. */
static void one_connection_leaves_room_for_others(void **state)
{
	static const struct tt_proto *const protos[] = {&toy_in_order, &toy_by_id};

	for (int turn = 0; turn < 2; turn++) {
		struct world *w = world_new(protos[turn], 256, 1 << 20);
		bool by_id = protos[turn] == &toy_by_id;
		for (int conn = 1; conn < 9; conn++) {
			for (unsigned i = 0; i < 300; i++) {
				char text[32];
				snprintf(text, sizeof(text), by_id ? "Q#%u x\n" : "Q %u\n", i);
				say(w, conn, TT_RX, text);
			}
		}
		assert_true(stats_of(w).share_full > 0);
		assert_int_equal(stats_of(w).message_full, 0);
		for (unsigned i = 0; i < 100; i++) {
			say(w, 0, TT_RX, by_id ? "Q#1 y\n" : "Q y\n");
			say(w, 0, TT_TX, by_id ? "A#1 y\n" : "A y\n");
		}
		assert_int_equal(w->outcomes[TT_OUTCOME_ANSWERED], 100);
		assert_int_equal(w->complete, 100);
		world_free(w);
	}
}

/* What timed out holds no message. Its answers are still told from those of what is asked later. */
static void what_timed_out_keeps_its_turn_only(void **state)
{
	struct world *w = world_new(&toy_in_order, 65536, 16384);

	for (unsigned i = 0; i < 5000; i++)
		ask(w, 0, i);
	assert_int_equal(stats_of(w).messages, 5000);
	pass(w, 62 * S);
	assert_int_equal(w->outcomes[TT_OUTCOME_TIMEOUT], 5000);
	assert_int_equal(stats_of(w).messages, 0);
	ask(w, 0, 7000);
	ask(w, 0, 7001);
	for (unsigned i = 0; i < 5000; i++)
		answer(w, 0, i);
	assert_int_equal(stats_of(w).late, 5000);
	answer(w, 0, 7000);
	answer(w, 0, 7001);
	ask(w, 0, 7002);
	answer(w, 0, 7002);
	assert_int_equal(w->outcomes[TT_OUTCOME_ANSWERED], 3);
	assert_int_equal(w->complete, 5003);
	assert_int_equal(w->wrong, 0);
	world_free(w);
}

/* Where more is asked at once than is kept, what is kept is paired, the rest is told without its answers, and behind it all is as
 * before. */
static void what_is_kept_stays_paired(void **state)
{
	struct world *w = world_new(&toy_in_order, 65536, 100);

	for (int round = 1; round <= 3; round++) {
		for (unsigned i = 0; i < 250; i++)
			ask(w, 0, i);
		assert_int_equal(stats_of(w).messages, 100);
		/* Room comes with the answers: what is asked meanwhile is kept, though others in front of it were not. */
		for (unsigned i = 0; i < 40; i++) {
			answer(w, 0, i);
			ask(w, 0, 1000 + i);
		}
		for (unsigned i = 40; i < 250; i++)
			answer(w, 0, i);
		for (unsigned i = 0; i < 40; i++)
			answer(w, 0, 1000 + i);
		assert_int_equal(w->outcomes[TT_OUTCOME_ANSWERED], 140 * round);
		assert_int_equal(w->outcomes[TT_OUTCOME_LOST], 150 * round);
		assert_int_equal(w->complete, 140 * round);
		assert_int_equal(stats_of(w).pending_full, 150 * round);
		assert_int_equal(stats_of(w).messages, 0);
	}
	assert_int_equal(w->wrong, 0);
	assert_int_equal(stats_of(w).unpaired, 0);
	world_free(w);
}

/* The store may be full of what others asked: a part of it is left to answers. */
static void answers_have_room(void **state)
{
	struct world *w = world_new(&toy_in_order, 64, 16384);

	for (int conn = 0; conn < 16; conn++) {
		for (unsigned i = 0; i < 64; i++)
			ask(w, conn, i);
	}
	assert_true(stats_of(w).messages <= 64);
	for (int conn = 0; conn < 16; conn++) {
		for (unsigned i = 0; i < 64; i++)
			answer(w, conn, i);
	}
	assert_true(w->outcomes[TT_OUTCOME_ANSWERED] >= 40);
	/* Every request is shown, or counted as not kept. */
	assert_true(w->outcomes[TT_OUTCOME_LOST] + w->outcomes[TT_OUTCOME_ANSWERED] + stats_of(w).message_full >= 16 * 64);
	assert_true(w->outcomes[TT_OUTCOME_LOST] >= stats_of(w).share_full);
	assert_int_equal(w->wrong, 0);
	assert_int_equal(stats_of(w).messages, 0);
	world_free(w);
}

/* Of turns themselves there may be too many, where no two in a row are answered alike: then nothing of the connection is known.
 */
static void turns_are_bounded(void **state)
{
	struct world *w = world_new(&toy_in_order, 65536, 10);

	w->limits.value[TT_LIMIT_LATER_ANSWERS] = 1;
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 20; i++)
			ask(w, 0, i);
		answer(w, 0, 0);
		ask(w, 0, 20); /* kept: what comes behind is not in a row with what was not */
		for (unsigned i = 21; i < 30; i++)
			ask(w, 0, i);
		for (unsigned i = 1; i < 30; i++)
			answer(w, 0, i);
		assert_int_equal(stats_of(w).messages, 0);
		assert_int_equal(stats_of(w).later_full, round + 1);
		assert_int_equal(w->wrong, 0);
		pass(w, 62 * S);
	}
	w->complete = 0;
	ask(w, 0, 1);
	answer(w, 0, 1);
	assert_int_equal(w->complete, 1);
	world_free(w);
}

/* With or without packets of others between, in a capture the answer that came late is the answer; what has none timed out. */
static void a_capture_has_one_clock_a_connection(void **state)
{
	for (int beside = 0; beside < 2; beside++) {
		struct world *w = world_new(&toy_in_order, 65536, 16384);
		w->capture = true;
		open_conn(w, 0);
		ask(w, 0, 1);
		for (int i = 0; i < 1000; i++) {
			w->now_ns += S;
			if (beside) {
				ask(w, 1, 5);
				answer(w, 1, 5);
			}
		}
		answer(w, 0, 1);
		ask(w, 0, 2);
		answer(w, 0, 2);
		assert_int_equal(w->outcomes[TT_OUTCOME_ANSWERED], beside ? 1002 : 2);
		assert_int_equal(w->complete, beside ? 1002 : 2);
		ask(w, 0, 3);
		for (int i = 0; i < 100; i++) {
			w->now_ns += S;
			ask(w, 1, 5);
			answer(w, 1, 5);
		}
		ask(w, 1, 6);
		tt_streams_finish(w->streams);
		assert_int_equal(w->outcomes[TT_OUTCOME_TIMEOUT], 1);
		assert_int_equal(w->outcomes[TT_OUTCOME_UNFINISHED], 1);
		world_free(w);
	}
}

/* An answer nobody asked for is held for a while, and then it is nobody's: also where nothing else comes meanwhile. */
static void an_early_answer_of_a_capture_expires(void **state)
{
	for (int beside = 0; beside < 2; beside++) {
		struct world *w = world_new(&toy_early, 65536, 16384);
		w->capture = true;
		ask(w, 0, 1);
		answer(w, 0, 1);
		answer(w, 0, 9);
		w->now_ns += 5 * S;
		if (beside)
			ask(w, 1, 5);
		ask(w, 0, 2);
		answer(w, 0, 2);
		assert_int_equal(w->outcomes[TT_OUTCOME_ANSWERED], 2);
		assert_int_equal(w->wrong, 0);
		assert_int_equal(stats_of(w).unpaired, 1);
		world_free(w);
	}
}

TT_UNIT_TESTS(cmocka_unit_test(one_connection_leaves_room_for_others), cmocka_unit_test(what_timed_out_keeps_its_turn_only),
	      cmocka_unit_test(what_is_kept_stays_paired), cmocka_unit_test(answers_have_room),
	      cmocka_unit_test(turns_are_bounded), cmocka_unit_test(a_capture_has_one_clock_a_connection),
	      cmocka_unit_test(an_early_answer_of_a_capture_expires))
