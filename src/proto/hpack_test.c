// SPDX-License-Identifier: Apache-2.0
#include "proto/hpack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "harness/unit.h"
#include "proto/hpack_huffman.h"

static void add(struct tt_buf *b, struct tt_span s)
{
	if (s.data)
		tt_buf_add(b, s.data, s.len);
	else
		tt_buf_add_char(b, '?');
}

static void on_field(void *ctx, const struct tt_hpack_field *f)
{
	struct tt_buf *b = ctx;
	add(b, f->name);
	tt_buf_add_char(b, '=');
	add(b, f->value);
	tt_buf_add_char(b, ';');
}

static void blocks_are(struct tt_hpack *h, struct tt_span block, int status, const char *expected)
{
	tt_buf_auto struct tt_buf b = TT_BUF(65536);
	assert_int_equal(tt_hpack_block(h, block, TT_HPACK_ALL, on_field, &b), status);
	tt_buf_add_char(&b, 0);
	assert_string_equal((char *)b.data, expected);
}

#define BLOCK(h, bytes, expected) blocks_are(h, TT_SPAN_LIT(bytes), 0, expected)
#define BAD(h, bytes, expected) blocks_are(h, TT_SPAN_LIT(bytes), -EBADMSG, expected)

/* RFC 7541 appendix C.3 and C.4: the same three requests, plain and Huffman-coded. */
#define FIRST ":method=GET;:scheme=http;:path=/;:authority=www.example.com;"
#define SECOND FIRST "cache-control=no-cache;"
#define THIRD ":method=GET;:scheme=https;:path=/index.html;:authority=www.example.com;custom-key=custom-value;"

static void requests(void **state)
{
	struct tt_hpack h;
	tt_hpack_init(&h, 4096, true);
	BLOCK(&h, "\x82\x86\x84\x41\x0fwww.example.com", FIRST);
	BLOCK(&h, "\x82\x86\x84\xbe\x58\x08no-cache", SECOND);
	BLOCK(&h,
	      "\x82\x87\x85\xbf\x40\x0a"
	      "custom-key\x0c"
	      "custom-value",
	      THIRD);
	assert_int_equal(h.size, 164);
	assert_int_equal(h.count, 3);
	tt_hpack_free(&h);

	tt_hpack_init(&h, 4096, true);
	BLOCK(&h, "\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff", FIRST);
	BLOCK(&h, "\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf", SECOND);
	BLOCK(&h, "\x82\x87\x85\xbf\x40\x88\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f\x89\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf", THIRD);
	assert_int_equal(h.size, 164);
	tt_hpack_free(&h);
}

/* Appendix C.5: responses with a table of 256 bytes, out of which entries fall. */
static void evictions(void **state)
{
	struct tt_hpack h;
	tt_hpack_init(&h, 4096, true);
	BLOCK(&h,
	      "\x3f\xe1\x01\x48\x03"
	      "302\x58\x07private\x61\x1dMon, 21 Oct 2013 20:13:21 GMT\x6e\x17https://www.example.com",
	      ":status=302;cache-control=private;date=Mon, 21 Oct 2013 20:13:21 GMT;location=https://www.example.com;");
	assert_int_equal(h.size, 222);
	BLOCK(&h,
	      "\x48\x03"
	      "307\xc1\xc0\xbf",
	      ":status=307;cache-control=private;date=Mon, 21 Oct 2013 20:13:21 GMT;location=https://www.example.com;");
	assert_int_equal(h.size, 222);
	assert_int_equal(h.count, 4);
	/* :status 302 has left */
	BAD(&h, "\xc2", "");
	tt_hpack_free(&h);
}

static void representations(void **state)
{
	struct tt_hpack h;
	tt_hpack_init(&h, 4096, true);
	BLOCK(&h, "\x04\x0c/sample/path", ":path=/sample/path;");
	BLOCK(&h, "\x10\x08password\x06secret", "password=secret;");
	BLOCK(&h, "\x0f\x28\x01-", "set-cookie=-;");
	assert_int_equal(h.count, 0);
	BLOCK(&h, "\x40\0\0", "=;");
	BLOCK(&h, "\xbe", "=;");
	tt_hpack_free(&h);
}

static void mistakes(void **state)
{
	static const struct {
		struct tt_span block;
		const char *before;
	} bad[] = {
		{TT_SPAN_LIT("\x80"), ""},			 /* index 0 */
		{TT_SPAN_LIT("\xbe"), ""},			 /* an entry that was never there */
		{TT_SPAN_LIT("\x82\x20"), ":method=GET;"},	 /* size after a field */
		{TT_SPAN_LIT("\xff"), ""},			 /* ends within an integer */
		{TT_SPAN_LIT("\xff\xff\xff\xff\xff\x7f"), ""},	 /* past 32 bits */
		{TT_SPAN_LIT("\xff\x80\x80\x80\x80\x80\0"), ""}, /* the same, all zero */
		{TT_SPAN_LIT("\x40"), ""},			 /* ends within a literal */
		{TT_SPAN_LIT("\x40\x01"), ""},
		{TT_SPAN_LIT("\x40\x01"
			     "a\x05"
			     "abcd"),
		 ""},
		{TT_SPAN_LIT("\x40\x01"
			     "a\x7f\xff\xff\xff\xff\x0f"),
		 ""}, /* 2^32 bytes */
		{TT_SPAN_LIT("\x40\x01"
			     "a\x81\xfe"),
		 ""}, /* padding that is not all ones */
		{TT_SPAN_LIT("\x40\x01"
			     "a\x81\xff"),
		 ""}, /* a whole byte of it */
		{TT_SPAN_LIT("\x40\x01"
			     "a\x84\xff\xff\xff\xff"),
		 ""}, /* end of string */
	};
	for (size_t i = 0; i < TT_ARRAY_LEN(bad); i++) {
		struct tt_hpack h;
		tt_hpack_init(&h, 4096, true);
		blocks_are(&h, bad[i].block, -EBADMSG, bad[i].before);
		tt_hpack_free(&h);
	}
}

/* --- what is not known --------------------------------------------------------------------------------------------------- */

static void late(void **state)
{
	struct tt_hpack h;
	tt_hpack_init(&h, 4096, false);
	/* static entries are known, older ones are not; a known value may have an unknown name */
	BLOCK(&h, "\x82\xbe\xc3\x7f\0\x01v", ":method=GET;?=?;?=?;?=v;");
	BLOCK(&h, "\xbe\xbf\x7f\0\x01w", "?=v;?=?;?=w;");
	BLOCK(&h, "\x40\x01n\x01x\xbe\xbf\xc0\xc1", "n=x;n=x;?=w;?=v;?=?;");
	tt_hpack_unknown(&h);
	BLOCK(&h, "\xbe\x40\x01n\x01y\xbe\xbf", "?=?;n=y;n=y;?=?;");
	/* a table of size 0 has nothing old in it */
	BLOCK(&h, "\x20\x3f\xe1\x1f\x40\x01n\x01z\xbe", "n=z;n=z;");
	BAD(&h, "\xbf", "");
	/* after a mistake nothing is known */
	BLOCK(&h, "\xbe", "?=?;");
	tt_hpack_free(&h);
}

static void too_large(void **state)
{
	struct tt_hpack h;
	tt_hpack_init(&h, 4096, true);
	/* of 40 bytes the entry has no room: the table is empty then */
	BLOCK(&h, "\x3f\x09\x40\x01n\x01x\xbe\x40\x05names\x05value", "n=x;n=x;names=value;");
	assert_int_equal(h.count, 0);
	BAD(&h, "\xbe", "");
	tt_hpack_free(&h);

	/* the same where only we have no room: the sender may refer to it */
	tt_hpack_init(&h, 40, true);
	BLOCK(&h, "\x40\x01n\x01x\xbe\x40\x05names\x05value", "n=x;n=x;names=value;");
	BLOCK(&h, "\xbe\xbf\x40\x01n\x01y\xbe\xbf", "?=?;?=?;n=y;n=y;?=?;");
	tt_hpack_free(&h);
}

static void only_what_is_wanted(void **state)
{
	struct tt_hpack h;
	tt_buf_auto struct tt_buf b = TT_BUF(1024);
	tt_hpack_init(&h, 4096, true);
	struct tt_span block = TT_SPAN_LIT("\x82\x86\x84\x41\x0fwww.example.com\x10\x08password\x06secret\x0f\x2b\x03gRP");
	assert_int_equal(tt_hpack_block(&h, block, TT_HPACK_BIT(TT_HPACK_PATH) | TT_HPACK_BIT(TT_HPACK_USER_AGENT), on_field, &b),
			 0);
	tt_buf_add_char(&b, 0);
	assert_string_equal((char *)b.data, ":path=/;user-agent=gRP;");
	assert_int_equal(h.count, 1);
	tt_hpack_free(&h);
}

static void names(void **state)
{
#define HPACK_NAME_CHECK(id, text) assert_int_equal(tt_hpack_name(TT_SPAN_LIT(text)), TT_HPACK_##id);
	TT_HPACK_NAMES(HPACK_NAME_CHECK)
	assert_int_equal(tt_hpack_name(TT_SPAN_LIT("")), TT_HPACK_OTHER);
	assert_int_equal(tt_hpack_name(TT_SPAN_LIT("hosts")), TT_HPACK_OTHER);
	assert_int_equal(tt_hpack_name(TT_SPAN_LIT("Host")), TT_HPACK_OTHER);
	assert_int_equal(tt_hpack_name(TT_SPAN_LIT("grpc-a-very-long-name-that-is-none")), TT_HPACK_OTHER);
}

/* Indexed fields only: what is kept does not grow, and nothing is decoded twice. */
static void bomb(void **state)
{
	struct tt_hpack h;
	tt_hpack_init(&h, 4096, true);
	uint8_t block[4200];
	memcpy(block, "\x40\x01n\x7f\xc1\x1e", 6); /* a value of 4032 bytes */
	memset(block + 6, 'v', 4032);
	tt_buf_auto struct tt_buf b = TT_BUF(100);
	assert_int_equal(tt_hpack_block(&h, tt_span(block, 6 + 4032), TT_HPACK_BIT(TT_HPACK_PATH), on_field, &b), 0);
	assert_int_equal(h.count, 1);
	size_t cap = h.cap;
	memset(block, 0xbe, sizeof(block));
	for (int i = 0; i < 100; i++)
		assert_int_equal(tt_hpack_block(&h, tt_span(block, sizeof(block)), TT_HPACK_BIT(TT_HPACK_PATH), on_field, &b), 0);
	assert_int_equal(h.cap, cap);
	assert_true(cap <= 16384);
	tt_hpack_free(&h);
}

static void huffman_text(void **state)
{
	uint8_t out[64];
	static const struct tt_span coded =
		TT_SPAN_LIT("\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\x95\x04\x0b\x81\x66\xe0\x82\xa6\x2d"
			    "\x1b\xff");
	ssize_t len = tt_huffman_decode(out, coded);
	assert_int_equal(len, 29);
	assert_memory_equal(out, "Mon, 21 Oct 2013 20:13:21 GMT", 29);
	assert_int_equal(tt_huffman_decode(out, tt_span(NULL, 0)), 0);
	/* bytes whose codes are long: of 13, 30 and 26 bits */
	assert_int_equal(tt_huffman_decode(out, TT_SPAN_LIT("\xff\xc7")), 1);
	assert_int_equal(out[0], 0);
	assert_int_equal(tt_huffman_decode(out, TT_SPAN_LIT("\xff\xff\xff\xf3")), 1);
	assert_int_equal(out[0], '\n');
	assert_int_equal(tt_huffman_decode(out, TT_SPAN_LIT("\xff\xff\xfb\xbf")), 1);
	assert_int_equal(out[0], 0xff);
}

TT_UNIT_TESTS(cmocka_unit_test(requests), cmocka_unit_test(evictions), cmocka_unit_test(representations),
	      cmocka_unit_test(mistakes), cmocka_unit_test(late), cmocka_unit_test(too_large),
	      cmocka_unit_test(only_what_is_wanted), cmocka_unit_test(names), cmocka_unit_test(bomb),
	      cmocka_unit_test(huffman_text))
