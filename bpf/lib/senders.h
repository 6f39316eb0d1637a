/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Several threads that send on one connection of TCP at a time: which bytes are whose.
 *
 * A call's exit knows how many bytes it sent (n), a position before them all (`before`, read at its entry), and one behind them
 * all (`after`, read now). If after - before is n they are its own. If not, others sent meanwhile, also between its pieces, as
 * the kernel lets go of the socket where a send waits for room. Then the connection's statement helps:
 *
 *   All bytes in [hole, next), and `refused` bytes from next on, are of calls whose exit was seen.
 *
 * A call that began behind the hole has none of them, so all of its own are in [next, after). If these are n + refused bytes,
 * there are no others: what is behind them is of later exits. With refused 0 they are just its own.
 *
 * What a statement says stays true whatever comes later, and each call makes its own of one that it read and of its own bytes. So
 * where two exits write at a time what one said is forgotten and nothing false is said. A call that was not seen leaves bytes
 * that nobody accounts for: no sum is right then until a call is alone again, behind which a hole begins.
 */
#ifndef TT_BPF_SENDERS_H
#define TT_BPF_SENDERS_H

#include "conn.h"
#include "iov.h"

/* As read at one time. */
struct tt_senders {
	__u32 hole;
	__u32 next;
	__u32 refused;
};

/* Two words, of which each is written whole. Of two statements with the same `next` also the halves are true together. */
TT_INLINE void tt_senders_read(const struct tt_conn *conn, struct tt_senders *ret)
{
	__u64 told = *(const volatile __u64 *)&conn->senders;
	__u64 refused = *(const volatile __u64 *)&conn->senders_refused;

	ret->hole = told >> 32;
	ret->next = (__u32)told;
	ret->refused = (__u32)refused == ret->next ? refused >> 32 : 0;
}

TT_INLINE void tt_senders_write(struct tt_conn *conn, __u32 hole, __u32 next)
{
	*(volatile __u64 *)&conn->senders = (__u64)hole << 32 | next;
	*(volatile __u64 *)&conn->senders_refused = next;
}

/* The bytes in [start, after) are of one call, and it ended. */
TT_INLINE void tt_senders_alone(struct tt_conn *conn, __u32 start, __u32 after)
{
	struct tt_senders s;

	tt_senders_read(conn, &s);
	bool first = !(s.hole | s.next); /* what is far from 0 may be behind it */
	if (first || (__s32)(after - s.next) > 0)
		tt_senders_write(conn, start - s.next == s.refused ? s.hole : start, after);
}

#define TT_SENDERS_PLACED (1ull << 32)

/*
 * Where the bytes of a call begin that was not alone, with TT_SENDERS_PLACED; 0: nobody can tell. Only of one that did send on
 * this socket.
 */
__noinline __u64 tt_senders_among(__u64 sock, __u32 before, __u32 bytes)
{
	struct sock *sk = (struct sock *)sock;
	struct tt_conn *conn = tt_conn_find(sock);
	struct tt_senders s;

	if (!conn)
		return 0;
	tt_senders_read(conn, &s);
	if ((__s32)(before - s.hole) < 0)
		return 0;
	/* Read after the statement: whatever it speaks of is before this. */
	__u32 after = tt_sequence(sk, TT_TX);
	__u32 rest = after - s.next - s.refused;
	if (rest == bytes) {
		tt_senders_write(conn, s.hole, after);
		return s.refused ? 0 : TT_SENDERS_PLACED | s.next;
	}
	*(volatile __u64 *)&conn->senders_refused = (__u64)(s.refused + bytes) << 32 | s.next;
	return 0;
}

#endif
