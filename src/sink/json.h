/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A streaming JSON writer (RFC 8259) on a buffer: no tree, no memory of its own. Commas are its work, balance of brackets the
 * caller's. When the buffer's maximum is reached `failed` is set there and what follows does not count: test it once at the end.
 */
#ifndef TT_SINK_JSON_H
#define TT_SINK_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

struct tt_json {
	struct tt_buf *out; /* borrowed */
	bool comma;	    /* the next key or value follows another */
};

static inline struct tt_json tt_json(struct tt_buf *out)
{
	return (struct tt_json){.out = out};
}

void tt_json_object(struct tt_json *j);
void tt_json_object_end(struct tt_json *j);
void tt_json_array(struct tt_json *j);
void tt_json_array_end(struct tt_json *j);

/*
 * `key` is written as it is: a literal that needs no escaping. Inline, because its length is then known when this is compiled and
 * lines are made of keys by half.
 */
static inline void tt_json_key(struct tt_json *j, const char *key)
{
	const struct tt_span text = tt_span_str(key);
	if (tt_buf_reserve(j->out, text.len + 4) < 0)
		return;
	uint8_t *at = j->out->data + j->out->len;
	*at = ',';
	at += j->comma;
	*at++ = '"';
	memcpy(at, text.data, text.len);
	at += text.len;
	*at++ = '"';
	*at++ = ':';
	j->out->len = (size_t)(at - j->out->data);
	j->comma = false;
}

/*
 * Data NULL gives null. Control characters become \u00XX (or their short form). Every byte that is no part of a UTF-8
 * character becomes \ufffd, so that the text is valid whatever was on the wire.
 */
void tt_json_string(struct tt_json *j, struct tt_span s);
void tt_json_u64(struct tt_json *j, uint64_t v);
void tt_json_i64(struct tt_json *j, int64_t v);
void tt_json_bool(struct tt_json *j, bool v);
void tt_json_null(struct tt_json *j);

/* Three decimals; what is not finite gives null. */
void tt_json_double(struct tt_json *j, double v);

/* Text that is JSON already. */
void tt_json_raw(struct tt_json *j, struct tt_span s);

/* Key and value at once. */
static inline void tt_json_key_string(struct tt_json *j, const char *key, struct tt_span s)
{
	tt_json_key(j, key);
	tt_json_string(j, s);
}

/* NULL or empty gives null. */
static inline void tt_json_key_text(struct tt_json *j, const char *key, const char *s)
{
	tt_json_key_string(j, key, s && *s ? tt_span_str(s) : tt_span(NULL, 0));
}

static inline void tt_json_key_u64(struct tt_json *j, const char *key, uint64_t v)
{
	tt_json_key(j, key);
	tt_json_u64(j, v);
}

static inline void tt_json_key_u64_or_null(struct tt_json *j, const char *key, bool known, uint64_t v)
{
	tt_json_key(j, key);
	if (known)
		tt_json_u64(j, v);
	else
		tt_json_null(j);
}

static inline void tt_json_key_double(struct tt_json *j, const char *key, double v)
{
	tt_json_key(j, key);
	tt_json_double(j, v);
}

static inline void tt_json_key_bool(struct tt_json *j, const char *key, bool v)
{
	tt_json_key(j, key);
	tt_json_bool(j, v);
}

#endif
