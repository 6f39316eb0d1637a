/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What goroutines of a program of Go do, of whose connections some were open before anybody looked (http2.bpf.c). */
#ifndef TT_BPF_GOROUTINE_H
#define TT_BPF_GOROUTINE_H

#include "header_table.h"
#include "session.h"

/* What a goroutine is doing. */
struct tt_go_frames {
	struct tt_conn_id read; /* the socket it read from last; 0: none */
	struct tt_block reading;
	struct tt_block wrote; /* and whose socket is not known yet: the one the goroutine writes to next */
	__u64 encoder;	       /* with which it wrote fields */
};

/* By goroutine. Sized at load (by limit kernel_sessions); those not used for long give way. */
struct {
	__uint(type, TT_MAP_OF_USED);
	__uint(max_entries, 1);
	__type(key, struct tt_plain_key);
	__type(value, struct tt_go_frames);
} tt_go_frames SEC(".maps");

TT_INLINE struct tt_go_frames *tt_go_frames_find(__u64 g)
{
	struct tt_plain_key key = tt_object_key(g);

	return bpf_map_lookup_elem(&tt_go_frames, &key);
}

TT_INLINE struct tt_go_frames *tt_go_frames_place(__u64 g)
{
	struct tt_plain_key key = tt_object_key(g);
	struct tt_go_frames *frames = bpf_map_lookup_elem(&tt_go_frames, &key);

	if (!frames) {
		struct tt_go_frames empty = {};

		if (bpf_map_update_elem(&tt_go_frames, &key, &empty, BPF_NOEXIST))
			tt_failed(TT_PLACE_STAMP_CREATE);
		frames = bpf_map_lookup_elem(&tt_go_frames, &key);
	}
	return frames;
}

/*
 * The parameters of Read([]byte), where a function keeps them that was entered with its stack there, as far as it needs them
 * again (Go 1.19 to 1.26: a caller leaves room for them).
 */
struct tt_go_read {
	__u64 session;
	__u64 buffer;
	__u64 len;
};

#define TT_GO_READ_MOST (1ull << 30)

TT_INLINE bool tt_go_read_sane(const struct tt_go_read *r, __u64 length)
{
	return r->session && !(r->session & 7) && r->buffer && length <= r->len && r->len <= TT_GO_READ_MOST;
}

/*
 * A read of plaintext returns that had begun before anybody looked: it waited for its socket, which was seen since. The stack has
 * what it was called with, in the room that the calling convention has for it. Returns whether it is told.
 */
__noinline int tt_go_read_begun_before(__u64 stack, __u64 g, __s64 result)
{
	struct tt_go_frames *frames = tt_go_frames_find(g);
	struct tt_go_read r = {};
	__u64 length = result > 0 ? result : 0;

	if (!frames || !frames->read.sock || !length ||
	    bpf_probe_read_user(&r, sizeof(r), (const void *)(stack + sizeof(stack))) || !tt_go_read_sane(&r, length))
		return 0;
	struct tt_plain_key key = tt_object_key(r.session);
	struct tt_conn_id id = frames->read;
	const struct tt_conn_id *bound = bpf_map_lookup_elem(&tt_plain_sessions, &key);
	struct tt_conn *conn = tt_conn_find(id.sock);
	if (!conn || conn->ino != id.ino || (bound && (bound->sock != id.sock || (bound->ino & TT_PLAIN_INO) != id.ino)))
		return 0;
	struct tt_plain_call call = {.session = r.session, .buffer = r.buffer};
	tt_plain_bound(&key, &id);
	tt_plain_report(conn, &id, &call, TT_RX, TT_ORIGIN_GO_TLS, length);
	return 1;
}

#endif
