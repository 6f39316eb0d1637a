// SPDX-License-Identifier: Apache-2.0
#include "kernel/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"
#include "harness/unit.h"

/*
 * A ring as the kernel maps it, in a memory file: consumer page, producer page, data, and the data once more. This side writes
 * what the kernel would.
 */
#define SIZE 65536

struct fake {
	int fd;
	uint8_t *pages;
	uint64_t produced;
};

static size_t page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static void fake_open(struct fake *f)
{
	f->fd = memfd_create("ring", 0);
	f->produced = 0;
	assert_true(f->fd >= 0);
	assert_int_equal(ftruncate(f->fd, (off_t)(2 * page() + 2 * SIZE)), 0);
	f->pages = mmap(NULL, 2 * page() + 2 * SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
	assert_true(f->pages != MAP_FAILED);
}

static void fake_close(struct fake *f)
{
	munmap(f->pages, 2 * page() + 2 * SIZE);
	close(f->fd);
}

static void put(struct fake *f, uint64_t at, const void *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint64_t to = (at + i) % SIZE;
		f->pages[2 * page() + to] = ((const uint8_t *)data)[i];
		f->pages[2 * page() + SIZE + to] = ((const uint8_t *)data)[i];
	}
}

static void publish(struct fake *f)
{
	__atomic_store_n((uint64_t *)(f->pages + page()), f->produced, __ATOMIC_RELEASE);
}

static uint64_t consumed(const struct fake *f)
{
	return *(uint64_t *)f->pages;
}

/* Submits a chunk of the time, whose length tells it from others. `flag` is one of the header's bits, or 0. */
static uint64_t submit(struct fake *f, uint64_t time, uint32_t length, uint32_t flag)
{
	struct tt_chunk c = {.rec = {.type = TT_REC_CHUNK, .version = TT_RECORD_VERSION, .len = sizeof(c), .time_ns = time},
			     .length = length};
	uint32_t header[2] = {(uint32_t)sizeof(c) | flag, 0};
	uint64_t at = f->produced;

	put(f, at, header, sizeof(header));
	put(f, at + sizeof(header), &c, sizeof(c));
	f->produced += (sizeof(header) + sizeof(c) + 7) / 8 * 8;
	publish(f);
	return at;
}

static void header_set(struct fake *f, uint64_t at, uint32_t word)
{
	put(f, at, &word, sizeof(word));
}

struct got {
	uint64_t times[1024];
	uint32_t lengths[1024];
	int count;
	int fail_at; /* returns an error with this record; 0: never */
};

static int take(void *ctx, const struct tt_record *rec)
{
	struct got *g = ctx;

	g->times[g->count] = rec->time_ns;
	g->lengths[g->count++] = ((const struct tt_chunk *)rec)->length;
	return g->count == g->fail_at ? -EPIPE : 0;
}

static struct tt_rings *rings_of(struct fake *fakes, size_t count)
{
	struct tt_rings *rs = NULL;

	assert_int_equal(tt_rings_new(&rs), 0);
	for (size_t i = 0; i < count; i++) {
		fake_open(&fakes[i]);
		assert_int_equal(tt_rings_add(rs, fakes[i].fd, SIZE), 0);
	}
	return rs;
}

static void merges_rings_by_time(void **state)
{
	struct fake f[3];
	struct got g = {0};
	struct tt_rings *rs = rings_of(f, 3);

	submit(&f[0], 10, 1, 0);
	submit(&f[0], 40, 4, 0);
	submit(&f[1], 20, 2, 0);
	submit(&f[1], 50, 5, 0);
	submit(&f[2], 30, 3, 0);
	assert_int_equal(tt_rings_poll(rs, 45, 0, take, &g), 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(g.lengths[i], i + 1);
	assert_int_equal(tt_rings_watermark(rs), 45);
	assert_int_equal(consumed(&f[0]), f[0].produced);
	assert_int_not_equal(consumed(&f[1]), f[1].produced);

	struct tt_ring_stats s;
	tt_rings_stats(rs, &s);
	assert_int_equal(s.delivered, 4);
	assert_int_equal(s.delivered_bytes, 10);
	assert_int_equal(s.queued, 1);

	assert_int_equal(tt_rings_poll(rs, 100, 0, take, &g), 1);
	assert_int_equal(g.lengths[4], 5);
	assert_int_equal(tt_rings_poll(rs, 200, 0, take, &g), 0);
	assert_int_equal(tt_rings_watermark(rs), 200);
	tt_rings_free(rs);
	for (int i = 0; i < 3; i++)
		fake_close(&f[i]);
}

/* Two CPUs share a ring: one read the clock first and submitted second. */
static void sorts_within_a_ring(void **state)
{
	struct fake f;
	struct got g = {0};
	struct tt_rings *rs = rings_of(&f, 1);

	submit(&f, 20, 2, 0);
	submit(&f, 10, 1, 0);
	submit(&f, 30, 3, 0);
	assert_int_equal(tt_rings_poll(rs, 100, 0, take, &g), 3);
	assert_int_equal(g.lengths[0], 1);
	assert_int_equal(g.lengths[1], 2);
	assert_int_equal(g.lengths[2], 3);
	tt_rings_free(rs);
	fake_close(&f);
}

/* What lies before the horizon but behind something later in the ring has to wait, and the watermark says so. */
static void lowers_the_horizon_where_order_demands(void **state)
{
	struct fake f;
	struct got g = {0};
	struct tt_rings *rs = rings_of(&f, 1);

	submit(&f, 5, 1, 0);
	submit(&f, 20, 3, 0);
	submit(&f, 10, 2, 0);
	assert_int_equal(tt_rings_poll(rs, 15, 0, take, &g), 1);
	assert_int_equal(tt_rings_watermark(rs), 9);
	assert_int_equal(tt_rings_poll(rs, 25, 0, take, &g), 2);
	assert_int_equal(g.lengths[1], 2);
	assert_int_equal(g.lengths[2], 3);
	tt_rings_free(rs);
	fake_close(&f);
}

static void keeps_to_the_budget_and_gives_back_in_order(void **state)
{
	struct fake f;
	struct got g = {0};
	struct tt_rings *rs = rings_of(&f, 1);
	uint64_t second;

	submit(&f, 20, 2, 0);
	second = submit(&f, 10, 1, 0);
	submit(&f, 30, 3, 0);
	assert_int_equal(tt_rings_poll(rs, 100, 1, take, &g), 1);
	assert_int_equal(g.lengths[0], 1);
	/* The delivered one is not the first in the ring: nothing can be given back yet, nor is it counted as queued. */
	assert_int_equal(consumed(&f), 0);
	struct tt_ring_stats s;
	tt_rings_stats(rs, &s);
	assert_int_equal(s.queued, 2);
	assert_int_equal(tt_rings_watermark(rs), 0);
	assert_int_equal(tt_rings_poll(rs, 100, 1, take, &g), 1);
	assert_true(consumed(&f) > second);
	assert_int_equal(tt_rings_poll(rs, 100, 1, take, &g), 1);
	assert_int_equal(tt_rings_watermark(rs), 100);
	tt_rings_free(rs);
	fake_close(&f);
}

static void stops_at_a_record_under_way(void **state)
{
	struct fake f;
	struct got g = {0};
	struct tt_rings *rs = rings_of(&f, 1);

	submit(&f, 10, 1, 0);
	uint64_t at = submit(&f, 20, 2, BPF_RINGBUF_BUSY_BIT);
	submit(&f, 30, 3, 0);
	assert_int_equal(tt_rings_poll(rs, 100, 0, take, &g), 1);
	header_set(&f, at, sizeof(struct tt_chunk));
	assert_int_equal(tt_rings_poll(rs, 100, 0, take, &g), 2);
	assert_int_equal(g.lengths[2], 3);
	tt_rings_free(rs);
	fake_close(&f);
}

static void skips_discarded_and_senseless_records(void **state)
{
	struct fake f;
	struct got g = {0};
	struct tt_rings *rs = rings_of(&f, 1);

	submit(&f, 10, 1, BPF_RINGBUF_DISCARD_BIT);
	uint64_t at = submit(&f, 20, 2, 0);
	uint16_t rubbish = 0xffff; /* type and version */
	put(&f, at + 8 + 2, &rubbish, sizeof(rubbish));
	submit(&f, 30, 3, 0);
	tt_rings_poll(rs, 100, 0, take, &g);
	assert_int_equal(g.count, 1);
	assert_int_equal(g.lengths[0], 3);
	struct tt_ring_stats s;
	tt_rings_stats(rs, &s);
	assert_int_equal(s.delivered, 1);
	assert_int_equal(s.bad, 1);
	assert_int_equal(s.queued, 0);
	assert_int_equal(consumed(&f), f.produced);
	tt_rings_free(rs);
	fake_close(&f);
}

static void goes_on_after_an_error(void **state)
{
	struct fake f;
	struct got g = {.fail_at = 2};
	struct tt_rings *rs = rings_of(&f, 1);

	for (uint32_t i = 1; i <= 4; i++)
		submit(&f, i * 10, i, 0);
	assert_int_equal(tt_rings_poll(rs, 100, 0, take, &g), -EPIPE);
	assert_int_equal(tt_rings_poll(rs, 100, 0, take, &g), 2);
	assert_int_equal(g.count, 4);
	assert_int_equal(g.lengths[3], 4);
	tt_rings_free(rs);
	fake_close(&f);
}

/* Many times round the ring, in batches of changing size. */
static void goes_round(void **state)
{
	struct fake f;
	struct tt_rings *rs = rings_of(&f, 1);
	uint64_t time = 0, seen = 0;

	for (unsigned round = 0; round < 60; round++) {
		struct got g = {0};
		unsigned n = 1 + round * 7 % 300;
		for (unsigned i = 0; i < n; i++)
			submit(&f, ++time, i, 0);
		assert_int_equal(tt_rings_poll(rs, time, 0, take, &g), (int)n);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(g.times[i], ++seen);
		assert_int_equal(consumed(&f), f.produced);
	}
	assert_true(f.produced > 4 * SIZE);
	tt_rings_free(rs);
	fake_close(&f);
}

TT_UNIT_TESTS(cmocka_unit_test(merges_rings_by_time), cmocka_unit_test(sorts_within_a_ring),
	      cmocka_unit_test(lowers_the_horizon_where_order_demands),
	      cmocka_unit_test(keeps_to_the_budget_and_gives_back_in_order), cmocka_unit_test(stops_at_a_record_under_way),
	      cmocka_unit_test(skips_discarded_and_senseless_records), cmocka_unit_test(goes_on_after_an_error),
	      cmocka_unit_test(goes_round))
