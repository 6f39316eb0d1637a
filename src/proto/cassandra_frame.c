// SPDX-License-Identifier: Apache-2.0
/* Cassandra: frames of version 5 and the envelopes in them, or envelopes alone. */
#include <errno.h>

#include "base/own.h"
#include "base/unpack.h"
#include "proto/cassandra_internal.h"

#define FRAME_TRAILER 4u /* the payload's checksum */

/* --- heads --------------------------------------------------------------------------------------------------------------------
 */

bool cassandra_header(struct tt_cursor *c, enum tt_side side, struct cassandra_header *ret)
{
	uint8_t version = tt_cursor_u8(c);

	ret->version = version & 0x7f;
	ret->flags = tt_cursor_u8(c);
	ret->stream = tt_cursor_be16(c);
	ret->opcode = tt_cursor_u8(c);
	ret->len = tt_cursor_be32(c);
	if (tt_cursor_short(c))
		return false;
	bool opcode = side == TT_REQUESTS ? cassandra_request_opcode(ret->opcode) : cassandra_response_opcode(ret->opcode);
	bool stream = ret->stream < 0x8000 || (ret->stream == 0xffff && ret->opcode == CASSANDRA_EVENT);
	return ret->version >= 3 && ret->version <= 5 && (version >> 7) == (side == TT_RESPONSES) && ret->flags < 0x20 &&
	       opcode && stream && ret->len <= CASSANDRA_BODY_MAX;
}

/* CRC-24 with the polynomial 0x1974f0b, begun at 0x875060; it stands behind the n bytes. */
static bool checked(const uint8_t *head, size_t n)
{
	uint32_t crc = 0x875060;

	for (size_t i = 0; i < n; i++) {
		crc ^= (uint32_t)head[i] << 16;
		for (int bit = 0; bit < 8; bit++)
			crc = crc << 1 ^ (crc & 0x800000 ? 0x1974f0b : 0);
	}
	return (crc & 0xffffff) == (head[n] | (uint32_t)head[n + 1] << 8 | (uint32_t)head[n + 2] << 16);
}

bool cassandra_frame(struct tt_span bytes, bool compressed, struct cassandra_frame *ret)
{
	struct tt_cursor c = tt_cursor(bytes);
	uint64_t low = tt_cursor_le24(&c);

	ret->header = compressed ? 8 : 6;
	if (compressed)
		low |= (uint64_t)tt_cursor_le16(&c) << 24;
	tt_cursor_le24(&c);
	if (tt_cursor_short(&c) || !checked(c.data, ret->header - 3))
		return false;
	ret->payload = low & 0x1ffff;
	ret->unpacked = compressed ? low >> 17 & 0x1ffff : 0;
	return ret->payload > 0;
}

/* --- envelopes ----------------------------------------------------------------------------------------------------------------
 */

/* Passes over n bytes, beyond the input where it has to be. */
static void pass(struct cassandra_side *s, struct tt_cursor *c, uint64_t n)
{
	uint64_t here = TT_MIN(n, (uint64_t)tt_cursor_left(c));

	tt_cursor_skip(c, (size_t)here);
	s->skip += n - here;
}

/* The same within the frame; its trailer goes with its last byte. */
static void pass_payload(struct cassandra_side *s, struct tt_cursor *c, uint64_t n)
{
	pass(s, c, n);
	if (s->framing == CASSANDRA_UNFRAMED)
		return;
	s->frame_left -= n;
	if (s->frame_left == 0)
		pass(s, c, FRAME_TRAILER);
}

/* Versions 3 and 4: LZ4 behind the size, or snappy. Which one was said at the start; the bytes say it too. */
static bool unpack_body(struct tt_link *link, struct tt_span packed, struct tt_buf *out)
{
	struct tt_cursor c = tt_cursor(packed);
	uint32_t size = tt_cursor_be32(&c);

	out->max = tt_link_limit(link, TT_LIMIT_UNPACKED_BYTES);
	int r = tt_unpack(TT_PACKED_LZ4, tt_cursor_rest(&c), out);
	if (r == 0 && out->len != size)
		r = -EBADMSG;
	if (r == -EBADMSG) {
		tt_buf_clear(out);
		r = tt_unpack(TT_PACKED_SNAPPY, packed, out);
	}
	if (r == -ENOBUFS)
		tt_unpacked_turned_away(link);
	return r == 0 || r == -ENOBUFS;
}

static struct tt_message *begin(struct tt_link *link, struct cassandra_state *st, enum tt_side side, const struct tt_input *in,
				size_t at, struct cassandra_envelope *e)
{
	struct tt_message *m;

	cassandra_skip_prefix(&e->body, e->h.flags, side);
	if (side == TT_REQUESTS) {
		m = tt_request_begin(link, in, at);
		cassandra_request(link, st, m, e);
	} else if (e->h.opcode == CASSANDRA_EVENT) {
		m = tt_server_request_begin(link, in, at);
		cassandra_event(m, e);
	} else {
		m = tt_response_begin(link, in, at);
		cassandra_response(link, st, m, e);
	}
	if (m)
		m->id = e->h.stream;
	return m;
}

/* Bytes of the body that have to be there. */
static uint64_t bytes_to_look_at(struct tt_link *link, enum tt_side side, const struct cassandra_header *h)
{
	uint64_t most = side == TT_REQUESTS ? tt_link_limit(link, TT_LIMIT_TEXT_BYTES) + 512 : CASSANDRA_RESPONSE_LOOK;

	if (h->flags & CASSANDRA_COMPRESSED)
		most = TT_MIN(tt_link_limit(link, TT_LIMIT_UNPACKED_BYTES), tt_link_limit(link, TT_LIMIT_STREAM_BYTES) / 2);
	return TT_MIN(h->len, most);
}

/* The envelope's message from the bytes that are there of its body. */
static struct tt_message *read_body(struct tt_link *link, struct cassandra_state *st, enum tt_side side,
				    const struct tt_input *in, size_t at, const struct cassandra_header *h, struct tt_span body)
{
	tt_buf_auto struct tt_buf unpacked = TT_BUF(0);
	struct cassandra_envelope e = {.h = *h, .body = tt_cursor(body), .readable = true};

	if (h->flags & CASSANDRA_COMPRESSED && h->len) {
		e.readable = body.len == h->len && unpack_body(link, body, &unpacked);
		e.body = tt_cursor(tt_buf_span(&unpacked));
		if (body.len < h->len)
			tt_unpacked_turned_away(link);
	}
	return begin(link, st, side, in, at, &e);
}

/* An envelope at the cursor, in a frame or alone. */
static enum tt_step read_envelope(struct tt_link *link, struct cassandra_state *st, enum tt_side side, struct tt_input *in)
{
	struct cassandra_side *s = &st->side[side];
	struct tt_cursor look = in->c;
	struct cassandra_header h;
	size_t at = in->c.pos;
	bool framed = s->framing != CASSANDRA_UNFRAMED;

	if (framed && s->frame_left < CASSANDRA_HEADER)
		return TT_LOST_SYNC;
	if (tt_cursor_left(&look) < CASSANDRA_HEADER)
		return TT_MORE;
	if (!cassandra_header(&look, side, &h))
		return TT_LOST_SYNC;
	uint64_t here = framed ? TT_MIN((uint64_t)h.len, s->frame_left - CASSANDRA_HEADER) : h.len;
	uint64_t n = TT_MIN(here, bytes_to_look_at(link, side, &h));
	if (tt_cursor_left(&look) < n)
		return TT_MORE;

	struct tt_message *m = read_body(link, st, side, in, at, &h, tt_cursor_take(&look, (size_t)n));
	if (here == h.len) {
		tt_message_end(link, m, in, at + CASSANDRA_HEADER + here);
	} else {
		s->open = m;
		s->envelope_left = h.len - here;
	}
	pass_payload(s, &in->c, CASSANDRA_HEADER + here);
	return TT_PARSED;
}

/* The frame's share of an envelope that began in an earlier one. */
static enum tt_step pass_envelope(struct tt_link *link, struct cassandra_side *s, struct tt_input *in)
{
	uint64_t n = TT_MIN(s->envelope_left, s->frame_left);

	s->envelope_left -= n;
	if (!s->envelope_left) {
		tt_message_end(link, s->open, in, in->c.pos + n);
		s->open = NULL;
	}
	pass_payload(s, &in->c, n);
	return TT_PARSED;
}

/* --- frames -------------------------------------------------------------------------------------------------------------------
 */

/* One envelope of an unpacked frame: it has no place of its own in the stream, so it has the frame's. */
static bool read_unpacked_envelope(struct tt_link *link, struct cassandra_state *st, enum tt_side side, const struct tt_input *in,
				   size_t at, uint64_t end, struct tt_cursor *c)
{
	struct cassandra_side *s = &st->side[side];
	struct cassandra_header h;

	if (!cassandra_header(c, side, &h))
		return false;
	size_t here = TT_MIN((size_t)h.len, tt_cursor_left(c));
	struct tt_message *m = read_body(link, st, side, in, at, &h, tt_cursor_take(c, here));
	if (m)
		m->own_bytes = (uint64_t)CASSANDRA_HEADER + h.len;
	if (here == h.len) {
		tt_message_end(link, m, in, end);
	} else {
		s->open = m;
		s->envelope_left = h.len - here;
	}
	return true;
}

/* A compressed frame, which has to be there whole; of one that only goes on with an envelope the size is enough. */
static enum tt_step read_packed_frame(struct tt_link *link, struct cassandra_state *st, enum tt_side side, struct tt_input *in,
				      const struct cassandra_frame *f)
{
	struct cassandra_side *s = &st->side[side];
	size_t at = in->c.pos;
	uint64_t end = (uint64_t)at + f->header + f->payload + FRAME_TRAILER;

	if (s->envelope_left) {
		if (f->unpacked > s->envelope_left)
			return TT_LOST_SYNC;
		s->envelope_left -= f->unpacked;
		if (!s->envelope_left) {
			tt_message_end(link, s->open, in, end);
			s->open = NULL;
		}
		pass(s, &in->c, end - at);
		return TT_PARSED;
	}
	if (tt_cursor_left(&in->c) < end - at)
		return TT_MORE;
	tt_buf_auto struct tt_buf out = TT_BUF(tt_link_limit(link, TT_LIMIT_UNPACKED_BYTES));
	int r = tt_unpack(TT_PACKED_LZ4, tt_span_sub(tt_cursor_rest(&in->c), f->header, f->payload), &out);
	if (r == -ENOBUFS)
		tt_unpacked_turned_away(link);
	if (r == -EBADMSG || (r == 0 && out.len != f->unpacked))
		return TT_LOST_SYNC;
	struct tt_cursor c = tt_cursor(tt_buf_span(&out));
	bool fine = r == 0;
	while (fine && tt_cursor_left(&c) && !s->envelope_left)
		fine = read_unpacked_envelope(link, st, side, in, at, end, &c);
	if (!fine)
		return TT_LOST_SYNC;
	pass(s, &in->c, end - at);
	return TT_PARSED;
}

static enum tt_step read_frame(struct tt_link *link, struct cassandra_state *st, enum tt_side side, struct tt_input *in)
{
	struct cassandra_side *s = &st->side[side];
	bool compressed = s->framing == CASSANDRA_FRAMED_COMPRESSED;
	struct cassandra_frame f;

	if (tt_cursor_left(&in->c) < (compressed ? 8u : 6u))
		return TT_MORE;
	if (!cassandra_frame(tt_cursor_rest(&in->c), compressed, &f))
		return TT_LOST_SYNC;
	if (f.unpacked)
		return read_packed_frame(link, st, side, in, &f);
	s->frame_left = f.payload;
	pass(s, &in->c, f.header);
	return TT_PARSED;
}

/* Is the next thing an envelope of its own, or does a frame begin, and of which form? */
static enum tt_step tell_framing(struct cassandra_side *s, enum tt_side side, const struct tt_cursor *c)
{
	struct tt_cursor look = *c;
	struct cassandra_header h;
	struct cassandra_frame f;

	/* Neither is shorter. The checksum is the stronger evidence. */
	if (tt_cursor_left(c) < CASSANDRA_HEADER)
		return TT_MORE;
	if (cassandra_frame(tt_cursor_rest(c), false, &f))
		s->framing = CASSANDRA_FRAMED;
	else if (cassandra_frame(tt_cursor_rest(c), true, &f))
		s->framing = CASSANDRA_FRAMED_COMPRESSED;
	else if (!cassandra_header(&look, side, &h))
		return TT_LOST_SYNC;
	return TT_PARSED;
}

static enum tt_step step(struct tt_link *link, struct cassandra_state *st, enum tt_side side, struct tt_input *in)
{
	struct cassandra_side *s = &st->side[side];

	if (s->frame_left)
		return s->envelope_left ? pass_envelope(link, s, in) : read_envelope(link, st, side, in);
	if (s->framing == CASSANDRA_UNFRAMED) {
		enum tt_step told = tell_framing(s, side, &in->c);
		if (told != TT_PARSED)
			return told;
	}
	return s->framing == CASSANDRA_UNFRAMED ? read_envelope(link, st, side, in) : read_frame(link, st, side, in);
}

enum tt_step cassandra_parse_side(struct tt_link *link, struct cassandra_state *st, enum tt_side side, struct tt_input *in)
{
	struct cassandra_side *s = &st->side[side];
	enum tt_step r = TT_PARSED;

	while (r == TT_PARSED && tt_cursor_left(&in->c) && !s->skip)
		r = step(link, st, side, in);
	if (s->skip && r == TT_PARSED) {
		tt_skip(link, side, s->skip);
		s->skip = 0;
	}
	return r;
}
