/* SPDX-License-Identifier: Apache-2.0 */
/* The first lines of HTTP/1.x messages (RFC 9112 sections 3 and 4): taken apart, and recognised from a few bytes. */
#ifndef TT_PROTO_HTTP_LINE_H
#define TT_PROTO_HTTP_LINE_H

#include "proto/proto.h"

struct tt_http_request_line {
	struct tt_span method;
	struct tt_span target;
	uint8_t minor; /* of the version: 1.minor */
};

struct tt_http_status_line {
	struct tt_span digits;
	uint16_t status; /* 100..999 */
	uint8_t minor;
};

/* `line` is without its end. False if it is no such line of HTTP/1.x; *ret is untouched then. */
bool tt_http_request_line(struct tt_span line, struct tt_http_request_line *ret);
bool tt_http_status_line(struct tt_span line, struct tt_http_status_line *ret);

/*
 * Could these bytes begin with such a line? TT_YES only when the line is there whole (a request line may also be so long that
 * no other protocol's would be). Methods are taken to be in upper case here, which parsing does not ask for.
 */
enum tt_verdict tt_http_begins_request(struct tt_span bytes);
enum tt_verdict tt_http_begins_response(struct tt_span bytes);

/* The contract's detect and resync for HTTP/1.x. */
enum tt_verdict tt_http_detect(const struct tt_first *first);
ssize_t tt_http_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes);

/* False when a request (status) line that has not ended yet can no longer become one: no need to wait for its end. */
bool tt_http_may_become_line(enum tt_side side, struct tt_span part);

#endif
