/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a chunk and its segments in the work area to records in a ring. Most are functions of their own, which the verifier proves
 * once; what changes in a loop stands in the work area, so that all its rounds look alike to it.
 */
#ifndef TT_BPF_REPORT_H
#define TT_BPF_REPORT_H

#include "chunk.h"
#include "iov.h"
#include "wish.h"

/* Copies what the segment at the cursor has of them. Returns whether more is to be had. */
__noinline int tt_gather_one(__u32 want)
{
	struct tt_work *w = tt_work_here();

	if (!w || want > TT_PART_BYTES)
		return 0;
	__u32 got = w->gathered;
	__u32 at = w->at;
	if (got >= want || at >= w->segments)
		return 0;
	TT_BOUND(at, TT_SEGMENTS_MOST - 1);
	__u64 left = w->segment[at].iov_len - w->at_offset;
	__u64 base = w->segment[at].iov_base + w->at_offset;
	bool last = left > want - got;
	if (last)
		left = want - got;
	__u32 n = left;
	TT_BOUND(got, TT_PART_BYTES - 1);
	TT_BOUND(n, 2 * TT_PART_BYTES - 1);
	if (n && tt_segment_copy(w, w->data + got, n, base)) {
		w->fault = 1;
		return 0;
	}
	w->gathered += n;
	if (last) {
		w->at_offset += n;
		return 0;
	}
	w->at = at + 1;
	w->at_offset = 0;
	return 1;
}

/*
 * Copies up to `want` bytes from the segments behind the cursor into the work area. Returns how many; less than `want` means
 * the segments ended or a page was not there.
 */
TT_INLINE __u32 tt_gather(struct tt_work *w, __u32 want)
{
	w->gathered = 0;
	w->fault = 0;
	for (int i = 0; i < TT_SEGMENTS_MOST; i++) {
		if (!tt_gather_one(want))
			break;
	}
	if (w->fault)
		tt_failed(TT_PLACE_USER_DATA);
	return w->gathered;
}

/* Moves the cursor on, to the end of its segment at most. Returns how many bytes that was; more than `bytes`: it stays in it. */
__noinline __u64 tt_skip_one(__u32 bytes)
{
	struct tt_work *w = tt_work_here();

	if (!w)
		return 0;
	__u32 at = w->at;
	if (at >= w->segments)
		return 0;
	TT_BOUND(at, TT_SEGMENTS_MOST - 1);
	__u64 left = w->segment[at].iov_len - w->at_offset;
	if (left > bytes) {
		w->at_offset += bytes;
		return left;
	}
	w->at = at + 1;
	w->at_offset = 0;
	return left;
}

/* Moves the cursor `bytes` on. */
__noinline int tt_skip(__u32 bytes)
{
	for (int i = 0; i < TT_SEGMENTS_MOST; i++) {
		__u64 left = tt_skip_one(bytes);

		if (left > bytes)
			break;
		bytes -= left;
	}
	return 0;
}

/* Reports the next part of what w->left and w->capture name. Returns whether more follows. */
__noinline int tt_report_part(void)
{
	struct tt_work *w = tt_work_here();
	struct tt_kernel_counters *c = tt_counters_here();

	if (!w || !c)
		return 0;
	__u32 want = w->capture;
	__u32 named = w->left;
	if (want > TT_PART_BYTES) {
		want = TT_PART_BYTES;
		named = TT_PART_BYTES;
	}
	__u32 got = want ? tt_gather(w, want) : 0;
	if (got < want) { /* no more of it: the last part names the rest */
		w->missing = w->capture - got;
		w->capture = got;
		named = w->left;
	}
	w->chunk.length = named;
	w->chunk.captured = got;
	__u64 size = sizeof(w->chunk) + got;
	TT_BOUND(size, 2 * TT_PART_BYTES - 1);
	w->chunk.rec.len = size;
	tt_data_submit(c, &w->chunk, size, named);
	tt_chunk_advance(&w->chunk, named);
	w->left -= named;
	w->capture -= got;
	return w->left != 0;
}

/*
 * Reports `length` bytes beginning at the chunk's offset, the first `capture` of them with payload, in as many parts as it takes.
 * Returns the bytes of payload that were wanted and not had.
 */
__noinline int tt_report(__u32 length, __u32 capture)
{
	struct tt_work *w = tt_work_here();

	if (!w)
		return 0;
	w->left = length;
	w->capture = capture;
	w->missing = 0;
	for (int part = 0; part <= TT_PARTS_MOST; part++) {
		if (!tt_report_part())
			break;
	}
	return w->missing;
}

#define TT_SMALL_BYTES 128

struct tt_small {
	struct tt_chunk chunk;
	__u8 data[TT_SMALL_BYTES];
};

/* The common case without detours: one segment, few bytes. Returns false where they could not be read. */
TT_INLINE bool tt_report_small(struct tt_work *w, struct tt_kernel_counters *c, __u32 length)
{
	struct tt_small *r = tt_data_reserve(c, sizeof(*r), length);

	if (r)
		r->chunk = w->chunk;
	tt_chunk_advance(&w->chunk, length);
	if (!r)
		return true;
	r->chunk.length = length;
	r->chunk.captured = length;
	r->chunk.rec.len = sizeof(w->chunk) + length;
	TT_BOUND(length, 2 * TT_SMALL_BYTES - 1);
	if (length > TT_SMALL_BYTES || tt_segment_copy(w, r->data, length, w->segment[0].iov_base)) {
		r->chunk.captured = 0;
		r->chunk.rec.len = sizeof(w->chunk);
		bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
		tt_failed(TT_PLACE_USER_DATA);
		return false;
	}
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return true;
}

/* Reports one message or stretch of `length` bytes whose segments are in the work area. */
__noinline int tt_report_wanted(__u32 length)
{
	struct tt_work *w = tt_work_here();

	if (!w)
		return 0;
	if ((w->chunk.flags & TT_CHUNK_NO_PAYLOAD) || !length) {
		tt_report(length, 0);
		return 0;
	}
	struct tt_want want = tt_wanted(&w->chunk, length);
	if (want.skip) {
		tt_skip(want.skip);
		tt_report(want.skip, 0);
		length -= want.skip;
		if (!length)
			return 0;
	}
	__u32 capture = want.bytes < length ? want.bytes : length;
	if (capture == length && length <= TT_SMALL_BYTES && w->segments == 1 && w->available >= length && !w->at_offset) {
		struct tt_kernel_counters *c = tt_counters_here();

		if (c && !tt_report_small(w, c, length))
			tt_lost(TT_LOSS_USER_FAULT, length);
		return 0;
	}
	if (capture > TT_PARTS_MOST * TT_PART_BYTES)
		capture = TT_PARTS_MOST * TT_PART_BYTES;
	/* A datagram longer than the buffer (MSG_TRUNC): only what was copied is there. */
	if ((w->chunk.flags & TT_CHUNK_DATAGRAM) && !w->cut && capture > w->available)
		capture = w->available;
	/* A datagram is one record: what does not fit is named by it, not shown. */
	if ((w->chunk.flags & TT_CHUNK_DATAGRAM) && capture > TT_PART_BYTES)
		capture = TT_PART_BYTES;
	__u32 missing = tt_report(length, capture);
	if (missing)
		tt_lost(w->cut == TT_CUT_HELD ? TT_LOSS_SESSION : w->cut ? TT_LOSS_IOV_LIMIT : TT_LOSS_USER_FAULT, missing);
	return 0;
}

/* An address as a program gave it or got it. */
struct tt_user_sockaddr {
	__u16 family;
	__u16 port;
	__u32 words[5]; /* IPv4: the address. IPv6: flow, then the address */
	__u32 scope;
};

__noinline int tt_peer_read(void)
{
	struct tt_work *w = tt_work_here();
	struct tt_user_sockaddr a = {};

	if (!w)
		return 0;
	__u32 len = w->name_len;
	if (len > sizeof(a))
		len = sizeof(a);
	TT_BOUND(len, 31);
	if (len < 8 || len > sizeof(a))
		return 0;
	if (w->name_in_kernel ? bpf_probe_read_kernel(&a, len, (const void *)w->name)
			      : bpf_probe_read_user(&a, len, (const void *)w->name)) {
		tt_failed(TT_PLACE_USER_ADDRESS);
		return 0;
	}
	if (a.family == TT_FAMILY_INET)
		tt_address_set4(&w->chunk.peer, bpf_ntohs(a.port), a.words[0]);
	else if (a.family == TT_FAMILY_INET6)
		tt_address_set(&w->chunk.peer, bpf_ntohs(a.port), a.scope, a.words[1], a.words[2], a.words[3], a.words[4]);
	return 0;
}

/* sendmmsg() and recvmmsg() take at most so many messages (UIO_MAXIOV). */
#define TT_VECTOR_MOST 1024

#define TT_VECTOR_A_STEP 32

/* Adds up what some messages moved, `count` at most. Returns whether there may be more. */
__noinline int tt_messages_add(__u64 messages, __u32 count)
{
	struct tt_work *w = tt_work_here();

	if (!w)
		return 0;
	for (__u32 i = 0; i < TT_VECTOR_A_STEP; i++) {
		if (i >= count)
			return 0;
		__u32 len = 0;
		const struct mmsghdr *m = (const struct mmsghdr *)messages + i;
		if (bpf_probe_read_user(&len, sizeof(len), (const char *)m + offsetof(struct mmsghdr, msg_len)))
			return 0;
		w->total += len;
	}
	return 1;
}

/* Bytes moved by `count` messages. */
__noinline __u64 tt_messages_length(__u64 messages, __u32 count)
{
	struct tt_work *w = tt_work_here();

	if (!w)
		return 0;
	w->total = 0;
	for (__u32 i = 0; i < TT_VECTOR_MOST; i += TT_VECTOR_A_STEP) {
		if (i >= count || !tt_messages_add(messages + i * sizeof(struct mmsghdr), count - i))
			break;
	}
	return w->total;
}

/* Reports one message of sendmmsg() or recvmmsg(). Returns its length. */
__noinline int tt_report_message(__u64 message)
{
	struct tt_work *w = tt_work_here();
	struct mmsghdr m = {};

	if (!w || bpf_probe_read_user(&m, sizeof(m), (const void *)message)) {
		tt_failed(TT_PLACE_USER_MSGHDR);
		return 0;
	}
	if (!m.msg_len && !(w->chunk.flags & TT_CHUNK_DATAGRAM)) /* the stream's end: the next call tells it alone */
		return 0;
	tt_iov_read(m.msg_hdr.msg_iov, m.msg_hdr.msg_iovlen);
	w->name = m.msg_hdr.msg_name;
	w->name_len = m.msg_hdr.msg_namelen;
	w->chunk.peer = w->peer;
	if (w->chunk.transport == TT_TRANSPORT_UDP && w->name)
		tt_peer_read();
	tt_report_wanted(m.msg_len);
	return 0;
}

/* `count` messages at `messages` were moved: as many as the limit allows one by one, the rest counted. */
TT_INLINE void tt_report_messages(struct tt_work *w, __u64 messages, __u32 count)
{
	__u32 most = tt_config.mmsg_messages;

	for (__u32 i = 0; i < TT_MESSAGES_MOST; i++) {
		if (i >= count || i >= most)
			break;
		tt_report_message(messages + i * sizeof(struct mmsghdr));
	}
	if (count <= most)
		return;
	__u64 rest = tt_messages_length(messages + (__u64)most * sizeof(struct mmsghdr), count - most);
	if (w->chunk.flags & TT_CHUNK_DATAGRAM) {
		tt_lost_many(TT_LOSS_IOV_LIMIT, count - most, rest);
		return;
	}
	tt_iov_none(w);
	w->chunk.flags |= TT_CHUNK_NO_PAYLOAD;
	tt_report(rest, 0);
	tt_lost(TT_LOSS_IOV_LIMIT, rest);
}

#endif
