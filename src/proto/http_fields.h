/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What HTTP messages say of themselves, whatever the version: targets, authorities, status codes and the few fields looked at.
 * Attribute names are OpenTelemetry's (docs/json.md). All functions accept a NULL message.
 */
#ifndef TT_PROTO_HTTP_FIELDS_H
#define TT_PROTO_HTTP_FIELDS_H

#include "proto/message.h"

enum tt_http_field {
	TT_HTTP_OTHER = 0,
	TT_HTTP_HOST,
	TT_HTTP_USER_AGENT,
	TT_HTTP_TRACEPARENT,
	TT_HTTP_CONTENT_LENGTH,
	TT_HTTP_TRANSFER_ENCODING,
	TT_HTTP_CONTENT_TYPE,
	TT_HTTP_CONTENT_ENCODING,
	TT_HTTP_AMZ_CONTENT, /* x-amz-content-sha256: Amazon S3 */
	TT_HTTP_ELASTIC,     /* X-elastic-product */
	TT_HTTP_OPENSEARCH,  /* X-OpenSearch-Version */
	TT_HTTP_UPGRADE,
	TT_HTTP_EXPECT,
	TT_HTTP_FIELD_MAX,
};

/* True for the letters the fields above begin with: most lines are told apart from all of them by one look. */
extern const bool tt_http_first_letter[256];

/* Which field a field line is; case is ignored. */
enum tt_http_field tt_http_field_of(struct tt_span line);

/* One of RFC 9110, RFC 5789 and QUERY; what else comes may be chosen by anybody. */
bool tt_http_method_is_known(struct tt_span method);

/* The attributes of the method that is the message's operation. */
void tt_http_method_attr(struct tt_message *m);

void tt_http_set_method(struct tt_message *m, struct tt_span method);

/* The target as sent, in any of its forms (RFC 9112 section 3.2). True if it names the authority, which then wins over Host. */
bool tt_http_set_target(struct tt_message *m, struct tt_span target);

/* The path and query of a target that is the message's resource already. */
void tt_http_set_path(struct tt_message *m);

/* host, host:port, [v6], [v6]:port */
void tt_http_set_authority(struct tt_message *m, struct tt_span authority);

/* A final status: what failed is settled here. */
void tt_http_set_status(struct tt_message *m, struct tt_span digits, unsigned status);

/* The fields that are attributes and nothing else: TT_HTTP_USER_AGENT and TT_HTTP_TRACEPARENT. */
void tt_http_set_field(struct tt_message *m, enum tt_http_field field, struct tt_span value);

extern const struct tt_proto_doc tt_http_doc;

#endif
