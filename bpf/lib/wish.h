/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Capture wishes: what the user side wants of a connection's bytes (src/kernel/wish.h). */
#ifndef TT_BPF_WISH_H
#define TT_BPF_WISH_H

#include "config.h"

/* What of a call is to be captured: from `skip` bytes on, `bytes` of them. */
struct tt_want {
	__u32 skip;
	__u32 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_wish_slot);
} tt_wishes SEC(".maps");

/* Multiplicative hash; src/kernel/wish.c does the same. */
TT_INLINE __u32 tt_wish_hash(__u64 sock)
{
	return (sock * 0x9e3779b97f4a7c15ull) >> 32;
}

TT_INLINE struct tt_want tt_wanted(const struct tt_chunk *chunk, __u32 length)
{
	struct tt_want want = {.skip = 0, .bytes = tt_config.capture_bytes};
	/* Plaintext has wishes of its own: sockets lie at even addresses. */
	__u64 sock = chunk->conn.sock | (chunk->origin != TT_ORIGIN_SOCKET);
	__u32 hash = tt_wish_hash(sock);
	__u8 direction = chunk->direction & 1;

	for (int i = 0; i < TT_WISH_PROBES; i++) {
		__u32 index = (hash + i) & tt_config.wish_mask;
		struct tt_wish_slot *slot = bpf_map_lookup_elem(&tt_wishes, &index);

		if (!slot || slot->sock == TT_WISH_FREE)
			break;
		if (slot->sock != sock)
			continue;
		__u32 bytes = slot->bytes[direction];
		if (slot->ino == chunk->conn.ino && bytes != TT_WISH_NONE) {
			__s64 ahead = slot->from[direction] - chunk->offset;

			if (ahead > 0)
				want.skip = ahead < (__s64)length ? ahead : length;
			want.bytes = bytes;
		}
		break;
	}
	return want;
}

#endif
