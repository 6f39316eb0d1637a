// SPDX-License-Identifier: Apache-2.0
#include "base/unpack.h"

#include <errno.h>
#include <limits.h>
#include <zlib.h>
#include <zstd.h>

#include "base/varint.h"

#define STEP_BYTES 4096u

/* Room for the next step: as much as there may be. 0: the maximum is reached or there is no memory. */
static size_t make_room(struct tt_buf *out)
{
	size_t left = out->max - out->len;
	size_t n = left < STEP_BYTES ? left : STEP_BYTES;

	return n && tt_buf_reserve(out, n) == 0 ? n : 0;
}

static int no_room(const struct tt_buf *out)
{
	return out->len == out->max ? -ENOBUFS : -ENOMEM;
}

static int add(struct tt_span in, struct tt_buf *out)
{
	size_t room = out->max - out->len;

	if (tt_buf_add(out, in.data, in.len < room ? in.len : room) < 0)
		return -ENOMEM;
	return in.len > room ? -ENOBUFS : 0;
}

/* --- zlib, zstd ---------------------------------------------------------------------------------------------------------------
 */

static int inflate_all(z_stream *z, struct tt_buf *out)
{
	int r = Z_OK;

	while (r == Z_OK) {
		size_t room = make_room(out);
		/* It may be over with nothing more to come out. */
		uint8_t nothing;
		z->next_out = room ? out->data + out->len : &nothing;
		z->avail_out = room ? (uInt)room : 1;
		r = inflate(z, Z_NO_FLUSH);
		size_t got = (room ? room : 1) - z->avail_out;
		if (!room && got)
			return no_room(out);
		out->len += got;
	}
	return r == Z_STREAM_END ? 0 : r == Z_BUF_ERROR ? -ENODATA : r == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

static int unpack_zlib(struct tt_span in, struct tt_buf *out)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)in.data, .avail_in = (uInt)in.len};

	if (in.len > UINT_MAX)
		return -EBADMSG;
	if (inflateInit(&z) != Z_OK)
		return -ENOMEM;
	int r = inflate_all(&z, out);
	inflateEnd(&z);
	return r;
}

static int decompress_all(ZSTD_DStream *z, struct tt_span in, struct tt_buf *out)
{
	ZSTD_inBuffer from = {in.data, in.len, 0};
	size_t r = 1;

	while (r) {
		uint8_t nothing;
		size_t room = make_room(out);
		ZSTD_outBuffer to = {room ? out->data + out->len : &nothing, room ? room : 1, 0};
		r = ZSTD_decompressStream(z, &to, &from);
		if (ZSTD_isError(r))
			return -EBADMSG;
		if (!room && to.pos)
			return no_room(out);
		out->len += room ? to.pos : 0;
		if (r && from.pos == from.size && to.pos < to.size)
			return -ENODATA;
	}
	return 0;
}

static int unpack_zstd(struct tt_span in, struct tt_buf *out)
{
	ZSTD_DStream *z = ZSTD_createDStream();

	if (!z)
		return -ENOMEM;
	/* A window of 8 MB is what every decoder has to have. */
	ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, 23);
	int r = decompress_all(z, in, out);
	ZSTD_freeDStream(z);
	return r;
}

/* --- snappy -------------------------------------------------------------------------------------------------------------------
 */

static uint32_t read_le(struct tt_cursor *c, unsigned bytes)
{
	return (uint32_t)tt_cursor_le_(c, bytes);
}

/* What was written `offset` bytes ago, once more; the two may overlap. */
static int copy_back(struct tt_buf *out, size_t begin, uint32_t offset, uint32_t len)
{
	if (offset == 0 || offset > out->len - begin)
		return -EBADMSG;
	uint32_t room = out->max - out->len < len ? (uint32_t)(out->max - out->len) : len;
	if (tt_buf_reserve(out, room) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < room; i++, out->len++)
		out->data[out->len] = out->data[out->len - offset];
	return room < len ? -ENOBUFS : 0;
}

static int unpack_snappy_element(struct tt_cursor *c, size_t begin, struct tt_buf *out)
{
	uint8_t tag = tt_cursor_u8(c);
	uint32_t len = tag >> 2;
	uint32_t offset;

	switch (tag & 3) {
	case 0:
		if (len >= 60)
			len = read_le(c, len - 59);
		struct tt_span literal = len < UINT32_MAX ? tt_cursor_take(c, (size_t)len + 1) : tt_span(NULL, 0);
		return literal.data ? add(literal, out) : -EBADMSG;
	case 1:
		offset = (uint32_t)(tag >> 5) << 8 | tt_cursor_u8(c);
		len = (len & 7) + 4;
		break;
	default:
		offset = read_le(c, (tag & 3) == 2 ? 2 : 4);
		len++;
		break;
	}
	return tt_cursor_short(c) ? -EBADMSG : copy_back(out, begin, offset, len);
}

static int unpack_snappy(struct tt_span in, struct tt_buf *out)
{
	struct tt_cursor c = tt_cursor(in);
	size_t begin = out->len;
	uint64_t size = tt_varint(&c, TT_VARINT_32);
	int r = tt_cursor_short(&c) ? -EBADMSG : 0;

	while (r == 0 && tt_cursor_left(&c))
		r = unpack_snappy_element(&c, begin, out);
	if (r == 0 && out->len - begin != size)
		return -EBADMSG;
	return r;
}

/* --- LZ4 ----------------------------------------------------------------------------------------------------------------------
 */

/* Four bits, and bytes that go on while they are 255. */
static size_t read_lz4_length(struct tt_cursor *c, uint8_t bits)
{
	size_t len = bits;
	uint8_t more = bits == 15 ? 255 : 0;

	while (more == 255 && !tt_cursor_short(c)) {
		more = tt_cursor_u8(c);
		len += more;
	}
	return len;
}

static int unpack_lz4_sequence(struct tt_cursor *c, size_t begin, struct tt_buf *out)
{
	uint8_t token = tt_cursor_u8(c);
	size_t len = read_lz4_length(c, token >> 4);
	struct tt_span literal = tt_cursor_take(c, len);

	if (tt_cursor_short(c))
		return -EBADMSG;
	int r = add(literal, out);
	if (r < 0 || !tt_cursor_left(c))
		return r; /* the last sequence has only a literal */
	uint16_t offset = tt_cursor_le16(c);
	len = read_lz4_length(c, token & 0xf) + 4;
	return tt_cursor_short(c) || len > UINT32_MAX ? -EBADMSG : copy_back(out, begin, offset, (uint32_t)len);
}

static int unpack_lz4(struct tt_span in, struct tt_buf *out)
{
	struct tt_cursor c = tt_cursor(in);
	size_t begin = out->len;
	int r = tt_cursor_left(&c) ? 0 : -EBADMSG;

	while (r == 0 && tt_cursor_left(&c))
		r = unpack_lz4_sequence(&c, begin, out);
	return r;
}

int tt_unpack(enum tt_packing how, struct tt_span in, struct tt_buf *out)
{
	static int (*const unpack[])(struct tt_span in, struct tt_buf *out) = {[TT_PACKED_NOT] = add,
									       [TT_PACKED_SNAPPY] = unpack_snappy,
									       [TT_PACKED_LZ4] = unpack_lz4,
									       [TT_PACKED_ZLIB] = unpack_zlib,
									       [TT_PACKED_ZSTD] = unpack_zstd};

	return unpack[how](in, out);
}
