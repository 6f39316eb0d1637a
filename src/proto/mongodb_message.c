// SPDX-License-Identifier: Apache-2.0
/* MongoDB: requests, replies and streams of replies; compressed ones are read once they are there whole. */
#include <errno.h>

#include "base/own.h"
#include "base/unpack.h"
#include "proto/mongodb_internal.h"
#include "shared/limits.h"

static struct tt_message *begin_request(struct tt_link *link, struct mongodb_side *s, const struct tt_input *in, size_t at,
					bool one_way)
{
	struct tt_message *m = tt_request_begin(link, in, at);

	if (m) {
		m->id = s->id;
		m->one_way = one_way;
		m->kind = s->opcode == MONGODB_MSG ? MONGODB_KIND_COMMAND : 0;
	}
	tt_message_attr(m, tt_db_system, TT_SPAN_LIT("mongodb"));
	return m;
}

/* The next reply of a stream is the server's own: its first one has answered the request. */
static struct tt_message *begin_pushed(struct tt_link *link, struct mongodb_state *st, const struct tt_input *in, size_t at)
{
	struct tt_message *m = tt_server_request_begin(link, in, at);

	st->side[TT_RESPONSES].pushed = true;
	if (m) {
		m->one_way = true;
		m->incomplete = !st->stream_operation; /* what it belongs to was not seen */
	}
	tt_message_attr(m, tt_db_system, TT_SPAN_LIT("mongodb"));
	if (st->stream_operation)
		tt_sql_operation(m, tt_sql_text_span(st->stream_operation));
	mongodb_set_collection(m, tt_sql_text_span(st->stream_resource));
	return m;
}

static struct tt_message *begin_reply(struct tt_link *link, struct mongodb_state *st, const struct tt_input *in, size_t at)
{
	struct mongodb_side *s = &st->side[TT_RESPONSES];

	if (st->streaming && st->stream_id == s->response_to)
		return begin_pushed(link, st, in, at);
	const struct tt_message *request = tt_message_by_id(link, TT_REQUESTS, s->response_to);
	if (s->opcode == MONGODB_REPLY)
		s->command = request && request->kind & MONGODB_KIND_COMMAND;
	struct tt_message *m = tt_response_begin(link, in, at);
	if (m)
		m->id = s->response_to;
	return m;
}

static void forget_stream(struct mongodb_state *st)
{
	st->streaming = false;
	st->stream_operation = tt_sql_text_unref(st->stream_operation);
	st->stream_resource = tt_sql_text_unref(st->stream_resource);
}

/* A reply is at its end: will the server send another one of its own accord? */
static void follow_stream(struct tt_link *link, struct mongodb_state *st)
{
	struct mongodb_side *s = &st->side[TT_RESPONSES];

	if (!(s->opcode == MONGODB_MSG && s->flags & MONGODB_MORE_TO_COME)) {
		if (s->pushed)
			forget_stream(st);
		return;
	}
	if (!s->pushed) {
		const struct tt_message *request = tt_message_by_id(link, TT_REQUESTS, s->response_to);
		struct tt_span operation = tt_message_get(request, TT_TEXT_OPERATION);
		struct tt_span resource = tt_message_get(request, TT_TEXT_RESOURCE);
		forget_stream(st);
		st->stream_operation = operation.data ? tt_sql_text_new(operation) : NULL;
		st->stream_resource = resource.data ? tt_sql_text_new(resource) : NULL;
	}
	st->streaming = true;
	st->stream_id = s->id;
}

static void end_message(struct tt_link *link, struct mongodb_state *st, enum tt_side side, const struct tt_input *in)
{
	struct mongodb_side *s = &st->side[side];

	if (side == TT_RESPONSES) {
		mongodb_end_reply(s);
		follow_stream(link, st);
	}
	tt_message_end(link, s->open, in, in->c.pos + s->skip + s->left);
	s->open = NULL;
	s->stage = MONGODB_AT_HEADER;
}

static bool is_one_way(const struct mongodb_side *s)
{
	bool one_way;

	mongodb_opcode_name(s->opcode, &one_way);
	return one_way || (s->opcode == MONGODB_MSG && s->flags & MONGODB_MORE_TO_COME);
}

static void open_message(struct tt_link *link, struct mongodb_state *st, enum tt_side side, const struct tt_input *in, size_t at)
{
	struct mongodb_side *s = &st->side[side];

	s->open = side == TT_REQUESTS ? begin_request(link, s, in, at, is_one_way(s)) : begin_reply(link, st, in, at);
}

/* --- compressed messages
 * --------------------------------------------------------------------------------------------------------
 */

#define COMPRESSED_HEAD 9 /* opcode, size without compression, compressor */

static const struct {
	const char *name;
	enum tt_packing packing;
} compressors[] = {
	{"noop", TT_PACKED_NOT},
	{"snappy", TT_PACKED_SNAPPY},
	{"zlib", TT_PACKED_ZLIB},
	{"zstd", TT_PACKED_ZSTD},
};

/* The body is there, or as much of it as is read. */
static void read_unpacked(struct tt_link *link, struct mongodb_state *st, enum tt_side side, const struct tt_input *in, size_t at,
			  struct tt_span body, uint32_t size)
{
	struct mongodb_side *s = &st->side[side];
	struct tt_cursor inner = tt_cursor(body);
	struct tt_cursor flags = inner;

	s->flags = s->opcode == MONGODB_MSG ? tt_cursor_le32(&flags) : 0;
	s->left = size;
	open_message(link, st, side, in, at);
	enum tt_step step = mongodb_read_body(link, s, side, &inner);
	bool over = step == TT_PARSED && (s->stage == MONGODB_OVER || s->left <= mongodb_trailer(s));
	if (!over && s->open)
		s->open->incomplete = true;
	s->skip = 0;
	s->left = 0;
}

/* What cannot be unpacked is a message all the same: its operation is not known. */
static void read_unreadable(struct tt_link *link, struct mongodb_state *st, enum tt_side side, const struct tt_input *in,
			    size_t at)
{
	struct mongodb_side *s = &st->side[side];

	s->stage = MONGODB_OVER;
	open_message(link, st, side, in, at);
	if (s->open)
		s->open->incomplete = true;
}

static bool unpack(struct tt_link *link, enum tt_packing packing, struct tt_span packed, uint32_t size, struct tt_buf *out)
{
	out->max = TT_MIN((size_t)size, (size_t)tt_link_limit(link, TT_LIMIT_UNPACKED_BYTES));
	int r = tt_unpack(packing, packed, out);

	if (r == -ENOBUFS && out->max < size)
		tt_unpacked_turned_away(link);
	return r == 0 || (r == -ENOBUFS && out->max < size);
}

static enum tt_step read_compressed(struct tt_link *link, struct mongodb_state *st, enum tt_side side, struct tt_input *in,
				    const struct mongodb_header *h)
{
	struct mongodb_side *s = &st->side[side];
	size_t at = in->c.pos;
	struct tt_cursor look = in->c;

	tt_cursor_skip(&look, MONGODB_HEADER);
	uint32_t opcode = tt_cursor_le32(&look);
	uint32_t size = tt_cursor_le32(&look);
	uint8_t compressor = tt_cursor_u8(&look);
	if (tt_cursor_short(&look))
		return TT_MORE;
	if (h->len <= MONGODB_HEADER + COMPRESSED_HEAD || !mongodb_opcode_fits(opcode, side) || size > MONGODB_MESSAGE_MAX)
		return TT_LOST_SYNC;
	uint32_t len = h->len - MONGODB_HEADER - COMPRESSED_HEAD;
	uint64_t most = TT_MIN(tt_link_limit(link, TT_LIMIT_UNPACKED_BYTES), tt_link_limit(link, TT_LIMIT_STREAM_BYTES) / 2);
	bool readable = compressor < TT_ARRAY_LEN(compressors) && len <= most;
	if (readable && tt_cursor_left(&look) < len)
		return TT_MORE;

	tt_buf_auto struct tt_buf out = TT_BUF(0);
	s->opcode = opcode;
	if (readable && unpack(link, compressors[compressor].packing, tt_cursor_take(&look, len), size, &out))
		read_unpacked(link, st, side, in, at, tt_buf_span(&out), size);
	else
		read_unreadable(link, st, side, in, at);
	if (len > most)
		tt_unpacked_turned_away(link);
	if (compressor < TT_ARRAY_LEN(compressors))
		tt_message_attr(s->open, "mongodb.compressor", tt_span_str(compressors[compressor].name));
	s->stage = MONGODB_OVER;
	s->left = h->len;
	mongodb_pass(s, &in->c, MONGODB_HEADER);
	return TT_PARSED;
}

/* --- the stream ---------------------------------------------------------------------------------------------------------------
 */

/* Opens a message once enough of it is there to know what kind it is. */
static enum tt_step begin_message(struct tt_link *link, struct mongodb_state *st, enum tt_side side, struct tt_input *in)
{
	struct mongodb_side *s = &st->side[side];
	struct tt_cursor look = in->c;
	struct mongodb_header h;

	mongodb_read_header(&look, &h);
	if (tt_cursor_short(&look))
		return TT_MORE;
	if (!mongodb_header_fits(&h, side))
		return TT_LOST_SYNC;
	size_t at = in->c.pos;
	struct tt_cursor flags = look;
	*s = (struct mongodb_side){.opcode = h.opcode, .id = h.id, .response_to = h.response_to};
	if (h.opcode == MONGODB_COMPRESSED) {
		s->stage = MONGODB_AT_HEAD;
		enum tt_step step = read_compressed(link, st, side, in, &h);
		if (step != TT_PARSED)
			s->stage = MONGODB_AT_HEADER;
		return step;
	}
	s->flags = h.opcode == MONGODB_MSG ? tt_cursor_le32(&flags) : 0;
	if (tt_cursor_short(&flags))
		return TT_MORE;
	s->stage = MONGODB_AT_HEAD;
	s->left = h.len - MONGODB_HEADER;
	open_message(link, st, side, in, at);
	in->c.pos = look.pos;
	return TT_PARSED;
}

static enum tt_step read_message(struct tt_link *link, struct mongodb_state *st, enum tt_side side, struct tt_input *in)
{
	struct mongodb_side *s = &st->side[side];
	enum tt_step step = TT_PARSED;

	if (s->stage == MONGODB_AT_HEADER)
		step = begin_message(link, st, side, in);
	if (step == TT_PARSED)
		step = mongodb_read_body(link, s, side, &in->c);
	if (step != TT_PARSED)
		return step;
	if (s->stage == MONGODB_OVER || s->left <= mongodb_trailer(s)) {
		end_message(link, st, side, in);
		mongodb_pass(s, &in->c, s->left);
	}
	if (s->skip)
		tt_skip(link, side, s->skip);
	s->skip = 0;
	return TT_PARSED;
}

enum tt_step mongodb_parse_side(struct tt_link *link, struct mongodb_state *st, enum tt_side side, struct tt_input *in)
{
	enum tt_step step = TT_PARSED;

	while (step == TT_PARSED && tt_cursor_left(&in->c))
		step = read_message(link, st, side, in);
	return step;
}
