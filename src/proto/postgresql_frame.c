// SPDX-License-Identifier: Apache-2.0
/* PostgreSQL: message types, and how sure one can be that bytes are messages. */
#include "base/own.h"
#include "proto/postgresql_internal.h"

#define PG_MOST 0x40000000u /* the server refuses more */

static const struct pg_row frontend[] = {
	{'Q', true, 5, 0},  {'P', true, 8, 0},	{'B', true, 12, 0}, {'E', true, 9, 0},	{'D', true, 6, 0},
	{'C', true, 6, 0},  {'S', true, 4, 4},	{'H', true, 4, 4},  {'F', true, 14, 0}, {'X', true, 4, 4},
	{'d', false, 4, 0}, {'c', false, 4, 4}, {'f', false, 5, 0}, {'p', false, 4, 0},
};

static const struct pg_row backend[] = {
	{'1', true, 4, 4},  {'2', true, 4, 4},	 {'3', true, 4, 4},  {'n', true, 4, 4},	 {'s', true, 4, 4},   {'I', true, 4, 4},
	{'Z', true, 5, 5},  {'C', true, 6, 128}, {'T', true, 6, 0},  {'t', true, 6, 0},	 {'E', true, 6, 0},   {'N', true, 6, 0},
	{'S', true, 7, 0},  {'A', true, 10, 0},	 {'V', true, 8, 0},  {'G', true, 7, 0},	 {'H', true, 7, 0},   {'W', true, 7, 0},
	{'D', false, 6, 0}, {'d', false, 4, 0},	 {'c', false, 4, 4}, {'R', false, 8, 0}, {'K', false, 12, 0}, {'v', false, 12, 0},
};

const struct pg_row *pg_row_find(enum tt_side side, uint8_t type)
{
	const struct pg_row *rows = side == TT_REQUESTS ? frontend : backend;
	size_t n = side == TT_REQUESTS ? TT_ARRAY_LEN(frontend) : TT_ARRAY_LEN(backend);

	for (size_t i = 0; i < n; i++) {
		if (rows[i].type == type)
			return &rows[i];
	}
	return NULL;
}

enum tt_step pg_read_frame(enum tt_side side, struct tt_cursor *c, struct pg_frame *ret)
{
	size_t at = c->pos;

	if (tt_cursor_left(c) && !pg_row_find(side, c->data[at]))
		return TT_LOST_SYNC;
	if (tt_cursor_left(c) < PG_HEADER)
		return TT_MORE;
	uint8_t type = tt_cursor_u8(c);
	uint32_t len = tt_cursor_be32(c);
	const struct pg_row *row = pg_row_find(side, type);
	if (len < row->least || len > (row->most ? row->most : PG_MOST)) {
		c->pos = at;
		return TT_LOST_SYNC;
	}
	*ret = (struct pg_frame){.at = at, .type = type, .len = len - 4};
	return TT_PARSED;
}

/* A string ended by 0 that is text as far as it is there. */
static bool is_string(struct tt_cursor *c, bool whole)
{
	struct tt_span rest = tt_cursor_rest(c);
	struct tt_span s = tt_cursor_until(c, 0);

	if (tt_cursor_short(c)) {
		if (whole)
			return false;
		s = rest;
	}
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < ' ' && !(s.data[i] >= '\t' && s.data[i] <= '\r'))
			return false;
	}
	return true;
}

static bool are_strings(struct tt_cursor *c, bool whole, int count)
{
	while (count-- > 0) {
		if (!is_string(c, whole))
			return false;
	}
	return true;
}

static bool sql_follows(struct tt_cursor *c, bool whole)
{
	struct tt_span rest = tt_cursor_rest(c);
	ptrdiff_t end = tt_span_find(rest, 0);

	if (end < 0 && whole)
		return false;
	return tt_sql_plausible(tt_span_sub(rest, 0, end < 0 ? TT_SQL_HEAD : (size_t)end), false);
}

static bool request_body_plausible(uint8_t type, struct tt_cursor c, bool whole)
{
	switch (type) {
	case 'Q':
		return sql_follows(&c, whole);
	case 'P':
		/* Five bytes of another protocol may be a type and a length: what tells must be there. */
		return is_string(&c, true) && sql_follows(&c, whole);
	case 'B':
		return are_strings(&c, whole, 2);
	case 'D':
	case 'C': {
		uint8_t what = tt_cursor_u8(&c);
		return (what == 'S' || what == 'P') && is_string(&c, whole) && tt_cursor_left(&c) == 0;
	}
	case 'E':
		return is_string(&c, whole) && (!whole || tt_cursor_left(&c) == 4);
	default:
		return true;
	}
}

static bool body_ends(const struct tt_cursor *c, bool whole)
{
	return whole && tt_cursor_left(c) == 0;
}

static bool response_body_plausible(uint8_t type, struct tt_cursor c, bool whole)
{
	switch (type) {
	case 'Z': {
		uint8_t status = tt_cursor_u8(&c);
		return status == 'I' || status == 'T' || status == 'E';
	}
	case 'C':
		return tt_cursor_left(&c) && c.data[c.pos] >= 'A' && c.data[c.pos] <= 'Z' && is_string(&c, whole) &&
		       tt_cursor_left(&c) == 0;
	case 'E':
	case 'N':
		return tt_cursor_u8(&c) == 'S' && is_string(&c, whole);
	case 'S':
		return are_strings(&c, whole, 2) && tt_cursor_left(&c) == 0;
	case 'T': {
		uint16_t fields = tt_cursor_be16(&c);
		return !tt_cursor_short(&c) && fields <= 1664 && (fields ? is_string(&c, true) : body_ends(&c, whole));
	}
	default:
		return true;
	}
}

static bool body_plausible(enum tt_side side, const struct pg_frame *f, struct tt_cursor *c)
{
	struct tt_span body = tt_span_sub(tt_cursor_rest(c), 0, f->len);
	bool whole = body.len == f->len;

	return side == TT_REQUESTS ? request_body_plausible(f->type, tt_cursor(body), whole)
				   : response_body_plausible(f->type, tt_cursor(body), whole);
}

bool pg_messages_plausible(enum tt_side side, struct tt_span bytes)
{
	struct tt_cursor c = tt_cursor(bytes);
	struct pg_frame f;
	size_t whole = 0;
	bool told = false; /* something was seen that other bytes would hardly be */

	while (tt_cursor_left(&c)) {
		enum tt_step step = pg_read_frame(side, &c, &f);
		if (step == TT_LOST_SYNC)
			return false;
		if (step == TT_MORE)
			break;
		if ((f.at == 0 && !pg_row_find(side, f.type)->starts) || !body_plausible(side, &f, &c))
			return false;
		told |= side == TT_REQUESTS ? f.type == 'Q' || f.type == 'P' : f.type == 'Z' || f.type == 'T';
		if (!tt_cursor_skip(&c, f.len))
			break;
		whole++;
	}
	/* Two whole messages in a row, or one with text or a state of its own. */
	return told || whole >= 2;
}

void pg_pass_to(struct tt_link *link, enum tt_side side, struct tt_input *in, uint64_t end)
{
	in->c.pos = (size_t)TT_MIN(end, (uint64_t)in->c.len);
	if (end > in->c.len)
		tt_skip(link, side, end - in->c.len);
}
