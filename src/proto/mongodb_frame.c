// SPDX-License-Identifier: Apache-2.0
/* MongoDB: headers, the sections of OP_MSG, and how far the documents in them are read. */
#include "base/own.h"
#include "proto/mongodb_internal.h"

bool mongodb_opcode_fits(uint32_t opcode, enum tt_side side)
{
	bool one_way;

	if (opcode == MONGODB_MSG)
		return true;
	return side == TT_REQUESTS ? mongodb_opcode_name(opcode, &one_way) != NULL : opcode == MONGODB_REPLY;
}

void mongodb_read_header(struct tt_cursor *c, struct mongodb_header *ret)
{
	ret->len = tt_cursor_le32(c);
	ret->id = tt_cursor_le32(c);
	ret->response_to = tt_cursor_le32(c);
	ret->opcode = tt_cursor_le32(c);
}

bool mongodb_header_fits(const struct mongodb_header *h, enum tt_side side)
{
	return h->len > MONGODB_HEADER && h->len <= MONGODB_MESSAGE_MAX &&
	       (h->opcode == MONGODB_COMPRESSED || mongodb_opcode_fits(h->opcode, side));
}

void mongodb_pass(struct mongodb_side *s, struct tt_cursor *c, uint64_t n)
{
	uint64_t here = TT_MIN(n, (uint64_t)tt_cursor_left(c));

	tt_cursor_skip(c, (size_t)here);
	s->left -= n;
	s->skip += n - here;
}

uint64_t mongodb_trailer(const struct mongodb_side *s)
{
	return s->opcode == MONGODB_MSG && s->flags & MONGODB_CHECKSUM ? 4 : 0;
}

/* --- between header and documents ---------------------------------------------------------------------------------------------
 */

static enum tt_step read_reply_head(struct mongodb_side *s, struct tt_cursor *c)
{
	if (s->left < 20)
		return TT_LOST_SYNC;
	s->reply_flags = tt_cursor_le32(c);
	tt_cursor_skip(c, 8 + 4); /* cursor, start */
	uint32_t documents = tt_cursor_le32(c);
	if (tt_cursor_short(c))
		return TT_MORE;
	s->stage = documents && s->left > 20 ? MONGODB_AT_DOCUMENT : MONGODB_OVER;
	if (s->reply_flags & 2)
		s->command = true; /* what failed is said in a command's fields */
	return TT_PARSED;
}

static enum tt_step read_msg_head(struct mongodb_side *s, struct tt_cursor *c)
{
	s->flags = tt_cursor_le32(c);
	if (tt_cursor_short(c))
		return TT_MORE;
	if (s->flags & MONGODB_FLAGS_UNKNOWN || s->left < 5 + 4 + mongodb_trailer(s))
		return TT_LOST_SYNC;
	s->command = true;
	s->stage = MONGODB_AT_SECTION;
	return TT_PARSED;
}

/* The operations before OP_MSG: four bytes, a collection's full name, and what is only of use in a query. */
static enum tt_step read_legacy_head(struct mongodb_side *s, struct tt_cursor *c)
{
	bool one_way;

	if (s->opcode == MONGODB_KILL_CURSORS) {
		tt_sql_operation(s->open, tt_span_str(mongodb_opcode_name(s->opcode, &one_way)));
		s->stage = MONGODB_OVER;
		return TT_PARSED;
	}
	tt_cursor_skip(c, 4);
	struct tt_span name = tt_cursor_until(c, 0);
	if (tt_cursor_short(c))
		return tt_cursor_left(c) > MONGODB_LOOK ? TT_LOST_SYNC : TT_MORE;
	if (s->opcode == MONGODB_QUERY && !tt_cursor_skip(c, 4 + 4))
		return TT_MORE;
	mongodb_namespace(s, name);
	s->stage = s->command ? MONGODB_AT_DOCUMENT : MONGODB_OVER;
	return TT_PARSED;
}

static enum tt_step read_head(struct mongodb_side *s, struct tt_cursor *c)
{
	size_t at = c->pos;
	enum tt_step step = s->opcode == MONGODB_MSG	 ? read_msg_head(s, c)
			    : s->opcode == MONGODB_REPLY ? read_reply_head(s, c)
							 : read_legacy_head(s, c);

	if (step != TT_PARSED) {
		c->pos = at;
		c->short_ = false;
		return step;
	}
	if (c->pos - at > s->left)
		return TT_LOST_SYNC;
	s->left -= c->pos - at;
	return TT_PARSED;
}

/* --- sections and documents ---------------------------------------------------------------------------------------------------
 */

/* A section begins with its kind: 0 the command or reply, 1 documents that belong to one of its fields, 2 a token of the
 * server's. */
static enum tt_step read_section(struct mongodb_side *s, struct tt_cursor *c)
{
	struct tt_cursor look = *c;
	uint8_t kind = tt_cursor_u8(&look);

	if (tt_cursor_short(&look))
		return TT_MORE;
	if (kind > 2)
		return TT_LOST_SYNC;
	if (kind == 0) {
		mongodb_pass(s, c, 1);
		s->stage = MONGODB_AT_DOCUMENT;
		return TT_PARSED;
	}
	uint32_t size = tt_cursor_le32(&look);
	if (tt_cursor_short(&look))
		return TT_MORE;
	if (size < 5 || size + 1ull + mongodb_trailer(s) > s->left)
		return TT_LOST_SYNC;
	mongodb_pass(s, c, 1ull + size);
	return TT_PARSED;
}

static enum tt_step read_document(struct mongodb_side *s, struct tt_cursor *c)
{
	struct tt_cursor look = *c;
	uint32_t size = tt_cursor_le32(&look);

	if (tt_cursor_short(&look))
		return TT_MORE;
	if (size < 5 || size > s->left)
		return TT_LOST_SYNC;
	mongodb_pass(s, c, 4);
	s->document_left = size - 4;
	s->first = true;
	s->stage = s->command ? MONGODB_AT_ELEMENT : MONGODB_OVER;
	return TT_PARSED;
}

/* What cannot be read leaves the message incomplete, not the stream: its length is known. */
static enum tt_step give_up(struct mongodb_side *s)
{
	if (s->open)
		s->open->incomplete = true;
	s->stage = MONGODB_OVER;
	return TT_PARSED;
}

static enum tt_step read_element(struct tt_link *link, struct mongodb_side *s, enum tt_side side, struct tt_cursor *c)
{
	struct tt_cursor look = *c;
	struct mongodb_element e;

	if (!tt_cursor_left(c))
		return TT_MORE;
	if (s->document_left <= 1 || c->data[c->pos] == 0) {
		/* What stands behind the document adds nothing. */
		s->stage = MONGODB_OVER;
		return TT_PARSED;
	}
	enum mongodb_read r = mongodb_element(&look, s->document_left, &e);
	if (r != MONGODB_FINE)
		return r == MONGODB_SHORT ? TT_MORE : give_up(s);
	if (tt_cursor_left(&look) < mongodb_wanted(s, side, &e))
		return TT_MORE;
	mongodb_field(link, s, side, &look, &e);
	s->first = false;
	uint64_t n = look.pos - c->pos + e.size;
	s->document_left -= n;
	mongodb_pass(s, c, n);
	return TT_PARSED;
}

enum tt_step mongodb_read_body(struct tt_link *link, struct mongodb_side *s, enum tt_side side, struct tt_cursor *c)
{
	enum tt_step step = TT_PARSED;

	while (step == TT_PARSED && s->stage != MONGODB_OVER && !s->skip && s->left > mongodb_trailer(s)) {
		switch (s->stage) {
		case MONGODB_AT_HEAD:
			step = read_head(s, c);
			break;
		case MONGODB_AT_SECTION:
			step = read_section(s, c);
			break;
		case MONGODB_AT_DOCUMENT:
			step = read_document(s, c);
			break;
		default:
			step = read_element(link, s, side, c);
			break;
		}
	}
	return step;
}
