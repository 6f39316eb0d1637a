/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked *within* HTTP, where the path alone does not tell: GraphQL operations, JSON-RPC methods, LLM calls (the shapes of
 * OpenAI's and Anthropic's APIs), S3 and Elasticsearch/OpenSearch operations. They become attributes of the HTTP exchange
 * (docs/json.md). Content is looked at only where the head says that there is something to find, as far as the limit
 * `http_content_bytes` goes, and only as far as it was captured: nothing is ever missing for want of it.
 */
#ifndef TT_PROTO_HTTP_APP_H
#define TT_PROTO_HTTP_APP_H

#include "proto/http_fields.h"
#include "proto/proto.h"

/* What a head says of its content. */
enum tt_http_media {
	TT_HTTP_MEDIA_OTHER = 0,
	TT_HTTP_MEDIA_JSON,
	TT_HTTP_MEDIA_EVENTS, /* text/event-stream */
	TT_HTTP_MEDIA_CODED,  /* compressed: not read */
};

/* Of a Content-Type's value. */
enum tt_http_media tt_http_media_of(struct tt_span value);

/* What a message turned out to be: kept in tt_message.kind above the bits the framing uses. */
enum tt_http_app_kind {
	TT_HTTP_APP_NONE = 0,
	TT_HTTP_APP_S3,
	TT_HTTP_APP_SEARCH, /* of the response: Elasticsearch, OpenSearch */
	TT_HTTP_APP_GUESS,  /* JSON: JSON-RPC or nothing. What follows looks at content, too */
	TT_HTTP_APP_GRAPHQL,
	TT_HTTP_APP_JSONRPC,
	TT_HTTP_APP_OPENAI,
	TT_HTTP_APP_ANTHROPIC,
	TT_HTTP_APP_MAX,
};

#define TT_HTTP_APP_SHIFT 8

static inline enum tt_http_app_kind tt_http_app_kind(const struct tt_message *m)
{
	return m ? (enum tt_http_app_kind)(m->kind >> TT_HTTP_APP_SHIFT) : TT_HTTP_APP_NONE;
}

struct tt_http_app;

/* A request's or a response's content is about to come. NULL: there is nothing to look for (or no memory, or the limit is
 * reached). The link outlives what is returned. */
struct tt_http_app *tt_http_app_request(struct tt_link *link, struct tt_message *m, enum tt_http_media media);
struct tt_http_app *tt_http_app_response(struct tt_link *link, struct tt_message *m, enum tt_http_media media,
					 enum tt_http_app_kind kind);

/* `bytes` of content stand at position `at` of the input. False: no more of it is wanted. */
bool tt_http_app_take(struct tt_http_app *app, struct tt_link *link, const struct tt_input *in, size_t at, struct tt_span bytes);

/* The content is over, or no more of it is to be had: sets what was found. Frees app; NULL-safe, returns NULL. */
struct tt_http_app *tt_http_app_end(struct tt_http_app *app);
/* Frees it without looking: its message is gone. */
struct tt_http_app *tt_http_app_free(struct tt_http_app *app);

/* rpc.system.name: one address for both that set it, because a message tells keys apart by that. */
extern const char tt_http_rpc_system[];

/* http_app_path.c: what is told by heads alone. */

/* Amazon S3's operations, by method, path and query (the request has the header x-amz-content-sha256). */
void tt_http_app_s3(struct tt_message *m);
/* The request's operation, where the response says that it is Elasticsearch's (`system`: or "opensearch"). Set on the response.
 */
void tt_http_app_search(struct tt_message *response, const struct tt_message *request, const char *system);

#endif
