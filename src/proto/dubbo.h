/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of Dubbo share: what can be read at the beginning of a body, in the serializations that are known. */
#ifndef TT_PROTO_DUBBO_H
#define TT_PROTO_DUBBO_H

#include "proto/proto.h"

#define DUBBO_NAME_MOST 512u

/* A span's data is NULL where the string was not there to be read. All borrow from the body. */
struct dubbo_call {
	struct tt_span dubbo;	/* version of the caller's library */
	struct tt_span service; /* interface */
	struct tt_span version; /* of the service */
	struct tt_span method;
};

struct dubbo_result {
	bool known;
	bool exception;
	struct tt_span exception_class; /* NULL data: not known */
};

/* The name of a serialization's number; NULL if it has none here. */
const char *dubbo_serialization_name(uint8_t serialization);

/* The first strings of a call. False: in a serialization that is not read, or these are none. */
bool dubbo_read_call(uint8_t serialization, struct tt_span body, struct dubbo_call *ret);

/* How an answer begins that has status OK. */
void dubbo_read_result(uint8_t serialization, struct tt_span body, struct dubbo_result *ret);

/* The text of an answer that has another status; data NULL if it cannot be read. */
struct tt_span dubbo_read_text(uint8_t serialization, struct tt_span body);

#endif
