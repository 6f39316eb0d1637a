/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The work area of a call being reported: what it did, its chunk, its segments, and the payload gathered from them. One a CPU:
 * the programs that use it run in process context with preemption off, so nothing can come between.
 */
#ifndef TT_BPF_IOV_H
#define TT_BPF_IOV_H

#include "sock.h"

/* What is known from before the bytes moved. */
struct tt_before {
	bool known;	   /* false: nothing; then neither of the others is to be looked at */
	bool has_sequence; /* it was a stream offset */
	bool shared;	   /* nothing, although others could move bytes meanwhile */
	__u32 sequence;
};

/* A call that moved bytes on a socket. */
struct tt_move {
	__u64 entry_ns; /* 0: not known */
	long result;	/* of the call */
	__u64 moved;	/* bytes of the stream */
	__u64 messages; /* where several messages stand … */
	__u32 count;	/* … and how many; 0: it was one */
	__u32 given;	/* TT_GIVEN_* and MSG_* */
	struct tt_before before;
	struct tt_view view;
	__u8 direction;
	__u8 transport;
};

struct tt_work {
	struct tt_found found; /* the socket of the call … */
	struct tt_move move;   /* … and what it did */
	__u32 fd;	       /* of a system call: its descriptor + 1 */
	__u32 segments;
	__u32 at;	 /* cursor: segment … */
	__u64 at_offset; /* … and bytes of it that were taken */
	__u32 gathered;	 /* bytes in data; here and not in a variable, so that the verifier sees all rounds of a loop alike */
	__u32 left;	 /* bytes of the call not reported yet … */
	__u32 capture;	 /* … and how many of them with payload */
	__u32 missing;	 /* payload wanted and not had */
	__u64 available; /* bytes in all segments read */
	__u64 total;	 /* bytes of the messages counted so far */
	__u64 back_at;	 /* walking back: the segment … */
	__u64 back_left; /* … and the bytes before it that are not found yet */
	__u64 args[6];	 /* of a system call, from its second on; of a socket's operation, from its first on */
	struct tt_sockaddr peer; /* of messages that name none */
	__u64 sealed;		 /* the context of the records it sent, known since this call; 0: none */
	__u64 name;		 /* the peer's address of an unconnected datagram */
	__u32 name_len;
	__u8 cut;	     /* there were more segments than are read; TT_CUT_HELD: more bytes than were kept */
	__u8 in_kernel;	     /* the segments lie in the kernel's memory … */
	__u8 name_in_kernel; /* … and so does the name */
	__u8 fault;	     /* a segment could not be read */
	struct iovec segment[TT_SEGMENTS_MOST];
	/* What is sent, as one. It stands last, so that all before it is within reach of one instruction (32 KiB). */
	struct tt_chunk chunk;
	__u8 data[3 * TT_PART_BYTES]; /* a part, and room for what the verifier thinks may come behind it */
};

#define TT_CUT_HELD 2

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_work);
} tt_works SEC(".maps");

TT_INLINE struct tt_work *tt_work_here(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&tt_works, &cpu);
}

TT_INLINE void tt_iov_start(struct tt_work *w)
{
	w->at = 0;
	w->at_offset = 0;
	w->cut = 0;
	w->name = 0;
	w->name_len = 0;
	w->in_kernel = 0;
	w->name_in_kernel = 0;
}

TT_INLINE void tt_iov_one(struct tt_work *w, __u64 base, __u64 len)
{
	tt_iov_start(w);
	w->segment[0].iov_base = base;
	w->segment[0].iov_len = len;
	w->segments = 1;
	w->available = len;
}

TT_INLINE void tt_iov_none(struct tt_work *w)
{
	tt_iov_start(w);
	w->segments = 0;
	w->available = 0;
}

/* Reads bytes of a segment, wherever it lies. 0 or a negative errno. */
TT_INLINE long tt_segment_copy(const struct tt_work *w, void *ret, __u32 n, __u64 from)
{
	if (w->in_kernel)
		return bpf_probe_read_kernel(ret, n, (const void *)from);
	return bpf_probe_read_user(ret, n, (const void *)from);
}

/* Reads `count` segments at `iov` in user memory, as many as the limit allows. */
__noinline int tt_iov_read(__u64 iov, __u64 count)
{
	struct tt_work *w = tt_work_here();

	if (!w)
		return 0;
	tt_iov_none(w);
	if (count > tt_config.iov_segments) {
		count = tt_config.iov_segments;
		w->cut = 1;
	}
	if (count > TT_SEGMENTS_MOST)
		count = TT_SEGMENTS_MOST;
	__u64 size = count * sizeof(struct iovec);
	TT_BOUND(size, 2 * TT_SEGMENTS_MOST * sizeof(struct iovec) - 1);
	if (size > sizeof(w->segment) || bpf_probe_read_user(w->segment, size, (const void *)iov)) {
		tt_failed(TT_PLACE_USER_IOVEC);
		return 0;
	}
	w->segments = count;
	for (__u32 i = 0; i < TT_SEGMENTS_MOST; i++) {
		if (i >= w->segments)
			break;
		w->available += w->segment[i].iov_len;
	}
	return 0;
}

#endif
