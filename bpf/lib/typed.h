/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Operations whose socket comes as a typed argument (fentry, fexit): what is to be known of it is read by plain loads, on every
 * kernel that has such programs. A helper's call for each field would be most of what an operation costs before 6.2.
 */
#ifndef TT_BPF_TYPED_H
#define TT_BPF_TYPED_H

#include "operation.h"

/*
 * An argument as a plain number. The kernel gives pointers a type, and such a one is not to be given to a function that takes a
 * number: written to the work area and read again it has none.
 */
#define TT_PLAIN(w, i)                            \
	({                                        \
		(w)->args[i] = ctx[i];            \
		*(volatile __u64 *)&(w)->args[i]; \
	})

#define TT_RESULT(flags, result) ((__u64)(flags) << 32 | (__u32)(result))

/* More than one thread could be moving bytes on it (tt_op_shared). */
TT_INLINE bool tt_typed_shared(const struct file *file)
{
	struct files_struct *files = tt_files_here();

	if (!files || tt_files_shared(files))
		return true;
	if (bpf_core_field_exists(file->f_ref))
		return file->f_ref.refcnt.counter != 0;
	return file->f_count.counter != 1;
}

/* Puts into the work area what socket it is and how far it is. False: it is none of ours. */
TT_INLINE bool tt_typed_look(struct tt_work *w, __u32 op, struct socket *socket)
{
	struct tt_move *m = &w->move;
	struct sock *sk = socket->sk;
	struct file *file = socket->file;
	__u8 direction = tt_op_direction(op);

	if (!sk || !file || BPF_CORE_READ_BITFIELD(sk, sk_kern_sock))
		return false;
	__u16 type = sk->sk_type;
	if ((op == TT_OP_SEND_DGRAM || op == TT_OP_RECEIVE_DGRAM) && type == TT_SOCK_SEQPACKET)
		return false;
	__u8 transport = tt_transport_by(sk->__sk_common.skc_family, type, sk->sk_protocol);
	if (transport == TT_TRANSPORT_UNKNOWN)
		return false;
	w->found.sk = sk;
	w->found.ino = file->f_inode->i_ino;
	m->transport = transport;
	m->view.has_sequence = false;
	m->before.shared = false;
	if (transport != TT_TRANSPORT_TCP)
		return true;
	if (direction == TT_RX)
		m->before.shared = tt_typed_shared(file);
	const struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk); /* NULL: MPTCP */
	if (!tcp || tcp->inet_conn.icsk_ulp_ops)
		return true;
	m->view.has_sequence = true;
	m->view.sequence = direction == TT_TX ? tcp->write_seq : tcp->copied_seq;
	m->view.fin_read = direction == TT_RX && tt_fin_has_come(sk->__sk_common.skc_flags) && tcp->rcv_nxt == m->view.sequence;
	return true;
}

/* The entry of what sends. */
TT_INLINE void tt_typed_enter(__u64 *ctx, __u32 op, struct socket *socket)
{
	struct tt_work *w = tt_work_here();

	if (!w || !tt_typed_look(w, op, socket))
		return;
	struct tt_stamp *stamp = tt_stamp_place();
	if (!stamp) {
		tt_failed(TT_PLACE_STAMP_CREATE);
		return;
	}
	stamp->file = TT_PLAIN(w, 0);
	stamp->sock = (__u64)w->found.sk;
	stamp->ino = w->found.ino;
	stamp->direction = TT_TX;
	stamp->transport = w->move.transport;
	stamp->has_sequence = w->move.view.has_sequence;
	stamp->sequence = w->move.view.sequence;
	stamp->entry_ns = bpf_ktime_get_ns();
	stamp->number = op;
	if (op == TT_OP_SEND && stamp->has_sequence && !stamp->sequence)
		tt_op_connects(stamp->file, TT_PLAIN(w, 1));
}

__noinline int tt_typed_report(__u32 op, __u64 socket, __u64 message, __u64 size, __u64 flags_and_result)
{
	return tt_op_finish(true, op, socket, message, size, flags_and_result);
}

/* The exit of what sends or receives a message. */
TT_INLINE void tt_typed_exit(__u64 *ctx, __u32 op, struct socket *socket, __u32 flags, __s32 result)
{
	/* The common one of all: there is nothing to be received, and no stamp to be taken. */
	if (tt_op_direction(op) == TT_RX && result < 0 && !tt_error_matters(-result))
		return;
	struct tt_work *w = tt_work_here();
	if (w && tt_typed_look(w, op, socket))
		tt_typed_report(op, TT_PLAIN(w, 0), TT_PLAIN(w, 1), ctx[2], TT_RESULT(flags, result));
}

#endif
