// SPDX-License-Identifier: Apache-2.0
/* Entry for entry against libnghttp2, with blocks of its deflater and with blocks made up here; and the same read late. */
#include <stdio.h>
#include <stdlib.h>

#include "harness/hpack_peer.h"
#include "harness/unit.h"

#define BLOCK_MOST 65536
#define FIELDS_MOST 24

static uint64_t seed;

static uint32_t any(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

/* Names and values repeat, as they do in headers. */
static size_t any_text(uint8_t *to, bool name)
{
	static const char *const names[] = {
		":path",	":method",     ":status",     ":authority", "user-agent", "cookie", "x-request-id",
		"content-type", "grpc-status", "traceparent", "etag",	    "accept",	  "x",	    "set-cookie"};
	static const char *const values[] = {"/",
					     "GET",
					     "POST",
					     "200",
					     "application/grpc",
					     "text/html; charset=utf-8",
					     "0",
					     "",
					     "no-cache",
					     "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};
	uint32_t kind = any(10);
	if (kind < 7) {
		const char *text = name ? names[any(TT_ARRAY_LEN(names))] : values[any(TT_ARRAY_LEN(values))];
		memcpy(to, text, strlen(text));
		return strlen(text);
	}
	size_t len = kind == 9 ? any(3000) : any(40);
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(kind == 7 ? 'a' + any(26) : any(256));
	return len;
}

/* --- blocks of the deflater ----------------------------------------------------------------------------------------------- */

static size_t deflated(nghttp2_hd_deflater *d, uint8_t *block)
{
	static uint8_t text[FIELDS_MOST][2][3000];
	nghttp2_nv nv[FIELDS_MOST];
	size_t n = any(FIELDS_MOST);
	for (size_t i = 0; i < n; i++) {
		nv[i] = (nghttp2_nv){.name = text[i][0],
				     .value = text[i][1],
				     .flags = any(20) ? NGHTTP2_NV_FLAG_NONE : NGHTTP2_NV_FLAG_NO_INDEX};
		nv[i].namelen = any_text(nv[i].name, true);
		nv[i].valuelen = any_text(nv[i].value, false);
	}
	ssize_t len = nghttp2_hd_deflate_hd(d, block, BLOCK_MOST * 2, nv, n);
	assert_true(len >= 0);
	return (size_t)len;
}

/* --- blocks made up ------------------------------------------------------------------------------------------------------- */

static size_t put_int(uint8_t *to, uint8_t first, unsigned bits, uint32_t v)
{
	uint32_t mask = (1u << bits) - 1;
	if (v < mask) {
		to[0] = (uint8_t)(first | v);
		return 1;
	}
	size_t n = 1;
	to[0] = (uint8_t)(first | mask);
	for (v -= mask; v >= 128; v >>= 7)
		to[n++] = (uint8_t)(v | 0x80);
	to[n++] = (uint8_t)v;
	return n;
}

static size_t put_string(uint8_t *to, bool name)
{
	uint8_t text[3000];
	size_t len = any_text(text, name);
	size_t n = put_int(to, 0, 7, (uint32_t)len);
	memcpy(to + n, text, len);
	return n + len;
}

static size_t made_up(uint8_t *to, size_t entries, uint32_t most)
{
	size_t n = 0;
	while (any(30) == 0)
		n += put_int(to + n, 0x20, 5, any(4) ? any(most + 1) : 0);
	for (uint32_t i = any(FIELDS_MOST); i > 0; i--) {
		uint32_t kind = any(8), index = 1 + any((uint32_t)entries);
		if (kind < 4) {
			n += put_int(to + n, 0x80, 7, index);
			continue;
		}
		unsigned bits = kind < 7 ? 6 : 4;
		if (any(3) == 0)
			index = 0;
		n += put_int(to + n, kind < 7 ? 0x40 : any(2) ? 0x10 : 0, bits, index);
		if (!index)
			n += put_string(to + n, true);
		n += put_string(to + n, false);
	}
	return n;
}

/* --- reading them --------------------------------------------------------------------------------------------------------- */

struct late {
	struct tt_hpack h;
	bool there;
	bool missed;
	uint64_t all;
	uint64_t known;
};

/* It comes after some blocks, and misses some later on. */
static void late_block(struct late *l, struct tt_hpack_peers *p, struct tt_span block, unsigned number)
{
	if (!l->there && number == 5) {
		tt_hpack_init(&l->h, 4096, false);
		l->there = true;
	}
	if (!l->there)
		return;
	if (any(40) == 0) {
		l->missed = true;
		return;
	}
	if (l->missed)
		tt_hpack_unknown(&l->h);
	l->missed = false;
	tt_hpack_peers_late(p, &l->h, block, &l->all, &l->known);
}

static void run(bool by_deflater, uint32_t keep, uint64_t from, struct late *l)
{
	static uint8_t block[BLOCK_MOST * 2];
	struct tt_hpack_peers p;
	nghttp2_hd_deflater *d = NULL;

	seed = from;
	*l = (struct late){.all = l->all, .known = l->known};
	tt_hpack_peers_init(&p, keep);
	assert_int_equal(nghttp2_hd_deflate_new(&d, keep), 0);
	for (unsigned i = 0; i < 100; i++) {
		if (by_deflater && any(15) == 0)
			assert_int_equal(nghttp2_hd_deflate_change_table_size(d, any(3) ? any(keep + 1) : 0), 0);
		size_t entries = nghttp2_hd_inflate_get_num_table_entries(p.theirs);
		size_t len = by_deflater ? deflated(d, block) : made_up(block, entries, keep);
		/* What falls out while the block is read may be referred to by a block made up: both say so then. */
		if (!tt_hpack_peers_block(&p, tt_span(block, len))) {
			assert_false(by_deflater);
			break;
		}
		late_block(l, &p, tt_span(block, len), i);
		tt_hpack_peers_tables(&p);
	}
	tt_hpack_peers_free(&p);
	tt_hpack_free(&l->h);
	nghttp2_hd_deflate_del(d);
}

static void runs(bool by_deflater)
{
	static const uint32_t keeps[] = {4096, 0, 64, 300, 65536};
	struct late l = {0};
	for (uint64_t from = 1; from <= 200; from++)
		run(by_deflater, keeps[from % TT_ARRAY_LEN(keeps)], from * 0x9E3779B97F4A7C15u, &l);
	print_message("read late: %llu of %llu names and values known, none wrong\n", (unsigned long long)l.known,
		      (unsigned long long)l.all);
	assert_true(l.known * 2 > l.all);
	assert_true(l.known < l.all);
}

static void their_blocks(void **state)
{
	runs(true);
}

static void blocks_made_up(void **state)
{
	runs(false);
}

/* The entries every table has. */
static void entries_of_all(void **state)
{
	struct tt_hpack_peers p;

	tt_hpack_peers_init(&p, 4096);
	for (uint8_t i = 1; i < TT_HPACK_PEERS_FIRST; i++) {
		uint8_t block[1] = {0x80 | i};
		assert_true(tt_hpack_peers_block(&p, tt_span(block, 1)));
	}
	tt_hpack_peers_free(&p);
}

/* Every byte and every pair of bytes through both Huffman decoders. */
static void huffman(void **state)
{
	struct tt_hpack_peers p;
	tt_hpack_peers_init(&p, 4096);
	for (uint32_t pair = 0; pair < 65536; pair++) {
		nghttp2_hd_deflater *d;
		uint8_t name[1] = {'n'}, value[6] = {(uint8_t)(pair >> 8), (uint8_t)pair, 'a', 'a', 'a', 'a'}, block[64];
		nghttp2_nv nv = {.name = name, .value = value, .namelen = 1, .valuelen = 6, .flags = NGHTTP2_NV_FLAG_NO_INDEX};
		assert_int_equal(nghttp2_hd_deflate_new(&d, 0), 0);
		ssize_t len = nghttp2_hd_deflate_hd(d, block, sizeof(block), &nv, 1);
		assert_true(len > 0);
		assert_true(tt_hpack_peers_block(&p, tt_span(block, (size_t)len)));
		nghttp2_hd_deflate_del(d);
	}
	tt_hpack_peers_free(&p);
}

/* Whatever the four bytes: both decode the same or both do not. */
static void huffman_mistakes(void **state)
{
	seed = 7;
	for (unsigned i = 0; i < 20000; i++) {
		struct tt_hpack_peers p;
		uint8_t block[9] = {0, 1, 'n', 0x85};
		uint32_t ones = any(33);
		uint32_t bits = any(UINT32_MAX) << 1 | any(2);
		if (ones)
			bits |= UINT32_MAX << (32 - ones);
		for (unsigned b = 0; b < 4; b++)
			block[4 + b] = (uint8_t)(bits >> (24 - 8 * b));
		block[8] = (uint8_t)(any(4) ? 0xffu << any(8) : any(256));
		tt_hpack_peers_init(&p, 4096);
		tt_hpack_peers_block(&p, tt_span(block, sizeof(block)));
		tt_hpack_peers_free(&p);
	}
}

TT_UNIT_TESTS(cmocka_unit_test(their_blocks), cmocka_unit_test(blocks_made_up), cmocka_unit_test(entries_of_all),
	      cmocka_unit_test(huffman), cmocka_unit_test(huffman_mistakes))
