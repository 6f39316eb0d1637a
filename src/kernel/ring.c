// SPDX-License-Identifier: Apache-2.0
#include "kernel/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/own.h"

/* A record found in a ring and not yet delivered. */
struct slot {
	uint64_t time_ns;
	uint64_t at;  /* its header's position in the ring */
	uint64_t end; /* position behind it */
	bool done;
};

struct ring {
	uint8_t *pages;	   /* consumer page, producer page, data twice */
	size_t size;	   /* of the data; a power of two */
	uint64_t consumed; /* position up to which the kernel may write again */
	/* The current batch. */
	struct slot *slots; /* in order of the ring */
	uint32_t *order;    /* slots in order of time */
	size_t count;
	size_t cap;
	size_t next;	 /* of order: the next to deliver */
	size_t released; /* of slots: all before are done */
	uint64_t taken;	 /* position up to which records were found */
};

struct tt_rings {
	struct ring *rings;
	size_t count;
	size_t batch;	  /* records of the current batch not delivered yet */
	uint64_t horizon; /* of the current batch */
	uint64_t watermark;
	uint64_t delivered;
	uint64_t delivered_bytes;
	uint64_t bad;
};

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static uint64_t *consumer_of(const struct ring *r)
{
	return (uint64_t *)r->pages;
}

static uint64_t producer_position(const struct ring *r)
{
	return __atomic_load_n((uint64_t *)(r->pages + page_size()), __ATOMIC_ACQUIRE);
}

static uint8_t *data_at(const struct ring *r, uint64_t position)
{
	return r->pages + 2 * page_size() + (position & (r->size - 1));
}

int tt_rings_new(struct tt_rings **ret)
{
	struct tt_rings *rs = calloc(1, sizeof(*rs));
	if (!rs)
		return -ENOMEM;
	*ret = rs;
	return 0;
}

static size_t mapped_size(const struct ring *r)
{
	return 2 * page_size() + 2 * r->size;
}

struct tt_rings *tt_rings_free(struct tt_rings *rs)
{
	if (!rs)
		return NULL;
	for (size_t i = 0; i < rs->count; i++) {
		munmap(rs->rings[i].pages, mapped_size(&rs->rings[i]));
		free(rs->rings[i].slots);
		free(rs->rings[i].order);
	}
	free(rs->rings);
	free(rs);
	return NULL;
}

int tt_rings_add(struct tt_rings *rs, int fd, size_t size)
{
	struct ring *more = reallocarray(rs->rings, rs->count + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	rs->rings = more;

	struct ring r = {.size = size};
	/* The consumer page is ours to write, everything behind it only to read: two mappings side by side. */
	uint8_t *pages = mmap(NULL, mapped_size(&r), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return -errno;
	if (mmap(pages, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ||
	    mmap(pages + page_size(), page_size() + 2 * size, PROT_READ, MAP_SHARED | MAP_FIXED, fd, (off_t)page_size()) ==
		    MAP_FAILED) {
		int saved = errno;
		munmap(pages, mapped_size(&r));
		return -saved;
	}
	r.pages = pages;
	r.consumed = *consumer_of(&r);
	r.taken = r.consumed;
	rs->rings[rs->count++] = r;
	return 0;
}

/* The length word of the record at `position`; returns false where it is not complete yet. */
static bool header_at(const struct ring *r, uint64_t position, uint32_t *len, bool *discarded)
{
	uint32_t word = __atomic_load_n((uint32_t *)data_at(r, position), __ATOMIC_ACQUIRE);

	if (word & BPF_RINGBUF_BUSY_BIT)
		return false;
	*discarded = word & BPF_RINGBUF_DISCARD_BIT;
	*len = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
	return true;
}

static uint64_t slot_end(uint64_t position, uint32_t len)
{
	return position + ((BPF_RINGBUF_HDR_SZ + (uint64_t)len + 7) & ~7ull);
}

static bool record_sane(const struct tt_record *rec, uint32_t len)
{
	return len >= sizeof(*rec) && rec->version == TT_RECORD_VERSION && rec->len >= sizeof(*rec) && rec->len <= len;
}

static int ring_grow(struct ring *r)
{
	size_t cap = r->cap ? 2 * r->cap : 256;
	struct slot *slots = reallocarray(r->slots, cap, sizeof(*slots));
	if (slots)
		r->slots = slots;
	uint32_t *order = reallocarray(r->order, cap, sizeof(*order));
	if (order)
		r->order = order;
	if (!slots || !order)
		return -ENOMEM;
	r->cap = cap;
	return 0;
}

/* Inserts the newest slot into the order of time: nearly always it is the last. */
static void ring_sort_last(struct ring *r)
{
	size_t i = r->count - 1;
	uint64_t time = r->slots[i].time_ns;

	for (; i > 0 && r->slots[r->order[i - 1]].time_ns > time; i--)
		r->order[i] = r->order[i - 1];
	r->order[i] = (uint32_t)(r->count - 1);
}

/* Looks at what is complete in the ring now. */
static int ring_gather(struct ring *r)
{
	uint64_t end = producer_position(r);
	uint64_t at = r->consumed;

	r->count = 0;
	r->next = 0;
	r->released = 0;
	r->taken = at;
	while (at < end) {
		uint32_t len;
		bool discarded;
		if (!header_at(r, at, &len, &discarded))
			break;
		if (r->count == r->cap) {
			int e = ring_grow(r);
			if (e < 0)
				return e;
		}
		const struct tt_record *rec = (const struct tt_record *)(data_at(r, at) + BPF_RINGBUF_HDR_SZ);
		bool usable = !discarded && record_sane(rec, len);
		/* What cannot be used takes the time of its neighbour, so that it does not hold anything up. */
		uint64_t time = usable ? rec->time_ns : r->count ? r->slots[r->count - 1].time_ns : 0;
		r->slots[r->count++] = (struct slot){.time_ns = time, .at = at, .end = slot_end(at, len)};
		ring_sort_last(r);
		at = slot_end(at, len);
		r->taken = at;
	}
	return 0;
}

/*
 * Lowers the horizon until in every ring what lies before it is a run from the ring's start: only whole runs can be given back to
 * the kernel.
 */
static uint64_t horizon_cut(const struct tt_rings *rs, uint64_t horizon)
{
	for (bool again = true; again;) {
		again = false;
		for (size_t i = 0; i < rs->count; i++) {
			const struct ring *r = &rs->rings[i];
			bool beyond = false;

			for (size_t k = 0; k < r->count; k++) {
				if (r->slots[k].time_ns > horizon) {
					beyond = true;
				} else if (beyond) {
					horizon = r->slots[k].time_ns - 1;
					again = true;
				}
			}
		}
	}
	return horizon;
}

static int batch_gather(struct tt_rings *rs, uint64_t horizon)
{
	for (size_t i = 0; i < rs->count; i++) {
		int e = ring_gather(&rs->rings[i]);
		if (e < 0)
			return e;
	}
	horizon = horizon_cut(rs, horizon);
	rs->batch = 0;
	for (size_t i = 0; i < rs->count; i++) {
		struct ring *r = &rs->rings[i];

		while (r->count && r->slots[r->order[r->count - 1]].time_ns > horizon)
			r->count--;
		rs->batch += r->count;
	}
	rs->horizon = horizon;
	return 0;
}

/* The ring whose next record is the oldest; NULL: none left. */
static struct ring *oldest(struct tt_rings *rs)
{
	struct ring *best = NULL;
	uint64_t best_time = 0;

	for (size_t i = 0; i < rs->count; i++) {
		struct ring *r = &rs->rings[i];
		if (r->next == r->count)
			continue;
		uint64_t time = r->slots[r->order[r->next]].time_ns;
		if (!best || time < best_time) {
			best = r;
			best_time = time;
		}
	}
	return best;
}

/* Gives the done records at the ring's start back to the kernel. */
static void ring_release(struct ring *r)
{
	while (r->released < r->count && r->slots[r->released].done)
		r->consumed = r->slots[r->released++].end;
	__atomic_store_n(consumer_of(r), r->consumed, __ATOMIC_RELEASE);
}

static int deliver(struct tt_rings *rs, struct ring *r, tt_ring_fn fn, void *ctx)
{
	struct slot *slot = &r->slots[r->order[r->next++]];
	uint32_t len = 0;
	bool discarded = false;

	rs->batch--;
	slot->done = true;
	header_at(r, slot->at, &len, &discarded);
	if (discarded)
		return 0;
	const struct tt_record *rec = (const struct tt_record *)(data_at(r, slot->at) + BPF_RINGBUF_HDR_SZ);
	if (!record_sane(rec, len)) {
		rs->bad++;
		return 0;
	}
	rs->delivered++;
	if (rec->type == TT_REC_CHUNK)
		rs->delivered_bytes += ((const struct tt_chunk *)rec)->length;
	return fn(ctx, rec);
}

int tt_rings_poll(struct tt_rings *rs, uint64_t horizon, uint64_t budget, tt_ring_fn fn, void *ctx)
{
	int count = 0;
	int e = 0;

	if (!rs->batch) {
		e = batch_gather(rs, horizon);
		if (e < 0)
			return e;
	}
	for (struct ring *r; e >= 0 && (!budget || (uint64_t)count < budget) && (r = oldest(rs)); count++) {
		e = deliver(rs, r, fn, ctx);
		if (count % 64 == 63)
			ring_release(r);
	}
	for (size_t i = 0; i < rs->count; i++)
		ring_release(&rs->rings[i]);
	if (!rs->batch && rs->horizon > rs->watermark)
		rs->watermark = rs->horizon;
	return e < 0 ? e : count;
}

uint64_t tt_rings_watermark(const struct tt_rings *rs)
{
	return rs->watermark;
}

void tt_rings_reset(struct tt_rings *rs)
{
	rs->horizon = 0;
	rs->watermark = 0;
	rs->delivered = 0;
	rs->delivered_bytes = 0;
	rs->bad = 0;
}

static void ring_queued(const struct ring *r, struct tt_ring_stats *stats)
{
	uint64_t end = producer_position(r);
	size_t k = r->released;

	for (uint64_t at = r->consumed; at < end;) {
		uint32_t len;
		bool discarded;
		if (!header_at(r, at, &len, &discarded))
			break;
		bool done = false;
		if (k < r->count && r->slots[k].at == at) {
			done = r->slots[k].done;
			k++;
		}
		if (!done && !discarded) {
			stats->queued++;
			stats->queued_bytes += slot_end(at, len) - at;
		}
		at = slot_end(at, len);
	}
}

void tt_rings_stats(const struct tt_rings *rs, struct tt_ring_stats *ret)
{
	*ret = (struct tt_ring_stats){
		.delivered = rs->delivered,
		.delivered_bytes = rs->delivered_bytes,
		.bad = rs->bad,
	};
	for (size_t i = 0; i < rs->count; i++)
		ring_queued(&rs->rings[i], ret);
}

unsigned tt_rings_fill(const struct tt_rings *rs)
{
	unsigned most = 0;

	for (size_t i = 0; i < rs->count; i++) {
		uint64_t used = producer_position(&rs->rings[i]) - rs->rings[i].consumed;
		unsigned percent = (unsigned)(used * 100 / rs->rings[i].size);
		most = TT_MAX(most, percent);
	}
	return most;
}
