// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Socket data by kprobes and kretprobes on the sockets' operations: the same functions as in fexit.bpf.c, which says why these. A
 * return does not have the arguments any more, so every entry leaves them for it.
 */
#include "lib/args.h"
#include "lib/operation.h"

#define TT_KPROBE(name, function, op, message, size, flags)                            \
	SEC("kprobe/" #function)                                                       \
	int name(struct pt_regs *regs)                                                 \
	{                                                                              \
		if (tt_op_in_scope())                                                  \
			tt_op_enter(op, TT_FUNCTION_ARG1(regs), message, size, flags); \
		return 0;                                                              \
	}

#define TT_KRETPROBE(name, function, op)                     \
	SEC("kretprobe/" #function)                          \
	int name(struct pt_regs *regs)                       \
	{                                                    \
		if (tt_op_in_scope())                        \
			tt_op_return(op, TT_RETURNED(regs)); \
		return 0;                                    \
	}

#define TT_KPROBE_SEND(name, function, op) TT_KPROBE(name, function, op, TT_FUNCTION_ARG2(regs), TT_FUNCTION_ARG3(regs), 0)
#define TT_KPROBE_RECEIVE(name, function, op) \
	TT_KPROBE(name, function, op, TT_FUNCTION_ARG2(regs), TT_FUNCTION_ARG3(regs), TT_FUNCTION_ARG4(regs))
/* `message` is the page, `size` the offset in it. */
#define TT_KPROBE_PAGE(name, function) \
	TT_KPROBE(name, function, TT_OP_SEND_PAGE, TT_FUNCTION_ARG2(regs), TT_FUNCTION_ARG3(regs), 0)
#define TT_KPROBE_CONNECT(name, function) TT_KPROBE(name, function, TT_OP_CONNECT, 0, 0, 0)
#define TT_KPROBE_ACCEPT(name, function) TT_KPROBE(name, function, TT_OP_ACCEPT, TT_FUNCTION_ARG2(regs), 0, 0)

TT_KPROBE_SEND(tt_kprobe_inet_send, inet_sendmsg, TT_OP_SEND)
TT_KPROBE_SEND(tt_kprobe_inet6_send, inet6_sendmsg, TT_OP_SEND)
TT_KPROBE_SEND(tt_kprobe_stream_send, unix_stream_sendmsg, TT_OP_SEND)
TT_KPROBE_SEND(tt_kprobe_dgram_send, unix_dgram_sendmsg, TT_OP_SEND_DGRAM)
TT_KRETPROBE(tt_kret_inet_send, inet_sendmsg, TT_OP_SEND)
TT_KRETPROBE(tt_kret_inet6_send, inet6_sendmsg, TT_OP_SEND)
TT_KRETPROBE(tt_kret_stream_send, unix_stream_sendmsg, TT_OP_SEND)
TT_KRETPROBE(tt_kret_dgram_send, unix_dgram_sendmsg, TT_OP_SEND_DGRAM)
TT_KPROBE_SEND(tt_kprobe_packet_send, unix_seqpacket_sendmsg, TT_OP_SEND)
TT_KRETPROBE(tt_kret_packet_send, unix_seqpacket_sendmsg, TT_OP_SEND)

TT_KPROBE_RECEIVE(tt_kprobe_inet_recv, inet_recvmsg, TT_OP_RECEIVE)
TT_KPROBE_RECEIVE(tt_kprobe_inet6_recv, inet6_recvmsg, TT_OP_RECEIVE)
TT_KPROBE_RECEIVE(tt_kprobe_stream_recv, unix_stream_recvmsg, TT_OP_RECEIVE)
TT_KPROBE_RECEIVE(tt_kprobe_dgram_recv, unix_dgram_recvmsg, TT_OP_RECEIVE_DGRAM)
TT_KRETPROBE(tt_kret_inet_recv, inet_recvmsg, TT_OP_RECEIVE)
TT_KRETPROBE(tt_kret_inet6_recv, inet6_recvmsg, TT_OP_RECEIVE)
TT_KRETPROBE(tt_kret_stream_recv, unix_stream_recvmsg, TT_OP_RECEIVE)
TT_KRETPROBE(tt_kret_dgram_recv, unix_dgram_recvmsg, TT_OP_RECEIVE_DGRAM)
TT_KPROBE_RECEIVE(tt_kprobe_packet_recv, unix_seqpacket_recvmsg, TT_OP_RECEIVE)
TT_KRETPROBE(tt_kret_packet_recv, unix_seqpacket_recvmsg, TT_OP_RECEIVE)

TT_KPROBE_PAGE(tt_kprobe_inet_page, inet_sendpage)
TT_KPROBE_PAGE(tt_kprobe_stream_page, unix_stream_sendpage)
TT_KRETPROBE(tt_kret_inet_page, inet_sendpage, TT_OP_SEND_PAGE)
TT_KRETPROBE(tt_kret_stream_page, unix_stream_sendpage, TT_OP_SEND_PAGE)

SEC("kprobe/sock_splice_read")
int tt_kprobe_splice(struct pt_regs *regs)
{
	__u64 socket = tt_op_in_scope() ? tt_op_spliced(TT_FUNCTION_ARG1(regs)) : 0;

	if (socket)
		tt_op_enter(TT_OP_SPLICE_READ, socket, 0, TT_FUNCTION_ARG4(regs), 0);
	return 0;
}

TT_KRETPROBE(tt_kret_splice, sock_splice_read, TT_OP_SPLICE_READ)

/* --- life --- */

#define TT_KRETPROBE_CONNECT(name, function)                       \
	SEC("kretprobe/" #function)                                \
	int name(struct pt_regs *regs)                             \
	{                                                          \
		if (tt_op_in_scope())                              \
			tt_op_return_connected(TT_RETURNED(regs)); \
		return 0;                                          \
	}

#define TT_KRETPROBE_ACCEPT(name, function)      \
	SEC("kretprobe/" #function)              \
	int name(struct pt_regs *regs)           \
	{                                        \
		if (tt_op_in_scope())            \
			tt_op_return_accepted(); \
		return 0;                        \
	}

#define TT_KPROBE_RELEASE(name, function)               \
	SEC("kprobe/" #function)                        \
	int name(struct pt_regs *regs)                  \
	{                                               \
		tt_op_released(TT_FUNCTION_ARG1(regs)); \
		return 0;                               \
	}

TT_KPROBE_CONNECT(tt_kprobe_connect, inet_stream_connect)
TT_KPROBE_CONNECT(tt_kprobe_mptcp_connect, mptcp_stream_connect)
TT_KPROBE_CONNECT(tt_kprobe_dgram_connect, inet_dgram_connect)
TT_KPROBE_CONNECT(tt_kprobe_unix_connect, unix_stream_connect)
TT_KRETPROBE_CONNECT(tt_kret_connect, inet_stream_connect)
TT_KRETPROBE_CONNECT(tt_kret_mptcp_connect, mptcp_stream_connect)
TT_KRETPROBE_CONNECT(tt_kret_dgram_connect, inet_dgram_connect)
TT_KRETPROBE_CONNECT(tt_kret_unix_connect, unix_stream_connect)
TT_KPROBE_ACCEPT(tt_kprobe_inet_accept, inet_accept)
TT_KPROBE_ACCEPT(tt_kprobe_mptcp_accept, mptcp_stream_accept)
TT_KPROBE_ACCEPT(tt_kprobe_unix_accept, unix_accept)
TT_KRETPROBE_ACCEPT(tt_kret_inet_accept, inet_accept)
TT_KRETPROBE_ACCEPT(tt_kret_mptcp_accept, mptcp_stream_accept)
TT_KRETPROBE_ACCEPT(tt_kret_unix_accept, unix_accept)
TT_KPROBE_RELEASE(tt_kprobe_inet_release, inet_release)
TT_KPROBE_RELEASE(tt_kprobe_unix_release, unix_release)
