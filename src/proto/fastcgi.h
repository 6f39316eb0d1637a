/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the FastCGI parser share. Only they include this. */
#ifndef TT_PROTO_FASTCGI_H
#define TT_PROTO_FASTCGI_H

#include "base/buf.h"
#include "proto/proto.h"

#define TT_FASTCGI_HEAD 8u
/* Of what a program says so much is searched for the end of its headers. */
#define TT_FASTCGI_HEADERS_MAX 8192u

enum tt_fastcgi_type {
	TT_FASTCGI_BEGIN = 1,
	TT_FASTCGI_ABORT = 2,
	TT_FASTCGI_END = 3,
	TT_FASTCGI_PARAMS = 4,
	TT_FASTCGI_STDIN = 5,
	TT_FASTCGI_STDOUT = 6,
	TT_FASTCGI_STDERR = 7,
	TT_FASTCGI_DATA = 8,
	TT_FASTCGI_GET_VALUES = 9,
	TT_FASTCGI_GET_VALUES_RESULT = 10,
	TT_FASTCGI_UNKNOWN_TYPE = 11,
};

enum tt_fastcgi_role {
	TT_FASTCGI_RESPONDER = 1,
	TT_FASTCGI_AUTHORIZER = 2,
	TT_FASTCGI_FILTER = 3,
};

struct tt_fastcgi_record {
	uint8_t type; /* enum tt_fastcgi_type */
	uint16_t id;
	uint16_t size;	 /* of its content */
	uint8_t padding; /* behind the content */
};

/* A record's head, as a side may say it. The cursor moves past it only where it is whole. */
enum tt_step tt_fastcgi_read(enum tt_side side, struct tt_cursor *c, struct tt_fastcgi_record *ret);

/* One name and value of PARAMS or GET_VALUES. TT_MORE: the rest of it follows; nothing moves then. */
enum tt_step tt_fastcgi_pair(struct tt_cursor *c, struct tt_span *ret_name, struct tt_span *ret_value);

enum tt_verdict tt_fastcgi_detect(const struct tt_first *first);

/* Records, one behind the other, as far as they are there. */
bool tt_fastcgi_resumes(enum tt_side side, struct tt_span bytes);

/* What a parameter says about the request (fastcgi_params.c). */
void tt_fastcgi_param(struct tt_message *m, struct tt_span name, struct tt_span value);

/* All of them were read: what is asked for gets its name. */
void tt_fastcgi_params_end(struct tt_message *m);

/* The headers a program answers with (RFC 3875, 6.3), without the empty line. */
void tt_fastcgi_headers(struct tt_message *m, struct tt_span headers);

#endif
