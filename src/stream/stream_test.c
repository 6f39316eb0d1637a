// SPDX-License-Identifier: Apache-2.0
/* The stream's promises, with the toy protocols. Lines are explained in tests/harness/talk.h. */
#include "stream/stream.h"

#include <stdlib.h>

#include "harness/talk.h"
#include "harness/toys.h"
#include "harness/unit.h"

static void check(const struct tt_proto *proto, const struct tt_line *script, const char *expected)
{
	tt_talk_check(proto, script, expected);
	tt_talk_truncate(proto, script);
}

static void pairs_in_order(void **state)
{
	const struct tt_line script[] = {TT_C("Q one\n"), TT_S("A ok\n"), TT_C("Q two\nQ three\n"), TT_S("A bad\nA ok\n"),
					 TT_TALK_END};
	check(&toy_in_order, script, "Q|one|ok|-|6|5|complete|\nQ|two|bad|bad|6|6|complete|\nQ|three|ok|-|8|5|complete|\n");
	check(&toy_early, script, "Q|one|ok|-|6|5|complete|\nQ|two|bad|bad|6|6|complete|\nQ|three|ok|-|8|5|complete|\n");
}

static void pairs_by_id(void **state)
{
	const struct tt_line script[] = {TT_C("Q#1 one\n"), TT_C("Q#2 two\nQ#3 three\n"), TT_S("A#3 c\nA#1 a\n"), TT_S("A#2 b\n"),
					 TT_TALK_END};
	check(&toy_by_id, script, "Q|three|c|-|10|6|complete|\nQ|one|a|-|8|6|complete|\nQ|two|b|-|8|6|complete|\n");
}

static void pairs_datagrams(void **state)
{
	const struct tt_line script[] = {TT_DC("Q#1 one\n"), TT_DC("Q#2 two\n"), TT_DS("A#2 b\n"), TT_DS("A#1 a\n"), TT_TALK_END};
	check(&toy_by_id, script, "Q|two|b|-|8|6|complete|\nQ|one|a|-|8|6|complete|\n");
}

static void reports_one_way(void **state)
{
	const struct tt_line script[] = {TT_C("N one\nN two\n"), TT_TALK_END};
	check(&toy_one_way, script, "N|one|-|-|6|0|complete|\nN|two|-|-|6|0|complete|\n");
}

static void skips_bodies_by_counting(void **state)
{
	const struct tt_line script[] = {TT_C("Q one +5\nhelloQ two\n"), TT_S("A ok +3\nxyzA ok\n"), TT_TALK_END};
	check(&toy_in_order, script, "Q|one|ok|-|14|11|complete|\nQ|two|ok|-|6|5|complete|\n");

	/* A hole inside a body costs nothing. */
	const struct tt_line holed[] = {TT_C("Q one +5000\nhe"), TT_C_HOLE(4000), TT_C_HOLE(998), TT_S("A ok\n"),
					TT_C("Q two\n"),	 TT_S("A ok\n"),  TT_TALK_END};
	tt_talk_check(&toy_in_order, holed, "Q|one|ok|-|5012|5|complete|\nQ|two|ok|-|6|5|complete|\n");
}

static void answers_may_come_early(void **state)
{
	const struct tt_line script[] = {TT_C("Q one +10\nhello"), TT_S("A ok\n"), TT_C("world"),
					 TT_C("Q two\n"),	   TT_S("A ok\n"), TT_TALK_END};
	check(&toy_early, script, "Q|one|ok|-|20|5|complete|\nQ|two|ok|-|6|5|complete|\n");
}

static void bodies_end_with_the_stream(void **state)
{
	const struct tt_line script[] = {TT_C("Q one\n"), TT_S("A ok *\n"), TT_S("some body"), TT_S_EOF, TT_TALK_END};
	check(&toy_in_order, script, "Q|one|ok|-|6|16|complete|\n");
}

static void names_how_it_ended(void **state)
{
	const struct tt_line server[] = {TT_C("Q one\n"), TT_S_EOF, TT_TALK_END};
	tt_talk_check(&toy_in_order, server, "Q|one|-|closed_by_server|6|0|complete|\n");
	const struct tt_line partial[] = {TT_C("Q one\n"), TT_S("A ok +10\nhal"), TT_S_EOF, TT_TALK_END};
	tt_talk_check(&toy_in_order, partial, "Q|one|-|closed_by_server|6|12|complete|\n");
	const struct tt_line client[] = {TT_C("Q one\n"), TT_C_EOF, TT_S_EOF, TT_TALK_END};
	tt_talk_check(&toy_in_order, client, "Q|one|-|closed_by_client|6|0|complete|\n");
	const struct tt_line reset[] = {TT_C("Q one\n"), TT_RESET, TT_S_EOF, TT_TALK_END};
	tt_talk_check(&toy_in_order, reset, "Q|one|-|reset|6|0|complete|\n");
	const struct tt_line timeout[] = {TT_C("Q one\n"), TT_PAUSE(61000), TT_S("A ok\n"),
					  TT_C("Q two\n"), TT_S("A ok\n"),  TT_TALK_END};
	tt_talk_check(&toy_in_order, timeout, "Q|one|-|timeout|6|0|complete|\nQ|two|ok|-|6|5|complete|\n");
}

/* What is open where the capture ends, or the run, is neither lost nor failed; unless who asked is gone. */
static void what_is_open_at_the_end_is_unfinished(void **state)
{
	const struct tt_line open[] = {TT_C("Q one\n"), TT_S("A ok\n"), TT_C("Q two\n"), TT_TALK_END};
	tt_talk_check(&toy_in_order, open, "Q|one|ok|-|6|5|complete|\nQ|two|-|unfinished|6|0|incomplete|\n");
	const struct tt_line left[] = {TT_C("Q one\n"), TT_C_EOF, TT_TALK_END};
	tt_talk_check(&toy_in_order, left, "Q|one|-|closed_by_client|6|0|complete|\n");
	const struct tt_line hole[] = {TT_C("Q#1 one\n"), TT_S_HOLE(3), TT_C_EOF, TT_TALK_END};
	tt_free_auto char *lost = tt_talk(&toy_by_id, hole);
	assert_string_equal(lost, "Q|one|-|lost|8|0|incomplete|\n");
	const struct tt_line answered[] = {TT_C("Q one\n"), TT_C("Q two\n"), TT_C_EOF, TT_S("A ok +10\nhal"), TT_TALK_END};
	tt_free_auto char *lines = tt_talk(&toy_in_order, answered);
	assert_string_equal(lines, "Q|one|-|unfinished|6|12|incomplete|\nQ|two|-|unfinished|6|0|incomplete|\n");
	const struct tt_line back[] = {TT_C("Q#1 one\n"), TT_S("A#1 ok\nB#1 back\n"), TT_S_EOF, TT_TALK_END};
	tt_talk_check(&toy_by_id, back, "Q|one|ok|-|8|7|complete|\n<B|back|-|closed_by_client|9|0|complete|\n");
}

static void never_guesses_after_a_hole(void **state)
{
	/* The answer's hole: which request the next answer belongs to is unknown until all is quiet again. */
	const struct tt_line answer[] = {TT_C("Q one\n"), TT_S_HOLE(5), TT_C("Q two\n"), TT_S("A ok\n"), TT_TALK_END};
	tt_talk_check(&toy_in_order, answer, "Q|one|-|lost|6|0|incomplete|\nQ|two|ok|-|6|5|complete|\n");

	/* A request's hole: its answer is nobody's; a later request that starts in silence is trusted. */
	const struct tt_line request[] = {TT_C("Q one\n"),   TT_C_HOLE(6),    TT_S("A ok\nA ok\n"),
					  TT_C("Q three\n"), TT_S("A bad\n"), TT_TALK_END};
	tt_talk_check(&toy_in_order, request, "Q|one|ok|-|6|5|complete|\nQ|three|bad|bad|8|6|complete|\n");

	/* A connection whose requests overlap answers is not trusted again. */
	const struct tt_line overlap[] = {TT_C("Q one\n"), TT_C("Q two\n"), TT_S("A 1\n"),    TT_C("Q three\n"), TT_S("A 2\n"),
					  TT_C_HOLE(6),	   TT_S("A 3\n"),   TT_C("Q five\n"), TT_S("A 4\n"),	 TT_TALK_END};
	tt_talk_check(
		&toy_in_order, overlap,
		"Q|one|1|-|6|4|complete|\nQ|two|2|-|6|4|complete|\nQ|three|3|-|8|4|complete|\nQ|five|-|lost|7|0|incomplete|\n");
}

/* What is passed over behind a hole may have answered what was asked meanwhile, however long nothing of it can be read. */
static void what_is_passed_over_may_be_an_answer(void **state)
{
	const struct tt_line script[] = {TT_C("Q#1 one\n"), TT_S_HOLE(6), TT_PAUSE(20),	       TT_C("Q#2 two\n"),
					 TT_S("?? two\n"),  TT_PAUSE(20), TT_C("Q#3 three\n"), TT_C_EOF,
					 TT_S_EOF,	    TT_TALK_END};
	tt_talk_check(&toy_by_id, script,
		      "Q|one|-|lost|8|0|incomplete|\nQ|two|-|lost|8|0|incomplete|\nQ|three|-|closed_by_client|10|0|complete|\n");
	const struct tt_line back[] = {TT_C("Q#1 one\n"),  TT_S("A#1 ok\nB#1 back\n"),
				       TT_C_HOLE(6),	   TT_PAUSE(20),
				       TT_S("B#2 more\n"), TT_C("?? x\n"),
				       TT_C_EOF,	   TT_S_EOF,
				       TT_TALK_END};
	tt_talk_check(&toy_by_id, back,
		      "Q|one|ok|-|8|7|complete|\n<B|back|-|lost|9|0|incomplete|\n<B|more|-|lost|9|0|incomplete|\n");
}

/* By id, where the answers' side was not seen from its start: before its first bytes there may have been others. */
static void what_came_before_the_first_bytes_may_be_an_answer(void **state)
{
	const struct tt_line script[] = {TT_MID,   TT_C("Q#1 one\n"), TT_C("Q#2 two\n"), TT_S("A#2 ok\n"), TT_C("Q#3 three\n"),
					 TT_C_EOF, TT_S_EOF,	      TT_TALK_END};
	tt_free_auto char *lines = tt_talk(&toy_by_id, script);
	assert_string_equal(lines, "Q|two|ok|-|8|7|complete|\nQ|one|-|lost|8|0|incomplete|\n"
				   "Q|three|-|closed_by_client|10|0|complete|\n");
}

/* On a connection seen whole what was said before anything was asked is nobody's answer. */
static void said_unasked_it_answers_nothing(void **state)
{
	static const struct tt_proto *const protos[] = {&toy_in_order, &toy_early};

	for (size_t i = 0; i < 2; i++) {
		const struct tt_line own[] = {TT_C("Q one\n"), TT_S("A ok\n"), TT_S("A bad\n"), TT_PAUSE(50),
					      TT_C("Q two\n"), TT_S("A ok\n"), TT_TALK_END};
		tt_talk_check(protos[i], own, "Q|one|ok|-|6|5|complete|\nQ|two|ok|-|6|5|complete|\n");
		const struct tt_line none[] = {TT_C("Q one\n"), TT_S("A ok\n"), TT_S("A bad\n"), TT_PAUSE(50),
					       TT_C("Q two\n"), TT_S_EOF,	TT_TALK_END};
		tt_talk_check(protos[i], none, "Q|one|ok|-|6|5|complete|\nQ|two|-|closed_by_server|6|0|complete|\n");
		/* So near to it only clocks that differ could make it an answer. */
		const struct tt_line near[] = {TT_C("Q one\n"), TT_S("A ok\n"), TT_S("A bad\n"),
					       TT_C("Q two\n"), TT_S_EOF,	TT_TALK_END};
		tt_free_auto char *lines = tt_talk(protos[i], near);
		assert_string_equal(lines, "Q|one|ok|-|6|5|complete|\nQ|two|bad|bad|6|6|incomplete|\n");
	}
}

static void starts_in_the_middle(void **state)
{
	const struct tt_line script[] = {TT_MID, TT_S("nd of a body"), TT_C("Q two\n"), TT_S("A ok\n"), TT_TALK_END};
	tt_talk_check(&toy_in_order, script, "Q|two|ok|-|6|5|complete|\n");
	const struct tt_line answer[] = {TT_MID, TT_S("A ok\n"), TT_C("Q two\n"), TT_S("A ok\n"), TT_TALK_END};
	tt_talk_check(&toy_in_order, answer, "Q|two|ok|-|6|5|complete|\n");

	/* Two are asked before the first answer: one may have been missed. Asked at once they were not waited for. */
	const struct tt_line missed[] = {TT_MID,	 TT_C("Q one\n"),   TT_C("Q two\n"), TT_S("A ok\n"),
					 TT_PAUSE(2000), TT_C("Q three\n"), TT_S("A ok\n"),  TT_TALK_END};
	tt_free_auto char *lines = tt_talk(&toy_in_order, missed);
	assert_string_equal(lines, "Q|one|-|lost|6|0|incomplete|\nQ|two|-|lost|6|0|incomplete|\nQ|three|ok|-|8|5|complete|\n");
	const struct tt_line at_once[] = {TT_MID, TT_C("Q one\nQ two\n"), TT_S("A ok\n"), TT_S("A ok\n"), TT_TALK_END};
	tt_free_auto char *both = tt_talk(&toy_in_order, at_once);
	assert_string_equal(both, "Q|one|ok|-|6|5|complete|\nQ|two|ok|-|6|5|complete|\n");
}

static void leaves_strangers_alone(void **state)
{
	const struct tt_line script[] = {TT_C("\x16\x03\x01\x02 hello\n"), TT_S("\x16 ok\n"), TT_C("x one\n"), TT_S("y ok\n"),
					 TT_TALK_END};
	check(&toy_in_order, script, "");
	const struct tt_line later[] = {TT_C("\x16\x03\n"), TT_S("\x16 ok\n"), TT_C("Q one\n"), TT_S("A ok\n"), TT_TALK_END};
	tt_free_auto char *lines = tt_talk(&toy_in_order, later);
	assert_string_equal(lines, "");
	const struct tt_line garbage[] = {TT_C("Q one\n"), TT_S("A ok\n"), TT_C("garbage\n"), TT_S("A no\n"),
					  TT_C("Q two\n"), TT_S("A ok\n"), TT_TALK_END};
	tt_talk_truncate(&toy_in_order, garbage);
}

/* Both ends ask, with the same ids, at the same time. */
static void pairs_what_the_server_asks(void **state)
{
	const struct tt_line script[] = {
		TT_C("Q#1 one\n"), TT_S("A#1 a\n"),  TT_S("B#1 back\n"), TT_C("Q#2 two\n"),	     TT_S("B#2 more\n"),
		TT_S("A#2 b\n"),   TT_S("D told\n"), TT_C("C#2 late\n"), TT_C("C#1 x\nQ#1 again\n"), TT_S("A#1 c\n"),
		TT_C_EOF,	   TT_S_EOF,	     TT_TALK_END};
	check(&toy_by_id, script,
	      "Q|one|a|-|8|6|complete|\nQ|two|b|-|8|6|complete|\n<D|told|-|-|7|0|complete|\n<B|more|late|-|9|9|complete|\n"
	      "<B|back|x|-|9|6|complete|\nQ|again|c|-|10|6|complete|\n");
}

/* The end that asked is the client, whoever opened the connection. */
static void server_asking_is_the_client(void **state)
{
	const struct tt_line script[] = {TT_C("Q#1 one\n"), TT_S("A#1 a\n"), TT_S("B#1 back\n"), TT_C_EOF, TT_S_EOF, TT_TALK_END};
	check(&toy_by_id, script, "Q|one|a|-|8|6|complete|\n<B|back|-|closed_by_server|9|0|complete|\n");
}

/* The order decides on a connection that was seen whole, and then the times are each exchange's own. */
static void pairs_what_looks_alike(void **state)
{
	const struct tt_line script[] = {TT_C("Q k\n"),	 TT_S("A ok\n"), TT_PAUSE(7),	 TT_C("Q k\n"),
					 TT_S("A ok\n"), TT_C("Q k\n"),	 TT_S("A ok\n"), TT_TALK_END};
	check(&toy_in_order, script, "Q|k|ok|-|4|5|complete|\nQ|k|ok|-|4|5|complete|\nQ|k|ok|-|4|5|complete|\n");
	tt_free_auto char *timed = tt_talk_timed(&toy_in_order, script);
	assert_string_equal(timed, "Q|k|ok|-|4|5|complete||1000|500\nQ|k|ok|-|4|5|complete||1000|500\n"
				   "Q|k|ok|-|4|5|complete||1000|500\n");
}

/* An id that is used again while its first request was never answered: nobody knows which one the answer is for. */
static void doubts_equal_ids(void **state)
{
	const struct tt_line datagrams[] = {TT_DC("Q#0 a\n"), TT_DC("Q#0 b\n"), TT_DS("A#0 1\n"), TT_DC("Q#0 c\n"),
					    TT_DS("A#0 2\n"), TT_DC("Q#0 d\n"), TT_DS("A#0 3\n"), TT_TALK_END};
	tt_free_auto char *lines = tt_talk(&toy_by_id, datagrams);
	assert_string_equal(lines, "Q|a|-|lost|6|0|incomplete|\nQ|b|1|-|6|6|incomplete|\nQ|c|2|-|6|6|complete|\n"
				   "Q|d|3|-|6|6|complete|\n");
	const struct tt_line stream[] = {TT_C("Q#1 a\n"), TT_C("Q#2 x\n"), TT_S("A#2 ok\n"), TT_C("Q#1 b\n"),
					 TT_S("A#1 1\n"), TT_C("Q#1 c\n"), TT_S("A#1 2\n"),  TT_TALK_END};
	tt_free_auto char *others = tt_talk(&toy_by_id, stream);
	assert_string_equal(others, "Q|x|ok|-|6|7|complete|\nQ|a|-|lost|6|0|incomplete|\nQ|b|1|-|6|6|incomplete|\n"
				    "Q|c|2|-|6|6|complete|\n");
	struct tt_proto in_turn = toy_by_id;
	in_turn.ids = TT_IDS_IN_TURN;
	const struct tt_line turns[] = {TT_C("Q#1 a\nQ#1 b\n"), TT_C("Q#2 x\n"), TT_S("A#1 1\nA#2 3\nA#1 2\n"), TT_TALK_END};
	check(&in_turn, turns, "Q|a|1|-|6|6|complete|\nQ|x|3|-|6|6|complete|\nQ|b|2|-|6|6|complete|\n");
}

static void recovers_after_a_hole(void **state)
{
	const struct tt_line open[] = {TT_C("Q hello\n"), TT_S("A ok\n"), TT_TALK_END};
	const struct tt_line turn[] = {TT_C("Q k\n"), TT_S("A ok\n"), TT_TALK_END};
	const struct tt_line batch[] = {TT_C("Q one\n"), TT_C("Q two\n"), TT_C("Q three\n"), TT_S("A 1\n"),
					TT_S("A 2\n"),	 TT_S("A 3\n"),	  TT_TALK_END};
	tt_talk_recovers(&toy_in_order, open, turn);
	tt_talk_recovers(&toy_early, open, turn);
	tt_talk_recovers(&toy_in_order, open, batch);
	tt_talk_recovers(&toy_early, open, batch);
	const struct tt_line by_id[] = {TT_C("Q#1 k\n"), TT_C("Q#2 k\n"), TT_S("A#2 ok\n"), TT_S("A#1 ok\n"), TT_TALK_END};
	tt_talk_recovers(&toy_by_id, open, by_id);
	const struct tt_line middle[] = {TT_MID, TT_C("Q hello\n"), TT_S("A ok\n"), TT_TALK_END};
	tt_talk_recovers(&toy_in_order, middle, turn);
}

TT_UNIT_TESTS(cmocka_unit_test(what_is_open_at_the_end_is_unfinished),
	      cmocka_unit_test(what_came_before_the_first_bytes_may_be_an_answer),
	      cmocka_unit_test(what_is_passed_over_may_be_an_answer), cmocka_unit_test(said_unasked_it_answers_nothing),
	      cmocka_unit_test(pairs_what_looks_alike), cmocka_unit_test(recovers_after_a_hole),
	      cmocka_unit_test(doubts_equal_ids), cmocka_unit_test(pairs_in_order), cmocka_unit_test(pairs_by_id),
	      cmocka_unit_test(pairs_what_the_server_asks), cmocka_unit_test(server_asking_is_the_client),
	      cmocka_unit_test(pairs_datagrams), cmocka_unit_test(reports_one_way), cmocka_unit_test(skips_bodies_by_counting),
	      cmocka_unit_test(answers_may_come_early), cmocka_unit_test(bodies_end_with_the_stream),
	      cmocka_unit_test(names_how_it_ended), cmocka_unit_test(never_guesses_after_a_hole),
	      cmocka_unit_test(starts_in_the_middle), cmocka_unit_test(leaves_strangers_alone))
