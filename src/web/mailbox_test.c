// SPDX-License-Identifier: Apache-2.0
#include "web/mailbox.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>

#include "harness/unit.h"

static bool readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

/* Answers with path and query, and with 404 for /no. */
static void echo(void *ctx, const struct tt_ask *ask, struct tt_answer *answer)
{
	int *calls = ctx;

	(*calls)++;
	if (tt_span_eq(ask->path, TT_SPAN_LIT("/no"))) {
		answer->status = 404;
		return;
	}
	tt_buf_add(&answer->body, ask->path.data, ask->path.len);
	tt_buf_add_char(&answer->body, '|');
	tt_buf_add(&answer->body, ask->query.data, ask->query.len);
}

static int post(struct tt_mailbox *m, const char *path, const char *query, struct tt_letter **ret)
{
	struct tt_ask ask = {tt_span_str(path), tt_span_str(query)};

	return tt_mailbox_post(m, &ask, NULL, m, ret);
}

static struct tt_mailbox *open_mailbox(size_t slots, size_t body_max)
{
	struct tt_mailbox *m = NULL;

	assert_int_equal(tt_mailbox_new(&m, slots, body_max), 0);
	return m;
}

static void carries_question_and_answer(void **state)
{
	struct tt_mailbox *m = open_mailbox(3, 100);
	struct tt_letter *l = NULL;
	int calls = 0;

	assert_false(readable(tt_mailbox_fd(m)));
	assert_int_equal(post(m, "/api/v1/map", "window=60", &l), 0);
	assert_true(readable(tt_mailbox_fd(m)));
	assert_false(readable(tt_mailbox_answer_fd(m)));
	assert_null(tt_mailbox_take(m));

	assert_int_equal(tt_mailbox_serve(m, echo, &calls), 1);
	assert_false(readable(tt_mailbox_fd(m)));
	assert_true(readable(tt_mailbox_answer_fd(m)));
	tt_mailbox_quiet(m);
	assert_ptr_equal(tt_mailbox_take(m), l);
	assert_int_equal(l->answer.status, 200);
	assert_true(tt_span_eq(tt_buf_span(&l->answer.body), TT_SPAN_LIT("/api/v1/map|window=60")));
	assert_ptr_equal(l->owner, m);
	tt_letter_free(l);

	assert_int_equal(tt_mailbox_serve(m, echo, &calls), 0);
	assert_false(readable(tt_mailbox_answer_fd(m)));
	assert_int_equal(calls, 1);
	tt_mailbox_free(m);
}

static void turns_away_what_is_too_much(void **state)
{
	struct tt_mailbox *m = open_mailbox(3, 100);
	struct tt_letter *l = NULL;
	struct tt_mailbox_stats stats;

	for (int i = 0; i < 3; i++)
		assert_int_equal(post(m, "/a", "", &l), 0);
	struct tt_letter *before = l;
	assert_int_equal(post(m, "/a", "", &l), -EAGAIN);
	assert_ptr_equal(l, before);
	tt_mailbox_get_stats(m, &stats);
	assert_int_equal(stats.asked, 3);
	assert_int_equal(stats.full, 1);
	tt_mailbox_free(m); /* frees the letters still in it */
}

static void answers_a_few_at_a_time(void **state)
{
	struct tt_mailbox *m = open_mailbox(8, 100);
	struct tt_letter *l = NULL;
	int calls = 0;

	for (int i = 0; i < 6; i++)
		assert_int_equal(post(m, "/a", "", &l), 0);
	assert_int_equal(tt_mailbox_serve(m, echo, &calls), 4);
	assert_true(readable(tt_mailbox_fd(m)));
	assert_int_equal(tt_mailbox_serve(m, echo, &calls), 2);
	assert_false(readable(tt_mailbox_fd(m)));
	tt_mailbox_free(m);
}

static void spares_the_work_nobody_waits_for(void **state)
{
	struct tt_mailbox *m = open_mailbox(2, 100);
	struct tt_letter *l = NULL;
	struct tt_mailbox_stats stats;
	int calls = 0;

	assert_int_equal(post(m, "/a", "", &l), 0);
	tt_letter_abandon(l);
	assert_int_equal(tt_mailbox_serve(m, echo, &calls), 1);
	assert_int_equal(calls, 0);
	assert_ptr_equal(tt_mailbox_take(m), l);
	assert_null(l->owner);
	tt_letter_free(l);
	tt_mailbox_get_stats(m, &stats);
	assert_int_equal(stats.abandoned, 1);
	assert_int_equal(stats.answered, 0);
	tt_mailbox_free(m);
}

static void refuses_a_body_that_does_not_fit(void **state)
{
	struct tt_mailbox *m = open_mailbox(2, 4);
	struct tt_letter *l = NULL;
	struct tt_mailbox_stats stats;
	int calls = 0;

	assert_int_equal(post(m, "/abcdef", "", &l), 0);
	tt_mailbox_serve(m, echo, &calls);
	assert_ptr_equal(tt_mailbox_take(m), l);
	assert_int_equal(l->answer.status, 507);
	assert_int_equal(l->answer.body.len, 0);
	tt_letter_free(l);
	tt_mailbox_get_stats(m, &stats);
	assert_int_equal(stats.too_large, 1);
	tt_mailbox_free(m);
}

static struct tt_watch *hang_up(struct tt_mailbox *m)
{
	struct tt_watch *w = NULL;
	struct tt_letter *l = NULL;
	int calls = 0;

	assert_int_equal(tt_watch_new(&w, 4096), 0);
	assert_int_equal(tt_mailbox_post(m, &(struct tt_ask){}, w, NULL, &l), 0);
	assert_int_equal(tt_mailbox_serve(m, echo, &calls), 1);
	assert_int_equal(calls, 0);
	assert_ptr_equal(tt_mailbox_take(m), l);
	assert_int_equal(l->answer.status, 200);
	tt_letter_free(l);
	tt_mailbox_quiet(m);
	return w;
}

static void pushes_lines_to_those_who_watch(void **state)
{
	struct tt_mailbox *m = open_mailbox(4, 100);
	char text[64];
	int calls = 0;

	assert_false(tt_mailbox_watched(m));
	struct tt_watch *first = hang_up(m), *second = hang_up(m);
	assert_true(tt_mailbox_watched(m));

	tt_mailbox_push(m, TT_SPAN_LIT("1"));
	assert_false(readable(tt_mailbox_answer_fd(m)));
	tt_mailbox_serve(m, echo, &calls);
	assert_true(readable(tt_mailbox_answer_fd(m)));

	/* Whoever left is let go of. */
	tt_watch_close(first);
	tt_mailbox_push(m, TT_SPAN_LIT("2"));
	tt_mailbox_serve(m, echo, &calls);
	assert_true(tt_mailbox_watched(m));
	assert_int_equal(tt_watch_read(first, text, sizeof(text)), 2);
	assert_int_equal(tt_watch_read(second, text, sizeof(text)), 4);
	assert_memory_equal(text, "1\n2\n", 4);
	tt_watch_close(second);
	tt_mailbox_serve(m, echo, &calls);
	assert_false(tt_mailbox_watched(m));
	tt_watch_unref(first);
	tt_watch_unref(second);
	tt_mailbox_free(m);
}

static void counts_lines_dropped_for_slow_readers(void **state)
{
	struct tt_mailbox *m = open_mailbox(1, 100);
	struct tt_mailbox_stats stats;
	char line[3000];
	int calls = 0;

	struct tt_watch *w = hang_up(m);
	memset(line, 'x', sizeof(line));
	for (int i = 0; i < 3; i++)
		tt_mailbox_push(m, tt_span(line, sizeof(line)));
	tt_mailbox_serve(m, echo, &calls);
	tt_mailbox_get_stats(m, &stats);
	assert_int_equal(stats.dropped, 2);
	assert_int_equal(stats.watches, 1);

	/* No room for a second one. */
	struct tt_watch *second = NULL;
	struct tt_letter *l = NULL;
	assert_int_equal(tt_watch_new(&second, 4096), 0);
	assert_int_equal(tt_mailbox_post(m, &(struct tt_ask){}, second, NULL, &l), 0);
	tt_mailbox_serve(m, echo, &calls);
	assert_ptr_equal(tt_mailbox_take(m), l);
	assert_int_equal(l->answer.status, 503);
	tt_letter_free(l);
	tt_watch_unref(second);
	tt_watch_unref(w);
	tt_mailbox_free(m);
}

#define QUESTIONS 5000

static void *drain(void *arg)
{
	struct tt_mailbox *m = arg;
	struct pollfd p = {.fd = tt_mailbox_fd(m), .events = POLLIN};
	int calls = 0;

	for (size_t done = 0; done < QUESTIONS && poll(&p, 1, 10000) == 1;)
		done += tt_mailbox_serve(m, echo, &calls);
	return NULL;
}

/* Under the sanitizers this is also the test that nothing is shared by mistake. */
static void every_question_comes_back_between_threads(void **state)
{
	struct tt_mailbox *m = open_mailbox(5, 100);
	struct pollfd p = {.fd = tt_mailbox_answer_fd(m), .events = POLLIN};
	pthread_t thread;
	size_t back = 0, sent = 0;

	assert_int_equal(pthread_create(&thread, NULL, drain, m), 0);
	while (back < QUESTIONS) {
		struct tt_letter *l;
		while (sent < QUESTIONS && post(m, "/q", "x", &l) == 0)
			sent++;
		assert_int_equal(poll(&p, 1, 10000), 1);
		tt_mailbox_quiet(m);
		while ((l = tt_mailbox_take(m))) {
			assert_int_equal(l->answer.body.len, 4);
			tt_letter_free(l);
			back++;
		}
	}
	pthread_join(thread, NULL);
	tt_mailbox_free(m);
}

TT_UNIT_TESTS(cmocka_unit_test(carries_question_and_answer), cmocka_unit_test(turns_away_what_is_too_much),
	      cmocka_unit_test(answers_a_few_at_a_time), cmocka_unit_test(spares_the_work_nobody_waits_for),
	      cmocka_unit_test(refuses_a_body_that_does_not_fit), cmocka_unit_test(pushes_lines_to_those_who_watch),
	      cmocka_unit_test(counts_lines_dropped_for_slow_readers),
	      cmocka_unit_test(every_question_comes_back_between_threads))
