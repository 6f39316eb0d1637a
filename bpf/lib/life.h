/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How a connection begins and ends, as the calls of a program on its socket tell it, however these are observed. */
#ifndef TT_BPF_LIFE_H
#define TT_BPF_LIFE_H

#include "chunk.h"

#define TT_EPERM 1
#define TT_EACCES 13
#define TT_EPIPE 32
#define TT_EADDRNOTAVAIL 99

TT_INLINE void tt_begins(struct tt_conn *conn, struct sock *sk, __u8 role)
{
	conn->role = role;
	tt_conn_begins(conn, sk);
}

/* accept() gave this socket. */
TT_INLINE void tt_accepted(const struct tt_found *found)
{
	__u8 transport = tt_transport_of(found->sk);

	if (transport != TT_TRANSPORT_TCP && transport != TT_TRANSPORT_UNIX)
		return;
	struct tt_conn *conn = tt_conn_get(found, transport);
	if (!conn) {
		tt_lost(TT_LOSS_CONN_TABLE_FULL, 0);
		return;
	}
	if (conn->seen_open) /* told already: MPTCP's accept may have called TCP's */
		return;
	tt_begins(conn, found->sk, TT_ROLE_SERVER);
	tt_conn_opened((__u64)found->sk, 0);
}

/* TCP: connect() begins. Its time counts from here; the outcome may come in softirq context, before the exit or long after. */
TT_INLINE void tt_connect_begins(const struct tt_found *found)
{
	__u64 sock = (__u64)found->sk;

	if (TT_READ(struct sock, found->sk, __sk_common.skc_state) != TT_TCP_CLOSE) /* asks for the outcome of an earlier one */
		return;
	struct tt_conn *conn = tt_conn_find(sock);
	if (conn && conn->ino == found->ino) /* the socket had another connection before */
		tt_conn_gone(sock, false);
	conn = tt_conn_get(found, TT_TRANSPORT_TCP);
	if (!conn)
		return;
	conn->role = TT_ROLE_CLIENT;
	conn->connect_ns = bpf_ktime_get_ns();
	conn->connecting = 1;
}

/*
 * What is sent with these MSG_* flags, on a socket that has no sequence yet, connects it: TCP Fast Open. Without them it fails.
 */
TT_INLINE bool tt_send_connects(__u32 flags)
{
	return flags & 0x20000000; /* MSG_FASTOPEN */
}

/* TCP: a failure that never reached the wire (no route, no port); what did is told by the state's change (connection.bpf.c). */
TT_INLINE void tt_connect_failed(const struct tt_found *found, long result)
{
	__u64 sock = (__u64)found->sk;
	struct tt_conn *conn = tt_conn_find(sock);

	if (!conn || conn->ino != found->ino || !conn->connecting)
		return;
	if (result >= 0 || result == -TT_EPIPE || /* it was not this call that was to connect it */
	    !(tt_error_matters(-result) || result == -TT_EADDRNOTAVAIL || result == -TT_EACCES || result == -TT_EPERM))
		return;
	conn->connecting = 0;
	tt_conn_readdress(sock);
	tt_conn_opened(sock, -result);
}

/* connect() of `transport` returned. */
TT_INLINE void tt_connect_ends(const struct tt_found *found, __u8 transport, long result)
{
	__u64 sock = (__u64)found->sk;

	if (transport == TT_TRANSPORT_TCP) {
		tt_connect_failed(found, result);
		return;
	}
	if (result < 0)
		return;
	if (transport == TT_TRANSPORT_UDP) { /* another peer from now on */
		struct tt_conn *conn = tt_conn_find(sock);

		if (conn && conn->ino == found->ino)
			tt_conn_readdress(sock);
		return;
	}
	if (transport != TT_TRANSPORT_UNIX)
		return;
	struct tt_conn *conn = tt_conn_get(found, transport);
	if (!conn) {
		tt_lost(TT_LOSS_CONN_TABLE_FULL, 0);
		return;
	}
	tt_begins(conn, found->sk, TT_ROLE_CLIENT);
	tt_conn_opened(sock, 0);
}

/* The last reference to the socket goes. TCP's end is told by its own event (connection.bpf.c); others have none. */
TT_INLINE void tt_released(const struct tt_found *found)
{
	__u64 sock = (__u64)found->sk;
	struct tt_conn *conn = tt_conn_find(sock);

	if (conn && conn->ino == found->ino && !tt_conn_has_figures(conn))
		tt_conn_gone(sock, false);
}

#endif
