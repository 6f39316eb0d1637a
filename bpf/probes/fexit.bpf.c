// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Socket data by fentry and fexit programs on the sockets' operations. At the exit all arguments still stand, and the iterator
 * says where the bytes are: only what sends needs an entry program, for its time.
 *
 * inet_*msg are where TCP, UDP, MPTCP and kernel TLS of both families meet; below them some of these go separate ways (kernel TLS
 * never calls tcp_sendmsg), above them io_uring and system calls do. Unix sockets have no such place but their own functions.
 */
#include "lib/prog.h"
#include "lib/typed.h"

#define TT_FENTRY_SEND(name, function, op)               \
	SEC("fentry/" #function)                         \
	int TT_PROG(name, struct socket *socket)         \
	{                                                \
		if (tt_op_in_scope())                    \
			tt_typed_enter(ctx, op, socket); \
		return 0;                                \
	}

#define TT_FEXIT_SEND(name, function, op)                          \
	SEC("fexit/" #function)                                    \
	int TT_PROG(name, struct socket *socket)                   \
	{                                                          \
		if (tt_op_in_scope())                              \
			tt_typed_exit(ctx, op, socket, 0, ctx[3]); \
		return 0;                                          \
	}

#define TT_FEXIT_RECEIVE(name, function, op)                            \
	SEC("fexit/" #function)                                         \
	int TT_PROG(name, struct socket *socket)                        \
	{                                                               \
		if (tt_op_in_scope())                                   \
			tt_typed_exit(ctx, op, socket, ctx[3], ctx[4]); \
		return 0;                                               \
	}

TT_FENTRY_SEND(tt_fentry_inet_send, inet_sendmsg, TT_OP_SEND)
TT_FENTRY_SEND(tt_fentry_inet6_send, inet6_sendmsg, TT_OP_SEND)
TT_FENTRY_SEND(tt_fentry_stream_send, unix_stream_sendmsg, TT_OP_SEND)
TT_FENTRY_SEND(tt_fentry_dgram_send, unix_dgram_sendmsg, TT_OP_SEND_DGRAM)
TT_FENTRY_SEND(tt_fentry_packet_send, unix_seqpacket_sendmsg, TT_OP_SEND)
TT_FEXIT_SEND(tt_fexit_inet_send, inet_sendmsg, TT_OP_SEND)
TT_FEXIT_SEND(tt_fexit_inet6_send, inet6_sendmsg, TT_OP_SEND)
TT_FEXIT_SEND(tt_fexit_stream_send, unix_stream_sendmsg, TT_OP_SEND)
TT_FEXIT_SEND(tt_fexit_dgram_send, unix_dgram_sendmsg, TT_OP_SEND_DGRAM)
TT_FEXIT_SEND(tt_fexit_packet_send, unix_seqpacket_sendmsg, TT_OP_SEND)
TT_FEXIT_RECEIVE(tt_fexit_inet_recv, inet_recvmsg, TT_OP_RECEIVE)
TT_FEXIT_RECEIVE(tt_fexit_inet6_recv, inet6_recvmsg, TT_OP_RECEIVE)
TT_FEXIT_RECEIVE(tt_fexit_stream_recv, unix_stream_recvmsg, TT_OP_RECEIVE)
TT_FEXIT_RECEIVE(tt_fexit_dgram_recv, unix_dgram_recvmsg, TT_OP_RECEIVE_DGRAM)
TT_FEXIT_RECEIVE(tt_fexit_packet_recv, unix_seqpacket_recvmsg, TT_OP_RECEIVE)

/*
 * --- pages: until 6.4 sendfile() and splice() into a socket; since then they send messages ---
 *
 * Of an argument of 32 bits (the offset in the page) the other half is what the stack had: trampolines of 5.10 leave it.
 */

#define TT_FENTRY_PAGE(name, function)                                                           \
	SEC("fentry/" #function)                                                                 \
	int TT_PROG(name)                                                                        \
	{                                                                                        \
		struct tt_work *w = tt_work_here();                                              \
                                                                                                 \
		if (w && tt_op_in_scope())                                                       \
			tt_op_enter(TT_OP_SEND_PAGE, TT_PLAIN(w, 0), TT_PLAIN(w, 1), ctx[3], 0); \
		return 0;                                                                        \
	}

#define TT_FEXIT_PAGE(name, function)                                                                                       \
	SEC("fexit/" #function)                                                                                             \
	int TT_PROG(name)                                                                                                   \
	{                                                                                                                   \
		struct tt_work *w = tt_work_here();                                                                         \
                                                                                                                            \
		if (w && tt_op_in_scope())                                                                                  \
			tt_op_report(TT_OP_SEND_PAGE, TT_PLAIN(w, 0), TT_PLAIN(w, 1), (__u32)ctx[2], TT_RESULT(0, ctx[5])); \
		return 0;                                                                                                   \
	}

TT_FENTRY_PAGE(tt_fentry_inet_page, inet_sendpage)
TT_FENTRY_PAGE(tt_fentry_stream_page, unix_stream_sendpage)
TT_FEXIT_PAGE(tt_fexit_inet_page, inet_sendpage)
TT_FEXIT_PAGE(tt_fexit_stream_page, unix_stream_sendpage)

/* --- splice() out of a socket: the bytes go into a pipe, as pages --- */

SEC("fexit/sock_splice_read")
int TT_PROG(tt_fexit_splice)
{
	struct tt_work *w = tt_work_here();
	__u64 socket = w && tt_op_in_scope() ? tt_op_spliced(TT_PLAIN(w, 0)) : 0;

	if (socket)
		tt_op_report(TT_OP_SPLICE_READ, socket, 0, ctx[3], TT_RESULT(0, ctx[5]));
	return 0;
}

/* --- life --- */

/* One that fails leaves the new socket without its end. (The arguments behind it differ since 6.10, 92ef0fd55ac8.) */
#define TT_FEXIT_ACCEPT(name, function)                 \
	SEC("fexit/" #function)                         \
	int TT_PROG(name)                               \
	{                                               \
		struct tt_work *w = tt_work_here();     \
                                                        \
		if (w && tt_op_in_scope())              \
			tt_op_accepted(TT_PLAIN(w, 1)); \
		return 0;                               \
	}

#define TT_FEXIT_CONNECT(name, function)                         \
	SEC("fexit/" #function)                                  \
	int TT_PROG(name)                                        \
	{                                                        \
		struct tt_work *w = tt_work_here();              \
                                                                 \
		if (w && tt_op_in_scope())                       \
			tt_op_connected(TT_PLAIN(w, 0), ctx[4]); \
		return 0;                                        \
	}

/* Not asked whose: the table of connections knows. */
#define TT_FENTRY_RELEASE(name, function)               \
	SEC("fentry/" #function)                        \
	int TT_PROG(name)                               \
	{                                               \
		struct tt_work *w = tt_work_here();     \
                                                        \
		if (w)                                  \
			tt_op_released(TT_PLAIN(w, 0)); \
		return 0;                               \
	}

#define TT_FENTRY_CONNECT(name, function)                                    \
	SEC("fentry/" #function)                                             \
	int TT_PROG(name)                                                    \
	{                                                                    \
		struct tt_work *w = tt_work_here();                          \
                                                                             \
		if (w && tt_op_in_scope())                                   \
			tt_op_enter(TT_OP_CONNECT, TT_PLAIN(w, 0), 0, 0, 0); \
		return 0;                                                    \
	}

TT_FENTRY_CONNECT(tt_fentry_connect, inet_stream_connect)
TT_FENTRY_CONNECT(tt_fentry_mptcp_connect, mptcp_stream_connect)
TT_FEXIT_CONNECT(tt_fexit_connect, inet_stream_connect)
TT_FEXIT_CONNECT(tt_fexit_mptcp_connect, mptcp_stream_connect)
TT_FEXIT_CONNECT(tt_fexit_dgram_connect, inet_dgram_connect)
TT_FEXIT_CONNECT(tt_fexit_unix_connect, unix_stream_connect)
TT_FEXIT_ACCEPT(tt_fexit_inet_accept, inet_accept)
TT_FEXIT_ACCEPT(tt_fexit_mptcp_accept, mptcp_stream_accept)
TT_FEXIT_ACCEPT(tt_fexit_unix_accept, unix_accept)
TT_FENTRY_RELEASE(tt_fentry_inet_release, inet_release)
TT_FENTRY_RELEASE(tt_fentry_unix_release, unix_release)
