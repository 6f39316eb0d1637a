// SPDX-License-Identifier: Apache-2.0
#include "web/server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/now.h"
#include "base/own.h"
#include "web/server_i.h"

#define TT_ANSWER_TIMEOUT_MS 5000
#define TT_CONNECTION_TIMEOUT_S 15u
#define TT_CONNECTION_BYTES (32u << 10) /* request line and headers; browsers send every cookie ever set on localhost */
#define TT_CLIENTS_REFUSED 8		/* connections beyond the limit, open only to be told so */
#define TT_BACKLOG 64
#define TT_EVENTS 16

/* ---- the loop ---- */

/* Until libmicrohttpd or a deadline wants attention, in ms; -1: no need. */
static int tt_server_patience(const struct tt_server *s)
{
	MHD_UNSIGNED_LONG_LONG mhd_ms;
	uint64_t ms = UINT64_MAX;

	if (MHD_get_timeout(s->daemon, &mhd_ms) == MHD_YES)
		ms = mhd_ms;
	uint64_t now = tt_now_ns();
	for (const struct tt_request *q = s->requests; q; q = q->next) {
		if (q->state == TT_REQUEST_ASKED)
			ms = TT_MIN(ms, q->deadline_ns > now ? (q->deadline_ns - now) / 1000000 + 1 : 0);
	}
	return ms == UINT64_MAX ? -1 : (int)TT_MIN(ms, (uint64_t)60000);
}

static void tt_server_collect(struct tt_server *s)
{
	struct tt_letter *l;

	tt_mailbox_quiet(s->mailbox);
	while ((l = tt_mailbox_take(s->mailbox))) {
		struct tt_request *q = l->owner;
		if (!q) {
			tt_letter_free(l);
			continue;
		}
		q->state = TT_REQUEST_ANSWERED;
		tt_request_resume(q);
	}
}

static void tt_server_tend(struct tt_server *s)
{
	uint64_t now = tt_now_ns();

	for (struct tt_request *q = s->requests; q; q = q->next) {
		if (q->state == TT_REQUEST_ASKED && (now >= q->deadline_ns || s->stopping)) {
			tt_letter_abandon(TT_TAKE_PTR(q->letter));
			q->state = TT_REQUEST_EXPIRED;
			atomic_fetch_add_explicit(&s->stats.timeouts, 1, memory_order_relaxed);
			tt_request_resume(q);
		} else if (q->state == TT_REQUEST_STREAMING && (q->gone || s->stopping || tt_watch_readable(q->watch))) {
			tt_request_resume(q);
		}
	}
}

static void *tt_server_loop(void *arg)
{
	struct tt_server *s = arg;
	uint64_t stop = 0;

	while (!s->stopping) {
		struct epoll_event events[TT_EVENTS];
		int n = epoll_wait(s->epoll_fd, events, TT_EVENTS, tt_server_patience(s));
		for (int i = 0; i < n; i++) {
			struct tt_request *q = events[i].data.ptr;
			if (q)
				q->gone = true;
		}
		s->stopping = read(s->stop_fd, &stop, sizeof(stop)) == sizeof(stop);
		tt_server_collect(s);
		tt_server_tend(s);
		MHD_run(s->daemon);
	}
	/* Nothing is suspended any more; it may not be when the daemon stops. */
	MHD_stop_daemon(TT_TAKE_PTR(s->daemon));
	tt_server_collect(s);
	return NULL;
}

/* ---- life ---- */

static int tt_server_bind(struct tt_server *s)
{
	s->listen_fd = socket(s->listen.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listen_fd < 0)
		return -errno;

	int on = 1;
	socklen_t len = tt_listen_len(&s->listen);
	if (setsockopt(s->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(s->listen_fd, &s->listen.sa, len) < 0 || listen(s->listen_fd, TT_BACKLOG) < 0 ||
	    getsockname(s->listen_fd, &s->listen.sa, &len) < 0)
		return -errno;
	return 0;
}

static int tt_server_start_daemon(struct tt_server *s)
{
	s->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, tt_request_handle, s,
				     MHD_OPTION_LISTEN_SOCKET, s->listen_fd, MHD_OPTION_CONNECTION_LIMIT,
				     (unsigned)s->clients_max + TT_CLIENTS_REFUSED, MHD_OPTION_CONNECTION_TIMEOUT,
				     TT_CONNECTION_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)TT_CONNECTION_BYTES,
				     MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
				     MHD_OPTION_URI_LOG_CALLBACK, tt_web_request_begin, s, MHD_OPTION_NOTIFY_COMPLETED,
				     tt_request_end, s, MHD_OPTION_NOTIFY_CONNECTION, tt_client_count, s, MHD_OPTION_END);
	if (!s->daemon)
		return -ENOMEM;
	s->listen_fd = -1;
	return 0;
}

/* What wakes the loop: all that needs no name has a NULL pointer, for the loop looks after everything each time. */
static int tt_server_watch_fds(struct tt_server *s)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return -ENOTSUP;

	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->epoll_fd < 0 || s->stop_fd < 0)
		return -errno;

	int fds[] = {info->epoll_fd, tt_mailbox_answer_fd(s->mailbox), s->stop_fd};
	for (size_t i = 0; i < TT_ARRAY_LEN(fds); i++) {
		struct epoll_event e = {.events = EPOLLIN};
		if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fds[i], &e) < 0)
			return -errno;
	}
	return 0;
}

/* Signals are for the program's main thread; without SIGPIPE, as libmicrohttpd was told. */
static int tt_server_start_thread(struct tt_server *s)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = -pthread_create(&s->thread, NULL, tt_server_loop, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	s->started = r == 0;
	if (s->started)
		pthread_setname_np(s->thread, "telltale-web");
	return r;
}

static int tt_hosts_copy(const char *const *from, char ***ret)
{
	size_t n = 0;
	while (from && from[n])
		n++;
	*ret = calloc(n + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (!((*ret)[i] = strdup(from[i])))
			return -ENOMEM;
	}
	return 0;
}

static int tt_server_start(struct tt_server *s, const struct tt_server_config *config)
{
	int r = tt_listen_parse(config->listen ? config->listen : TT_LISTEN_PRESET, &s->listen);
	if (r == 0)
		r = tt_hosts_copy(config->allow_hosts, &s->allow_hosts);
	if (r == 0)
		r = tt_server_bind(s);
	if (r == 0)
		r = tt_server_start_daemon(s);
	if (r == 0)
		r = tt_server_watch_fds(s);
	if (r == 0 && !config->hold)
		r = tt_server_start_thread(s);
	return r;
}

int tt_server_new(struct tt_server **ret, const struct tt_server_config *config, struct tt_mailbox *mailbox)
{
	struct tt_server *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;

	s->mailbox = mailbox;
	s->listen_fd = s->epoll_fd = s->stop_fd = -1;
	s->clients_max = config->limits->value[TT_LIMIT_HTTP_CLIENTS];
	s->watch_bytes = config->limits->value[TT_LIMIT_WATCH_BYTES];
	s->answer_timeout_ns = (config->answer_timeout_ms ? config->answer_timeout_ms : TT_ANSWER_TIMEOUT_MS) * UINT64_C(1000000);
	int r = tt_server_start(s, config);
	if (r < 0) {
		tt_server_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

int tt_server_go(struct tt_server *s)
{
	return s->started ? 0 : tt_server_start_thread(s);
}

struct tt_server *tt_server_free(struct tt_server *s)
{
	if (!s)
		return NULL;

	if (s->started) {
		uint64_t one = 1;
		ssize_t n = write(s->stop_fd, &one, sizeof(one));
		(void)n;
		pthread_join(s->thread, NULL);
	} else if (s->daemon) {
		MHD_stop_daemon(s->daemon);
	}
	int fds[] = {s->listen_fd, s->epoll_fd, s->stop_fd};
	for (size_t i = 0; i < TT_ARRAY_LEN(fds); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	for (char **name = s->allow_hosts; name && *name; name++)
		free(*name);
	free(s->allow_hosts);
	free(s);
	return NULL;
}

uint16_t tt_server_port(const struct tt_server *s)
{
	return ntohs(s->listen.sa.sa_family == AF_INET6 ? s->listen.in6.sin6_port : s->listen.in.sin_port);
}

void tt_server_get_stats(const struct tt_server *s, struct tt_server_stats *ret)
{
#define TT_GET(field) .field = atomic_load_explicit(&s->stats.field, memory_order_relaxed)
	*ret = (struct tt_server_stats){TT_GET(requests), TT_GET(refused_hosts), TT_GET(refused_clients), TT_GET(timeouts)};
#undef TT_GET
}
