// SPDX-License-Identifier: Apache-2.0
/* What the headers of a stream say, as HTTP (RFC 9113 section 8) and as gRPC. A value that is not known is never taken for
 * another. */
#include "base/own.h"
#include "proto/http2_internal.h"
#include "proto/http_fields.h"

#define B(name) TT_HPACK_BIT(TT_HPACK_##name)
#define HTTP2_PSEUDO (B(METHOD) | B(PATH) | B(SCHEME) | B(AUTHORITY))
#define HTTP2_TRIPLE (B(TRI_VERSION) | B(TRI_GROUP) | B(TRI_UNIT) | B(TRI_APP) | B(TRI_REQUEST))
#define HTTP2_CONTENT (B(CONTENT_TYPE) | B(CONTENT_ENCODING))
#define HTTP2_GRPC_REQUEST (B(GRPC_TIMEOUT) | B(GRPC_ENCODING))

const uint32_t tt_http2_wanted[2] = {
	[TT_REQUESTS] = HTTP2_PSEUDO | HTTP2_TRIPLE | HTTP2_GRPC_REQUEST | HTTP2_CONTENT | B(AMZ_CONTENT) | B(HOST) |
			B(USER_AGENT) | B(TRACEPARENT) | B(UNKNOWN),
	[TT_RESPONSES] = B(STATUS) | HTTP2_CONTENT | B(ELASTIC) | B(OPENSEARCH) | B(GRPC_STATUS) | B(GRPC_MESSAGE) |
			 B(GRPC_ENCODING) | B(TRI_STATUS) | B(UNKNOWN),
};

/* --- one header ----------------------------------------------------------------------------------------------------------- */

/* Content that is compressed is not looked at, whatever its type. */
static void http2_content_field(struct http2_half *half, enum tt_hpack_name token, struct tt_span value)
{
	if (token == TT_HPACK_CONTENT_ENCODING && !tt_span_ieq(value, TT_SPAN_LIT("identity")))
		half->media = TT_HTTP_MEDIA_CODED;
	else if (token == TT_HPACK_CONTENT_TYPE && half->media != TT_HTTP_MEDIA_CODED)
		half->media = (uint8_t)tt_http_media_of(value);
}

static bool http2_connects(const struct tt_message *m)
{
	return tt_span_eq(tt_message_get(m, TT_TEXT_OPERATION), TT_SPAN_LIT("CONNECT"));
}

static void http2_request_field(struct http2_head *h, enum tt_hpack_name token, struct tt_span value)
{
	switch (token) {
	case TT_HPACK_METHOD:
		tt_message_text(h->m, TT_TEXT_OPERATION, value);
		break;
	case TT_HPACK_PATH:
		tt_message_text(h->m, TT_TEXT_RESOURCE, value);
		break;
	case TT_HPACK_AUTHORITY:
		/* What CONNECT without a path asks for; the method may come behind it. */
		if (!(h->seen & B(PATH)) && (!(h->seen & B(METHOD)) || http2_connects(h->m)))
			tt_message_text(h->m, TT_TEXT_RESOURCE, value);
		tt_http_set_authority(h->m, value);
		break;
	case TT_HPACK_HOST:
		if (!(h->seen & B(AUTHORITY)))
			tt_http_set_authority(h->m, value);
		break;
	case TT_HPACK_USER_AGENT:
		tt_http_set_field(h->m, TT_HTTP_USER_AGENT, value);
		break;
	case TT_HPACK_TRACEPARENT:
		tt_http_set_field(h->m, TT_HTTP_TRACEPARENT, value);
		break;
	case TT_HPACK_CONTENT_ENCODING:
	case TT_HPACK_CONTENT_TYPE:
		h->s->grpc |= token == TT_HPACK_CONTENT_TYPE && tt_grpc_content(value);
		http2_content_field(&h->s->half[h->side], token, value);
		break;
	case TT_HPACK_GRPC_TIMEOUT:
		tt_grpc_timeout(h->m, value);
		break;
	default:
		break;
	}
}

static unsigned http2_code(struct tt_span value)
{
	unsigned code = 0;

	for (size_t i = 0; i < value.len && i < 3; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return 0;
		code = code * 10 + (value.data[i] - '0');
	}
	return value.len == 3 ? code : 0;
}

static void http2_response_field(struct http2_head *h, enum tt_hpack_name token, struct tt_span value)
{
	switch (token) {
	case TT_HPACK_STATUS:
		h->code = http2_code(value);
		break;
	case TT_HPACK_CONTENT_ENCODING:
	case TT_HPACK_CONTENT_TYPE:
		h->s->grpc |= token == TT_HPACK_CONTENT_TYPE && tt_grpc_content(value);
		http2_content_field(&h->s->half[h->side], token, value);
		break;
	case TT_HPACK_ELASTIC:
		h->search = "elasticsearch";
		break;
	case TT_HPACK_OPENSEARCH:
		h->search = "opensearch";
		break;
	case TT_HPACK_GRPC_STATUS:
		if (h->s->plain)
			break;
		h->s->half[TT_RESPONSES].status |= tt_grpc_status(h->m, value);
		break;
	case TT_HPACK_GRPC_MESSAGE:
		if (!h->s->plain)
			tt_grpc_error(h->m, value);
		break;
	default:
		break;
	}
}

void tt_http2_field(void *head, const struct tt_hpack_field *f)
{
	struct http2_head *h = head;
	uint32_t bit = TT_HPACK_BIT(f->token);

	/* A request's trailers say nothing of what is asked. */
	if (!h->m || (h->side == TT_REQUESTS && h->s->half[TT_REQUESTS].headed)) {
		h->seen |= bit;
		return;
	}
	if (!f->value.data || f->token == TT_HPACK_UNKNOWN) {
		h->hidden |= bit;
		if (f->token == TT_HPACK_CONTENT_ENCODING)
			h->s->half[h->side].media = TT_HTTP_MEDIA_CODED;
		return;
	}
	/* Said twice, the first counts: the second may cost nothing. Which one a server goes by is not known. */
	if (h->seen & bit) {
		h->m->incomplete |= (bit & (HTTP2_PSEUDO | B(STATUS) | B(GRPC_STATUS))) != 0;
		return;
	}
	h->seen |= bit;
	if (h->side == TT_REQUESTS)
		http2_request_field(h, f->token, f->value);
	else
		http2_response_field(h, f->token, f->value);
}

/* --- all of them ---------------------------------------------------------------------------------------------------------- */

static void http2_is_grpc(struct http2_stream *s, struct tt_message *request)
{
	tt_grpc_name(request);
	tt_message_attr(request, "rpc.system.name", s->triple ? TT_SPAN_LIT("dubbo") : TT_SPAN_LIT("grpc"));
}

static void http2_is_http(struct tt_message *m)
{
	tt_message_attr(m, "network.protocol.version", TT_SPAN_LIT("2"));
	tt_http_method_attr(m);
	tt_http_set_path(m);
}

static bool http2_request_end(struct http2_head *h)
{
	struct http2_half *half = &h->s->half[TT_REQUESTS];
	uint32_t known = h->seen | h->hidden;

	if (half->headed) {
		/* Not allowed there (section 8.1): who reads it may have gone by them. */
		h->m->incomplete |= (known & HTTP2_PSEUDO) != 0;
		return true;
	}
	if (!(known & HTTP2_PSEUDO))
		return false;
	half->headed = true;
	/* The authority, taken for what is asked for, and it is not. */
	if (!(h->seen & B(PATH)) && !http2_connects(h->m))
		h->m->text[TT_TEXT_RESOURCE].set = false;
	h->s->triple |= (h->seen & HTTP2_TRIPLE) != 0;
	h->s->grpc |= (h->seen & (HTTP2_GRPC_REQUEST | HTTP2_TRIPLE)) && !(h->seen & B(CONTENT_TYPE));
	struct tt_span service, method;
	h->s->plain = (h->seen & B(PATH)) && !h->s->half[TT_RESPONSES].headed &&
		      !tt_grpc_path(tt_message_get(h->m, TT_TEXT_RESOURCE), &service, &method);
	h->s->grpc &= !h->s->plain;
	if (h->s->grpc)
		http2_is_grpc(h->s, h->m);
	else
		http2_is_http(h->m);
	if (!h->s->grpc && h->seen & B(AMZ_CONTENT))
		tt_http_app_s3(h->m);

	/* What was not seen may have been any of what is asked for. */
	bool posted = !tt_span_eq(tt_message_get(h->m, TT_TEXT_OPERATION), TT_SPAN_LIT("GET"));
	uint32_t needed = B(METHOD) | B(PATH) | (posted && !h->s->grpc ? B(CONTENT_TYPE) : 0);
	if (h->hidden && (needed & ~h->seen))
		h->m->incomplete = true;
	return true;
}

static void http2_response_status(struct http2_head *h)
{
	struct http2_half *half = &h->s->half[TT_RESPONSES];
	uint8_t digits[3] = {(uint8_t)('0' + h->code / 100), (uint8_t)('0' + h->code / 10 % 10), (uint8_t)('0' + h->code % 10)};

	half->headed = true;
	half->code = (uint16_t)h->code;
	if ((!h->s->grpc || h->code != 200) && !half->status)
		tt_http_set_status(h->m, tt_span(digits, 3), h->code);
}

static bool http2_response_end(struct http2_head *h)
{
	struct http2_half *half = &h->s->half[TT_RESPONSES];
	bool informed = h->code >= 100 && h->code < 200;

	h->s->grpc |= (h->seen & (B(GRPC_STATUS) | B(GRPC_MESSAGE) | B(GRPC_ENCODING))) != 0;
	h->s->grpc &= !h->s->plain;
	if (h->s->grpc && h->m->as != &tt_proto_grpc) {
		h->m->as = &tt_proto_grpc;
		/* Nobody could tell from the request alone. */
		if (h->m->peer && h->m->peer->as != &tt_proto_grpc)
			http2_is_grpc(h->s, h->m->peer);
	}
	if (informed)
		return true;
	half->unknown |= h->hidden != 0;
	if (h->search && h->m->peer)
		tt_http_app_search(h->m, h->m->peer, h->search);
	if (h->code && !half->code)
		http2_response_status(h);
	else if (half->headed ? h->seen & B(STATUS) : (h->seen | h->hidden) & (B(STATUS) | B(UNKNOWN)))
		half->headed = h->m->incomplete = true;
	return true;
}

bool tt_http2_head_end(struct http2_head *h)
{
	if (!h->m)
		return true;
	return h->side == TT_REQUESTS ? http2_request_end(h) : http2_response_end(h);
}

void tt_http2_told(const struct http2_half *half, enum tt_side side, struct tt_message *m)
{
	if (!half->doubt && !half->uncounted)
		tt_grpc_told(m, side, &half->grpc);
}

void tt_http2_half_end(struct http2_stream *s, enum tt_side side)
{
	static const char *const keys[2] = {"http.request.body.size", "http.response.body.size"};
	struct http2_half *half = &s->half[side];

	/* An answer has a status: this one's was no number, or its beginning was not seen. */
	if (side == TT_RESPONSES && half->m && !half->code) {
		half->m->incomplete = true;
		half->m->unbegun |= !half->headed;
	}
	if (!s->grpc) {
		if (half->has_data)
			tt_message_attr_int(half->m, keys[side], (int64_t)half->data);
		return;
	}
	tt_http2_told(half, side, half->m);
	if (side == TT_REQUESTS || half->status || !half->m)
		return;
	if (half->unknown || half->doubt)
		half->m->incomplete = true;
	else if (half->code == 200)
		tt_message_fail(half->m, TT_SPAN_LIT("no_grpc_status"));
}
