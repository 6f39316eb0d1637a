/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 frames (RFC 9113 sections 4 and 6): their headers, what of them can be true, and recognising a run of them. */
#ifndef TT_PROTO_HTTP2_FRAME_H
#define TT_PROTO_HTTP2_FRAME_H

#include "proto/proto.h"

#define TT_HTTP2_FRAME_HEAD 9

/* What a client says first (section 3.4). */
#define TT_HTTP2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define TT_HTTP2_PREFACE_LEN (sizeof(TT_HTTP2_PREFACE) - 1)

enum tt_http2_type {
	TT_HTTP2_DATA = 0,
	TT_HTTP2_HEADERS = 1,
	TT_HTTP2_PRIORITY = 2,
	TT_HTTP2_RST_STREAM = 3,
	TT_HTTP2_SETTINGS = 4,
	TT_HTTP2_PUSH_PROMISE = 5,
	TT_HTTP2_PING = 6,
	TT_HTTP2_GOAWAY = 7,
	TT_HTTP2_WINDOW_UPDATE = 8,
	TT_HTTP2_CONTINUATION = 9,
	TT_HTTP2_TYPE_MAX, /* further types may be there; a reader passes over them */
};

enum tt_http2_flags {
	TT_HTTP2_END_STREAM = 0x1, /* DATA, HEADERS; SETTINGS and PING: ACK */
	TT_HTTP2_END_HEADERS = 0x4,
	TT_HTTP2_PADDED = 0x8,
	TT_HTTP2_WITH_PRIORITY = 0x20,
};

struct tt_http2_frame {
	uint32_t length; /* of the payload */
	uint32_t stream;
	uint8_t type;
	uint8_t flags;
};

/* Reads a frame's head. False: there is less than one (the cursor has not moved). */
bool tt_http2_frame_head(struct tt_cursor *c, struct tt_http2_frame *ret);

/* False where a rule of the frame's type is broken: this is no frame. Types that are not known are taken as they are. */
bool tt_http2_frame_valid(const struct tt_http2_frame *f);

/* An error code's name (section 7), or UNKNOWN_ERROR. */
struct tt_span tt_http2_error_name(uint32_t code);

/* The contract's detect and resync. */
enum tt_verdict tt_http2_detect(const struct tt_first *first);
ssize_t tt_http2_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes);

#endif
