/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gRPC over HTTP/2: what its headers say and how its messages stand in DATA
 * (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). All functions accept a NULL message.
 */
#ifndef TT_PROTO_GRPC_H
#define TT_PROTO_GRPC_H

#include "proto/proto.h"

#define TT_GRPC_PREFIX 5

extern const struct tt_proto tt_proto_grpc;

/* Messages of one direction, counted as the bytes of DATA pass. */
struct tt_grpc_count {
	uint64_t messages;
	uint64_t bytes; /* theirs, without prefixes */
	uint32_t left;	/* of the message that is passing */
	uint8_t have;	/* of the next prefix */
	uint8_t prefix[TT_GRPC_PREFIX];
	bool compressed; /* one of them was */
	bool odd;	 /* what stood there was no prefix: nothing more is counted */
};

/* Is this content-type gRPC's? Not grpc-web, whose end looks different. */
bool tt_grpc_content(struct tt_span content_type);

/*
 * Splits `/package.Service/Method`, perhaps behind a prefix of short words, which is the service's then; a query is left out.
 * False: the path names no method. Whoever sends it chooses the content-type, so only what is a name may be taken for one.
 */
bool tt_grpc_path(struct tt_span path, struct tt_span *ret_service, struct tt_span *ret_method);

/*
 * The request's texts as HTTP gave them (method, path) become gRPC's: operation is the method's name, resource the service's.
 * What is not known, or no method, is taken away.
 */
void tt_grpc_name(struct tt_message *request);

/* grpc-timeout, as an attribute. */
void tt_grpc_timeout(struct tt_message *request, struct tt_span value);

/* grpc-status: the status by its name, and whether that is a failure and whose. False: it is no code, nothing is set. */
bool tt_grpc_status(struct tt_message *response, struct tt_span value);

/* grpc-message, percent-encoded: the error's text. */
void tt_grpc_error(struct tt_message *response, struct tt_span value);

/* Bytes of DATA in the order they stand. Returns how many of them were used: all that are needed to see where messages begin. */
size_t tt_grpc_take(struct tt_grpc_count *count, struct tt_span data);

/* What was counted, as attributes of the side's message. */
void tt_grpc_told(struct tt_message *m, enum tt_side side, const struct tt_grpc_count *count);

#endif
