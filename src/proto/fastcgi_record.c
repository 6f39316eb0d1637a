// SPDX-License-Identifier: Apache-2.0
/* FastCGI's records and pairs, and telling FastCGI by them. */
#include "base/own.h"
#include "proto/fastcgi.h"

#define CLIENT 1
#define SERVER 2

/* By type: who says it, whether about a request, and how long its content is (0xffff: any). */
static const struct {
	uint8_t sides;
	bool request;
	uint16_t size;
} types[] = {
	[TT_FASTCGI_BEGIN] = {CLIENT, true, 8},
	[TT_FASTCGI_ABORT] = {CLIENT, true, 0},
	[TT_FASTCGI_END] = {SERVER, true, 8},
	[TT_FASTCGI_PARAMS] = {CLIENT, true, 0xffff},
	[TT_FASTCGI_STDIN] = {CLIENT, true, 0xffff},
	[TT_FASTCGI_STDOUT] = {SERVER, true, 0xffff},
	[TT_FASTCGI_STDERR] = {SERVER, true, 0xffff},
	[TT_FASTCGI_DATA] = {CLIENT, true, 0xffff},
	[TT_FASTCGI_GET_VALUES] = {CLIENT, false, 0xffff},
	[TT_FASTCGI_GET_VALUES_RESULT] = {SERVER, false, 0xffff},
	[TT_FASTCGI_UNKNOWN_TYPE] = {SERVER, false, 8},
};

static bool is_head(enum tt_side side, const struct tt_fastcgi_record *r, uint8_t reserved)
{
	uint8_t who = side == TT_REQUESTS ? CLIENT : SERVER;

	return r->type < TT_ARRAY_LEN(types) && types[r->type].sides & who && types[r->type].request == (r->id != 0) &&
	       (types[r->type].size == 0xffff || types[r->type].size == r->size) && reserved == 0;
}

enum tt_step tt_fastcgi_read(enum tt_side side, struct tt_cursor *cursor, struct tt_fastcgi_record *ret)
{
	struct tt_cursor c = *cursor;
	size_t left = tt_cursor_left(&c);

	if ((left > 0 && c.data[c.pos] != 1) ||
	    (left > 1 && (c.data[c.pos + 1] == 0 || c.data[c.pos + 1] >= TT_ARRAY_LEN(types))))
		return TT_LOST_SYNC;
	if (left < TT_FASTCGI_HEAD)
		return TT_MORE;
	tt_cursor_skip(&c, 1);
	ret->type = tt_cursor_u8(&c);
	ret->id = tt_cursor_be16(&c);
	ret->size = tt_cursor_be16(&c);
	ret->padding = tt_cursor_u8(&c);
	if (!is_head(side, ret, tt_cursor_u8(&c)))
		return TT_LOST_SYNC;
	*cursor = c;
	return TT_PARSED;
}

static uint32_t read_length(struct tt_cursor *c)
{
	uint32_t len = tt_cursor_u8(c);

	return len < 0x80 ? len : (len & 0x7f) << 24 | tt_cursor_be24(c);
}

enum tt_step tt_fastcgi_pair(struct tt_cursor *cursor, struct tt_span *ret_name, struct tt_span *ret_value)
{
	struct tt_cursor c = *cursor;
	uint32_t name = read_length(&c), value = read_length(&c);

	if (tt_cursor_short(&c))
		return TT_MORE;
	if ((uint64_t)name + value > UINT16_MAX)
		return TT_LOST_SYNC;
	if (tt_cursor_left(&c) < (size_t)name + value)
		return TT_MORE;
	*ret_name = tt_cursor_take(&c, name);
	*ret_value = tt_cursor_take(&c, value);
	*cursor = c;
	return TT_PARSED;
}

/* --- telling it by its bytes ------------------------------------------------------------------------------------------------ */

enum look {
	NOTHING,
	NO,
	PARTIAL,
	SURE,
};

/* Names are written as environment variables are. */
static bool begins_pairs(struct tt_cursor c)
{
	uint32_t name = read_length(&c);
	uint32_t value = read_length(&c);

	if (tt_cursor_short(&c))
		return true;
	struct tt_span s = tt_span_sub(tt_cursor_rest(&c), 0, name);
	for (size_t i = 0; i < s.len; i++) {
		bool plain = (s.data[i] >= 'A' && s.data[i] <= 'Z') || (s.data[i] >= 'a' && s.data[i] <= 'z') ||
			     s.data[i] == '_' || s.data[i] == '-' || (s.data[i] >= '0' && s.data[i] <= '9');
		if (!plain)
			return false;
	}
	return name && name < 256 && value <= UINT16_MAX;
}

/* A header line, as far as it is there. */
static bool begins_headers(struct tt_span s)
{
	for (size_t i = 0; i < TT_MIN(s.len, (size_t)64); i++) {
		bool plain = (s.data[i] >= 'A' && s.data[i] <= 'Z') || (s.data[i] >= 'a' && s.data[i] <= 'z') || s.data[i] == '-';
		if (!plain)
			return i > 0 && s.data[i] == ':';
	}
	return false;
}

/* Lines of a log. */
static bool is_text(struct tt_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < ' ' && s.data[i] != '\n' && s.data[i] != '\r' && s.data[i] != '\t')
			return false;
	}
	return s.len >= 8;
}

/* Is a record with this content certainly one? -1: it is none. */
static int judge(const struct tt_fastcgi_record *r, struct tt_cursor c)
{
	struct tt_span content = tt_span_sub(tt_cursor_rest(&c), 0, r->size);
	uint16_t role;
	uint8_t flags, status;

	if (content.len < r->size && r->type != TT_FASTCGI_STDOUT && r->type != TT_FASTCGI_PARAMS)
		return 0;
	switch (r->type) {
	case TT_FASTCGI_BEGIN:
		role = tt_cursor_be16(&c);
		flags = tt_cursor_u8(&c);
		return role >= TT_FASTCGI_RESPONDER && role <= TT_FASTCGI_FILTER && flags <= 1 ? 1 : -1;
	case TT_FASTCGI_END:
		tt_cursor_skip(&c, 4);
		status = tt_cursor_u8(&c);
		return status <= 3 ? 1 : -1;
	case TT_FASTCGI_GET_VALUES:
	case TT_FASTCGI_GET_VALUES_RESULT:
		return content.len > 7 && tt_span_starts(tt_span_sub(content, 2, 5), TT_SPAN_LIT("FCGI_")) ? 1 : 0;
	case TT_FASTCGI_PARAMS:
		return begins_pairs(tt_cursor(content)) && content.len > 16 ? 1 : 0;
	case TT_FASTCGI_STDOUT:
		return begins_headers(content) ? 1 : 0;
	case TT_FASTCGI_STDERR:
		return is_text(content) ? 1 : 0;
	default:
		return 0;
	}
}

static enum look look_at(struct tt_span bytes, enum tt_side side)
{
	struct tt_cursor c = tt_cursor(bytes);
	enum look best = NOTHING;

	for (unsigned n = 0; n < 8 && tt_cursor_left(&c); n++) {
		struct tt_fastcgi_record r;
		enum tt_step step = tt_fastcgi_read(side, &c, &r);
		int sure = step == TT_PARSED ? judge(&r, c) : 0;
		if (step == TT_LOST_SYNC || sure < 0)
			return NO;
		best = sure > 0 || best == SURE ? SURE : PARTIAL;
		/* A second head where the first one says it is. */
		if (step == TT_PARSED && n > 0 && r.size + r.padding > 0)
			best = SURE;
		if (step == TT_MORE)
			break;
		c.pos += TT_MIN((size_t)r.size + r.padding, tt_cursor_left(&c));
	}
	return best;
}

enum tt_verdict tt_fastcgi_detect(const struct tt_first *first)
{
	enum look asks = look_at(first->side[TT_REQUESTS], TT_REQUESTS);
	enum look answers = look_at(first->side[TT_RESPONSES], TT_RESPONSES);

	if (first->datagram || asks == NO || answers == NO)
		return TT_NO;
	return asks == SURE || answers == SURE ? TT_YES : TT_MAYBE;
}

bool tt_fastcgi_resumes(enum tt_side side, struct tt_span bytes)
{
	return look_at(bytes, side) == SURE;
}
