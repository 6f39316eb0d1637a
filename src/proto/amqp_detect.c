// SPDX-License-Identifier: Apache-2.0
/* Telling AMQP by its bytes: the protocol header, or frames that end where they say and hold methods. */
#include "proto/amqp.h"

#include "base/own.h"

enum look {
	NOTHING,
	PARTIAL,
	NO,
	LIKELY, /* frames, but none that only this end sends */
	SURE,
};

/* A method frame's class and method, known for this end; *ret_only: the other end never says it. */
static bool is_method(const struct tt_amqp_frame *f, enum tt_side side, bool *ret_only)
{
	struct tt_cursor c = tt_cursor(f->payload);

	uint16_t class = tt_cursor_be16(&c);
	uint16_t number = tt_cursor_be16(&c);
	const struct tt_amqp_method *m = tt_amqp_method_find(class, number, side);
	if (!m || (class == 10) != (f->channel == 0))
		return false;
	*ret_only = m->sides != (TT_AMQP_CLIENT | TT_AMQP_SERVER);
	return true;
}

static enum look look_at_frames(struct tt_span s, enum tt_side side)
{
	struct tt_cursor c = tt_cursor(s);
	enum look best = PARTIAL;

	while (tt_cursor_left(&c)) {
		struct tt_amqp_frame f = {.type = 0};
		bool only = false;
		if (c.data[c.pos] != 1 && c.data[c.pos] != 2 && c.data[c.pos] != 3 && c.data[c.pos] != 8)
			return NO;
		enum tt_amqp_read read = tt_amqp_frame_read(&c, true, &f);
		if (read != TT_AMQP_OK)
			return read == TT_AMQP_BAD ? NO : best;
		bool ended = tt_cursor_left(&c) > f.size;
		bool method = f.type == TT_AMQP_METHOD && f.payload.len >= 4;
		if (method && !is_method(&f, side, &only))
			return NO;
		if (f.type == TT_AMQP_HEADER && f.payload.len >= 4 && memcmp(f.payload.data, "\0\x3c\0\0", 4) != 0)
			return NO;
		if (!ended)
			return best;
		if (f.type != TT_AMQP_BODY)
			best = only || best == SURE ? SURE : LIKELY;
		tt_cursor_skip(&c, (size_t)f.size + 1);
	}
	return best;
}

static enum tt_verdict judge_start(struct tt_span s)
{
	struct tt_span header = TT_SPAN_LIT("AMQP\0\0\x9\1");
	size_t len = TT_MIN(s.len, header.len);

	if (!tt_span_eq(tt_span_sub(s, 0, len), tt_span_sub(header, 0, len)))
		return TT_NO;
	return len == header.len ? TT_YES : TT_MAYBE;
}

enum tt_verdict tt_amqp_detect(const struct tt_first *first)
{
	enum look look[2] = {NOTHING, NOTHING};

	if (first->datagram)
		return TT_NO;
	if (first->from_start[TT_REQUESTS] && first->side[TT_REQUESTS].len)
		return judge_start(first->side[TT_REQUESTS]);
	for (enum tt_side side = TT_REQUESTS; side <= TT_RESPONSES; side++) {
		if (first->side[side].len)
			look[side] = look_at_frames(first->side[side], side);
		if (look[side] == NO || (look[side] == PARTIAL && first->ended[side]))
			return TT_NO;
	}
	if (look[TT_REQUESTS] == SURE || look[TT_RESPONSES] == SURE)
		return TT_YES;
	bool any = look[TT_REQUESTS] == LIKELY || look[TT_RESPONSES] == LIKELY;
	return any && first->role_known ? TT_YES : TT_MAYBE;
}

ssize_t tt_amqp_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	return look_at_frames(bytes, side) >= LIKELY ? 0 : -1;
}
