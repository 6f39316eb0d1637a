// SPDX-License-Identifier: Apache-2.0
#include "tools/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/now.h"
#include "base/own.h"
#include "kernel/stats.h"
#include "tools/rows.h"
#include "tools/stacks/stacks.h"

/* A drain is cut after so many records, so that signals are minded under load too. */
#define TT_TOOL_BUDGET 20000
/* At the end: with the programs gone the rings are empty soon. */
#define TT_TOOL_LAST_DRAINS 1000
#define TT_TOOL_LOOK_NS UINT64_C(500000000)

/* SIGHUP comes when a terminal or its connection is gone, and nobody wants to lose an hour's profile by that. */
static const struct {
	int signo;
	bool unless_ignored; /* as by nohup(1), or a shell that runs it in the background: it stays so then */
} minded[] = {{SIGINT, false}, {SIGTERM, false}, {SIGHUP, true}, {SIGQUIT, true}, {SIGCHLD, false}};

static bool is_ignored(int signo)
{
	struct sigaction now;

	return sigaction(signo, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

static void minded_set(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < TT_ARRAY_LEN(minded); i++) {
		if (!minded[i].unless_ignored || !is_ignored(minded[i].signo))
			sigaddset(set, minded[i].signo);
	}
}

int tt_tool_loop_prepare(void)
{
	sigset_t set;

	minded_set(&set);
	return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : 0;
}

static int take_record(void *ctx, const struct tt_record *rec)
{
	struct tt_tool_run *run = ctx;

	if (run->stacks && tt_stacks_take(run->stacks, rec))
		return 0;
	return run->tool->record ? run->tool->record(run, rec) : 0;
}

/* How many records came, or a negative errno. */
static int drain(struct tt_tool_run *run)
{
	return tt_rings_poll(tt_kernel_rings(run->kernel), tt_kernel_horizon(run->kernel), TT_TOOL_BUDGET, take_record, run);
}

static int show_interval(struct tt_tool_run *run)
{
	int r = run->tool->interval ? run->tool->interval(run) : 0;

	return r < 0 ? r : tt_rows_flush(run->rows);
}

/* True: the loop is to end. */
static bool take_signal(struct tt_tool_loop *loop, const struct signalfd_siginfo *info)
{
	struct tt_command *c = loop->command;
	int status;

	if (info->ssi_signo == SIGCHLD) {
		if (c->pid <= 0 || waitpid(c->pid, &status, WNOHANG) != c->pid)
			return false;
		loop->command_status = status;
		c->pid = -1;
		return true;
	}
	if (c->pid <= 0)
		return true;
	/* A command decides itself when to end. One that has the terminal got what comes from there already. */
	if (info->ssi_code != SI_KERNEL)
		tt_command_signal(c, (int)info->ssi_signo);
	return false;
}

static bool take_signals(struct tt_tool_loop *loop, int fd)
{
	struct signalfd_siginfo info;
	bool end = false;

	while (read(fd, &info, sizeof(info)) == sizeof(info))
		end |= take_signal(loop, &info);
	return end;
}

/* The processes named by --pid are gone, and all they began. */
static bool none_left(struct tt_tool_loop *loop, uint64_t now)
{
	const struct tt_tool_options *o = loop->options;

	if (!o->pid_count || now - loop->looked_ns < TT_TOOL_LOOK_NS)
		return false;
	loop->looked_ns = now;
	if (!tt_kernel_scope_empty(loop->run->kernel, o->pids, o->pid_count))
		return false;
	tt_warn("pid %u%s ended: nothing is left to observe", o->pids[0], o->pid_count > 1 ? " and others" : "");
	return true;
}

static int run_until_end(struct tt_tool_loop *loop, int signals)
{
	const struct tt_tool_options *o = loop->options;
	int wait_ms = (int)loop->run->limits->value[TT_LIMIT_DRAIN_INTERVAL];
	uint64_t begin = tt_now_ns();
	uint64_t next = begin + o->interval_ns, shown = 0;

	for (;;) {
		struct pollfd fds[] = {{.fd = signals, .events = POLLIN},
				       {.fd = tt_attach_fd(loop->attach), .events = POLLIN},
				       {.fd = loop->run->fd, .events = POLLIN}};

		if (poll(fds, TT_ARRAY_LEN(fds), wait_ms) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents)
			return tt_attach_gone(loop->attach);
		if (take_signals(loop, signals))
			return 0;
		int done = loop->run->tool->turn ? loop->run->tool->turn(loop->run) : 0;
		int r = done < 0 ? done : drain(loop->run);
		uint64_t now = tt_now_ns();
		tt_tool_container_watch(loop->container, now);
		if (r >= 0 && o->interval_ns && now >= next) {
			/* The last one is shown at the end, with what is still on its way. */
			if (o->count && ++shown == o->count)
				return 0;
			r = show_interval(loop->run);
			/* An interval that was missed whole is not made up for. */
			next += o->interval_ns * ((now - next) / o->interval_ns + 1);
		} else if (r >= 0 && !tt_tool_gathers(loop->run->tool, o, loop->run->settings)) {
			r = tt_rows_flush(loop->run->rows);
		}
		if (r < 0)
			return r;
		if (done || none_left(loop, now))
			return 0;
		if (o->duration_ns && now - begin >= o->duration_ns)
			return 0;
	}
}

/* What the rings still hold comes in now, then what the tool has open. */
static int finish(struct tt_tool_run *run)
{
	struct tt_ring_stats stats = {.queued = 1};
	const struct timespec pause = {.tv_nsec = 2000000};
	int r = 0;

	tt_kernel_stop(run->kernel);
	for (int i = 0; r >= 0 && stats.queued && i < TT_TOOL_LAST_DRAINS; i++) {
		nanosleep(&pause, NULL);
		r = drain(run);
		tt_rings_stats(tt_kernel_rings(run->kernel), &stats);
	}
	if (r >= 0 && run->tool->end)
		r = run->tool->end(run);
	return r < 0 ? r : show_interval(run);
}

int tt_tool_loop_run(struct tt_tool_loop *loop)
{
	sigset_t set;
	minded_set(&set);
	tt_close_auto int signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);

	if (signals < 0)
		return -errno;
	int r = run_until_end(loop, signals);
	tt_tool_cost_programs(loop->cost, loop->run->kernel);
	int last = finish(loop->run);
	return r < 0 ? r : last;
}
