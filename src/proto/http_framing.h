/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the content of an HTTP/1.x message ends (RFC 9112 section 6). Shapes on which two readers may differ (request smuggling)
 * are never settled by a guess: they are TT_HTTP_DOUBTFUL, and the stream is taken up again at a message that can be trusted.
 */
#ifndef TT_PROTO_HTTP_FRAMING_H
#define TT_PROTO_HTTP_FRAMING_H

#include "base/span.h"

/* No content is near this; with it sums of lengths and offsets cannot wrap. */
#define TT_HTTP_LENGTH_MAX ((uint64_t)1 << 62)

/* What the fields of one head said so far; zeroed: nothing. */
struct tt_http_framing {
	uint64_t length; /* Content-Length, with `counted` */
	bool counted;	 /* a Content-Length was there */
	bool coded;	 /* a Transfer-Encoding was there */
	bool chunked;	 /* chunked is the last coding so far */
	bool other;	 /* so is a coding that delimits nothing */
	bool doubtful;	 /* a value no reader may accept */
};

enum tt_http_content {
	TT_HTTP_NONE,	 /* ends with its head */
	TT_HTTP_COUNTED, /* framing->length bytes */
	TT_HTTP_CHUNKED,
	TT_HTTP_TO_EOF, /* responses: ends with the stream */
	TT_HTTP_DOUBTFUL,
};

void tt_http_framing_length(struct tt_http_framing *f, struct tt_span value);
void tt_http_framing_coding(struct tt_http_framing *f, struct tt_span value);

/* A length beside a coding: who goes by the other one takes up the stream elsewhere (section 6.3, case 3). */
static inline enum tt_http_content tt_http_request_content(const struct tt_http_framing *f)
{
	if (f->doubtful)
		return TT_HTTP_DOUBTFUL;
	if (f->coded)
		return !f->chunked || f->counted ? TT_HTTP_DOUBTFUL : TT_HTTP_CHUNKED;
	return f->counted && f->length ? TT_HTTP_COUNTED : TT_HTTP_NONE;
}

/* `bodiless`: what was asked allows no content (HEAD). */
enum tt_http_content tt_http_response_content(const struct tt_http_framing *f, unsigned status, bool bodiless);

/* The size in a chunk's first line (section 7.1; extensions are passed over). False if it is none. */
bool tt_http_chunk_size(struct tt_span line, uint64_t *ret);

#endif
