// SPDX-License-Identifier: Apache-2.0
#include "agent/loop.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

#include "base/own.h"

/* A drain is cut after so many records, so that questions are answered under load too. */
#define TT_LOOP_BUDGET 20000
/* At the end the rings are drained this often at most: with the probes gone they are empty soon. */
#define TT_LOOP_LAST_DRAINS 1000
/* Looks for what still comes of a command that has ended. */
#define TT_LOOP_LINGERS 10
#define TT_LOOP_LINGER_NS 20000000

struct tt_loop_state {
	struct tt_loop *loop;
	int timer;
	int signals;
	bool ended;
};

static void tt_loop_signals(sigset_t *set)
{
	static const int minded[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};

	sigemptyset(set);
	for (size_t i = 0; i < TT_ARRAY_LEN(minded); i++)
		sigaddset(set, minded[i]);
}

int tt_loop_prepare(void)
{
	sigset_t set;

	tt_loop_signals(&set);
	return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : 0;
}

static int tt_loop_open(struct tt_loop_state *s, int epoll)
{
	uint64_t ms = s->loop->limits->value[TT_LIMIT_DRAIN_INTERVAL];
	const struct timespec every = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000 * 1000000)};
	const struct itimerspec spec = {.it_interval = every, .it_value = every};
	int fds[] = {s->timer, s->signals, s->loop->mailbox ? tt_mailbox_fd(s->loop->mailbox) : -1,
		     s->loop->attach ? tt_attach_fd(s->loop->attach) : -1};

	if (timerfd_settime(s->timer, 0, &spec, NULL) < 0)
		return -errno;
	for (size_t i = 0; i < TT_ARRAY_LEN(fds); i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[i]};
		if (fds[i] >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event) < 0)
			return -errno;
	}
	return 0;
}

static void tt_loop_child(struct tt_loop_state *s)
{
	struct tt_command *c = s->loop->command;
	int status;

	if (c && c->pid > 0 && waitpid(c->pid, &status, WNOHANG) == c->pid) {
		s->loop->command_status = status;
		c->pid = -1;
		s->ended = true;
	}
}

static void tt_loop_signal(struct tt_loop_state *s, const struct signalfd_siginfo *info)
{
	struct tt_command *c = s->loop->command;

	switch (info->ssi_signo) {
	case SIGCHLD:
		tt_loop_child(s);
		break;
	case SIGHUP:
		if (s->loop->reload)
			s->loop->reload(s->loop->ctx);
		break;
	default:
		/* A command decides itself when to end. One that has the terminal got SIGINT from there already. */
		if (!c || c->pid <= 0)
			s->ended = true;
		else if (info->ssi_signo != SIGINT || info->ssi_code == SI_USER)
			tt_command_signal(c, (int)info->ssi_signo);
		break;
	}
}

static void tt_loop_take_signals(struct tt_loop_state *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == sizeof(info))
		tt_loop_signal(s, &info);
}

/* One drain. 0, or a failure of the source; the end of a source ends the loop. Signals are minded where there is no end of
 * records too. */
static int tt_loop_drain(struct tt_loop_state *s)
{
	int r;

	do {
		r = tt_pipeline_run(s->loop->pipeline, TT_LOOP_BUDGET);
		if (s->loop->mailbox)
			tt_mailbox_serve(s->loop->mailbox, tt_outputs_render, s->loop->outputs);
		tt_loop_take_signals(s);
	} while (r >= TT_LOOP_BUDGET && !s->ended);
	if (s->loop->turn)
		s->loop->turn(s->loop->ctx);
	if (r == -ENODATA || (s->loop->over && s->loop->over(s->loop->ctx)))
		s->ended = true;
	return r < 0 && r != -ENODATA ? r : 0;
}

/* A command's connections end some time after itself: what is unanswered then was given up, and is not to be told as lost. */
static void tt_loop_linger(struct tt_loop_state *s)
{
	for (int i = 0; s->loop->command && i < TT_LOOP_LINGERS; i++) {
		struct tt_stream_stats stats;

		tt_pipeline_stats(s->loop->pipeline, &stats);
		if (!stats.messages || tt_pipeline_run(s->loop->pipeline, TT_LOOP_BUDGET) < 0)
			return;
		(void)nanosleep(&(struct timespec){.tv_nsec = TT_LOOP_LINGER_NS}, NULL);
	}
}

/* Whatever is still under way comes in now: the calls that were running when the probes went, and what the rings hold. */
static int tt_loop_finish(struct tt_loop_state *s)
{
	int r = 1;

	tt_loop_linger(s);
	if (s->loop->stop)
		s->loop->stop(s->loop->ctx);
	for (int i = 0; r > 0 && i < TT_LOOP_LAST_DRAINS; i++)
		r = tt_pipeline_run(s->loop->pipeline, TT_LOOP_BUDGET);
	return r < 0 && r != -ENODATA ? r : 0;
}

/* The attach part's pipe is never readable between questions: it is gone. */
static bool tt_loop_alone(const struct tt_loop *loop, const struct epoll_event *events, int n)
{
	for (int i = 0; loop->attach && i < n; i++) {
		if (events[i].data.fd == tt_attach_fd(loop->attach))
			return true;
	}
	return false;
}

int tt_loop_run(struct tt_loop *loop)
{
	tt_close_auto int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	tt_close_auto int epoll = epoll_create1(EPOLL_CLOEXEC);
	sigset_t set;
	tt_loop_signals(&set);
	tt_close_auto int signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	struct tt_loop_state s = {.loop = loop, .timer = timer, .signals = signals};

	if (timer < 0 || epoll < 0 || signals < 0)
		return -errno;
	int r = tt_loop_open(&s, epoll);
	while (r == 0 && !s.ended) {
		struct epoll_event events[4];
		uint64_t ticks;

		int n = epoll_wait(epoll, events, TT_ARRAY_LEN(events), -1);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (tt_loop_alone(loop, events, n))
			r = tt_attach_gone(loop->attach);
		bool tick = read(timer, &ticks, sizeof(ticks)) == sizeof(ticks);
		tt_loop_take_signals(&s);
		if (r == 0 && tick)
			r = tt_loop_drain(&s);
		else if (loop->mailbox)
			tt_mailbox_serve(loop->mailbox, tt_outputs_render, loop->outputs);
	}
	int last = tt_loop_finish(&s);
	return r < 0 ? r : last;
}
