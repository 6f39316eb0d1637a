// SPDX-License-Identifier: Apache-2.0
#include "attach/part.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attach/privilege.h"
#include "attach/settings.h"
#include "attach/wire.h"
#include "base/log.h"
#include "base/own.h"
#include "identity/mapped.h"
#include "kernel/plaintext.h"
#include "kernel/stats.h"

#define PROGRAMS_MOST 64

struct part {
	struct tt_kernel *kernel;
	int command; /* a pidfd: whatever its number names later, a signal reaches nothing else. -1: none */
	const char *config_file;
	bool stopped;
	bool stacks;
	struct tt_mapped_file file;
	const struct tt_attach_tool *tools;
	size_t tool_count;
	struct tt_buf rows; /* what one of them counted, and which */
	uint32_t rows_of;
};

static int serve_process(void *ctx, const struct tt_attach_request *request, struct tt_buf *answer)
{
	struct tt_proc proc;

	int r = tt_proc_read(&proc, "", request->number);
	if (r < 0)
		return r;
	r = tt_attach_process_pack(answer, &proc);
	tt_proc_free(&proc);
	return r;
}

static int serve_forget(void *ctx, const struct tt_attach_request *request, struct tt_buf *answer)
{
	const struct part *part = ctx;

	tt_kernel_forget_socket(part->kernel, &request->conn);
	return 0;
}

static int serve_programs(void *ctx, const struct tt_attach_request *request, struct tt_buf *answer)
{
	const struct part *part = ctx;
	struct tt_program_counts counts[PROGRAMS_MOST];

	if (request->number > part->tool_count)
		return -ENOENT;
	size_t n = tt_kernel_program_counts(request->number ? part->tools[request->number - 1].kernel : part->kernel, counts,
					    PROGRAMS_MOST);
	return tt_buf_add(answer, counts, n * sizeof(*counts));
}

static int serve_signal(void *ctx, const struct tt_attach_request *request, struct tt_buf *answer)
{
	const struct part *part = ctx;

	if (part->command < 0)
		return -ESRCH;
	return syscall(SYS_pidfd_send_signal, part->command, (int)request->number, NULL, 0) < 0 ? -errno : 0;
}

static int serve_config(void *ctx, const struct tt_attach_request *request, struct tt_buf *answer)
{
	const struct part *part = ctx;

	if (!part->config_file)
		return -ENOENT;
	tt_close_auto int fd = open(part->config_file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	for (;;) {
		int r = tt_buf_reserve(answer, 4096);
		if (r < 0)
			return -EFBIG;
		ssize_t n = read(fd, answer->data + answer->len, 4096);
		if (n <= 0)
			return n < 0 ? -errno : 0;
		answer->len += (size_t)n;
	}
}

static int serve_libraries(void *ctx, const struct tt_attach_request *request, struct tt_buf *answer)
{
	const struct part *part = ctx;

	return tt_plaintext_look_later(part->kernel, request->number);
}

static int serve_stop(void *ctx, const struct tt_attach_request *request, struct tt_buf *answer)
{
	struct part *part = ctx;

	tt_kernel_stop(part->kernel);
	for (size_t i = 0; i < part->tool_count; i++)
		tt_kernel_stop(part->tools[i].kernel);
	part->stopped = true;
	return 0;
}

static int serve_maps(void *ctx, const struct tt_attach_request *request, struct tt_buf *answer)
{
	const struct part *part = ctx;

	return part->stacks ? tt_mapped_lines(request->number, answer) : -EPERM;
}

static int serve_mapped(void *ctx, const struct tt_attach_request *request, struct tt_buf *answer)
{
	struct part *part = ctx;

	if (!part->stacks)
		return -EPERM;
	return tt_mapped_read(&part->file, request->number, request->conn.sock, request->conn.ino, TT_ATTACH_PIECE, answer);
}

static int serve_perf_map(void *ctx, const struct tt_attach_request *request, struct tt_buf *answer)
{
	const struct part *part = ctx;

	return part->stacks ? tt_perf_map_read(request->number, request->conn.ino, TT_ATTACH_PIECE, answer) : -EPERM;
}

static int serve_rows(void *ctx, const struct tt_attach_request *request, struct tt_buf *answer)
{
	struct part *part = ctx;
	uint64_t at = request->conn.ino;

	if (request->number > part->tool_count)
		return -ENOENT;
	const struct tt_attach_tool *tool = &part->tools[request->number - 1];
	if (!tool->collect)
		return -EOPNOTSUPP;
	if (at == 0) {
		tt_buf_free(&part->rows);
		part->rows_of = request->number;
		int r = tool->collect(tool->ctx, &part->rows);
		if (r < 0)
			return r;
	}
	if (part->rows_of != request->number || at > part->rows.len)
		return -EINVAL;
	return tt_buf_add(answer, part->rows.data + at, TT_MIN(part->rows.len - at, (size_t)TT_ATTACH_PIECE));
}

static const tt_attach_fn serve[TT_ATTACH_OPS] = {
	[TT_ATTACH_PROCESS] = serve_process,	 [TT_ATTACH_FORGET] = serve_forget, [TT_ATTACH_PROGRAMS] = serve_programs,
	[TT_ATTACH_SIGNAL] = serve_signal,	 [TT_ATTACH_CONFIG] = serve_config, [TT_ATTACH_STOP] = serve_stop,
	[TT_ATTACH_LIBRARIES] = serve_libraries, [TT_ATTACH_MAPS] = serve_maps,	    [TT_ATTACH_MAPPED] = serve_mapped,
	[TT_ATTACH_PERF_MAP] = serve_perf_map,	 [TT_ATTACH_ROWS] = serve_rows,
};

/* --- its start --- */

static int try_call(void *kernel)
{
	return tt_kernel_try_call(kernel);
}

bool tt_attach_calls_privileged(struct tt_kernel *k)
{
	static const int enough[] = {CAP_BPF, CAP_SYS_ADMIN};

	return tt_privilege_without(enough, TT_ARRAY_LEN(enough), try_call, k) == -EPERM;
}

static bool uprobes_privileged(void)
{
	static const int admin[] = {CAP_SYS_ADMIN};

	return tt_setting_number("kernel.perf_event_paranoid") > 2 ||
	       tt_privilege_without(admin, TT_ARRAY_LEN(admin), tt_plaintext_try, NULL) == -EPERM;
}

/* What is needed from now on: docs/threat-model.md has the same rows. */
static int drop(const struct tt_attach_config *config)
{
	int keep[8] = {CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH};
	size_t count = 2;

	if (tt_plaintext_on(config->kernel)) {
		keep[count++] = CAP_PERFMON;
		keep[count++] = CAP_CHECKPOINT_RESTORE; /* /proc/PID/map_files */
		keep[count++] = CAP_LEASE;		/* library_guard.c */
		if (uprobes_privileged())
			keep[count++] = CAP_SYS_ADMIN;
	}

	if (config->stacks && !tt_plaintext_on(config->kernel))
		keep[count++] = CAP_CHECKPOINT_RESTORE;
	if (config->command)
		keep[count++] = CAP_KILL;
	if (tt_attach_calls_privileged(config->kernel))
		keep[count++] = tt_need_met(&tt_needs[0]) && !tt_need_has(CAP_BPF) ? CAP_SYS_ADMIN : CAP_BPF;
	return tt_privilege_drop(config->user, keep, count);
}

/* Files of the other part are none of ours; standard error stays, for the last word. */
static void files_close(const struct tt_attach_config *config)
{
	tt_close_auto int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	if (config->command) {
		close(config->command->gate); /* so that it closes when telltale dies */
		close(config->command->report);
	}
}

_Noreturn void tt_attach_part(const struct tt_attach_config *config, int in, int out, int ready)
{
	struct part part = {.kernel = config->kernel,
			    .command = config->command ? (int)syscall(SYS_pidfd_open, config->command->pid, 0) : -1,
			    .config_file = config->config_file,
			    .stacks = config->stacks,
			    .file = TT_MAPPED_NONE,
			    .tools = config->tools,
			    .tool_count = config->tool_count,
			    .rows = TT_BUF(TT_ATTACH_ROWS_MOST)};

	/* Only the other part ends this one: what ends the whole group is for that one to decide. */
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT};
	for (size_t i = 0; i < TT_ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
	prctl(PR_SET_NAME, "telltale-attach", 0, 0, 0);
	files_close(config);
	tt_kernel_unmap(config->kernel);
	for (size_t i = 0; i < config->tool_count; i++)
		tt_kernel_unmap(config->tools[i].kernel);
	int r = drop(config);
	if (write(ready, &r, sizeof(r)) != sizeof(r) || r < 0)
		_exit(1);
	close(ready);

	r = tt_plaintext_work(config->kernel);
	if (r < 0)
		tt_warn("libraries are not looked after: %s", strerror(-r));
	r = tt_attach_serve(in, out, serve, &part);
	if (r < 0)
		tt_error_errno(r, "the attach part ends, and with it the observation");
	else if (!part.stopped)
		tt_error("the observing part is gone; nothing is attached any more");
	_exit(r < 0 || !part.stopped);
}
