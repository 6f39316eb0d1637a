// SPDX-License-Identifier: Apache-2.0
/* One HTTP request, from its first line to its reply. libmicrohttpd calls tt_request_handle again and again; the state says where
 * we are. */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/now.h"
#include "base/own.h"
#include "web/assets.h"
#include "web/server_i.h"

#define TT_TARGET_MAX 4096    /* bytes of a request target */
#define TT_STREAM_BLOCK 16384 /* bytes handed to libmicrohttpd at a time */
#define TT_STREAM_TIMEOUT_S 60u
#define TT_STREAM_PATH "/api/v1/exchanges/stream"

static const struct {
	const char *name, *value;
} tt_security_headers[] = {
	{"Content-Security-Policy",
	 "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
};

/* The body of an answer that has none of its own. */
static const struct {
	int status;
	const char *body;
} tt_errors[] = {
	{400, "{\"error\":\"bad request\"}\n"},
	{403, "{\"error\":\"this host name is not served; see --listen-allow-host\"}\n"},
	{404, "{\"error\":\"no such path\"}\n"},
	{405, "{\"error\":\"only GET and HEAD are allowed\"}\n"},
	{414, "{\"error\":\"the request target is too long\"}\n"},
	{503, "{\"error\":\"busy; try again\"}\n"},
	{507, "{\"error\":\"the answer is larger than the limit answer_bytes\"}\n"},
	{500, "{\"error\":\"internal error\"}\n"}, /* the last: whatever else */
};

static const char *tt_error_body(int status)
{
	size_t i = 0;

	while (i < TT_ARRAY_LEN(tt_errors) - 1 && tt_errors[i].status != status)
		i++;
	return tt_errors[i].body;
}

static void tt_count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* Opened when there were already as many as may be. */
static bool tt_client_surplus(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info && info->socket_context;
}

static void tt_request_drop_watch(struct tt_request *q)
{
	if (!q->watch)
		return;
	tt_watch_close(q->watch);
	q->watch = tt_watch_unref(q->watch);
	q->server->streams--;
}

/* ---- replies ---- */

/* Sends the response and lets go of it. */
static enum MHD_Result tt_reply(struct tt_request *q, int status, struct MHD_Response *response, const char *type,
				const char *cache)
{
	if (!response)
		return MHD_NO;

	for (size_t i = 0; i < TT_ARRAY_LEN(tt_security_headers); i++)
		MHD_add_response_header(response, tt_security_headers[i].name, tt_security_headers[i].value);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, cache);
	q->state = q->watch ? TT_REQUEST_STREAMING : TT_REQUEST_REPLIED;
	enum MHD_Result r = MHD_queue_response(q->connection, (unsigned)status, response);
	MHD_destroy_response(response);
	return r;
}

static enum MHD_Result tt_reply_error(struct tt_request *q, int status)
{
	const char *body = tt_error_body(status);
	struct MHD_Response *response = MHD_create_response_from_buffer(strlen(body), (void *)body, MHD_RESPMEM_PERSISTENT);

	if (response && status == 405)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	if (response && status == 503)
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	if (response && tt_client_surplus(q->connection))
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	return tt_reply(q, status, response, "application/json", "no-store");
}

static enum MHD_Result tt_reply_asset(struct tt_request *q, const struct tt_asset *a)
{
	const char *known = MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_NONE_MATCH);
	bool same = known && strcmp(known, a->etag) == 0;
	struct MHD_Response *response =
		MHD_create_response_from_buffer(same ? 0 : a->len, (void *)a->bytes, MHD_RESPMEM_PERSISTENT);

	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, a->etag);
	return tt_reply(q, same ? 304 : 200, response, a->type, "no-cache");
}

/* The body goes over to libmicrohttpd as it is, without a copy. */
static enum MHD_Result tt_reply_answer(struct tt_request *q)
{
	struct tt_answer *answer = &q->letter->answer;
	const char *type = answer->content_type;
	int status = answer->status;
	struct tt_buf body = answer->body;

	if (!body.len && status != 200) {
		q->letter = tt_letter_free(q->letter);
		return tt_reply_error(q, status);
	}
	struct MHD_Response *response = body.len ? MHD_create_response_from_buffer_with_free_callback(body.len, body.data, free)
						 : MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
	if (response && body.len)
		answer->body = TT_BUF(0);
	q->letter = tt_letter_free(q->letter);
	return tt_reply(q, status, response, type, "no-store");
}

/* ---- streams ---- */

/* What of the stream is there, or sleep until tt_server_tend finds more. */
static ssize_t tt_stream_read(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct tt_request *q = cls;

	if (q->gone)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	size_t n = tt_watch_read(q->watch, buf, max);
	if (n)
		return (ssize_t)n;
	if (q->server->stopping)
		return MHD_CONTENT_READER_END_OF_STREAM;
	q->suspended = true;
	MHD_suspend_connection(q->connection);
	return 0;
}

/* A suspended connection is not polled, so its end is watched for here. */
static void tt_stream_mind_end(struct tt_request *q, int op)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(q->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct epoll_event e = {.events = EPOLLRDHUP, .data.ptr = q};

	if (info)
		epoll_ctl(q->server->epoll_fd, op, info->connect_fd, &e);
}

static enum MHD_Result tt_reply_stream(struct tt_request *q)
{
	bool refused = q->letter->answer.status != 200;

	q->letter = tt_letter_free(q->letter);
	if (refused) {
		tt_request_drop_watch(q);
		return tt_reply_error(q, 503);
	}
	MHD_set_connection_option(q->connection, MHD_CONNECTION_OPTION_TIMEOUT, TT_STREAM_TIMEOUT_S);
	tt_stream_mind_end(q, EPOLL_CTL_ADD);
	return tt_reply(q, 200, MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, TT_STREAM_BLOCK, tt_stream_read, q, NULL),
			"application/x-ndjson", "no-store");
}

/* ---- the way of a request ---- */

static enum MHD_Result tt_request_ask(struct tt_request *q, const char *path)
{
	struct tt_server *s = q->server;
	const char *query = strchr(q->target, '?');
	struct tt_ask ask = {tt_span_str(path), tt_span_str(query ? query + 1 : NULL)};

	if (s->stopping || tt_mailbox_post(s->mailbox, &ask, q->watch, q, &q->letter) < 0) {
		tt_request_drop_watch(q);
		return tt_reply_error(q, 503);
	}
	q->state = TT_REQUEST_ASKED;
	q->deadline_ns = tt_now_ns() + s->answer_timeout_ns;
	q->suspended = true;
	MHD_suspend_connection(q->connection);
	return MHD_YES;
}

/* Streams hold their connection for long: at most half of the clients may, so that the page and the metrics stay reachable. */
static enum MHD_Result tt_request_ask_stream(struct tt_request *q, const char *path)
{
	struct tt_server *s = q->server;

	if (s->streams >= TT_MAX(s->clients_max / 2, (size_t)1) || tt_watch_new(&q->watch, s->watch_bytes) < 0) {
		tt_count(&s->stats.refused_clients);
		return tt_reply_error(q, 503);
	}
	s->streams++;
	return tt_request_ask(q, path);
}

/* 0, or the status of what is wrong before the path is looked at. */
static int tt_request_check(const struct tt_request *q, const char *method)
{
	struct tt_server *s = q->server;
	const char *host = MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);

	if (tt_client_surplus(q->connection)) {
		tt_count(&s->stats.refused_clients);
		return 503;
	}
	if (!host || !tt_host_allowed(&s->listen, (const char *const *)s->allow_hosts, tt_span_str(host))) {
		tt_count(&s->stats.refused_hosts);
		return 403;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return 405;
	if (strlen(q->target) > TT_TARGET_MAX)
		return 414;
	return 0;
}

static enum MHD_Result tt_request_route(struct tt_request *q, const char *path, const char *method)
{
	for (size_t i = 0; i < tt_asset_count; i++) {
		if (strcmp(path, tt_assets[i].path) == 0)
			return tt_reply_asset(q, &tt_assets[i]);
	}
	if (strcmp(path, TT_STREAM_PATH) == 0 && strcmp(method, MHD_HTTP_METHOD_GET) == 0)
		return tt_request_ask_stream(q, path);
	return tt_request_ask(q, path);
}

void *tt_web_request_begin(void *cls, const char *target, struct MHD_Connection *connection)
{
	struct tt_server *s = cls;
	size_t size = strlen(target) + 1;
	struct tt_request *q = calloc(1, sizeof(*q) + size);
	if (!q)
		return NULL;

	memcpy(q->target, target, size);
	q->server = s;
	q->next = s->requests;
	if (q->next)
		q->next->prev = q;
	s->requests = q;
	tt_count(&s->stats.requests);
	return q;
}

enum MHD_Result tt_request_handle(void *cls, struct MHD_Connection *connection, const char *path, const char *method,
				  const char *version, const char *upload, size_t *upload_len, void **con_cls)
{
	struct tt_request *q = *con_cls;
	if (!q)
		return MHD_NO;
	if (*upload_len) {
		*upload_len = 0; /* the body of a GET means nothing */
		return MHD_YES;
	}
	switch (q->state) {
	case TT_REQUEST_NEW:
		q->connection = connection;
		q->state = TT_REQUEST_READY;
		int status = tt_request_check(q, method);
		return status ? tt_reply_error(q, status) : MHD_YES;
	case TT_REQUEST_READY:
		return tt_request_route(q, path, method);
	case TT_REQUEST_ANSWERED:
		return q->watch ? tt_reply_stream(q) : tt_reply_answer(q);
	case TT_REQUEST_EXPIRED:
		tt_request_drop_watch(q);
		return tt_reply_error(q, 503);
	default:
		return MHD_YES;
	}
}

void tt_request_end(void *cls, struct MHD_Connection *connection, void **con_cls, enum MHD_RequestTerminationCode how)
{
	struct tt_server *s = cls;
	struct tt_request *q = *con_cls;
	if (!q)
		return;

	if (q->state == TT_REQUEST_ASKED)
		tt_letter_abandon(TT_TAKE_PTR(q->letter));
	if (q->state == TT_REQUEST_STREAMING)
		tt_stream_mind_end(q, EPOLL_CTL_DEL);
	tt_request_drop_watch(q);
	tt_letter_free(q->letter);
	if (q->next)
		q->next->prev = q->prev;
	if (q->prev)
		q->prev->next = q->next;
	else
		s->requests = q->next;
	free(q);
	*con_cls = NULL;
}

void tt_client_count(void *cls, struct MHD_Connection *connection, void **socket_context,
		     enum MHD_ConnectionNotificationCode what)
{
	struct tt_server *s = cls;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		s->clients--;
		return;
	}
	if (++s->clients > s->clients_max)
		*socket_context = s; /* any mark will do */
}

void tt_request_resume(struct tt_request *q)
{
	if (!q->suspended)
		return;
	q->suspended = false;
	MHD_resume_connection(q->connection);
}
