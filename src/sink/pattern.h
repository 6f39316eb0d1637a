/* SPDX-License-Identifier: Apache-2.0 */
/* Which parts of a name vary: numbers, UUIDs, hashes, e-mail addresses, random text. Stateless. */
#ifndef TT_SINK_PATTERN_H
#define TT_SINK_PATTERN_H

#include "base/buf.h"
#include "base/span.h"

#define TT_PATTERN_ID "{id}"

/* Is this segment of a path (or label of a domain name) an identifier rather than a word? All that redaction hides is one. */
bool tt_pattern_is_id(struct tt_span segment);

/* Where the value of `key=value` (or `key%3Dvalue`) begins; 0: there is none. What only ends in `=` has none. */
size_t tt_pattern_value(struct tt_span part);

/* No shorter segment is taken for a secret. */
#define TT_PATTERN_SECRET_LEAST 20

/* May it be a secret or name a person: a mail address, or random text that is no UUID? Numbers and dates are shown. */
bool tt_pattern_is_secret(struct tt_span segment);

/* `user:17:cart` becomes `user:{id}:cart`, `item17` `item{id}`. */
void tt_pattern_key(struct tt_buf *out, struct tt_span key);

/* `4.3.2.1.in-addr.arpa` becomes `{id}.{id}.{id}.{id}.in-addr.arpa`. */
void tt_pattern_host(struct tt_buf *out, struct tt_span name);

/* A queue or subject that lives no longer than its client: `_INBOX.Qh2vX8.a1` becomes `_INBOX.{id}`. Others stay what they are.
 */
void tt_pattern_destination(struct tt_buf *out, struct tt_span name);

/* The path of a request target: without scheme, authority, query and fragment. Empty: it has none (authority form). */
struct tt_span tt_pattern_path(struct tt_span target);

#endif
