/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanges made by hand, for tests of the sinks. Fill in a struct tt_made with tt_made_init, change what the test is about, free
 * it. */
#ifndef TT_HARNESS_EVENT_H
#define TT_HARNESS_EVENT_H

#include <stdio.h>

#include "sink/sink.h"

struct tt_made {
	struct tt_proto proto;
	struct tt_endpoints ends;
	struct tt_message request;
	struct tt_message response;
	struct tt_identity self;
	struct tt_exchange x;
	struct tt_event e;
};

#define TT_MADE_MS 1000000ull

/* 10.0.0.1:40000 asks 10.0.0.2:8080, one second after the monotonic zero; answered after 5 ms, first byte after 3 ms. */
static inline void tt_made_init(struct tt_made *m, const char *protocol, enum tt_role role)
{
	struct tt_sockaddr client = {.family = TT_FAMILY_INET, .port = 40000, .addr = {10, 0, 0, 1}};
	struct tt_sockaddr server = {.family = TT_FAMILY_INET, .port = 8080, .addr = {10, 0, 0, 2}};

	*m = (struct tt_made){
		.proto = {.name = protocol},
		.ends = {.conn = {.sock = 1, .ino = 2},
			 .local = role == TT_ROLE_CLIENT ? client : server,
			 .peer = role == TT_ROLE_CLIENT ? server : client,
			 .netns = 1,
			 .transport = TT_TRANSPORT_TCP,
			 .role = (uint8_t)role},
		.request = {.bytes = TT_BUF(8192)},
		.response = {.bytes = TT_BUF(8192)},
		.self = {.tgid = 42, .comm = "server", .service = "shop", .instance = "shop-1"},
		.x = {.actor = {.tgid = 42, .tid = 43},
		      .outcome = TT_OUTCOME_ANSWERED,
		      .complete = true,
		      .request_first_ns = 1000 * TT_MADE_MS,
		      .request_last_ns = 1001 * TT_MADE_MS,
		      .response_first_ns = 1004 * TT_MADE_MS,
		      .response_last_ns = 1005 * TT_MADE_MS,
		      .request_bytes = 78,
		      .response_bytes = 2048},
		.e = {.wall_minus_mono_ns = 1700000000000000000},
	};
	m->x.proto = &m->proto;
	m->x.ends = &m->ends;
	m->x.request = &m->request;
	m->x.response = &m->response;
	m->e.self = &m->self;
}

static inline void tt_made_texts(struct tt_made *m, const char *operation, const char *resource, const char *status)
{
	tt_message_text(&m->request, TT_TEXT_OPERATION, tt_span_str(operation));
	if (resource)
		tt_message_text(&m->request, TT_TEXT_RESOURCE, tt_span_str(resource));
	if (status)
		tt_message_text(&m->response, TT_TEXT_STATUS, tt_span_str(status));
}

static inline void tt_made_http(struct tt_made *m, enum tt_role role, const char *path, int status)
{
	char text[12];
	snprintf(text, sizeof(text), "%d", status);
	tt_made_init(m, "http", role);
	tt_made_texts(m, "GET", path, text);
	tt_message_attr(&m->request, "http.request.method", TT_SPAN_LIT("GET"));
	tt_message_attr_int(&m->response, "http.response.status_code", status);
	if (status >= 500)
		tt_message_fail(&m->response, tt_span_str(text));
	else if (status >= 400)
		tt_message_refuse(&m->response, tt_span_str(text));
}

static inline void tt_made_unanswered(struct tt_made *m, enum tt_outcome outcome)
{
	m->x.response = NULL;
	m->x.outcome = outcome;
	m->x.response_first_ns = m->x.response_last_ns = m->x.response_bytes = 0;
}

static inline void tt_made_shift(struct tt_made *m, int64_t ns)
{
	uint64_t *times[] = {&m->x.request_first_ns, &m->x.request_last_ns, &m->x.response_first_ns, &m->x.response_last_ns};
	for (size_t i = 0; i < 4; i++)
		*times[i] += *times[i] ? (uint64_t)ns : 0;
}

static inline void tt_made_free(struct tt_made *m)
{
	tt_buf_free(&m->request.bytes);
	tt_buf_free(&m->response.bytes);
}

#endif
