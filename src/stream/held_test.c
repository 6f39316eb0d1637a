// SPDX-License-Identifier: Apache-2.0
/* What a hole costs that nothing names: the exchange it belongs to and at most its neighbours, whatever goes on beside it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/toys.h"
#include "harness/unit.h"
#include "stream/stream.h"

#define US 1000u
#define MS (1000u * (uint64_t)US)
#define S (1000u * MS)
#define EXCHANGES 300

/* How a conversation goes. */
struct plan {
	const struct tt_proto *proto;
	bool at_client;	     /* the observed end is the client's */
	uint64_t pause_ns;   /* between an answer and what is asked next */
	uint64_t tick_ns;    /* of the clock, as of a capture's; 0: as fine as ours */
	unsigned batch;	     /* asked at once, and then answered */
	unsigned pieces;     /* of an answer */
	int missing_dir;     /* of the exchanges in `missing` nothing of this direction is seen */
	unsigned missing[4]; /* 0: none */
	unsigned seed;	     /* not 0: one record of so many is missing instead, of either direction */
	unsigned one_of;
};

struct world {
	struct tt_limits limits;
	struct tt_streams *streams;
	const struct plan *plan;
	uint64_t now_ns;
	uint64_t offset[2];
	unsigned reported, complete, wrong, holes;
	unsigned seed, latest_hole;
	bool is_complete[EXCHANGES + 1];
};

static void on_exchange(void *ctx, const struct tt_exchange *x)
{
	struct world *w = ctx;
	struct tt_span name = tt_message_get(x->request, TT_TEXT_RESOURCE);

	unsigned number = 0;

	w->reported++;
	for (size_t i = 0; i < name.len && name.data[i] >= '0' && name.data[i] <= '9'; i++)
		number = number * 10 + name.data[i] - '0';
	if (!x->complete)
		return;
	w->complete++;
	assert_in_range(number, 0, EXCHANGES);
	w->is_complete[number] = true;
	w->wrong += x->response && !tt_span_eq(tt_message_get(x->response, TT_TEXT_STATUS), name);
}

static const struct tt_streams_ops ops = {.exchange = on_exchange};

static void world_new(struct world *w, const struct plan *plan)
{
	*w = (struct world){.plan = plan, .now_ns = S, .seed = plan->seed};
	tt_limits_init(&w->limits);
	assert_int_equal(tt_streams_new(&w->streams, &w->limits, &plan->proto, 1, &ops, w), 0);
}

static void pass(struct world *w, uint64_t ns)
{
	w->now_ns += ns;
	tt_streams_advance(w->streams, w->now_ns);
}

/* The direction of what the client says, as the observed end sees it. */
static int asking(const struct plan *plan)
{
	return plan->at_client ? TT_TX : TT_RX;
}

static void chunk_at(struct world *w, int dir, uint64_t offset, const char *data, size_t len)
{
	const uint64_t tick_ns = w->plan->tick_ns;
	uint64_t begun_ns = w->now_ns += 20 * US;
	struct {
		struct tt_chunk k;
		char data[64];
	} r = {
		.k = {.rec = {.type = TT_REC_CHUNK,
			      .version = TT_RECORD_VERSION,
			      .len = (uint32_t)(sizeof(r.k) + len),
			      .time_ns = tick_ns ? begun_ns / tick_ns * tick_ns : begun_ns,
			      .tid = 7,
			      .tgid = 7},
		      .conn = {.sock = 0x1000, .ino = 1},
		      .entry_ns = w->now_ns - 10 * US,
		      .offset = offset,
		      .length = (uint32_t)len,
		      .captured = (uint32_t)len,
		      .direction = (uint8_t)dir,
		      .origin = tick_ns ? TT_ORIGIN_PCAP : TT_ORIGIN_SOCKET,
		      .transport = TT_TRANSPORT_TCP,
		      .role = w->plan->at_client ? TT_ROLE_CLIENT : TT_ROLE_SERVER,
		      .flags = TT_CHUNK_FROM_START,
		      .data_off = sizeof(r.k),
		      .local = {.family = TT_FAMILY_INET, .port = 80},
		      .peer = {.family = TT_FAMILY_INET, .port = 50000}},
	};

	assert_true(len <= sizeof(r.data));
	memcpy(r.data, data, len);
	tt_streams_record(w->streams, &r.k.rec);
	tt_streams_advance(w->streams, w->now_ns);
}

static void say(struct world *w, int dir, const char *data, bool seen)
{
	if (seen)
		chunk_at(w, dir, w->offset[dir], data, strlen(data));
	w->offset[dir] += strlen(data);
}

static bool is_missing(struct world *w, int dir, unsigned number)
{
	const struct plan *plan = w->plan;
	bool listed = false;

	if (plan->seed) {
		w->seed = w->seed * 1103515245u + 12345u;
		/* Two in a row are one hole, and then it is not known how many answers were in it. */
		bool hole = number > w->latest_hole + 2 && w->seed / 65536 % plan->one_of == 0;
		w->latest_hole = hole ? number : w->latest_hole;
		w->holes += hole;
		return hole;
	}
	for (size_t i = 0; i < TT_ARRAY_LEN(plan->missing); i++)
		listed |= plan->missing[i] == number;
	return listed && dir == plan->missing_dir;
}

static void ask(struct world *w, unsigned number)
{
	char text[32];
	int dir = asking(w->plan);

	if (w->plan->proto->pairing == TT_PAIR_BY_ID)
		snprintf(text, sizeof(text), "Q#%u %u\n", number, number);
	else
		snprintf(text, sizeof(text), "Q %u\n", number);
	say(w, dir, text, !is_missing(w, dir, number));
}

static void answer(struct world *w, unsigned number)
{
	char text[48];
	int dir = !asking(w->plan);
	bool seen = !is_missing(w, dir, number);

	if (w->plan->proto->pairing == TT_PAIR_BY_ID)
		snprintf(text, sizeof(text), "A#%u %u +%u\n", number, number, w->plan->pieces);
	else
		snprintf(text, sizeof(text), "A %u +%u\n", number, w->plan->pieces);
	say(w, dir, text, seen);
	for (unsigned i = 0; i < w->plan->pieces; i++)
		say(w, dir, "-", seen);
}

static void converse(struct world *w)
{
	const struct plan *plan = w->plan;

	for (unsigned number = 1; number + plan->batch - 1 <= EXCHANGES; number += plan->batch) {
		for (unsigned i = 0; i < plan->batch; i++)
			ask(w, number + i);
		for (unsigned i = 0; i < plan->batch; i++)
			answer(w, number + i);
		pass(w, plan->pause_ns);
	}
	pass(w, 2 * S);
	tt_streams_finish(w->streams);
	tt_streams_free(w->streams);
	assert_int_equal(w->wrong, 0);
}

/* All but numbers `first` to `last` came out whole. */
static void expect_lost(const struct world *w, unsigned first, unsigned last)
{
	for (unsigned number = 1; number <= EXCHANGES; number++) {
		if (!w->is_complete[number] && (number < first || number > last))
			fail_msg("%s, at the %s, %s %u missing, batches of %u, answers of %u more pieces, pauses of %llu us: %u "
				 "is lost",
				 w->plan->proto->name, w->plan->at_client ? "client" : "server",
				 w->plan->missing_dir == asking(w->plan) ? "request" : "answer", first, w->plan->batch,
				 w->plan->pieces, (unsigned long long)w->plan->pause_ns / US, number);
	}
	assert_false(w->is_complete[first]);
}

static void check_one(struct plan plan)
{
	struct world w;
	unsigned at = plan.missing[0], batch_end = (at - 1) / plan.batch * plan.batch + plan.batch;

	world_new(&w, &plan);
	converse(&w);
	/* In order those asked together stand or fall together from the hole on. */
	if (plan.proto->pairing == TT_PAIR_BY_ID)
		expect_lost(&w, at, at);
	else
		expect_lost(&w, at, plan.batch == 1 ? at + 1 : batch_end);
}

static void a_hole_costs_its_exchange_and_a_neighbour(void **state)
{
	static const struct tt_proto *const protos[] = {&toy_in_order, &toy_early, &toy_by_id};
	static const uint64_t pauses[] = {0, MS, 30 * MS, 150 * MS, 300 * MS, 700 * MS, 1500 * MS};

	for (unsigned i = 0; i < TT_ARRAY_LEN(protos) * TT_ARRAY_LEN(pauses) * 16; i++) {
		struct plan plan = {.proto = protos[i / 16 % TT_ARRAY_LEN(protos)],
				    .pause_ns = pauses[i / 16 / TT_ARRAY_LEN(protos)],
				    .at_client = i & 1,
				    .missing_dir = i >> 1 & 1,
				    .batch = i & 4 ? 5 : 1,
				    .pieces = i & 8 ? 7 : 0,
				    .missing = {53}};
		check_one(plan);
	}
}

static void each_of_several_holes_costs_no_more(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct plan plan = {.proto = &toy_in_order,
				    .pause_ns = MS,
				    .at_client = i & 1,
				    .missing_dir = i >> 1,
				    .batch = 1,
				    .missing = {53, 60, 81, 200}};
		struct world w;
		world_new(&w, &plan);
		converse(&w);
		assert_in_range(EXCHANGES - w.complete, 4, 12); /* the one before, too, where the next hole is known of */
	}
}

static void many_holes_cost_no_more(void **state)
{
	static const struct tt_proto *const protos[] = {&toy_in_order, &toy_early, &toy_by_id};

	for (unsigned i = 0; i < 600; i++) {
		struct plan plan = {.proto = protos[i % 3],
				    .pause_ns = i % 7 * MS,
				    .at_client = i / 3 & 1,
				    .batch = 1,
				    .seed = i + 1,
				    .one_of = 10 + i % 90};
		struct world w;
		world_new(&w, &plan);
		converse(&w);
		assert_in_range(EXCHANGES - w.complete, w.holes, 3 * w.holes);
	}
}

/* By a coarse clock a request and its answer are of one time: they stay in order. */
static void a_coarse_clock_misleads_nobody(void **state)
{
	for (unsigned i = 0; i < 600; i++) {
		struct plan plan = {.proto = i & 1 ? &toy_in_order : &toy_early,
				    .pause_ns = i % 7 * MS,
				    .tick_ns = MS,
				    .at_client = i >> 1 & 1,
				    .batch = 1,
				    .seed = i + 1,
				    .one_of = 10 + i % 90};
		struct world w;
		world_new(&w, &plan);
		converse(&w);
		if (plan.pause_ns)
			assert_in_range(EXCHANGES - w.complete, w.holes, 3 * w.holes);
	}
}

/* A record that comes late, behind those of three exchanges more, costs nothing. */
static void what_comes_late_costs_nothing(void **state)
{
	static const struct tt_proto *const protos[] = {&toy_in_order, &toy_early, &toy_by_id};

	for (unsigned i = 0; i < 12; i++) {
		struct plan plan = {
			.proto = protos[i / 4], .at_client = i & 1, .missing_dir = i >> 1 & 1, .batch = 1, .missing = {3}};
		bool request = plan.missing_dir == asking(&plan);
		struct world w;
		world_new(&w, &plan);
		uint64_t offset = 0;
		for (unsigned number = 1; number <= 6; number++) {
			ask(&w, number);
			offset = number == 3 && request ? w.offset[plan.missing_dir] : offset;
			answer(&w, number);
			offset = number == 3 && !request ? w.offset[plan.missing_dir] : offset;
		}
		const char *text =
			plan.proto != &toy_by_id ? (request ? "Q 3\n" : "A 3 +0\n") : (request ? "Q#3 3\n" : "A#3 3 +0\n");
		chunk_at(&w, plan.missing_dir, offset - strlen(text), text, strlen(text));
		assert_int_equal(w.complete, 6);
		pass(&w, 2 * S);
		tt_streams_finish(w.streams);
		tt_streams_free(w.streams);
		assert_true(w.reported == 6 && w.wrong == 0);
	}
}

/* --- limits ------------------------------------------------------------------------------------------------------------- */

static const struct plan told = {.proto = &toy_by_id, .batch = 1};

/* An exchange, and from then on the requests wait for one that is missing. */
static void waiting_world(struct world *w)
{
	world_new(w, &told);
	ask(w, 1);
	answer(w, 1);
	say(w, TT_RX, "Q#2 2\n", false);
	say(w, TT_RX, "Q#3 3\n", true);
	assert_int_equal(w->reported, 1);
}

static struct tt_stream_stats end_world(struct world *w)
{
	struct tt_stream_stats stats;

	tt_streams_finish(w->streams);
	tt_streams_stats(w->streams, &stats);
	assert_int_equal(stats.buffered_bytes, 0);
	assert_int_equal(w->wrong, 0);
	tt_streams_free(w->streams);
	return stats;
}

static void waiting_for_the_other_direction_ends(void **state)
{
	struct world w;

	waiting_world(&w);
	for (unsigned i = 0; i < 10; i++)
		say(&w, TT_TX, "D told\n", true);
	assert_int_equal(w.reported, 1);
	pass(&w, 350 * MS); /* 200 and what lies between two looks */
	assert_int_equal(w.reported, 11);
	say(&w, TT_TX, "D told\n", true);
	assert_int_equal(w.reported, 12);
	end_world(&w);
}

/* The other direction does not go on, so nothing says that what is missing is not just late: order is given up, not bytes. */
static void more_than_may_be_held_goes_on(void **state)
{
	struct world w;
	unsigned most = 4;

	waiting_world(&w);
	w.limits.value[TT_LIMIT_STREAM_HELD_CHUNKS] = 40;
	most *= 40;
	for (unsigned i = 0; i < most + 7; i++)
		say(&w, TT_TX, "D told\n", true);
	assert_int_equal(w.reported, 1 + 7);
	chunk_at(&w, TT_RX, strlen("Q#1 1\n"), "Q#2 2\n", strlen("Q#2 2\n"));
	assert_int_equal(w.reported, 1 + most + 7);
	answer(&w, 2);
	answer(&w, 3);
	assert_int_equal(w.complete, 3 + most + 7);
	assert_int_equal(end_world(&w).held_full, 1);
}

static void without_room_nothing_is_lost(void **state)
{
	struct world w;

	waiting_world(&w);
	w.limits.value[TT_LIMIT_STREAM_TOTAL_BYTES] =
		3 * (16 + sizeof(struct tt_chunk)) + 20; /* a request and two of what is told */
	for (unsigned i = 0; i < 12; i++)
		say(&w, TT_TX, "D told\n", true);
	assert_int_equal(w.reported, 1 + 12);
	assert_int_equal(end_world(&w).held_no_room, 1);
}

/* Room for so many requests that wait. */
static void room_for(struct world *w, unsigned requests)
{
	w->limits.value[TT_LIMIT_STREAM_TOTAL_BYTES] = requests * (16 + sizeof(struct tt_chunk) + 6);
}

/* What finds no room behind a hole ends the waiting for it; it is not part of it. */
static void without_room_a_hole_is_given_up(void **state)
{
	struct tt_stream_stats stats;
	struct world w;

	waiting_world(&w);
	room_for(&w, 1);
	ask(&w, 4);
	say(&w, TT_RX, "Q#5 5\n", false);
	ask(&w, 6);
	say(&w, TT_RX, "Q#7 7\n", false);
	ask(&w, 8);
	ask(&w, 9);
	for (unsigned i = 3; i <= 9; i += i == 4 || i == 6 ? 2 : 1)
		answer(&w, i);
	assert_int_equal(w.complete, 1 + 5);
	stats = end_world(&w);
	assert_int_equal(stats.held_no_room, 3);
	assert_int_equal(stats.held_full, 0);
	assert_int_equal(stats.missing_bytes, 3 * strlen("Q#2 2\n"));
}

/* The same where it lies before what waits already. */
static void without_room_the_nearest_goes_first(void **state)
{
	struct tt_stream_stats stats;
	struct world w;

	waiting_world(&w);
	room_for(&w, 1);
	ask(&w, 4);
	say(&w, TT_RX, "Q#5 5\n", false);
	say(&w, TT_RX, "Q#6 6\n", false);
	ask(&w, 7);
	chunk_at(&w, TT_RX, 5 * strlen("Q#6 6\n"), "Q#6 6\n", strlen("Q#6 6\n"));
	answer(&w, 3);
	answer(&w, 4);
	answer(&w, 6);
	answer(&w, 7);
	assert_int_equal(w.complete, 1 + 4);
	stats = end_world(&w);
	assert_int_equal(stats.held_no_room, 2);
	assert_int_equal(stats.missing_bytes, 2 * strlen("Q#2 2\n"));
}

/* Holes in both directions: what both have seen goes on. */
static void without_room_holes_of_both_are_given_up(void **state)
{
	struct world w;

	waiting_world(&w);
	say(&w, TT_TX, "D told\n", true);
	say(&w, TT_TX, "D lost\n", false);
	say(&w, TT_TX, "D told\n", true);
	room_for(&w, 3);
	say(&w, TT_TX, "D lost\n", false);
	say(&w, TT_TX, "D told\n", true);
	pass(&w, 350 * MS);
	assert_int_equal(w.reported, 1 + 3);
	answer(&w, 3);
	assert_int_equal(w.reported, 1 + 3 + 1);
	assert_true(end_world(&w).held_no_room);
}

/* An answer that waits for its request ends that at a limit, with a count of its cause, and is no hole. */
static void no_room_to_wait_for_the_other_direction(void **state)
{
	static const struct plan in_order = {.proto = &toy_in_order, .batch = 1};

	for (unsigned total = 0; total < 2; total++) {
		struct tt_stream_stats stats;
		struct world w = {.plan = &in_order, .now_ns = S};
		tt_limits_init(&w.limits);
		w.limits.value[total ? TT_LIMIT_STREAM_TOTAL_BYTES : TT_LIMIT_STREAM_BYTES] = total ? 8 : 20;
		assert_int_equal(tt_streams_new(&w.streams, &w.limits, &in_order.proto, 1, &ops, &w), 0);
		say(&w, TT_TX, "A 1 +0\nA 1 +0\n", true);
		say(&w, TT_TX, "A 1 +0\n", true);
		tt_streams_stats(w.streams, &stats);
		assert_int_equal(total ? stats.wait_no_room : stats.wait_full, 1);
		assert_int_equal(total ? stats.wait_full : stats.wait_no_room, 0);
		assert_int_equal(stats.holes + stats.buffer_full + stats.buffer_no_room + stats.desyncs, 0);
		end_world(&w);
	}
}

/* A body nobody reads goes on whatever is waited for, up to the piece with its end. */
static void a_running_body_is_not_held(void **state)
{
	struct tt_stream_stats stats;
	struct world w;

	world_new(&w, &told);
	ask(&w, 1);
	say(&w, TT_TX, "A#1 1 +1000\n", true);
	say(&w, TT_RX, "Q#2 2\n", false);
	say(&w, TT_RX, "Q#3 3\n", true);
	for (unsigned i = 0; i < 99; i++)
		say(&w, TT_TX, "0123456789", true);
	tt_streams_stats(w.streams, &stats);
	assert_int_equal(stats.skipped_bytes, 990);
	say(&w, TT_TX, "0123456789", true);
	answer(&w, 3);
	assert_int_equal(w.reported, 0);
	pass(&w, 350 * MS);
	assert_int_equal(w.complete, 2);
	end_world(&w);
}

/* Only one direction is captured: a hole ends when its own time is over. */
static void one_direction_alone_goes_on(void **state)
{
	const struct plan plan = {.proto = &toy_one_way, .batch = 1};
	struct world w;

	world_new(&w, &plan);
	say(&w, TT_RX, "N 1\n", true);
	say(&w, TT_RX, "N 2\n", false);
	say(&w, TT_RX, "N 3\n", true);
	assert_int_equal(w.reported, 1);
	pass(&w, 350 * MS);
	assert_int_equal(w.reported, 2);
	say(&w, TT_RX, "N 4\n", true);
	assert_int_equal(w.reported, 3);
	tt_streams_finish(w.streams);
	tt_streams_free(w.streams);
}

TT_UNIT_TESTS(cmocka_unit_test(a_hole_costs_its_exchange_and_a_neighbour), cmocka_unit_test(each_of_several_holes_costs_no_more),
	      cmocka_unit_test(many_holes_cost_no_more), cmocka_unit_test(a_coarse_clock_misleads_nobody),
	      cmocka_unit_test(what_comes_late_costs_nothing), cmocka_unit_test(waiting_for_the_other_direction_ends),
	      cmocka_unit_test(more_than_may_be_held_goes_on), cmocka_unit_test(without_room_nothing_is_lost),
	      cmocka_unit_test(without_room_a_hole_is_given_up), cmocka_unit_test(without_room_the_nearest_goes_first),
	      cmocka_unit_test(without_room_holes_of_both_are_given_up),
	      cmocka_unit_test(no_room_to_wait_for_the_other_direction), cmocka_unit_test(a_running_body_is_not_held),
	      cmocka_unit_test(one_direction_alone_goes_on))
