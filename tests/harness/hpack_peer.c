// SPDX-License-Identifier: Apache-2.0
#include "harness/hpack_peer.h"

#include <stdio.h>
#include <stdlib.h>

#define TOLD_MOST (256u << 20)

/* What is told: for each string its length (UINT32_MAX: not known), then its bytes. */
static void tell(struct tt_buf *b, const void *data, size_t len)
{
	uint32_t n = data ? (uint32_t)len : UINT32_MAX;
	if (tt_buf_add(b, &n, sizeof(n)) < 0 || (data && tt_buf_add(b, data, len) < 0))
		abort();
}

static size_t put_int(uint8_t *to, uint8_t first, unsigned bits, uint32_t v)
{
	uint32_t mask = (1u << bits) - 1;
	size_t n = 1;

	to[0] = (uint8_t)(first | (v < mask ? v : mask));
	if (v < mask)
		return n;
	for (v -= mask; v >= 128; v >>= 7)
		to[n++] = (uint8_t)(v | 0x80);
	to[n++] = (uint8_t)v;
	return n;
}

static void on_field(void *ctx, const struct tt_hpack_field *f)
{
	tell(ctx, f->name.data, f->name.len);
	tell(ctx, f->value.data, f->value.len);
	if (f->name.data && f->token != tt_hpack_name(f->name))
		abort();
}

void tt_hpack_peers_free(struct tt_hpack_peers *p)
{
	tt_hpack_free(&p->ours);
	nghttp2_hd_inflate_del(p->theirs);
	tt_buf_free(&p->told[0]);
	tt_buf_free(&p->told[1]);
}

static bool their_block(struct tt_hpack_peers *p, struct tt_span block)
{
	for (;;) {
		nghttp2_nv nv;
		int flags = 0;
		ssize_t used = nghttp2_hd_inflate_hd2(p->theirs, &nv, &flags, block.data, block.len, 1);
		if (used < 0)
			return false;
		block = tt_span_sub(block, (size_t)used, block.len);
		if (flags & NGHTTP2_HD_INFLATE_EMIT) {
			tell(&p->told[1], nv.name, nv.namelen);
			tell(&p->told[1], nv.value, nv.valuelen);
		}
		if (flags & NGHTTP2_HD_INFLATE_FINAL) {
			nghttp2_hd_inflate_end_headers(p->theirs);
			return true;
		}
		if (!(flags & NGHTTP2_HD_INFLATE_EMIT) && !used)
			return false;
	}
}

static void same(const struct tt_buf told[2], const char *what)
{
	if (told[0].len == told[1].len && (!told[0].len || memcmp(told[0].data, told[1].data, told[0].len) == 0))
		return;
	fprintf(stderr, "hpack: %s differ\n", what);
	abort();
}

/* The block sets a size that was not allowed: who only looks on does not know what was. */
static bool sets_too_much(const struct tt_hpack_peers *p, struct tt_span block)
{
	for (size_t at = 0; at < block.len && (block.data[at] & 0xe0) == 0x20;) {
		uint64_t size = block.data[at++] & 0x1f;
		uint8_t byte = size == 0x1f ? 0x80 : 0;
		for (unsigned shift = 0; (byte & 0x80) && at < block.len && shift < 35; shift += 7) {
			byte = block.data[at++];
			size += (uint64_t)(byte & 0x7f) << shift;
		}
		if (size > p->ours.keep)
			return true;
	}
	return false;
}

bool tt_hpack_peers_block(struct tt_hpack_peers *p, struct tt_span block)
{
	static const uint8_t nothing[1];
	if (!block.data)
		block.data = nothing;
	if (sets_too_much(p, block))
		return false;
	tt_buf_clear(&p->told[0]);
	tt_buf_clear(&p->told[1]);
	int e = tt_hpack_block(&p->ours, block, TT_HPACK_ALL, on_field, &p->told[0]);
	bool good = their_block(p, block);
	same(p->told, "fields");
	if (good != (e == 0)) {
		fprintf(stderr, "hpack: ours says %d, theirs %d\n", e, good);
		abort();
	}
	return good;
}

void tt_hpack_peers_init(struct tt_hpack_peers *p, uint32_t keep)
{
	*p = (struct tt_hpack_peers){.told = {TT_BUF(TOLD_MOST), TT_BUF(TOLD_MOST)}};
	tt_hpack_init(&p->ours, keep, true);
	if (nghttp2_hd_inflate_new(&p->theirs) != 0)
		abort();
	/* Above the start's 4096 it is only allowed, below it the sender has to say that it knows. */
	if (nghttp2_hd_inflate_change_table_size(p->theirs, keep) != 0)
		abort();
	uint8_t size[8];
	if (keep < 4096 && !tt_hpack_peers_block(p, tt_span(size, put_int(size, 0x20, 5, keep))))
		abort();
}

size_t tt_hpack_peers_tables(struct tt_hpack_peers *p)
{
	size_t count = nghttp2_hd_inflate_get_num_table_entries(p->theirs);
	tt_buf_clear(&p->told[0]);
	tt_buf_clear(&p->told[1]);
	for (size_t i = TT_HPACK_PEERS_FIRST; i <= count; i++) {
		const nghttp2_nv *nv = nghttp2_hd_inflate_get_table_entry(p->theirs, i);
		tell(&p->told[1], nv->name, nv->namelen);
		tell(&p->told[1], nv->value, nv->valuelen);

		uint8_t index[8];
		if (tt_hpack_block(&p->ours, tt_span(index, put_int(index, 0x80, 7, (uint32_t)i)), TT_HPACK_ALL, on_field,
				   &p->told[0]) < 0)
			abort();
	}
	same(p->told, "tables");
	tt_hpack_peers_sizes(p);
	return p->told[0].len;
}

void tt_hpack_peers_sizes(const struct tt_hpack_peers *p)
{
	size_t count = nghttp2_hd_inflate_get_num_table_entries(p->theirs);

	if (p->ours.count + TT_HPACK_PEERS_FIRST - 1 != count ||
	    p->ours.size != nghttp2_hd_inflate_get_dynamic_table_size(p->theirs)) {
		fprintf(stderr, "hpack: %u entries of %u bytes, theirs %zu of %zu\n", p->ours.count, p->ours.size,
			count - TT_HPACK_PEERS_FIRST + 1, nghttp2_hd_inflate_get_dynamic_table_size(p->theirs));
		abort();
	}
}

size_t tt_hpack_peers_table(const struct tt_hpack_peers *p, struct tt_header *ret, size_t most)
{
	size_t count = nghttp2_hd_inflate_get_num_table_entries(p->theirs) - TT_HPACK_PEERS_FIRST + 1;

	for (size_t i = 0; i < count && i < most; i++) {
		const nghttp2_nv *nv = nghttp2_hd_inflate_get_table_entry(p->theirs, TT_HPACK_PEERS_FIRST + i);
		ret[i] = (struct tt_header){tt_span(nv->name, nv->namelen), tt_span(nv->value, nv->valuelen)};
	}
	return count;
}

static struct tt_span next_told(struct tt_span *told)
{
	uint32_t n;
	if (told->len < sizeof(n))
		abort();
	memcpy(&n, told->data, sizeof(n));
	struct tt_span s = tt_span(n == UINT32_MAX ? NULL : told->data + sizeof(n), n == UINT32_MAX ? 0 : n);
	*told = tt_span_sub(*told, sizeof(n) + s.len, told->len);
	return s;
}

void tt_hpack_peers_late(struct tt_hpack_peers *p, struct tt_hpack *late, struct tt_span block, uint64_t *all, uint64_t *known)
{
	tt_buf_auto struct tt_buf b = TT_BUF(TOLD_MOST);
	if (tt_hpack_block(late, block, TT_HPACK_ALL, on_field, &b) < 0) {
		fprintf(stderr, "hpack: the late one cannot read the block\n");
		abort();
	}
	struct tt_span told = tt_buf_span(&b), truth = tt_buf_span(&p->told[0]);
	while (truth.len) {
		struct tt_span a = next_told(&told), t = next_told(&truth);
		++*all;
		*known += a.data != NULL;
		if (a.data && !tt_span_eq(a, t)) {
			fprintf(stderr, "hpack: the late one is wrong\n");
			abort();
		}
	}
	if (told.len)
		abort();
}
