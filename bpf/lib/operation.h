/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A socket's own operations (send, receive, splice, accept, connect, release), as the kernel calls them on behalf of system calls
 * and io_uring alike. Shared by the sets of hooks on these functions: each gives the arguments as plain numbers.
 */
#ifndef TT_BPF_OPERATION_H
#define TT_BPF_OPERATION_H

#include "iter.h"
#include "life.h"
#include "moved.h"
#include "stamp.h"

#define TT_PF_IO_WORKER 0x10
#define TT_PF_KTHREAD 0x200000

/* What moves the bytes of an operation. */
enum tt_operation {
	TT_OP_NONE,	     /* what a new stamp says */
	TT_OP_SEND,	     /* socket, message, size */
	TT_OP_RECEIVE,	     /* socket, message, size, flags */
	TT_OP_SEND_DGRAM,    /* the same two of a Unix datagram socket, into which those of a seqpacket socket … */
	TT_OP_RECEIVE_DGRAM, /* … call, or which they have swallowed: that is the compiler's choice */
	TT_OP_SEND_PAGE,     /* socket, page, offset, size, flags: before 6.5 (2bfc66850952) */
	TT_OP_SPLICE_READ,   /* file, offset, pipe, size, flags */
	TT_OP_CONNECT,	     /* socket, address, … */
	TT_OP_ACCEPT,	     /* listening socket, new socket, … */
};

TT_INLINE __u8 tt_op_direction(enum tt_operation op)
{
	return op == TT_OP_RECEIVE || op == TT_OP_RECEIVE_DGRAM || op == TT_OP_SPLICE_READ ? TT_RX : TT_TX;
}

/*
 * TT_TRANSPORT_UNKNOWN: none of ours, or seen elsewhere, as a seqpacket socket's own operations are, and the pages of MPTCP,
 * which are sent as a message of the same socket.
 */
TT_INLINE __u8 tt_op_transport(__u32 op, struct sock *sk)
{
	if (op == TT_OP_SEND_PAGE && tt_sock_is_multipath(sk))
		return TT_TRANSPORT_UNKNOWN;
	if ((op == TT_OP_SEND_DGRAM || op == TT_OP_RECEIVE_DGRAM) && TT_READ(struct sock, sk, sk_type) == TT_SOCK_SEQPACKET)
		return TT_TRANSPORT_UNKNOWN;
	return tt_transport_of(sk);
}

/* A socket of a program. The kernel's own mostly have no file; some have (NFS). */
TT_INLINE bool tt_op_socket(__u64 socket, struct tt_found *ret)
{
	const struct socket *s = (const struct socket *)socket;

	ret->sk = (struct sock *)tt_sock_in((struct socket *)socket);
	ret->ino = TT_READ(struct socket_alloc, s, vfs_inode.i_ino);
	return ret->sk && TT_READ(struct socket, s, file) && !tt_sock_is_kernels(ret->sk);
}

/* More than one thread could be moving bytes on the socket: this descriptor is one of several, or others have it too. */
TT_INLINE bool tt_op_shared(__u64 socket)
{
	struct files_struct *files = tt_files_here();

	return !files || tt_files_shared(files) || !tt_file_is_last((__u64)TT_READ(struct socket, socket, file));
}

/*
 * The socket whose own splice() the file's calls; 0: it has none, and its bytes are received as those of any call, or it is none
 * of ours. Kernel TLS has another than TCP, in a module, so it is the way to all of them that is observed.
 */
TT_INLINE __u64 tt_op_spliced(__u64 file)
{
	__u64 socket = tt_read_word((const char *)file + bpf_core_field_offset(struct file, private_data));
	const struct proto_ops *ops = socket ? TT_READ(struct socket, socket, ops) : NULL;

	return ops && TT_READ(struct proto_ops, ops, splice_read) ? socket : 0;
}

/* The current task is to be observed. A thread of the kernel is not, unless it works for a program's io_uring. */
TT_INLINE bool tt_op_in_scope(void)
{
	if (!tt_in_scope())
		return false;
	return (TT_READ_HERE(flags) & (TT_PF_KTHREAD | TT_PF_IO_WORKER)) != TT_PF_KTHREAD;
}

/* --- entry: of what sends, whose first byte is dated to it; of everything, where the exit does not have the arguments --- */

TT_INLINE void tt_op_stamp(__u32 op, __u64 socket, const struct tt_found *found, __u8 transport, struct tt_stamp *stamp)
{
	__u8 direction = tt_op_direction(op);

	stamp->file = socket;
	stamp->sock = (__u64)found->sk;
	stamp->ino = found->ino;
	stamp->direction = direction;
	stamp->transport = transport;
	stamp->has_sequence = transport == TT_TRANSPORT_TCP && tt_sock_has_sequence(found->sk);
	if (stamp->has_sequence)
		stamp->sequence = tt_sequence(found->sk, direction);
	stamp->entry_ns = direction == TT_TX ? bpf_ktime_get_ns() : 0;
	stamp->number = op;
}

/* A message is about to be sent on a socket of TCP that was never connected. */
__noinline int tt_op_connects(__u64 socket, __u64 message)
{
	struct tt_found found = {};

	if (tt_send_connects(TT_READ(struct msghdr, message, msg_flags)) && tt_op_socket(socket, &found))
		tt_connect_begins(&found);
	return 0;
}

/* `message`, `size` and `flags` are kept for tt_op_return. */
__noinline int tt_op_enter(__u32 op, __u64 socket, __u64 message, __u64 size, __u32 flags)
{
	struct tt_found found = {};

	if (!tt_op_socket(socket, &found))
		return 0;
	__u8 transport = tt_op_transport(op, found.sk);
	if (transport == TT_TRANSPORT_UNKNOWN)
		return 0;
	if (op == TT_OP_CONNECT && transport == TT_TRANSPORT_TCP)
		tt_connect_begins(&found);
	struct tt_stamp *stamp = tt_stamp_place();
	if (!stamp) {
		tt_failed(TT_PLACE_STAMP_CREATE);
		if (tt_config.stamps_all)
			tt_lost(TT_LOSS_SCRATCH_FULL, 0);
		return 0;
	}
	/* On some kernels MPTCP's accept calls TCP's for the same new socket: the first return tells it. */
	if (op == TT_OP_ACCEPT && stamp->number == op && stamp->message == message)
		return 0;
	/* The return of the operation before was missed: there are only so many of kretprobes at a time. */
	if (tt_config.stamps_all && stamp->number != TT_OP_NONE && stamp->number != TT_STAMP_NONE)
		tt_lost(TT_LOSS_MISSED_RUN, 0);
	stamp->message = message;
	stamp->size = size;
	stamp->argument = flags;
	tt_op_stamp(op, socket, &found, transport, stamp);
	if (op == TT_OP_SEND && stamp->has_sequence && !stamp->sequence)
		tt_op_connects(socket, message);
	return 0;
}

/* --- exit --- */

/* The page of sendpage(), whose offset in it is `offset`, as the only segment. */
TT_INLINE bool tt_op_page(struct tt_work *w, __u64 page, __u64 offset, __u64 moved)
{
	__u64 bytes = tt_page_bytes(page);

	tt_iov_one(w, bytes + offset, moved);
	w->in_kernel = 1;
	return bytes;
}

/* Finds the bytes that were moved. Returns TT_GIVEN_*. */
TT_INLINE __u32 tt_op_given(struct tt_work *w, __u32 op, __u64 message, __u64 size, __u32 flags, const struct tt_move *m)
{
	__u64 there = m->moved < size ? m->moved : size; /* a datagram may be longer than the buffer */
	bool readable = false;

	flags &= TT_GIVEN_FLAGS;
	tt_iov_none(w);
	/* TCP: thrown away; datagrams of Unix sockets are counted only. */
	if (m->transport == TT_TRANSPORT_UNIX_DGRAM || (m->transport == TT_TRANSPORT_TCP && (flags & MSG_TRUNC)))
		readable = false;
	else if (op == TT_OP_SEND_PAGE)
		readable = tt_op_page(w, message, size, m->moved);
	else if (op != TT_OP_SPLICE_READ)
		readable = tt_iter_passed(message, there, size);
	w->available = there ? w->available : size;
	if (m->transport == TT_TRANSPORT_UDP && (op == TT_OP_SEND || op == TT_OP_RECEIVE)) {
		w->name = (__u64)TT_READ(struct msghdr, message, msg_name);
		w->name_len = TT_READ(struct msghdr, message, msg_namelen);
		w->name_in_kernel = 1;
	}
	return flags | (readable ? 0 : TT_GIVEN_NO_PAYLOAD);
}

/* What is left to do of tt_op_report once the work area says what was done: apart, so that it is proved once. */
__noinline int tt_op_moved(void)
{
	struct tt_work *w = tt_work_here();
	struct tt_kernel_counters *c = tt_counters_here();

	if (!w || !c)
		return 0;
	tt_moved(w, c, false);
	return 0;
}

/* The socket and what it did, found by the pointer alone. `stamp`: what the entry left, if it did. False: it is none of ours. */
TT_INLINE bool tt_op_look(struct tt_work *w, __u32 op, __u64 socket, const struct tt_stamp *stamp)
{
	struct tt_found *found = &w->found;
	struct tt_move *m = &w->move;

	if (stamp) {
		found->sk = (struct sock *)stamp->sock;
		found->ino = stamp->ino;
		m->transport = stamp->transport;
	} else {
		if (!tt_op_socket(socket, found))
			return false;
		m->transport = tt_op_transport(op, found->sk);
		if (m->transport == TT_TRANSPORT_UNKNOWN)
			return false;
		m->before.shared = m->transport == TT_TRANSPORT_TCP && tt_op_shared(socket);
	}
	tt_view_take(found->sk, m->direction,
		     m->transport == TT_TRANSPORT_TCP && (stamp ? stamp->has_sequence : tt_sock_has_sequence(found->sk)),
		     &m->view);
	return true;
}

/* `looked`: the work area has the socket and how far it is (typed.h). `flags`: MSG_*; not those of splice(). */
TT_INLINE int tt_op_finish(bool looked, __u32 op, __u64 socket, __u64 message, __u64 size, __u64 flags_and_result)
{
	struct tt_work *w = tt_work_here();
	__u32 flags = flags_and_result >> 32;
	__s32 result = (__s32)flags_and_result;
	__u8 direction = tt_op_direction(op);
	struct tt_stamp *stamp = NULL;

	if (!w)
		return 0;
	if (direction == TT_TX || tt_config.stamps_all) {
		stamp = tt_stamp_find();
		if (stamp && (stamp->number != op || stamp->file != socket))
			stamp = NULL;
		if (stamp)
			stamp->number = TT_STAMP_NONE;
	}
	if (result < 0 && !tt_error_matters(-result))
		return 0;
	if ((flags & MSG_ERRQUEUE) || (direction == TT_RX && (flags & (MSG_PEEK | MSG_OOB))))
		return 0;
	struct tt_move *m = &w->move;
	m->result = result;
	m->direction = direction;
	m->before.known = stamp;
	m->entry_ns = 0;
	if (!looked || stamp)
		m->before.shared = false;
	if (stamp) {
		m->entry_ns = stamp->entry_ns;
		m->before.has_sequence = stamp->has_sequence;
		m->before.sequence = stamp->sequence;
	}
	if (!looked && !tt_op_look(w, op, socket, stamp))
		return 0;
	m->moved = result > 0 ? result : 0;
	m->given = tt_op_given(w, op, message, size, flags, m);
	if (!tt_says_nothing(w, m)) {
		tt_op_moved();
		tt_moved_sealed(w);
	}
	return 0;
}

__noinline int tt_op_report(__u32 op, __u64 socket, __u64 message, __u64 size, __u64 flags_and_result)
{
	return tt_op_finish(false, op, socket, message, size, flags_and_result);
}

/* The same at a return that has no arguments: they are what the entry kept. */
__noinline int tt_op_return(__u32 op, __s32 result)
{
	struct tt_stamp *stamp = tt_stamp_find();

	if (!stamp || stamp->number != op)
		return 0;
	return tt_op_report(op, stamp->file, stamp->message, stamp->size, (__u64)stamp->argument << 32 | (__u32)result);
}

/* The socket accept() gave, and the end of connect(). */
__noinline int tt_op_accepted(__u64 socket)
{
	struct tt_found found = {};

	if (tt_op_socket(socket, &found))
		tt_accepted(&found);
	return 0;
}

__noinline int tt_op_connected(__u64 socket, __s32 result)
{
	struct tt_found found = {};

	if (tt_op_socket(socket, &found))
		tt_connect_ends(&found, tt_transport_of(found.sk), result);
	return 0;
}

TT_INLINE struct tt_stamp *tt_op_kept(__u32 op)
{
	struct tt_stamp *stamp = tt_stamp_find();

	if (!stamp || stamp->number != op)
		return NULL;
	stamp->number = TT_STAMP_NONE;
	return stamp;
}

__noinline int tt_op_return_accepted(void)
{
	struct tt_stamp *stamp = tt_op_kept(TT_OP_ACCEPT);

	if (stamp)
		tt_op_accepted(stamp->message);
	return 0;
}

__noinline int tt_op_return_connected(__s32 result)
{
	struct tt_stamp *stamp = tt_op_kept(TT_OP_CONNECT);

	if (stamp)
		tt_op_connected(stamp->file, result);
	return 0;
}

/* Whoever closes it: the table of connections says whether it is one of ours. */
__noinline int tt_op_released(__u64 socket)
{
	struct tt_found found = {};

	if (tt_op_socket(socket, &found))
		tt_released(&found);
	return 0;
}

#endif
