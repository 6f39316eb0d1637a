// SPDX-License-Identifier: Apache-2.0
/*
 * ClickHouse: blocks passed over. Plain ones carry no length, so that their columns are walked. Compressed ones come in frames
 * that do: a writer fills a frame before it begins the next, so that only one of a mebibyte or more may be followed by another.
 */
#include "base/own.h"
#include "base/varint.h"
#include "proto/clickhouse.h"

#define FRAME_HEAD 25u	/* checksum, method, both sizes */
#define FRAME_COVERS 9u /* of it by the first size */
#define FRAME_FULL (1u << 20)
#define EMPTY_MOST 16u /* of a block without columns, unpacked */
#define FRAME_MOST (1u << 30)
#define INFO_BYTES 8u
#define COLUMNS_MOST 65536u
#define NAME_MOST 4096u

uint64_t ch_varuint(struct ch_reader *r)
{
	uint64_t v;

	if (tt_varint_read(&r->c, TT_VARINT_64, &v) != TT_VARINT_LONG)
		return v;
	r->bad = true;
	return 0;
}

uint8_t ch_byte(struct ch_reader *r, uint8_t most)
{
	uint8_t v = tt_cursor_short(&r->c) ? 0 : tt_cursor_u8(&r->c);

	r->bad |= v > most;
	return v;
}

struct tt_span ch_string(struct ch_reader *r, size_t most)
{
	uint64_t len = ch_varuint(r);

	if (len > most) {
		r->bad = true;
		return tt_span(NULL, 0);
	}
	return tt_cursor_short(&r->c) ? tt_span(NULL, 0) : tt_cursor_take(&r->c, (size_t)len);
}

/* The block's own fields, always written the same way: overflow rows, bucket, since revision 54480 buckets out of order. */
static bool is_info(struct tt_span s)
{
	return s.data[0] == 1 && s.data[1] <= 1 && s.data[2] == 2 && (s.data[7] == 0 || s.data[7] == 3);
}

static void pass_info(struct ch_reader *r)
{
	tt_cursor_skip(&r->c, INFO_BYTES - 1);
	if (ch_byte(r, 3) != 3)
		return;
	uint64_t buckets = ch_varuint(r);
	r->bad |= buckets > 65536;
	tt_cursor_skip(&r->c, r->bad ? 0 : (size_t)buckets * 4);
	ch_byte(r, 0);
}

static bool read_frame(struct tt_cursor *c, uint32_t *ret_size, uint32_t *ret_plain)
{
	tt_cursor_skip(c, 16);
	uint8_t method = tt_cursor_u8(c);
	*ret_size = tt_cursor_le32(c);
	*ret_plain = tt_cursor_le32(c);
	bool known = method == 0x82 || method == 0x90 || method == 0x02;
	return known && *ret_size > FRAME_COVERS && *ret_size <= FRAME_MOST && *ret_plain && *ret_plain <= FRAME_MOST &&
	       (method != 0x02 || *ret_size == *ret_plain + FRAME_COVERS);
}

enum tt_verdict ch_block_begins(struct tt_span bytes)
{
	struct tt_cursor c = tt_cursor(bytes);
	uint32_t size, plain;

	if (bytes.len < INFO_BYTES)
		return TT_MAYBE;
	if (is_info(bytes))
		return TT_YES;
	if (bytes.len < FRAME_HEAD)
		return TT_MAYBE;
	return read_frame(&c, &size, &plain) ? TT_YES : TT_NO;
}

void ch_block_begin(struct ch_block *b)
{
	*b = (struct ch_block){.on = true};
}

static enum tt_step frame_step(struct ch_block *b, struct tt_cursor *c, uint64_t *ret_skip)
{
	struct tt_cursor at = *c;
	uint32_t size, plain;

	if (tt_cursor_left(c) < FRAME_HEAD)
		return TT_MORE;
	if (!read_frame(&at, &size, &plain))
		return b->big ? TT_DONE : TT_LOST_SYNC;
	c->pos = at.pos;
	b->empty = plain <= EMPTY_MOST;
	b->big = plain >= FRAME_FULL;
	*ret_skip = size - FRAME_COVERS;
	return b->big ? TT_PARSED : TT_DONE;
}

static enum tt_step begin_step(struct ch_block *b, struct tt_cursor *c)
{
	struct ch_reader r = {.c = *c};

	if (tt_cursor_left(c) < INFO_BYTES)
		return TT_MORE;
	if (!is_info(tt_cursor_rest(c))) {
		b->packed = true;
		return TT_PARSED;
	}
	pass_info(&r);
	b->columns = ch_varuint(&r);
	b->rows = ch_varuint(&r);
	if (tt_cursor_short(&r.c))
		return TT_MORE;
	if (r.bad || b->columns > COLUMNS_MOST || b->rows > CH_ROWS_MOST || (b->rows && !b->columns))
		return TT_LOST_SYNC;
	b->counted = true;
	b->empty = !b->rows;
	c->pos = r.c.pos;
	return TT_PARSED;
}

static enum tt_step column_head(struct ch_block *b, struct tt_cursor *c, uint32_t revision)
{
	struct ch_reader r = {.c = *c};

	ch_string(&r, NAME_MOST);
	struct tt_span type = ch_string(&r, NAME_MOST);
	uint8_t custom = revision >= CH_CUSTOM_SERIALIZATION ? ch_byte(&r, UINT8_MAX) : 0;
	if (r.bad)
		return TT_LOST_SYNC;
	if (tt_cursor_short(&r.c))
		return TT_MORE;
	if (custom || !type.len)
		return TT_LOST_SYNC;
	c->pos = r.c.pos;
	b->columns--;
	b->in_column = b->rows > 0;
	return !b->in_column || ch_column_begin(&b->column, type, b->rows) ? TT_PARSED : TT_LOST_SYNC;
}

enum tt_step ch_block_step(struct ch_block *b, struct tt_cursor *c, uint32_t revision, uint64_t *ret_skip)
{
	*ret_skip = 0;
	if (b->packed)
		return frame_step(b, c, ret_skip);
	if (!b->counted)
		return begin_step(b, c);
	if (b->in_column) {
		enum tt_step step = ch_column_step(&b->column, c, ret_skip);
		b->in_column = step != TT_DONE;
		return step == TT_DONE ? TT_PARSED : step;
	}
	return b->columns ? column_head(b, c, revision) : TT_DONE;
}
