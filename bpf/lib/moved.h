/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is reported of a call that moved bytes on a socket, however it was observed: the observer finds the socket and puts the
 * segments into the work area, this does the rest.
 */
#ifndef TT_BPF_MOVED_H
#define TT_BPF_MOVED_H

#include "life.h"
#include "plaintext.h"

#define MSG_OOB 0x1
#define MSG_PEEK 0x2
#define MSG_TRUNC 0x20
#define MSG_ERRQUEUE 0x2000

/* What the arguments say beyond the segments; MSG_* flags stand in the low bits. */
#define TT_GIVEN_NO_PAYLOAD (1u << 30) /* the bytes are not in memory that can be read */
#define TT_GIVEN_MESSAGES (1u << 29)   /* there are several messages, at the second argument */
#define TT_GIVEN_FLAGS 0xffffff

TT_INLINE bool tt_is_datagram(__u8 transport)
{
	return transport == TT_TRANSPORT_UDP || transport == TT_TRANSPORT_UNIX_DGRAM;
}

/* Nothing was asked for, or the result says nothing. An empty UDP datagram is one. */
TT_INLINE bool tt_says_nothing(const struct tt_work *w, const struct tt_move *m)
{
	return !m->result && m->transport != TT_TRANSPORT_UDP &&
	       (m->direction == TT_TX || !w->available || tt_is_datagram(m->transport));
}

/* A send on a socket that has no connection failed: nothing that exists did. (What connecting comes to is told otherwise.) */
TT_INLINE bool tt_never_connected(const struct tt_move *m)
{
	return m->direction == TT_TX && m->before.known && m->before.has_sequence && !m->before.sequence;
}

/*
 * Bytes moved, and connect() has no outcome: the event that tells it was missed (counted). It is told without its time, and what
 * is reported does not count from the start. Fast Open sends before there is one.
 */
TT_INLINE void tt_connected_unseen(__u64 sock, struct tt_conn *conn)
{
	__u8 state = TT_READ(struct sock, (struct sock *)sock, __sk_common.skc_state);

	if (state == TT_TCP_SYN_SENT || state == TT_TCP_CLOSE || !*(volatile __u8 *)&conn->connecting)
		return;
	conn->connecting = 0;
	conn->connect_ns = 0;
	tt_conn_readdress(sock);
	tt_conn_opened(sock, 0);
}

/* The chunk that says a direction ended (error 0) or failed. */
TT_INLINE void tt_report_end(struct tt_work *w, struct tt_conn *conn, __s32 error)
{
	if (!tt_conn_mark_end(conn, &w->chunk, error))
		return;
	tt_chunk_at(&w->chunk, conn, conn->next[w->chunk.direction & 1]);
	tt_report(0, 0);
}

/*
 * Reports what the work area says was done. The segments and the name of the peer, if there is one, are there, too. `several`:
 * the call may have moved more than one message.
 */
TT_INLINE void tt_moved(struct tt_work *w, struct tt_kernel_counters *c, bool several)
{
	const struct tt_found *found = &w->found;
	const struct tt_move *m = &w->move;

	w->sealed = 0;
	if (m->result < 0 && tt_never_connected(m)) {
		tt_connect_failed(found, m->result);
		return;
	}
	struct tt_conn *conn = tt_conn_get(found, m->transport);
	if (!conn) {
		tt_lost(TT_LOSS_CONN_TABLE_FULL, m->moved);
		return;
	}

	__u64 sock = (__u64)found->sk;
	if (conn->connecting && m->result > 0)
		tt_connected_unseen(sock, conn);
	tt_chunk_fill(&w->chunk, sock, conn, m->direction, m->entry_ns);
	if (m->result < 0 || (!m->result && m->transport != TT_TRANSPORT_UDP)) {
		w->chunk.rec.time_ns = tt_data_begin(c);
		tt_report_end(w, conn, m->result < 0 ? -m->result : 0);
		tt_data_end(c);
		conn->fresh = 0;
		return;
	}

	__u64 position;
	if (!tt_position(sock, conn, &m->view, &m->before, m->direction, m->moved, &position)) {
		tt_lost(TT_LOSS_FD_RACE, m->moved);
		return;
	}
	tt_chunk_at(&w->chunk, conn, position);
	if (tt_config.alone)
		tt_plain_late(conn);
	if (tt_self.plaintext && m->transport == TT_TRANSPORT_TCP &&
	    tt_plain_socket(sock, conn->ino, conn->seen_open && !w->chunk.offset) && !conn->plain_next[TT_TX] &&
	    !conn->plain_next[TT_RX])
		w->chunk.flags |= TT_CHUNK_HANDSHAKE;
	if (tt_is_datagram(m->transport))
		w->chunk.flags |= TT_CHUNK_DATAGRAM;
	if (several && m->count)
		w->peer = w->chunk.peer;
	else if (m->transport == TT_TRANSPORT_UDP && w->name)
		tt_peer_read();
	if ((m->given & TT_GIVEN_NO_PAYLOAD) || m->transport == TT_TRANSPORT_UNIX_DGRAM ||
	    (m->transport == TT_TRANSPORT_TCP && (m->given & MSG_TRUNC)))
		w->chunk.flags |= TT_CHUNK_NO_PAYLOAD;
	__u64 now = tt_data_begin(c);
	w->chunk.rec.time_ns = now;
	if (several && m->count)
		tt_report_messages(w, m->messages, m->count);
	else
		tt_report_wanted(m->moved);
	tt_data_end(c);
	__sync_fetch_and_add(&conn->bytes[m->direction & 1], m->moved);
	conn->fresh = 0;
	if (now - conn->sampled_ns >= TT_SAMPLE_NS)
		tt_conn_sample(sock);
}

/* Behind that, as calls are eight deep at most: what was sealed before, of a context whose socket is known now. */
TT_INLINE void tt_moved_sealed(const struct tt_work *w)
{
	if (w->sealed)
		tt_records_sent(w->sealed);
}

#endif
