// SPDX-License-Identifier: Apache-2.0
/* MongoDB: telling it by its bytes, also in mid-connection. */
#include "base/text.h"
#include "proto/mongodb_internal.h"

/* Fields of commands and replies have names as in programs. */
static bool is_name(struct tt_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
		if (!letter && !(i && c >= '0' && c <= '9'))
			return false;
	}
	return s.len > 0;
}

static enum tt_verdict judge_field(struct tt_cursor *c)
{
	struct mongodb_element e;
	uint32_t size = tt_cursor_le32(c);

	if (tt_cursor_short(c))
		return TT_MAYBE;
	if (size < 5 || size > MONGODB_MESSAGE_MAX)
		return TT_NO;
	enum mongodb_read r = mongodb_element(c, size - 4, &e);
	if (r != MONGODB_FINE)
		return r == MONGODB_SHORT ? TT_MAYBE : TT_NO;
	return is_name(e.name) ? TT_YES : TT_NO;
}

static enum tt_verdict judge_msg(struct tt_cursor *c)
{
	uint32_t flags = tt_cursor_le32(c);
	uint8_t kind = tt_cursor_u8(c);

	if (tt_cursor_short(c))
		return TT_MAYBE;
	if (flags & ~(MONGODB_CHECKSUM | MONGODB_MORE_TO_COME | 1u << 16) || kind > 1)
		return TT_NO;
	return kind == 0 ? judge_field(c) : TT_MAYBE;
}

static enum tt_verdict judge_query(struct tt_cursor *c)
{
	uint32_t flags = tt_cursor_le32(c);
	struct tt_span name = tt_cursor_until(c, 0);

	if (tt_cursor_short(c))
		return tt_cursor_left(c) > 256 ? TT_NO : TT_MAYBE;
	if (flags > 0xff || name.len < 3 || tt_span_find(name, '.') < 1 || !tt_is_text(name))
		return TT_NO;
	tt_cursor_skip(c, 4 + 4);
	return judge_field(c);
}

static enum tt_verdict judge_compressed(struct tt_cursor *c, enum tt_side side)
{
	uint32_t opcode = tt_cursor_le32(c);
	uint32_t size = tt_cursor_le32(c);
	uint8_t compressor = tt_cursor_u8(c);

	if (tt_cursor_short(c))
		return TT_MAYBE;
	return mongodb_opcode_fits(opcode, side) && size && size <= MONGODB_MESSAGE_MAX && compressor <= 3 ? TT_YES : TT_NO;
}

static enum tt_verdict judge_reply(struct tt_cursor *c)
{
	uint32_t flags = tt_cursor_le32(c);

	tt_cursor_skip(c, 8 + 4);
	uint32_t documents = tt_cursor_le32(c);
	if (tt_cursor_short(c))
		return TT_MAYBE;
	return flags <= 0xf && documents && documents < 100000 ? judge_field(c) : TT_NO;
}

enum tt_verdict mongodb_judge(struct tt_span bytes, enum tt_side side)
{
	struct tt_cursor c = tt_cursor(bytes);
	struct mongodb_header h;

	/* The upper half of the opcode is 0, so is the length's last byte but for 16 MB and more. */
	if ((bytes.len > 3 && bytes.data[3] > 2) || (bytes.len > 14 && bytes.data[14]) || (bytes.len > 15 && bytes.data[15]))
		return TT_NO;
	mongodb_read_header(&c, &h);
	if (tt_cursor_short(&c))
		return TT_MAYBE;
	bool asks = h.response_to == 0 || h.response_to == UINT32_MAX;
	if (!mongodb_header_fits(&h, side) || asks != (side == TT_REQUESTS))
		return TT_NO;
	switch (h.opcode) {
	case MONGODB_MSG:
		return judge_msg(&c);
	case MONGODB_QUERY:
		return judge_query(&c);
	case MONGODB_COMPRESSED:
		return judge_compressed(&c, side);
	case MONGODB_REPLY:
		return judge_reply(&c);
	default:
		return TT_MAYBE; /* a legacy write says too little: what follows it tells */
	}
}
