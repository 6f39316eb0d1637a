/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an output must not show unless told to: query values, credentials in URLs and headers, SQL literals, people's
 * names and mail addresses, random text in paths, error texts. All functions add to `out` and are stateless; names of things
 * (keys, tables, topics, words of a path) are shown.
 */
#ifndef TT_SINK_REDACT_H
#define TT_SINK_REDACT_H

#include "base/buf.h"
#include "sink/kind.h"

/* What stands where a value was. */
#define TT_REDACTED "REDACTED"

/* `a=1&b` becomes `a=REDACTED&REDACTED`. */
void tt_redact_query(struct tt_buf *out, struct tt_span query);

/* A path: parameters' values, mail addresses and what only a machine would write are hidden; numbers and UUIDs are shown. */
void tt_redact_path(struct tt_buf *out, struct tt_span path);

/* There is nothing to hide in it for sure, nor a query behind it. */
bool tt_redact_path_is_plain(struct tt_span path);

/* A request target: user information and query values hidden, its path as by tt_redact_path. */
void tt_redact_target(struct tt_buf *out, struct tt_span target);

/* `sip:alice@example.com;ob` becomes `sip:REDACTED@example.com`, `tel:+1-201-555-0123` `tel:REDACTED` (RFC 3261 section 19.1, RFC
 * 3966). */
void tt_redact_uri(struct tt_buf *out, struct tt_span uri);

/* `alice@example.org` becomes `REDACTED@example.org`; the empty path `<>` stays. */
void tt_redact_mailbox(struct tt_buf *out, struct tt_span address);

/* A directory's entry, `uid=alice,ou=people,dc=example` becomes `uid=REDACTED,ou=people,dc=example`: what units, organisations
 * and domains are called is shown (RFC 4514, RFC 4519). */
void tt_redact_entry(struct tt_buf *out, struct tt_span dn);

/* The exchange's resource as it may be shown; false (and nothing added) where it has none. */
bool tt_redact_resource(struct tt_buf *out, const struct tt_exchange *x, const struct tt_kind *kind);

/* A string attribute as it may be shown: `value` itself, or what was put into `out` instead (borrowed from it). */
struct tt_span tt_redact_attribute(struct tt_buf *out, const struct tt_exchange *x, const struct tt_kind *kind, const char *key,
				   struct tt_span value);

#endif
