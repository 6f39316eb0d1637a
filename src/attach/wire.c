// SPDX-License-Identifier: Apache-2.0
#include "attach/wire.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"

#define PATIENCE_MS 30000 /* /proc may have to wait for a busy process; longer than this and the attach part hangs */

static const struct {
	bool conn;	/* it uses conn */
	bool answered;	/* it has an answer */
	uint32_t least; /* of number */
	uint32_t most;
} ops[TT_ATTACH_OPS] = {
	[TT_ATTACH_PROCESS] = {.answered = true, .least = 1, .most = INT32_MAX},
	[TT_ATTACH_FORGET] = {.conn = true},
	[TT_ATTACH_PROGRAMS] = {.answered = true, .most = TT_ATTACH_TOOLS_MOST},
	[TT_ATTACH_SIGNAL] = {.answered = true, .least = 1, .most = SIGTERM},
	[TT_ATTACH_CONFIG] = {.answered = true},
	[TT_ATTACH_STOP] = {.answered = true},
	[TT_ATTACH_LIBRARIES] = {.least = 1, .most = INT32_MAX},
	[TT_ATTACH_MAPS] = {.answered = true, .least = 1, .most = INT32_MAX},
	[TT_ATTACH_MAPPED] = {.conn = true, .answered = true, .least = 1, .most = INT32_MAX},
	[TT_ATTACH_PERF_MAP] = {.conn = true, .answered = true, .least = 1, .most = INT32_MAX},
	[TT_ATTACH_ROWS] = {.conn = true, .answered = true, .least = 1, .most = TT_ATTACH_TOOLS_MOST},
};

bool tt_attach_request_sound(const struct tt_attach_request *q)
{
	if (q->op == 0 || q->op >= TT_ATTACH_OPS)
		return false;
	if (q->number < ops[q->op].least || q->number > ops[q->op].most)
		return false;
	return ops[q->op].conn || (q->conn.sock == 0 && q->conn.ino == 0);
}

/* The whole of it. 1; 0 at the end before its first byte; -EBADMSG at the end within it. */
static int read_whole(int fd, void *to, size_t size)
{
	for (size_t got = 0; got < size;) {
		ssize_t n = read(fd, (char *)to + got, size - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return got ? -EBADMSG : 0;
		got += (size_t)n;
	}
	return 1;
}

static int write_whole(int fd, const void *from, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, (const char *)from + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

/* --- the attach part --- */

static int answer_write(int out, int result, const struct tt_buf *bytes)
{
	const struct tt_attach_answer head = {.result = result, .len = result < 0 ? 0 : (uint32_t)bytes->len};

	int r = write_whole(out, &head, sizeof(head));
	return r < 0 ? r : write_whole(out, bytes->data, head.len);
}

int tt_attach_serve(int in, int out, const tt_attach_fn serve[static TT_ATTACH_OPS], void *ctx)
{
	tt_buf_auto struct tt_buf answer = TT_BUF(TT_ATTACH_ANSWER_MAX);

	for (;;) {
		struct tt_attach_request request;
		int r = read_whole(in, &request, sizeof(request));
		if (r <= 0)
			return r;
		if (!tt_attach_request_sound(&request))
			return -EBADMSG;
		tt_buf_clear(&answer);
		int result = serve[request.op] ? serve[request.op](ctx, &request, &answer) : -EOPNOTSUPP;
		if (!ops[request.op].answered)
			continue;
		r = answer_write(out, answer.failed ? -EMSGSIZE : result, &answer);
		if (r < 0)
			return r;
	}
}

/* --- the other --- */

/* A pipe nobody reads raises SIGPIPE, which elsewhere in the program may be meant to end it. */
static int write_quietly(int fd, const void *from, size_t size)
{
	sigset_t pipe_only, before, pending;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	int r = write_whole(fd, from, size);
	if (r == -EPIPE && !sigismember(&pending, SIGPIPE))
		(void)sigtimedwait(&pipe_only, NULL, &(struct timespec){0});
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

static int wait_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n;

	do {
		n = poll(&p, 1, PATIENCE_MS);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n ? 0 : -ETIMEDOUT;
}

static int answer_bytes(int in, size_t len, struct tt_buf *answer)
{
	int r = tt_buf_reserve(answer, len);
	if (r < 0)
		return -EBADMSG;
	r = len ? read_whole(in, answer->data + answer->len, len) : 1;
	if (r <= 0)
		return -EPIPE;
	answer->len += len;
	return 0;
}

int tt_attach_ask(int out, int in, const struct tt_attach_request *request, struct tt_buf *answer)
{
	struct tt_attach_answer head = {0};

	int r = write_quietly(out, request, sizeof(*request));
	if (r < 0)
		return r;
	if (!ops[request->op].answered)
		return 0;
	r = wait_readable(in);
	if (r < 0)
		return r;
	r = read_whole(in, &head, sizeof(head));
	if (r <= 0)
		return -EPIPE;
	if (head.result > 0 || head.len > TT_ATTACH_ANSWER_MAX || (head.len && !answer))
		return -EBADMSG;
	r = head.len ? answer_bytes(in, head.len, answer) : 0;
	return r < 0 ? r : head.result;
}
