// SPDX-License-Identifier: Apache-2.0
#include "attach/wire.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/part.h"
#include "harness/unit.h"

/* What the handlers were asked; they take nothing unsound. */
struct served {
	unsigned count[TT_ATTACH_OPS];
	size_t answer_bytes; /* how much an answer gets */
	int result;
};

static int serve_any(void *ctx, const struct tt_attach_request *q, struct tt_buf *answer)
{
	struct served *s = ctx;

	assert_true(tt_attach_request_sound(q));
	assert_in_range(q->op, 1, TT_ATTACH_OPS - 1);
	s->count[q->op]++;
	for (size_t i = 0; i < s->answer_bytes; i++)
		tt_buf_add_char(answer, (char)i);
	return s->result;
}

static const tt_attach_fn serve_all[TT_ATTACH_OPS] = {NULL,	 serve_any, serve_any, serve_any, serve_any, serve_any,
						      serve_any, serve_any, serve_any, serve_any, serve_any, serve_any};

/* The attach part over these bytes and then the end; what it answers is thrown away. */
static int serve_bytes(struct served *s, const void *bytes, size_t len)
{
	int in[2], out[2];

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	assert_int_equal(write(in[1], bytes, len), len);
	close(in[1]);
	int r = tt_attach_serve(in[0], out[1], serve_all, s);
	close(in[0]);
	close(out[0]);
	close(out[1]);
	return r;
}

static void only_what_there_is_is_served(void **state)
{
	static const struct {
		struct tt_attach_request q;
		bool sound;
	} rows[] = {
		{{.op = TT_ATTACH_PROCESS, .number = 1}, true},
		{{.op = TT_ATTACH_PROCESS, .number = INT32_MAX}, true},
		{{.op = TT_ATTACH_PROCESS}, false},
		{{.op = TT_ATTACH_PROCESS, .number = UINT32_MAX}, false},
		{{.op = TT_ATTACH_PROCESS, .number = 1, .conn = {.sock = 1}}, false},
		{{.op = TT_ATTACH_FORGET, .conn = {.sock = UINT64_MAX, .ino = 7}}, true},
		{{.op = TT_ATTACH_FORGET, .number = 1}, false},
		{{.op = TT_ATTACH_PROGRAMS}, true},
		{{.op = TT_ATTACH_PROGRAMS, .number = TT_ATTACH_TOOLS_MOST}, true},
		{{.op = TT_ATTACH_PROGRAMS, .number = 1 + TT_ATTACH_TOOLS_MOST}, false},
		{{.op = TT_ATTACH_ROWS, .number = 1, .conn = {.ino = 131072}}, true},
		{{.op = TT_ATTACH_ROWS}, false},
		{{.op = TT_ATTACH_ROWS, .number = 1 + TT_ATTACH_TOOLS_MOST}, false},
		{{.op = TT_ATTACH_SIGNAL, .number = SIGTERM}, true},
		{{.op = TT_ATTACH_SIGNAL}, false},
		{{.op = TT_ATTACH_SIGNAL, .number = SIGSTOP}, false},
		{{.op = TT_ATTACH_CONFIG}, true},
		{{.op = TT_ATTACH_CONFIG, .conn = {.ino = 1}}, false},
		{{.op = TT_ATTACH_STOP}, true},
		{{.op = TT_ATTACH_STOP, .number = UINT32_MAX}, false},
		{{.op = TT_ATTACH_MAPS, .number = 1}, true},
		{{.op = TT_ATTACH_MAPS}, false},
		{{.op = TT_ATTACH_MAPS, .number = 1, .conn = {.ino = 1}}, false},
		{{.op = TT_ATTACH_MAPPED, .number = 1, .conn = {.sock = 4096, .ino = 7}}, true},
		{{.op = TT_ATTACH_MAPPED, .conn = {.sock = 4096}}, false},
		{{.op = TT_ATTACH_PERF_MAP, .number = INT32_MAX, .conn = {.ino = 7}}, true},
		{{.op = TT_ATTACH_PERF_MAP, .number = 1u + INT32_MAX}, false},
		{{.op = TT_ATTACH_OPS}, false},
		{{.op = 0}, false},
		{{.op = UINT32_MAX}, false},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		struct served s = {0};
		assert_int_equal(serve_bytes(&s, &rows[i].q, sizeof(rows[i].q)), rows[i].sound ? 0 : -EBADMSG);
		if (rows[i].q.op < TT_ATTACH_OPS)
			assert_int_equal(s.count[rows[i].q.op], rows[i].sound);
	}
}

static void ends_at_a_request_cut_short(void **state)
{
	const struct tt_attach_request q = {.op = TT_ATTACH_STOP};

	for (size_t len = 0; len < sizeof(q); len++) {
		struct served s = {0};
		assert_int_equal(serve_bytes(&s, &q, len), len ? -EBADMSG : 0);
		assert_int_equal(s.count[TT_ATTACH_STOP], 0);
	}
}

/* Nothing follows the first bytes that are no request, whatever they are. */
static void ends_at_hostile_bytes(void **state)
{
	srandom(1);
	for (int round = 0; round < 2000; round++) {
		struct tt_attach_request q[8];
		struct served s = {0};
		unsigned sound = 0, served = 0;

		for (size_t i = 0; i < sizeof(q); i++)
			((uint8_t *)q)[i] = random() % 4 ? 0 : (uint8_t)random();
		for (size_t i = 0; i < TT_ARRAY_LEN(q); i++)
			q[i].op %= 2 * TT_ATTACH_OPS; /* else hardly any would be one */
		while (sound < TT_ARRAY_LEN(q) && tt_attach_request_sound(&q[sound]))
			sound++;
		assert_int_equal(serve_bytes(&s, q, sizeof(q)), sound == TT_ARRAY_LEN(q) ? 0 : -EBADMSG);
		for (int op = 0; op < TT_ATTACH_OPS; op++)
			served += s.count[op];
		assert_int_equal(served, sound);
	}
}

/* --- both sides --- */

struct part {
	int in, out;
	struct served served;
	int result;
	pthread_t thread;
};

static void *part_run(void *arg)
{
	struct part *p = arg;

	p->result = tt_attach_serve(p->in, p->out, serve_all, &p->served);
	close(p->in);
	close(p->out);
	return NULL;
}

static void answers_come_back(void **state)
{
	static const struct {
		size_t bytes;
		int result, want;
	} rows[] = {{0, 0, 0},
		    {1, 0, 0},
		    {100000, 0, 0},
		    {TT_ATTACH_ANSWER_MAX, 0, 0},
		    {TT_ATTACH_ANSWER_MAX + 1, 0, -EMSGSIZE},
		    {5, -ENOENT, -ENOENT}};

	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		struct part p = {.served = {.answer_bytes = rows[i].bytes, .result = rows[i].result}};
		tt_buf_auto struct tt_buf answer = TT_BUF(TT_ATTACH_ANSWER_MAX);
		int ask[2], back[2];

		assert_int_equal(pipe(ask), 0);
		assert_int_equal(pipe(back), 0);
		p.in = ask[0];
		p.out = back[1];
		assert_int_equal(pthread_create(&p.thread, NULL, part_run, &p), 0);
		const struct tt_attach_request q = {.op = TT_ATTACH_PROCESS, .number = 1}, forget = {.op = TT_ATTACH_FORGET};
		assert_int_equal(tt_attach_ask(ask[1], back[0], &forget, NULL), 0); /* has no answer */
		assert_int_equal(tt_attach_ask(ask[1], back[0], &q, &answer), rows[i].want);
		assert_int_equal(answer.len, rows[i].want ? 0 : rows[i].bytes);
		for (size_t k = 0; k < answer.len; k++)
			assert_int_equal(answer.data[k], (uint8_t)k);
		close(ask[1]);
		pthread_join(p.thread, NULL);
		assert_int_equal(p.result, 0);
		assert_int_equal(p.served.count[TT_ATTACH_PROCESS], 1);
		assert_int_equal(p.served.count[TT_ATTACH_FORGET], 1);
		close(back[0]);
	}
}

static void an_answer_that_is_none(void **state)
{
	static const struct {
		struct tt_attach_answer head;
		size_t head_len, more;
		int want;
	} rows[] = {
		{{0}, 0, 0, -EPIPE},
		{{0}, 3, 0, -EPIPE},
		{{.len = 1}, sizeof(struct tt_attach_answer), 0, -EPIPE},
		{{.len = 8}, sizeof(struct tt_attach_answer), 7, -EPIPE},
		{{.len = TT_ATTACH_ANSWER_MAX + 1}, sizeof(struct tt_attach_answer), 0, -EBADMSG},
		{{.len = UINT32_MAX}, sizeof(struct tt_attach_answer), 0, -EBADMSG},
		{{.result = 1}, sizeof(struct tt_attach_answer), 0, -EBADMSG},
		{{.result = -ESRCH}, sizeof(struct tt_attach_answer), 0, -ESRCH},
		{{.len = 8}, sizeof(struct tt_attach_answer), 8, 0},
	};
	const struct tt_attach_request q = {.op = TT_ATTACH_CONFIG};

	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		tt_buf_auto struct tt_buf answer = TT_BUF(TT_ATTACH_ANSWER_MAX);
		int ask[2], back[2];

		assert_int_equal(pipe(ask), 0);
		assert_int_equal(pipe(back), 0);
		assert_int_equal(write(back[1], &rows[i].head, rows[i].head_len), rows[i].head_len);
		assert_int_equal(write(back[1], "12345678", rows[i].more), rows[i].more);
		close(back[1]);
		assert_int_equal(tt_attach_ask(ask[1], back[0], &q, &answer), rows[i].want);
		close(back[0]);
		close(ask[0]);
		close(ask[1]);
	}
}

/* Also where SIGPIPE would end the program. */
static void nobody_there(void **state)
{
	const struct tt_attach_request q = {.op = TT_ATTACH_STOP};
	int ask[2], back[2];

	signal(SIGPIPE, SIG_DFL);
	assert_int_equal(pipe(ask), 0);
	assert_int_equal(pipe(back), 0);
	close(ask[0]);
	close(back[1]);
	assert_int_equal(tt_attach_ask(ask[1], back[0], &q, NULL), -EPIPE);
	close(ask[1]);
	close(back[0]);
}

/* --- a process's facts --- */

static void facts_survive(void **state)
{
	struct tt_proc in = {
		.start_ns = 123456789, .ppid = 7, .comm = "a (b) c", .file = "/usr/bin/x", .pod = "web-0", .container = "web"};
	struct tt_proc out = {0};
	tt_buf_auto struct tt_buf bytes = TT_BUF(4096);

	in.args = TT_BUF(64);
	tt_buf_add(&in.args, "x\0-y\0", 5);
	assert_int_equal(tt_attach_process_pack(&bytes, &in), 0);
	assert_int_equal(tt_attach_process_unpack(tt_buf_span(&bytes), &out), 0);
	assert_int_equal(out.start_ns, in.start_ns);
	assert_int_equal(out.ppid, 7);
	assert_string_equal(out.comm, in.comm);
	assert_string_equal(out.file, in.file);
	assert_string_equal(out.pod, in.pod);
	assert_string_equal(out.container, in.container);
	assert_string_equal(out.asked_service, "");
	assert_int_equal(out.args.len, 5);
	assert_memory_equal(out.args.data, "x\0-y\0", 5);
	tt_proc_free(&out);

	for (size_t len = 0; len < bytes.len; len++)
		assert_int_equal(tt_attach_process_unpack(tt_span(bytes.data, len), &out), -EBADMSG);
	bytes.data[offsetof(struct tt_attach_process, file) + sizeof(in.file) - 1] = 'x';
	assert_int_equal(tt_attach_process_unpack(tt_buf_span(&bytes), &out), -EBADMSG);
	tt_proc_free(&in);
}

TT_UNIT_TESTS(cmocka_unit_test(only_what_there_is_is_served), cmocka_unit_test(ends_at_a_request_cut_short),
	      cmocka_unit_test(ends_at_hostile_bytes), cmocka_unit_test(answers_come_back),
	      cmocka_unit_test(an_answer_that_is_none), cmocka_unit_test(nobody_there), cmocka_unit_test(facts_survive))
