// SPDX-License-Identifier: Apache-2.0
#include "source/pcap_file.h"

#include <errno.h>
#include <unistd.h>

#include "harness/pcap_build.h"
#include "harness/unit.h"

struct opened {
	struct tt_limits limits;
	struct tt_reader reader;
	struct tt_pcap_file file;
	struct tt_packet packet;
};

static void open_bytes(struct opened *o, const struct tt_build *b)
{
	tt_limits_init(&o->limits);
	tt_reader_init_bytes(&o->reader, tt_buf_span(&b->file), "test");
	tt_pcap_file_init(&o->file, &o->reader, &o->limits);
}

static int next(struct opened *o)
{
	return tt_pcap_file_next(&o->file, &o->packet);
}

static void done(struct opened *o, struct tt_build *b)
{
	tt_pcap_file_free(&o->file);
	tt_reader_free(&o->reader);
	tt_buf_free(&b->file);
}

static void expect_packet(struct opened *o, uint64_t ns, const char *data, uint32_t wire, uint32_t link)
{
	assert_int_equal(next(o), 0);
	assert_int_equal(o->packet.time_ns, ns);
	assert_int_equal(o->packet.wire_len, wire);
	assert_int_equal(o->packet.link, link);
	assert_true(tt_span_eq(o->packet.data, tt_span_str(data)));
}

static void classic(uint32_t magic, bool big, uint64_t unit)
{
	struct tt_build b = TT_BUILD();
	struct opened o;

	b.big = big;
	tt_build_pcap(&b, magic, 0xf0000001); /* the upper bits speak of checksums */
	for (int i = 0; i < 2; i++) {
		tt_build_num(&b, 5, 4);
		tt_build_num(&b, 123456, 4);
		tt_build_num(&b, 3, 4);
		tt_build_num(&b, 60, 4);
		if (magic == 0xa1b2cd34)
			tt_build_num(&b, 0, 8);
		tt_buf_add_str(&b.file, i ? "def" : "abc");
	}
	open_bytes(&o, &b);
	expect_packet(&o, 5000000000u + 123456 * unit, "abc", 60, 1);
	expect_packet(&o, 5000000000u + 123456 * unit, "def", 60, 1);
	assert_int_equal(next(&o), -ENODATA);
	done(&o, &b);
}

static void classic_headers(void **state)
{
	for (int big = 0; big < 2; big++) {
		classic(0xa1b2c3d4, big, 1000);
		classic(0xa1b23c4d, big, 1);
		classic(0xa1b2cd34, big, 1000);
	}
}

/* --- pcapng --------------------------------------------------------------------------------------------------------------------
 */

struct block {
	size_t at;
};

static struct block begin(struct tt_build *b, uint32_t type)
{
	struct block k = {b->file.len};
	tt_build_num(b, type, 4);
	tt_build_num(b, 0, 4);
	return k;
}

static void end(struct tt_build *b, struct block k)
{
	tt_build_zeros(&b->file, -b->file.len & 3);
	uint32_t len = (uint32_t)(b->file.len - k.at + 4);
	tt_build_num(b, len, 4);
	memcpy(b->file.data + k.at + 4, b->file.data + b->file.len - 4, 4);
}

static void section(struct tt_build *b)
{
	struct block k = begin(b, 0x0a0d0d0a);
	tt_build_num(b, 0x1a2b3c4d, 4);
	tt_build_num(b, 1, 2);
	tt_build_num(b, 0, 2);
	tt_build_num(b, UINT64_MAX, 8);
	end(b, k);
}

static void interface(struct tt_build *b, uint32_t link, uint32_t snaplen, int resolution, int64_t offset)
{
	struct block k = begin(b, 1);
	tt_build_num(b, link, 2);
	tt_build_num(b, 0, 2);
	tt_build_num(b, snaplen, 4);
	tt_build_num(b, 2, 2); /* if_name, which is passed over with its padding */
	tt_build_num(b, 2, 2);
	tt_buf_add(&b->file, "lo\0\0", 4);
	if (resolution >= 0) {
		tt_build_num(b, 9, 2);
		tt_build_num(b, 1, 2);
		tt_buf_add_char(&b->file, (char)resolution);
		tt_build_zeros(&b->file, 3);
	}
	if (offset) {
		tt_build_num(b, 14, 2);
		tt_build_num(b, 8, 2);
		tt_build_num(b, (uint64_t)offset, 8);
	}
	tt_build_num(b, 0, 4);
	end(b, k);
}

static void enhanced(struct tt_build *b, uint32_t number, uint64_t stamp, const char *data, uint32_t wire)
{
	struct block k = begin(b, 6);
	tt_build_num(b, number, 4);
	tt_build_num(b, stamp >> 32, 4);
	tt_build_num(b, stamp & UINT32_MAX, 4);
	tt_build_num(b, strlen(data), 4);
	tt_build_num(b, wire, 4);
	tt_buf_add_str(&b->file, data);
	end(b, k);
}

/* isb_ifdrop (5) of an interface. */
static void statistics(struct tt_build *b, uint32_t number, uint64_t dropped)
{
	struct block s = begin(b, 5);

	tt_build_num(b, number, 4);
	tt_build_num(b, 0, 8);
	tt_build_num(b, 5, 2);
	tt_build_num(b, 8, 2);
	tt_build_num(b, dropped, 8);
	tt_build_num(b, 0, 4);
	end(b, s);
}

static void blocks_of_one_order(bool big)
{
	struct tt_build b = TT_BUILD();
	struct opened o;

	b.big = big;
	section(&b);
	interface(&b, 1, 0, -1, 0);
	interface(&b, 113, 0, 9, 100);
	interface(&b, 101, 0, 0x80 | 10, 0);
	enhanced(&b, 0, 1700000000123456, "abcde", 70);
	enhanced(&b, 1, 5000000007, "fg", 2);
	enhanced(&b, 2, 3 * 1024 + 512, "h", 1);

	struct block unknown = begin(&b, 0x80000bad);
	tt_build_zeros(&b.file, 3u << 20); /* larger than any packet may be */
	end(&b, unknown);

	struct block simple = begin(&b, 3);
	tt_build_num(&b, 3, 4);
	tt_buf_add_str(&b.file, "ijk");
	end(&b, simple);

	struct block old = begin(&b, 2);
	tt_build_num(&b, 1, 2);
	tt_build_num(&b, 4, 2);
	tt_build_num(&b, 0, 4);
	tt_build_num(&b, 8, 4);
	tt_build_num(&b, 1, 4);
	tt_build_num(&b, 9, 4);
	tt_buf_add_str(&b.file, "l");
	end(&b, old);

	/* Each has all that was lost so far. */
	statistics(&b, 0, 30);
	statistics(&b, 1, 3);
	statistics(&b, 0, 38);
	statistics(&b, 0, 38);

	/* Another section, in the other order, begins with no interfaces. */
	b.big = !big;
	section(&b);
	interface(&b, 276, 2, -1, 0);
	struct block cut = begin(&b, 3);
	tt_build_num(&b, 40, 4);
	tt_buf_add_str(&b.file, "mn");
	end(&b, cut);
	enhanced(&b, 1, 0, "x", 1);

	open_bytes(&o, &b);
	expect_packet(&o, 1700000000123456000, "abcde", 70, 1);
	expect_packet(&o, 105000000007, "fg", 2, 113);
	expect_packet(&o, 3500000000, "h", 1, 101);
	expect_packet(&o, 3500000000, "ijk", 3, 1);
	expect_packet(&o, 100000000008, "l", 9, 113);
	expect_packet(&o, 100000000008, "mn", 40, 276);
	assert_int_equal(o.file.dropped, 45);
	assert_int_equal(next(&o), -EBADMSG);
	assert_non_null(strstr(o.reader.error, "an interface that was not described"));
	done(&o, &b);
}

static void blocks(void **state)
{
	blocks_of_one_order(false);
	blocks_of_one_order(true);
}

static void errors_say_where(void **state)
{
	struct tt_build b = TT_BUILD();
	struct opened o;

	tt_build_pcap(&b, 0xa1b2c3d4, 1);
	tt_build_num(&b, 0, 8);
	tt_build_num(&b, 0x7fffffff, 4);
	tt_build_num(&b, 0x7fffffff, 4);
	open_bytes(&o, &b);
	assert_int_equal(next(&o), -EBADMSG);
	assert_string_equal(o.reader.error,
			    "test: byte 24: a packet of 2147483647 bytes: damaged, or see the limit pcap_packet_bytes");
	done(&o, &b);

	b = TT_BUILD();
	tt_build_pcap(&b, 0xa1b2c3d4, 147);
	open_bytes(&o, &b);
	assert_int_equal(next(&o), -EPROTONOSUPPORT);
	assert_string_equal(o.reader.error, "test: byte 0: link type 147 is not supported");
	done(&o, &b);

	b = TT_BUILD();
	section(&b);
	interface(&b, 1, 0, -1, 0);
	size_t at = b.file.len;
	enhanced(&b, 0, 1, "abc", 3);
	b.file.data[b.file.len - 4] ^= 4;
	open_bytes(&o, &b);
	assert_int_equal(next(&o), -EBADMSG);
	assert_int_equal(o.reader.offset, at);
	assert_non_null(strstr(o.reader.error, "two lengths differ"));
	done(&o, &b);
}

/* A pipe that has only part of a packet: nothing is lost, nothing blocks. */
static void a_pipe_in_drops(void **state)
{
	struct tt_build b = TT_BUILD();
	struct opened o;
	int fds[2], packets = 0;

	tt_build_pcap(&b, 0xa1b23c4d, 1);
	tt_build_packet(&b, 1, TT_SPAN_LIT("abc"), 0);
	tt_build_packet(&b, 2, TT_SPAN_LIT("def"), 0);
	assert_int_equal(pipe(fds), 0);
	tt_limits_init(&o.limits);
	tt_reader_init(&o.reader, fds[0], "pipe");
	tt_pcap_file_init(&o.file, &o.reader, &o.limits);
	assert_int_equal(next(&o), -EAGAIN);
	for (size_t i = 0; i < b.file.len; i++) {
		assert_int_equal(write(fds[1], b.file.data + i, 1), 1);
		int r = next(&o);
		assert_true(r == 0 || r == -EAGAIN);
		if (r == 0)
			assert_true(tt_span_eq(o.packet.data, packets++ ? TT_SPAN_LIT("def") : TT_SPAN_LIT("abc")));
	}
	assert_int_equal(packets, 2);
	close(fds[1]);
	assert_int_equal(next(&o), -ENODATA);
	close(fds[0]);
	done(&o, &b);
}

TT_UNIT_TESTS(cmocka_unit_test(classic_headers), cmocka_unit_test(blocks), cmocka_unit_test(errors_say_where),
	      cmocka_unit_test(a_pipe_in_drops))
