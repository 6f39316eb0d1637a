// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Life of TCP connections. These events come in the context of whoever happens to run the network stack, so they are filtered by
 * the table of connections that tasks in scope were seen using, never by the current task.
 */
#include "lib/conn.h"
#include "lib/prog.h"

TT_INLINE void tt_established(__u64 key, struct sock *sk, struct tt_conn *conn)
{
	conn->connect_ns = bpf_ktime_get_ns() - conn->connect_ns;
	conn->connecting = 0;
	tt_conn_readdress(key);
	tt_conn_begins(conn, sk);
	tt_conn_opened(key, 0);
}

/* connect() ended without a connection. What never reached the wire has no sk_err: the call's exit tells it. */
TT_INLINE void tt_not_established(__u64 key, struct sock *sk, struct tt_conn *conn)
{
	__s32 error = TT_READ(struct sock, sk, sk_err);

	if (!error && !(conn->multipath && tt_sock_is_orphan(sk)))
		return;
	conn->connecting = 0;
	tt_conn_readdress(key);
	tt_conn_opened(key, error ? error : TT_ECANCELED);
}

SEC("tp_btf/inet_sock_set_state")
int TT_PROG(tt_set_state, const struct sock *typed, int before, int after)
{
	__u64 key = tt_first_argument(ctx);
	struct sock *sk = (struct sock *)key;
	struct tt_conn *conn = tt_conn_find(key);

	if (!conn)
		return 0;
	if (after == TT_TCP_ESTABLISHED && conn->connecting)
		tt_established(key, sk, conn);
	else if (after == TT_TCP_CLOSE && before == TT_TCP_SYN_SENT && conn->connecting)
		tt_not_established(key, sk, conn);
	else if (after == TT_TCP_CLOSE && conn->multipath && tt_sock_is_orphan(sk)) /* else the last close() tells it */
		tt_conn_end(key, false);
	else if (after == TT_TCP_CLOSE && tt_conn_has_figures(conn)) /* it may be disconnected right after this */
		tt_conn_sent_all(conn, sk);
	else if (after == TT_TCP_FIN_WAIT1 || after == TT_TCP_LAST_ACK)
		conn->fin_sent = 1;
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int TT_PROG(tt_destroy, struct sock *typed)
{
	__u64 key = tt_first_argument(ctx);

	tt_conn_gone(key, true);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int TT_PROG(tt_retransmit, const struct sock *typed)
{
	__u64 key = tt_first_argument(ctx);
	struct tt_conn *conn = tt_conn_find(key);

	if (conn && !conn->connecting && bpf_ktime_get_ns() - conn->sampled_ns >= TT_SAMPLE_NS)
		tt_conn_sample(key);
	return 0;
}

TT_INLINE void tt_reset(__u64 key, bool sent)
{
	struct tt_conn *conn = key ? tt_conn_find(key) : NULL;

	if (!conn)
		return;
	if (sent)
		conn->reset_sent = 1;
	else
		conn->reset_received = 1;
	if (!conn->connecting) /* a refusal is told by the state's change */
		tt_conn_sample(key);
}

SEC("tp_btf/tcp_send_reset")
int TT_PROG(tt_reset_sent, const struct sock *typed)
{
	tt_reset(tt_first_argument(ctx), true);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int TT_PROG(tt_reset_received, struct sock *typed)
{
	tt_reset(tt_first_argument(ctx), false);
	return 0;
}
