// SPDX-License-Identifier: Apache-2.0
/* Cassandra: telling it by its bytes, also in mid-connection. */
#include "base/own.h"
#include "base/unpack.h"
#include "proto/cassandra_internal.h"

/* Keys and names in the handshake are words in capital letters. */
static enum tt_verdict judge_word(struct tt_cursor *c)
{
	struct tt_span word = tt_cursor_take16(c);

	if (tt_cursor_short(c))
		return TT_MAYBE;
	for (size_t i = 0; i < word.len; i++) {
		if ((word.data[i] < 'A' || word.data[i] > 'Z') && word.data[i] != '_')
			return TT_NO;
	}
	return word.len > 2 ? TT_YES : TT_NO;
}

/* A list or a map: a few words. */
static enum tt_verdict judge_words(struct tt_cursor *c, const struct cassandra_header *h)
{
	uint16_t n = tt_cursor_be16(c);

	if (tt_cursor_short(c))
		return TT_MAYBE;
	return n == 0 || n > 64 || h->len < 5 ? TT_NO : judge_word(c);
}

static enum tt_verdict judge_statement(struct tt_cursor *c, const struct cassandra_header *h)
{
	uint32_t len = tt_cursor_be32(c);

	if (tt_cursor_short(c) || !tt_cursor_left(c))
		return TT_MAYBE;
	if (len < 3 || len > h->len)
		return TT_NO;
	struct tt_span text = tt_span_sub(tt_cursor_rest(c), 0, len);
	if (tt_sql_plausible(text, false))
		return TT_YES;
	return text.len < TT_MIN(len, 64u) ? TT_MAYBE : TT_NO;
}

/* An id has 16 bytes. */
static enum tt_verdict judge_id(struct tt_cursor *c, const struct cassandra_header *h)
{
	uint16_t len = tt_cursor_be16(c);

	if (tt_cursor_short(c))
		return TT_MAYBE;
	return len == 16 && h->len > 20 ? TT_YES : TT_NO;
}

static enum tt_verdict judge_batch(struct tt_cursor *c, const struct cassandra_header *h)
{
	uint8_t type = tt_cursor_u8(c);
	uint16_t n = tt_cursor_be16(c);
	uint8_t kind = tt_cursor_u8(c);

	if (tt_cursor_short(c))
		return TT_MAYBE;
	if (type > 2 || n == 0 || kind > 1)
		return TT_NO;
	return kind == 0 ? judge_statement(c, h) : judge_id(c, h);
}

static enum tt_verdict judge_error(struct tt_cursor *c, const struct cassandra_header *h)
{
	uint32_t code = tt_cursor_be32(c);
	uint16_t len = tt_cursor_be16(c);

	if (tt_cursor_short(c))
		return TT_MAYBE;
	return cassandra_error_known(code) && len + 6u <= h->len ? TT_YES : TT_NO;
}

static enum tt_verdict judge_result(struct tt_cursor *c, const struct cassandra_header *h)
{
	static const uint8_t least[] = {0, 4, 12, 6, 10, 10};
	uint32_t kind = tt_cursor_be32(c);

	if (tt_cursor_short(c))
		return TT_MAYBE;
	return kind >= 1 && kind <= 5 && h->len >= least[kind] && (kind != 1 || h->len == 4) ? TT_YES : TT_NO;
}

static enum tt_verdict judge_empty(struct tt_cursor *c, const struct cassandra_header *h)
{
	return h->len == 0 ? TT_YES : TT_NO;
}

static enum tt_verdict judge_event(struct tt_cursor *c, const struct cassandra_header *h)
{
	return judge_word(c);
}

/* Too little to tell by: what comes next does. */
static enum tt_verdict judge_nothing(struct tt_cursor *c, const struct cassandra_header *h)
{
	return TT_MAYBE;
}

static enum tt_verdict judge_envelope(struct tt_span bytes, enum tt_side side)
{
	static enum tt_verdict (*const judges[])(struct tt_cursor *, const struct cassandra_header *) = {
		[CASSANDRA_ERROR] = judge_error,	   [CASSANDRA_STARTUP] = judge_words,
		[CASSANDRA_READY] = judge_empty,	   [CASSANDRA_AUTHENTICATE] = judge_nothing,
		[CASSANDRA_OPTIONS] = judge_empty,	   [CASSANDRA_SUPPORTED] = judge_words,
		[CASSANDRA_QUERY] = judge_statement,	   [CASSANDRA_RESULT] = judge_result,
		[CASSANDRA_PREPARE] = judge_statement,	   [CASSANDRA_EXECUTE] = judge_id,
		[CASSANDRA_REGISTER] = judge_words,	   [CASSANDRA_EVENT] = judge_event,
		[CASSANDRA_BATCH] = judge_batch,	   [CASSANDRA_AUTH_CHALLENGE] = judge_nothing,
		[CASSANDRA_AUTH_RESPONSE] = judge_nothing, [CASSANDRA_AUTH_SUCCESS] = judge_nothing,
	};
	struct tt_cursor c = tt_cursor(bytes);
	struct cassandra_header h;
	uint8_t version = bytes.len ? bytes.data[0] : 0;

	if ((version & 0x7f) < 3 || (version & 0x7f) > 5 || version >> 7 != (side == TT_RESPONSES) ||
	    (bytes.len > 1 && bytes.data[1] >= 0x20))
		return TT_NO;
	if (!cassandra_header(&c, side, &h))
		return tt_cursor_short(&c) ? TT_MAYBE : TT_NO;
	if (h.flags & CASSANDRA_COMPRESSED && h.len)
		return h.version < 5 ? TT_MAYBE : TT_NO;
	cassandra_skip_prefix(&c, h.flags, side);
	return judges[h.opcode](&c, &h);
}

/* What the frame's payload begins with, once it is unpacked. */
static enum tt_verdict judge_packed(struct tt_span packed, enum tt_side side)
{
	tt_buf_auto struct tt_buf out = TT_BUF(CASSANDRA_HEADER);
	struct cassandra_header h;

	tt_unpack(TT_PACKED_LZ4, packed, &out);
	struct tt_cursor c = tt_cursor(tt_buf_span(&out));
	if (cassandra_header(&c, side, &h))
		return TT_YES;
	return tt_cursor_short(&c) ? TT_MAYBE : TT_NO;
}

/* A frame with a right checksum, by what it holds. */
static enum tt_verdict judge_frame(struct tt_span bytes, enum tt_side side)
{
	struct cassandra_frame f;

	if (!cassandra_frame(bytes, false, &f) && !cassandra_frame(bytes, true, &f))
		return TT_NO;
	struct tt_span payload = tt_span_sub(bytes, f.header, f.payload);
	if (f.unpacked)
		return judge_packed(payload, side);
	return f.payload < CASSANDRA_HEADER ? TT_NO : judge_envelope(payload, side);
}

enum tt_verdict cassandra_judge(struct tt_span bytes, enum tt_side side)
{
	struct cassandra_frame f;
	bool framed = cassandra_frame(bytes, false, &f) || cassandra_frame(bytes, true, &f);
	enum tt_verdict verdict = framed ? judge_frame(bytes, side) : judge_envelope(bytes, side);

	return verdict == TT_NO && bytes.len < 8 ? TT_MAYBE : verdict;
}
