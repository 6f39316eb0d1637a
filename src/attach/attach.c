// SPDX-License-Identifier: Apache-2.0
#include "attach/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/wait.h>

#include "attach/part.h"
#include "attach/privilege.h"
#include "attach/wire.h"
#include "base/log.h"
#include "base/own.h"
#include "kernel/stats.h"

/* What a kernel's requests are known by. */
struct tt_attach_kernel {
	struct tt_attach *attach;
	uint32_t number; /* 0: the agent's, or the only one; others: tools inside the agent */
};

struct tt_attach {
	pid_t pid;
	int out;
	int in;
	struct tt_kernel *kernel;
	struct tt_attach_kernel kernels[1 + TT_ATTACH_TOOLS_MOST];
	struct tt_command *command;
	char *user;
	bool broken; /* it is gone, or talks nonsense: nothing more is asked */
};

static int ask(struct tt_attach *a, const struct tt_attach_request *request, struct tt_buf *answer)
{
	if (a->broken)
		return -EPIPE;
	int r = tt_attach_ask(a->out, a->in, request, answer);
	if (r == -EPIPE || r == -ETIMEDOUT || r == -EBADMSG) {
		a->broken = true;
		kill(a->pid, SIGKILL); /* one that hangs, too, is then seen to be gone (tt_attach_fd) */
	}
	return r;
}

/* --- what the kernel's side asks for --- */

/* All of them at once. */
static void stop(struct tt_attach *a)
{
	ask(a, &(struct tt_attach_request){.op = TT_ATTACH_STOP}, NULL);
}

static void remote_stop(void *ctx)
{
	stop(((struct tt_attach_kernel *)ctx)->attach);
}

static void remote_forget(void *ctx, const struct tt_conn_id *conn)
{
	ask(((struct tt_attach_kernel *)ctx)->attach, &(struct tt_attach_request){.op = TT_ATTACH_FORGET, .conn = *conn}, NULL);
}

static size_t remote_programs(void *ctx, struct tt_program_counts *ret, size_t most)
{
	tt_buf_auto struct tt_buf answer = TT_BUF(TT_ATTACH_ANSWER_MAX);
	const struct tt_attach_kernel *k = ctx;

	if (ask(k->attach, &(struct tt_attach_request){.op = TT_ATTACH_PROGRAMS, .number = k->number}, &answer) < 0)
		return 0;
	size_t n = TT_MIN(answer.len / sizeof(*ret), most);
	if (n)
		memcpy(ret, answer.data, n * sizeof(*ret));
	return n;
}

static const struct tt_kernel_remote remote = {.stop = remote_stop, .forget = remote_forget, .programs = remote_programs};

/* --- what others ask for --- */

int tt_attach_process(void *attach, uint32_t pid, struct tt_proc *ret)
{
	tt_buf_auto struct tt_buf answer = TT_BUF(TT_ATTACH_ANSWER_MAX);

	int r = ask(attach, &(struct tt_attach_request){.op = TT_ATTACH_PROCESS, .number = pid}, &answer);
	return r < 0 ? r : tt_attach_process_unpack(tt_buf_span(&answer), ret);
}

void tt_attach_libraries(void *attach, uint32_t pid)
{
	ask(attach, &(struct tt_attach_request){.op = TT_ATTACH_LIBRARIES, .number = pid}, NULL);
}

int tt_attach_maps(void *attach, uint32_t pid, struct tt_buf *to)
{
	return ask(attach, &(struct tt_attach_request){.op = TT_ATTACH_MAPS, .number = pid}, to);
}

/* A piece of a file, of which not more is taken than was asked for. */
static int ask_piece(void *attach, const struct tt_attach_request *q, size_t most, struct tt_buf *to)
{
	tt_buf_auto struct tt_buf answer = TT_BUF(TT_ATTACH_ANSWER_MAX);
	int r = ask(attach, q, &answer);

	return r < 0 ? r : tt_buf_add(to, answer.data, TT_MIN(answer.len, most));
}

int tt_attach_mapped(void *attach, uint32_t pid, uint64_t start, uint64_t offset, size_t most, struct tt_buf *to)
{
	const struct tt_attach_request q = {.op = TT_ATTACH_MAPPED, .number = pid, .conn = {.sock = start, .ino = offset}};

	return ask_piece(attach, &q, most, to);
}

int tt_attach_perf_map(void *attach, uint32_t pid, uint64_t offset, size_t most, struct tt_buf *to)
{
	const struct tt_attach_request q = {.op = TT_ATTACH_PERF_MAP, .number = pid, .conn = {.ino = offset}};

	return ask_piece(attach, &q, most, to);
}

int tt_attach_rows(struct tt_attach *a, size_t tool, struct tt_buf *to)
{
	struct tt_attach_request q = {.op = TT_ATTACH_ROWS, .number = (uint32_t)tool + 1};

	for (;;) {
		size_t before = to->len;
		int r = ask_piece(a, &q, TT_ATTACH_PIECE, to);

		if (r < 0 || to->len - before < TT_ATTACH_PIECE)
			return r;
		q.conn.ino += TT_ATTACH_PIECE;
	}
}

int tt_attach_config_file(struct tt_attach *a, struct tt_buf *text)
{
	return ask(a, &(struct tt_attach_request){.op = TT_ATTACH_CONFIG}, text);
}

static int command_signal(void *ctx, int signo)
{
	return ask(ctx, &(struct tt_attach_request){.op = TT_ATTACH_SIGNAL, .number = (uint32_t)signo}, NULL);
}

/* --- life --- */

static int pipe_make(int *ret_read, int *ret_write)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*ret_read = fds[0];
	*ret_write = fds[1];
	return 0;
}

/* The child: its own ends only. */
static _Noreturn void child(const struct tt_attach_config *config, int in, int out, int ready, const int *others, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(others[i]);
	tt_attach_part(config, in, out, ready);
}

static int start(struct tt_attach *a, const struct tt_attach_config *config)
{
	tt_close_auto int ask_in = -1, ask_out = -1, answer_in = -1, answer_out = -1, ready_in = -1, ready_out = -1;
	int status = 0;

	int r = pipe_make(&ask_in, &ask_out);
	if (r == 0)
		r = pipe_make(&answer_in, &answer_out);
	if (r == 0)
		r = pipe_make(&ready_in, &ready_out);
	if (r < 0)
		return r;
	const int others[] = {ask_out, answer_in, ready_in};
	a->pid = fork();
	if (a->pid < 0)
		return -errno;
	if (a->pid == 0)
		child(config, ask_in, answer_out, ready_out, others, TT_ARRAY_LEN(others));

	close(TT_TAKE_FD(ready_out));
	if (read(ready_in, &status, sizeof(status)) != sizeof(status))
		status = -ECHILD;
	if (status < 0) {
		waitpid(a->pid, NULL, 0);
		return status;
	}
	a->out = TT_TAKE_FD(ask_out);
	a->in = TT_TAKE_FD(answer_in);
	return 0;
}

/* A tool inside the agent is asked for what it counted: nothing of its tables stays here. */
static int hand_over(struct tt_attach *a, const struct tt_attach_config *config)
{
	for (uint32_t i = 0; i < TT_ARRAY_LEN(a->kernels); i++)
		a->kernels[i] = (struct tt_attach_kernel){.attach = a, .number = i};
	int r = tt_kernel_hand_over(a->kernel, false, &remote, &a->kernels[0]);
	for (size_t i = 0; r == 0 && i < config->tool_count; i++)
		r = tt_kernel_hand_over(config->tools[i].kernel, true, &remote, &a->kernels[1 + i]);
	/* Those that were handed over are not to ask later, when there is nobody. */
	for (size_t i = 0; r < 0 && i < config->tool_count; i++)
		tt_kernel_stop(config->tools[i].kernel);
	if (r < 0)
		tt_kernel_stop(a->kernel);
	return r;
}

int tt_attach_new(struct tt_attach **ret, const struct tt_attach_config *config)
{
	struct tt_attach *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->user = strdup(config->user ? config->user : "");
	int r = a->user ? start(a, config) : -ENOMEM;
	if (r < 0) {
		free(a->user);
		free(a);
		return r;
	}
	a->kernel = config->kernel;
	r = hand_over(a, config);
	if (r < 0) {
		tt_attach_free(a);
		return r;
	}
	a->command = config->command;
	if (a->command) {
		a->command->signal = command_signal;
		a->command->signal_ctx = a;
	}
	*ret = a;
	return 0;
}

int tt_attach_drop(struct tt_attach *a, bool own_maps)
{
	const int keep = CAP_BPF;

	return tt_privilege_drop(a->user, &keep, own_maps && tt_attach_calls_privileged(a->kernel));
}

struct tt_attach *tt_attach_free(struct tt_attach *a)
{
	if (!a)
		return NULL;
	if (a->command)
		a->command->signal = NULL;
	stop(a);
	close(a->out);
	close(a->in);
	if (a->pid > 0)
		waitpid(a->pid, NULL, 0);
	free(a->user);
	free(a);
	return NULL;
}

int tt_attach_fd(const struct tt_attach *a)
{
	return a->in;
}

int tt_attach_gone(struct tt_attach *a)
{
	int status = 0;

	a->broken = true;
	bool ended = a->pid > 0 && waitpid(a->pid, &status, 0) == a->pid;
	a->pid = -1;
	if (ended && WIFSIGNALED(status))
		tt_error("the attach part was ended by signal %d; nothing is attached any more", WTERMSIG(status));
	else
		tt_error("the attach part is gone (status %d); nothing is attached any more", ended ? WEXITSTATUS(status) : -1);
	return -ECHILD;
}
