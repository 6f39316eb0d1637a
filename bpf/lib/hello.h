/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * TLS hellos that sockets received outside of any library's call: what a session is found by that gets its bytes by way of
 * memory. Both keep the peer's random (RFC 8446, 4.1.2 and 4.1.3), and no two connections have the same, unless somebody repeats
 * another's hello: then nobody can tell whose it is.
 */
#ifndef TT_BPF_HELLO_H
#define TT_BPF_HELLO_H

#include "conn.h"
#include "iov.h"

#define TT_HELLO_CLIENT 1
#define TT_HELLO_SERVER 2
#define TT_HELLO_NONE 3 /* a record of data in its place */

#define TT_RECORD_BYTES 5 /* of a record before what it carries */
#define TT_RECORD_HANDSHAKE 22
#define TT_RECORD_DATA 23

/* How a record with a hello begins: the record (RFC 8446, 5.1), the message (4), the version. */
struct tt_hello_head {
	__u8 type;
	__u8 version[2];
	__u8 length[2];
	__u8 message;
	__u8 message_length[3];
	__u8 message_version[2];
};

#define TT_HELLO_WORDS 3 /* of the random, or of the ciphertext: as many as nobody meets by chance */
#define TT_HELLO_BYTES (sizeof(struct tt_hello_head) + TT_HELLO_WORDS * sizeof(__u64))

/* A hello retry request has this in the place of a random. */
#define TT_HELLO_RETRY bpf_cpu_to_be64(0xcf21ad74e59a6111ull)

/* What was heard. */
struct tt_hello {
	__u64 random[TT_HELLO_WORDS];
	__u64 sock; /* TT_HELLO_DOUBTFUL: more than one received it */
	__u64 ino;
	__u32 tgid;
	__u32 kind; /* TT_HELLO_* */
	__u64 heard_ns;
	__u64 check; /* over all but the time, so that what two processors wrote at a time is not taken for either; 0: free */
};

#define TT_HELLO_DOUBTFUL 0
#define TT_HELLO_WAYS 4
#define TT_HELLO_WAITS_NS 60000000000ull /* so long a hello is kept for sessions that ask for it late */

struct tt_hello_row {
	struct tt_hello way[TT_HELLO_WAYS];
};

/* By what the random is. What nobody asks for is overwritten in time. Sized at load (limit kernel_sessions). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_hello_row);
} tt_hellos SEC(".maps");

/* Set before load: rows - 1. */
const volatile __u32 tt_hello_mask = 0;

/* Written by the user side at run time: sessions that were open before are being looked for. */
__u32 tt_plain_middle = 0;

TT_INLINE __u64 tt_hello_mix(__u64 sum, __u64 word)
{
	sum = (sum ^ word) * 0x9e3779b97f4a7c15ull;
	return sum ^ sum >> 29;
}

TT_INLINE __u64 tt_hello_check(const struct tt_hello *h)
{
	__u64 sum = tt_hello_mix((__u64)h->tgid << 32 | h->kind, h->sock);

	sum = tt_hello_mix(sum, h->ino);
	for (int i = 0; i < TT_HELLO_WORDS; i++)
		sum = tt_hello_mix(sum, h->random[i]);
	return sum | 1;
}

TT_INLINE bool tt_hello_same(const struct tt_hello *a, const struct tt_hello *b)
{
	return a->check && a->random[0] == b->random[0] && a->random[1] == b->random[1] && a->random[2] == b->random[2] &&
	       a->tgid == b->tgid && a->kind == b->kind;
}

TT_INLINE struct tt_hello_row *tt_hello_row(__u64 word)
{
	__u32 row = tt_hello_mix(0, word) >> 32 & tt_hello_mask;

	return bpf_map_lookup_elem(&tt_hellos, &row);
}

/* It may have this place: of records of data come more than of hellos, and they are looked for only for a while. */
TT_INLINE bool tt_hello_gives_way(const struct tt_hello *way, const struct tt_hello *heard)
{
	return heard->kind != TT_HELLO_NONE || way->kind == TT_HELLO_NONE || heard->heard_ns - way->heard_ns > TT_HELLO_WAITS_NS;
}

/* Its own place, or that of the oldest; a free one is older than all. */
TT_INLINE void tt_hello_keep(struct tt_hello *heard)
{
	struct tt_hello_row *row = tt_hello_row(heard->random[1]);
	struct tt_hello *place = NULL;
	__u64 oldest = ~0ull;

	if (!row)
		return;
	for (int i = 0; i < TT_HELLO_WAYS; i++) {
		struct tt_hello *way = &row->way[i];
		__u64 heard_ns = way->check ? way->heard_ns : 0;

		if (tt_hello_same(way, heard)) {
			if (way->sock != heard->sock || way->ino != heard->ino)
				heard->sock = TT_HELLO_DOUBTFUL;
			place = way;
			break;
		}
		if (heard_ns < oldest && (!heard_ns || tt_hello_gives_way(way, heard))) {
			oldest = heard_ns;
			place = way;
		}
	}
	if (!place)
		return;
	heard->check = tt_hello_check(heard);
	*place = *heard;
}

/* What a record is that begins so; 0: it is not looked for. */
TT_INLINE __u32 tt_hello_kind(const struct tt_hello_head *head)
{
	if (head->version[0] != 3)
		return 0;
	if (head->type == TT_RECORD_DATA)
		return tt_plain_middle ? TT_HELLO_NONE : 0;
	return head->type == TT_RECORD_HANDSHAKE && head->message <= TT_HELLO_SERVER ? head->message : 0;
}

/* Whatever the work area says was received: it may begin with a record that is looked for. */
__noinline int tt_hello_hear(__u64 sock, __u64 ino)
{
	struct tt_work *w = tt_work_here();
	struct tt_hello_head head = {};
	struct tt_hello heard = {.sock = sock, .ino = ino, .tgid = bpf_get_current_pid_tgid() >> 32};

	if (!w || w->move.direction != TT_RX || w->move.moved < TT_HELLO_BYTES)
		return 0;
	__u32 at = w->at;
	if (at >= w->segments)
		return 0;
	TT_BOUND(at, TT_SEGMENTS_MOST - 1);
	__u64 base = w->segment[at].iov_base + w->at_offset;
	if (w->segment[at].iov_len - w->at_offset < TT_HELLO_BYTES || tt_segment_copy(w, &head, sizeof(head), base))
		return 0;
	heard.kind = tt_hello_kind(&head);
	base += heard.kind == TT_HELLO_NONE ? TT_RECORD_BYTES : sizeof(head);
	if (!heard.kind || tt_segment_copy(w, heard.random, sizeof(heard.random), base) || heard.random[0] == TT_HELLO_RETRY)
		return 0;
	heard.heard_ns = bpf_ktime_get_ns();
	tt_hello_keep(&heard);
	return 0;
}

/* The socket that received this; it is asked for once. False: none has, or nobody can tell. */
TT_INLINE bool tt_hello_take(struct tt_hello *wanted, struct tt_conn_id *ret)
{
	struct tt_hello_row *row = tt_hello_row(wanted->random[1]);

	if (!row)
		return false;
	for (int i = 0; i < TT_HELLO_WAYS; i++) {
		struct tt_hello *way = &row->way[i];

		if (!tt_hello_same(way, wanted))
			continue;
		wanted->sock = way->sock;
		wanted->ino = way->ino;
		if (way->check != tt_hello_check(wanted) || wanted->sock == TT_HELLO_DOUBTFUL)
			return false;
		way->check = 0;
		ret->sock = wanted->sock;
		ret->ino = wanted->ino;
		return true;
	}
	return false;
}

#endif
