// SPDX-License-Identifier: Apache-2.0
/* Decompression against the libraries' own compression, hand-made snappy blocks, bounds and broken input. */
#include "base/unpack.h"

#include <errno.h>
#include <zlib.h>
#include <zstd.h>

#include "harness/unit.h"

#define MOST 20000u

static uint8_t plain[MOST];
static uint8_t packed[2 * MOST];

/* Words that repeat, so that there is something to compress. */
static void fill(size_t len)
{
	for (size_t i = 0; i < len; i++)
		plain[i] = (uint8_t)("abcdefgh"[i % 8] ^ (i % 97 == 0 ? i / 97 : 0));
}

static size_t pack(enum tt_packing how, size_t len)
{
	if (how == TT_PACKED_ZSTD)
		return ZSTD_compress(packed, sizeof(packed), plain, len, 3);
	uLongf n = sizeof(packed);
	assert_int_equal(compress(packed, &n, plain, len), Z_OK);
	return n;
}

static void gives_back_what_was_packed(void **state)
{
	static const size_t lengths[] = {0, 1, 100, 4095, 4096, 4097, MOST};

	for (enum tt_packing how = TT_PACKED_ZLIB; how <= TT_PACKED_ZSTD; how++) {
		for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
			tt_buf_auto struct tt_buf out = TT_BUF(lengths[i]);
			fill(lengths[i]);
			size_t n = pack(how, lengths[i]);
			assert_int_equal(tt_unpack(how, tt_span(packed, n), &out), 0);
			assert_int_equal(out.len, lengths[i]);
			assert_true(out.len == 0 || memcmp(out.data, plain, out.len) == 0);
		}
	}
}

static void stops_at_the_maximum(void **state)
{
	static const size_t most[] = {0, 1, 4096, MOST - 1};

	fill(MOST);
	for (enum tt_packing how = TT_PACKED_ZLIB; how <= TT_PACKED_ZSTD; how++) {
		size_t n = pack(how, MOST);
		for (size_t i = 0; i < sizeof(most) / sizeof(*most); i++) {
			tt_buf_auto struct tt_buf out = TT_BUF(most[i]);
			assert_int_equal(tt_unpack(how, tt_span(packed, n), &out), -ENOBUFS);
			assert_int_equal(out.len, most[i]);
			assert_true(out.len == 0 || memcmp(out.data, plain, out.len) == 0);
		}
	}
}

static void cut_blocks_give_a_beginning(void **state)
{
	fill(MOST);
	for (enum tt_packing how = TT_PACKED_ZLIB; how <= TT_PACKED_ZSTD; how++) {
		size_t n = pack(how, MOST);
		for (size_t cut = 0; cut < n; cut++) {
			tt_buf_auto struct tt_buf out = TT_BUF(MOST);
			assert_int_equal(tt_unpack(how, tt_span(packed, cut), &out), -ENODATA);
			assert_true(out.len == 0 || memcmp(out.data, plain, out.len) == 0);
		}
	}
}

static void broken_blocks_do_no_harm(void **state)
{
	fill(300);
	for (enum tt_packing how = TT_PACKED_NOT; how <= TT_PACKED_ZSTD; how++) {
		size_t n = pack(how, 300);
		for (size_t at = 0; at < n; at++) {
			tt_buf_auto struct tt_buf out = TT_BUF(1000);
			packed[at] ^= 0xff;
			tt_unpack(how, tt_span(packed, n), &out);
			assert_true(out.len <= 1000);
			packed[at] ^= 0xff;
		}
	}
}

static int snappy(struct tt_span in, size_t most, const char *expected)
{
	tt_buf_auto struct tt_buf out = TT_BUF(most);
	int r = tt_unpack(TT_PACKED_SNAPPY, in, &out);

	if (expected) {
		assert_int_equal(out.len, strlen(expected));
		assert_memory_equal(out.data, expected, out.len);
	}
	return r;
}

/* Literals of both forms, copies of all three, one that overlaps what it writes. */
static void snappy_elements(void **state)
{
	static const uint8_t overlap[] = {13, 2 << 2, 'a', 'b', 'c', (9 - 4) << 2 | 1, 3, 0 << 2, 'x'};
	static const uint8_t others[] = {12, 60 << 2, 3, 'a', 'b', 'c', 'd', 3 << 2 | 2, 4, 0, 3 << 2 | 3, 8, 0, 0, 0};

	assert_int_equal(snappy(tt_span(overlap, sizeof(overlap)), 100, "abcabcabcabcx"), 0);
	assert_int_equal(snappy(tt_span(overlap, sizeof(overlap)), 13, "abcabcabcabcx"), 0);
	assert_int_equal(snappy(tt_span(overlap, sizeof(overlap)), 12, "abcabcabcabc"), -ENOBUFS);
	assert_int_equal(snappy(tt_span(overlap, sizeof(overlap)), 5, "abcab"), -ENOBUFS);
	assert_int_equal(snappy(tt_span(others, sizeof(others)), 100, "abcdabcdabcd"), 0);
	/* It says 13 and gives 12. */
	assert_int_equal(snappy(tt_span(overlap, sizeof(overlap) - 2), 100, NULL), -EBADMSG);
}

static void refuses_bad_snappy(void **state)
{
	/* Nothing to copy from, an offset of 0, a copy from before the block, a cut literal, a length of 2^32. */
	assert_int_equal(snappy(TT_SPAN_LIT("\x04\x01\x01"), 100, NULL), -EBADMSG);
	assert_int_equal(snappy(TT_SPAN_LIT("\x05\x00"
					    "a"
					    "\x01\x00"),
				100, NULL),
			 -EBADMSG);
	assert_int_equal(snappy(TT_SPAN_LIT("\x05\x00"
					    "a"
					    "\x02\x02\x00"),
				100, NULL),
			 -EBADMSG);
	assert_int_equal(snappy(TT_SPAN_LIT("\x05\x10"
					    "ab"),
				100, NULL),
			 -EBADMSG);
	assert_int_equal(snappy(TT_SPAN_LIT("\xff\xff\xff\xff\x0f\xfc\xff\xff\xff\xff"
					    "ab"),
				100, NULL),
			 -EBADMSG);
	assert_int_equal(snappy(TT_SPAN_LIT("\xff\xff\xff\xff\xff\x0f"), 100, NULL), -EBADMSG);
	assert_int_equal(snappy(tt_span(NULL, 0), 100, NULL), -EBADMSG);
}

/* Literals, a copy that overlaps, long lengths; no beginning to copy from, cut ones. */
static void lz4_sequences(void **state)
{
	static const uint8_t good[] = {3 << 4 | 5, 'a', 'b', 'c', 3, 0, 1 << 4, 'x'};
	static const uint8_t length[] = {1 << 4 | 15, 'a', 1, 0, 255, 2, 0};
	static const uint8_t too_far[] = {1 << 4, 'a', 2, 0, 0};
	static const uint8_t nowhere[] = {1 << 4, 'a', 0, 0, 0};
	tt_buf_auto struct tt_buf out = TT_BUF(1000);

	assert_int_equal(tt_unpack(TT_PACKED_LZ4, tt_span(good, sizeof(good)), &out), 0);
	assert_int_equal(out.len, 13);
	assert_memory_equal(out.data, "abcabcabcabcx", 13);
	tt_buf_clear(&out);
	assert_int_equal(tt_unpack(TT_PACKED_LZ4, tt_span(length, sizeof(length)), &out), 0);
	assert_int_equal(out.len, 1 + 15 + 255 + 2 + 4);
	out.max = out.len = 4;
	assert_int_equal(tt_unpack(TT_PACKED_LZ4, tt_span(good, sizeof(good)), &out), -ENOBUFS);
	out.max = 1000;
	assert_int_equal(tt_unpack(TT_PACKED_LZ4, tt_span(too_far, sizeof(too_far)), &out), -EBADMSG);
	assert_int_equal(tt_unpack(TT_PACKED_LZ4, tt_span(nowhere, sizeof(nowhere)), &out), -EBADMSG);
	assert_int_equal(tt_unpack(TT_PACKED_LZ4, tt_span(good, 2), &out), -EBADMSG);
	assert_int_equal(tt_unpack(TT_PACKED_LZ4, tt_span(NULL, 0), &out), -EBADMSG);
}

TT_UNIT_TESTS(cmocka_unit_test(gives_back_what_was_packed), cmocka_unit_test(stops_at_the_maximum),
	      cmocka_unit_test(cut_blocks_give_a_beginning), cmocka_unit_test(broken_blocks_do_no_harm),
	      cmocka_unit_test(snappy_elements), cmocka_unit_test(refuses_bad_snappy), cmocka_unit_test(lz4_sequences))
