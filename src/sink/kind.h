/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sort of thing a protocol is: one row a protocol decides its metric families, how its resources are shaped and redacted,
 * and the service graph's connection type. A protocol without a row is placed by the attributes it sets, so a new one needs none.
 */
#ifndef TT_SINK_KIND_H
#define TT_SINK_KIND_H

#include "proto/proto.h"
#include "sink/sink.h"
#include "sink/sqlnorm.h"

enum tt_group {
	TT_GROUP_HTTP,
	TT_GROUP_RPC,
	TT_GROUP_DB,
	TT_GROUP_MESSAGING,
	TT_GROUP_DNS,
	TT_GROUP_MAX,
};

enum tt_resource {
	TT_RESOURCE_NAME,      /* topic, queue, method, database: shown as it is */
	TT_RESOURCE_PATH,      /* request target: templated, query values hidden */
	TT_RESOURCE_STATEMENT, /* SQL: literals hidden */
	TT_RESOURCE_KEY,       /* key: digits templated */
	TT_RESOURCE_HOST,      /* domain name: digits templated */
	TT_RESOURCE_URI,       /* names a person: the user part is hidden */
	TT_RESOURCE_MAILBOX,   /* mail address: the domain is shown; or another name */
	TT_RESOURCE_ENTRY,     /* of a directory: whom it names is hidden, and all of it where it is who logs in */
};

struct tt_kind {
	const char *protocol;
	enum tt_group group;
	enum tt_resource resource;
	enum tt_sql_dialect dialect; /* for statements */
};

/* Never NULL; static storage. An unlisted protocol that sets no telling attribute counts as RPC: something asks, something
 * answers. */
const struct tt_kind *tt_kind_of(const struct tt_exchange *x);

/* The event's, looked up at most once. */
static inline const struct tt_kind *tt_event_kind(const struct tt_event *e, const struct tt_exchange *x)
{
	return e->kind ? e->kind : tt_kind_of(x);
}

/* The same where only the protocol's name is known. */
const struct tt_kind *tt_kind_of_protocol(const char *name);

/* The service graph's word for it ("database", "messaging_system"), or "". */
const char *tt_kind_connection_type(const struct tt_kind *kind);

/* A string attribute of the response or else the request; data NULL if there is none. Borrowed from the message. */
struct tt_span tt_exchange_attribute(const struct tt_exchange *x, const char *key);

/* The same for a number; false if there is none. */
bool tt_exchange_attribute_int(const struct tt_exchange *x, const char *key, int64_t *ret);

#endif
