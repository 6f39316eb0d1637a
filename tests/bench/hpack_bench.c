// SPDX-License-Identifier: Apache-2.0
/*
 * Header blocks of one connection as libnghttp2 writes them, read by us, by libnghttp2, or by nobody (what writing them costs),
 * for callgrind to count: hpack_bench ours|theirs|none BLOCKS. Path and trace change from one to the next, the rest is in the
 * table by then.
 */
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/hpack.h"

#define NV(name_, value_) {(uint8_t *)(name_), (uint8_t *)(value_), sizeof(name_) - 1, sizeof(value_) - 1, NGHTTP2_NV_FLAG_NONE}

static uint64_t seen;

static size_t write_block(nghttp2_hd_deflater *d, unsigned number, uint8_t *block, size_t room)
{
	char path[] = "/shop/items/000000", trace[] = "00-4bf92f3577b34da6a3ce929d0e000000-00f067aa0ba902b7-01";
	nghttp2_nv nv[] = {
		NV(":method", "GET"),
		NV(":scheme", "http"),
		NV(":path", path),
		NV(":authority", "127.0.0.1:8080"),
		NV("user-agent", "Mozilla/5.0 (X11; Linux x86_64) telltale/1.0"),
		NV("accept", "text/html,application/json;q=0.9"),
		NV("accept-encoding", "gzip, deflate"),
		NV("traceparent", trace),
		NV("content-type", "application/json"),
	};
	char digits[16];
	snprintf(digits, sizeof(digits), "%06u", number % 1000000);
	memcpy(path + 12, digits, 6);
	memcpy(trace + 29, digits, 6);
	ssize_t len = nghttp2_hd_deflate_hd(d, block, room, nv, sizeof(nv) / sizeof(nv[0]));
	if (len < 0)
		abort();
	return (size_t)len;
}

static void on_field(void *ctx, const struct tt_hpack_field *f)
{
	seen += f->name.len + f->value.len;
}

static void ours(struct tt_hpack *h, const uint8_t *block, size_t len)
{
	if (tt_hpack_block(h, tt_span(block, len), TT_HPACK_ALL, on_field, NULL) < 0)
		abort();
}

static void theirs(nghttp2_hd_inflater *h, const uint8_t *block, size_t len)
{
	for (;;) {
		nghttp2_nv nv;
		int flags = 0;
		ssize_t used = nghttp2_hd_inflate_hd2(h, &nv, &flags, block, len, 1);
		if (used < 0)
			abort();
		block += used;
		len -= (size_t)used;
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			seen += nv.namelen + nv.valuelen;
		if (flags & NGHTTP2_HD_INFLATE_FINAL) {
			nghttp2_hd_inflate_end_headers(h);
			return;
		}
	}
}

int main(int argc, char **argv)
{
	nghttp2_hd_deflater *d;
	nghttp2_hd_inflater *i;
	struct tt_hpack h;
	uint8_t block[1024];
	size_t len = 0;

	if (argc != 3 || nghttp2_hd_deflate_new(&d, 4096) != 0 || nghttp2_hd_inflate_new(&i) != 0)
		return 2;
	tt_hpack_init(&h, 4096, true);
	for (unsigned n = 0, blocks = (unsigned)atoi(argv[2]); n < blocks; n++) {
		len = write_block(d, n, block, sizeof(block));
		if (argv[1][0] == 'o')
			ours(&h, block, len);
		else if (argv[1][0] == 't')
			theirs(i, block, len);
	}
	printf("%zu bytes a block, %llu bytes told\n", len, (unsigned long long)seen);
	tt_hpack_free(&h);
	nghttp2_hd_deflate_del(d);
	nghttp2_hd_inflate_del(i);
	return 0;
}
