/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The segments behind a message's iterator, once the call has moved its bytes: the iterator stands behind them then, so it is
 * walked back. What it stood on before needs not be remembered.
 */
#ifndef TT_BPF_ITER_H
#define TT_BPF_ITER_H

#include "compat_iter.h"
#include "iov.h"

/* Most segments of a message (UIO_MAXIOV). */
#define TT_SEGMENTS_OF_MESSAGE 1024

/* All three kinds of segment are 16 bytes; of pages only the lower half of the second word is the length. */
TT_INLINE __u64 tt_segment_length(__u64 second, bool pages)
{
	return pages ? (__u32)second : second;
}

/* A segment of pages as one of kernel memory. */
TT_INLINE void tt_segment_of_pages(struct iovec *s)
{
	__u64 bytes = tt_page_bytes(s->iov_base);

	s->iov_base = bytes ? bytes + (s->iov_len >> 32) : 0;
	s->iov_len = (__u32)s->iov_len;
}

/* So many are gone over by a function the verifier proves once; a loop around it makes the rest. */
#define TT_SEGMENTS_A_STEP 16

/* Walks back over some segments. Returns whether that is the end of it: w->back_at is 0 then if nothing was found. */
__noinline int tt_iter_step_back(__u32 pages)
{
	struct tt_work *w = tt_work_here();

	if (!w)
		return 1;
	__u64 at = w->back_at;
	__u64 left = w->back_left;
	for (int i = 0; i < TT_SEGMENTS_A_STEP; i++) {
		struct iovec s = {};

		at -= sizeof(s);
		if (bpf_probe_read_kernel(&s, sizeof(s), (const void *)at)) {
			w->back_at = 0;
			return 1;
		}
		__u64 length = tt_segment_length(s.iov_len, pages);
		if (length >= left) {
			w->back_at = at;
			w->at_offset = length - left;
			return 1;
		}
		left -= length;
	}
	w->back_at = at;
	w->back_left = left;
	return 0;
}

/*
 * Walks back `bytes` from the start of the segment at `segment`; returns where the segment begins that holds the first of them,
 * 0: not found. w->at_offset is set to where in it they begin.
 */
TT_INLINE __u64 tt_iter_walk_back(struct tt_work *w, __u64 segment, __u64 bytes, bool pages)
{
	w->back_at = segment;
	w->back_left = bytes;
	for (int i = 0; i < TT_SEGMENTS_OF_MESSAGE / TT_SEGMENTS_A_STEP; i++) {
		if (tt_iter_step_back(pages))
			return w->back_at;
	}
	return 0;
}

/* Reads the next segment from those at `segment`. Returns whether it could be read. */
__noinline int tt_iter_read_one(__u64 segment, __u32 pages)
{
	struct tt_work *w = tt_work_here();

	if (!w)
		return 0;
	__u32 at = w->segments;
	TT_BOUND(at, TT_SEGMENTS_MOST - 1);
	if (bpf_probe_read_kernel(&w->segment[at], sizeof(w->segment[at]), (const void *)(segment + at * sizeof(struct iovec)))) {
		tt_failed(TT_PLACE_KERNEL_READ);
		return 0;
	}
	if (pages)
		tt_segment_of_pages(&w->segment[at]);
	w->available += w->segment[at].iov_len;
	w->segments = at + 1;
	return 1;
}

/* Reads the segments from `segment` on that hold `bytes` bytes, as many as the limit allows. */
TT_INLINE void tt_iter_read(struct tt_work *w, __u64 segment, __u64 bytes, bool pages)
{
	__u64 wanted = bytes + w->at_offset;

	w->segments = 0;
	w->available = 0;
	for (__u32 i = 0; i < TT_SEGMENTS_MOST; i++) {
		if (w->available >= wanted)
			return;
		if (i >= tt_config.iov_segments)
			break;
		if (!tt_iter_read_one(segment, pages))
			return;
	}
	w->cut = 1;
}

/* All of it is in the segment the iterator is still at. False: it cannot be read. */
TT_INLINE bool tt_iter_here(struct tt_work *w, __u64 segment, __u64 from, __u64 bytes, bool pages)
{
	struct iovec s = {};

	if (bpf_probe_read_kernel(&s, sizeof(s), (const void *)segment))
		return false;
	if (pages)
		tt_segment_of_pages(&s);
	__u8 in_kernel = w->in_kernel;
	tt_iov_one(w, s.iov_base + from, bytes);
	w->in_kernel = in_kernel;
	return true;
}

#define TT_SEGMENTS_FEW 4

/*
 * The common case beside: no more than a few segments behind `segment`, up to which they had `before` bytes, and all read at once
 * with the one at `segment`. What lies before the first of them is read too, and not looked at. False: they are more, or cannot
 * be read so.
 */
TT_INLINE bool tt_iter_few(struct tt_work *w, __u64 segment, __u64 before, __u64 bytes)
{
	if (tt_config.iov_segments <= TT_SEGMENTS_FEW ||
	    bpf_probe_read_kernel(w->segment, (TT_SEGMENTS_FEW + 1) * sizeof(struct iovec),
				  (const void *)(segment - TT_SEGMENTS_FEW * sizeof(struct iovec))))
		return false;
	for (int i = TT_SEGMENTS_FEW - 1; i >= 0; i--) {
		__u64 length = w->segment[i].iov_len;

		if (length < before) {
			before -= length;
			continue;
		}
		__u64 from = length - before;
		__u8 in_kernel = w->in_kernel;
		if (bytes <= before) {
			tt_iov_one(w, w->segment[i].iov_base + from, bytes);
			w->in_kernel = in_kernel;
			return true;
		}
		w->at = i;
		w->at_offset = from;
		w->segments = TT_SEGMENTS_FEW + 1;
		w->available = bytes;
		return true;
	}
	return false;
}

/*
 * Puts the segments of the first `bytes` bytes of a message that had `size` into the work area. Returns whether they can be read.
 * (The message is a struct msghdr in the kernel. A call that fails within may leave the iterator behind what was moved.)
 */
__noinline int tt_iter_passed(__u64 message, __u64 bytes, __u64 size)
{
	struct tt_work *w = tt_work_here();
	struct tt_iter iter;
	const struct tt_iter *i = &iter;

	if (!w)
		return 0;
	tt_iov_none(w);
	if (!bytes)
		return 1;
	if (!tt_iter_take(&iter, message + bpf_core_field_offset(struct msghdr, msg_iter))) {
		tt_failed(TT_PLACE_KERNEL_READ);
		return 0;
	}
	enum tt_iter_kind kind = tt_iter_kind(i);
	__u64 offset = TT_ITER_READ(i, struct iov_iter, iov_offset);
	__u64 passed = size - TT_ITER_READ(i, struct iov_iter, count);
	if (kind == TT_ITER_OTHER)
		return 0;
	if (passed < bytes || passed > size)
		passed = bytes;
	if (kind == TT_ITER_ONE) {
		tt_iov_one(w, tt_iter_user_base(i) + offset - passed, bytes);
		return 1;
	}
	bool pages = kind == TT_ITER_PAGES;
	if (pages && !tt_config.vmemmap_base)
		return 0;
	w->in_kernel = kind != TT_ITER_USER;
	__u64 segment = tt_iter_segment(i);
	if (offset >= passed ? tt_iter_here(w, segment, offset - passed, bytes, pages)
			     : !pages && tt_iter_few(w, segment, passed - offset, bytes))
		return 1;
	if (offset >= passed)
		w->at_offset = offset - passed;
	else
		segment = tt_iter_walk_back(w, segment, passed - offset, pages);
	if (!segment) {
		tt_failed(TT_PLACE_KERNEL_READ);
		return 0;
	}
	tt_iter_read(w, segment, bytes, pages);
	if (!w->cut)
		w->available = bytes;
	return 1;
}

#endif
