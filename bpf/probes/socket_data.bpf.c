// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Bytes moved by system calls on sockets. The entry program remembers which socket a call is about to use (always for writes,
 * whose first byte is dated to the entry; for reads where another thread could change the descriptor meanwhile); the exit program
 * reports.
 */
#include "lib/args.h"
#include "lib/life.h"
#include "lib/moved.h"
#include "lib/prog.h"
#include "lib/stamp.h"

TT_INLINE bool tt_call_reads(__u8 call)
{
	return call >= TT_CALL_READ && call <= TT_CALL_RECVMMSG;
}

/* --- entry --- */

/* Returns whether it is a socket of TCP that was never connected, of a call that sends or connects. */
TT_INLINE bool tt_stamp_set(__u32 number, __u32 fd, __u32 argument, const struct tt_found *found, __u8 transport, __u8 direction)
{
	struct tt_stamp *stamp = tt_stamp_place();

	if (!stamp) {
		tt_failed(TT_PLACE_STAMP_CREATE);
		tt_self.stamp_failed = 1;
		return false;
	}
	stamp->file = found->file;
	stamp->sock = (__u64)found->sk;
	stamp->ino = found->ino;
	stamp->used = 0;
	stamp->fd = fd;
	stamp->argument = argument;
	stamp->direction = direction;
	stamp->transport = transport;
	stamp->has_sequence = transport == TT_TRANSPORT_TCP && tt_sock_has_sequence(found->sk);
	if (stamp->has_sequence)
		stamp->sequence = tt_sequence(found->sk, direction);
	stamp->entry_ns = direction == TT_TX ? bpf_ktime_get_ns() : 0;
	stamp->number = number;
	return direction == TT_TX && stamp->has_sequence && !stamp->sequence;
}

/*
 * The socket a descriptor means now. only_at_risk: leave out what the exit can find as well, because no other thread can change
 * the descriptor meanwhile (and io_uring is not in use, whose bytes are told apart by the stamp).
 */
TT_INLINE bool tt_find_here(__u32 fd, struct tt_found *found, bool only_at_risk)
{
	struct files_struct *files = tt_files_here();

	if (!files || (only_at_risk && !tt_files_shared(files) && !tt_task_has_ring(tt_task_here())))
		return false;
	__u64 file = tt_file_of(files, fd);
	return file && tt_sock_of(file, found);
}

/*
 * Unix and UDP sockets have no event for their end: it is taken from the close() of the last descriptor. One that goes otherwise
 * (its process ends, a call of another thread still holds it) is forgotten when the user side finds it idle (tt_kernel_forget).
 */
TT_INLINE void tt_close_enter(__u32 fd)
{
	struct tt_found found = {};

	if (!tt_find_here(fd, &found, false) || !tt_file_is_last(found.file) || tt_is_compat(tt_task_here()))
		return;
	tt_released(&found);
}

/* The call sends in a way that connects. */
TT_INLINE bool tt_call_connects(struct pt_regs *regs, __u8 call)
{
	if (call == TT_CALL_SENDMSG)
		return tt_send_connects(TT_ARG3(regs));
	return (call == TT_CALL_SENDTO || call == TT_CALL_SENDMMSG) && tt_send_connects(TT_ARG4(regs));
}

TT_INLINE int tt_call_enter(struct pt_regs *regs, long id)
{
	if ((__u64)id >= TT_CALL_NUMBERS)
		return 0;
	__u8 call = tt_config.call[id & (TT_CALL_NUMBERS - 1)] & TT_CALL_MASK;
	if (call == TT_CALL_NONE || call == TT_CALL_ACCEPT)
		return 0;
	if (!tt_in_scope())
		return 0;
	if (call == TT_CALL_CLOSE) {
		tt_close_enter(TT_ARG1(regs));
		return 0;
	}

	struct tt_found found = {};
	__u32 fd = call == TT_CALL_SPLICE ? TT_ARG3(regs) : TT_ARG1(regs);
	__u8 direction = tt_call_reads(call) ? TT_RX : TT_TX;
	if (!tt_find_here(fd, &found, direction == TT_RX)) {
		if (call != TT_CALL_SPLICE)
			return 0;
		/* splice() out of a socket, as a read. */
		fd = TT_ARG1(regs);
		direction = TT_RX;
		if (!tt_find_here(fd, &found, true))
			return 0;
	}
	__u8 transport = tt_transport_of(found.sk);
	if (transport == TT_TRANSPORT_UNKNOWN || tt_is_compat(tt_task_here()))
		return 0;
	bool connects = tt_stamp_set(id, fd, TT_ARG2(regs), &found, transport, direction) && tt_call_connects(regs, call);
	if (connects || (call == TT_CALL_CONNECT && transport == TT_TRANSPORT_TCP))
		tt_connect_begins(&found);
	return 0;
}

/* --- exit: the calls --- */

/* Takes a msghdr in user memory. The kernel has already written msg_namelen and msg_flags back. */
TT_INLINE __u32 tt_msghdr_take(struct tt_work *w, __u64 message, bool receives)
{
	struct user_msghdr m = {};

	if (bpf_probe_read_user(&m, sizeof(m), (const void *)message))
		tt_failed(TT_PLACE_USER_MSGHDR);
	tt_iov_read(m.msg_iov, m.msg_iovlen);
	w->name = m.msg_name;
	w->name_len = m.msg_namelen;
	return receives ? m.msg_flags & MSG_ERRQUEUE : 0;
}

/*
 * Puts what the call's arguments (from the second on, in the work area) name into the work area. Returns TT_GIVEN_*. Apart, so
 * that the verifier does not follow every kind of call through all that comes after.
 */
__noinline int tt_arguments(__u32 call, __u32 receives)
{
	struct tt_work *w = tt_work_here();

	if (!w)
		return 0;
	switch (call) {
	case TT_CALL_RECVFROM:
	case TT_CALL_SENDTO:
		tt_iov_one(w, w->args[0], w->args[1]);
		w->name = w->args[3];
		if (w->name && !receives)
			w->name_len = w->args[4];
		else if (w->name && bpf_probe_read_user(&w->name_len, sizeof(w->name_len), (const void *)w->args[4]))
			w->name_len = 0;
		return w->args[2] & TT_GIVEN_FLAGS;
	case TT_CALL_READV:
	case TT_CALL_WRITEV:
		tt_iov_read(w->args[0], w->args[1]);
		return 0;
	case TT_CALL_RECVMSG:
	case TT_CALL_SENDMSG:
		return tt_msghdr_take(w, w->args[0], receives) | (w->args[1] & TT_GIVEN_FLAGS);
	case TT_CALL_RECVMMSG:
	case TT_CALL_SENDMMSG:
		tt_iov_none(w);
		w->available = 1; /* something was asked for */
		return (w->args[2] & TT_GIVEN_FLAGS) | TT_GIVEN_MESSAGES;
	case TT_CALL_SPLICE:
		tt_iov_none(w);
		w->available = w->args[3];
		return TT_GIVEN_NO_PAYLOAD;
	default:
		tt_iov_none(w);
		return TT_GIVEN_NO_PAYLOAD;
	}
}

/* The stamped socket, if its file still is that socket: the call held the file, and the last fput comes after this tracepoint. */
TT_INLINE bool tt_found_by_stamp(const struct tt_stamp *stamp, struct tt_found *found)
{
	struct socket *socket = TT_READ(struct file, stamp->file, private_data);

	if (!socket || tt_sock_in(socket) != stamp->sock)
		return false;
	found->file = stamp->file;
	found->sk = (struct sock *)stamp->sock;
	found->ino = stamp->ino;
	return true;
}

/*
 * Without a sequence to check by: the kernel itself said which socket the call used (since 6.3, io_uring.bpf.c), or the
 * descriptor still means the same file. The latter would not see it changed and changed back within the call.
 */
TT_INLINE bool tt_used_as_stamped(const struct tt_stamp *stamp, __u32 fd)
{
	if (stamp->used)
		return stamp->used == stamp->sock;
	return tt_file_of(tt_files_here(), fd) == stamp->file;
}

/* Puts the call's arguments into the work area. Returns TT_GIVEN_*. */
TT_INLINE __u32 tt_given(struct tt_work *w, struct pt_regs *regs, __u8 call, __u8 direction)
{
	if (call == TT_CALL_READ || call == TT_CALL_WRITE) {
		tt_iov_one(w, TT_ARG2(regs), TT_ARG3(regs));
		return 0;
	}
	w->args[0] = TT_ARG2(regs);
	w->args[1] = TT_ARG3(regs);
	w->args[2] = TT_ARG4(regs);
	w->args[3] = TT_ARG5(regs);
	w->args[4] = TT_ARG6(regs);
	return tt_arguments(call, direction == TT_RX);
}

/* What is left to do of tt_data_exit once the work area says what the call did: apart, so that it is proved once. */
__noinline int tt_call_moved(void)
{
	struct tt_work *w = tt_work_here();
	struct tt_kernel_counters *c = tt_counters_here();

	if (!w || !c)
		return 0;
	struct tt_move *m = &w->move;
	tt_view_take(w->found.sk, m->direction,
		     m->transport == TT_TRANSPORT_TCP &&
			     (m->before.known ? m->before.has_sequence : tt_sock_has_sequence(w->found.sk)),
		     &m->view);
	tt_moved(w, c, true);
	tt_moved_sealed(w);
	return 0;
}

/* The socket of a call whose entry left no stamp, found anew. Returns whether it is one of ours and can be trusted. */
__noinline int tt_found_at_exit(__u32 fd)
{
	struct tt_work *w = tt_work_here();
	struct files_struct *files = tt_files_here();
	__u64 file = files ? tt_file_of(files, fd) : 0;

	if (!w || !file || !tt_sock_of(file, &w->found))
		return 0;
	w->move.transport = tt_transport_of(w->found.sk);
	if (w->move.transport == TT_TRANSPORT_UNKNOWN)
		return 0;
	/* No stamp: the table is not shared, or the call began before telltale did; or there was no room for one. */
	if (tt_self.stamp_failed && tt_files_shared(files)) {
		tt_lost(TT_LOSS_SCRATCH_FULL, w->move.moved);
		return 0;
	}
	return 1;
}

TT_INLINE bool tt_found_at_entry(struct tt_work *w, const struct tt_stamp *stamp)
{
	struct tt_move *m = &w->move;

	if (!tt_found_by_stamp(stamp, &w->found)) {
		tt_lost(TT_LOSS_FD_GONE, m->moved);
		return false;
	}
	m->entry_ns = stamp->entry_ns;
	m->transport = stamp->transport;
	m->before.has_sequence = stamp->has_sequence;
	m->before.sequence = stamp->sequence;
	return true;
}

TT_INLINE void tt_data_exit(struct pt_regs *regs, __u8 call, __u32 number, long ret)
{
	struct tt_work *w = tt_work_here();
	__u32 fd = call == TT_CALL_SPLICE ? TT_ARG3(regs) : TT_ARG1(regs);
	__u8 direction = tt_call_reads(call) ? TT_RX : TT_TX;

	struct tt_stamp *stamp = tt_stamp_take(number, fd, TT_ARG2(regs));
	if (!stamp && call == TT_CALL_SPLICE) {
		fd = TT_ARG1(regs);
		direction = TT_RX;
		stamp = tt_stamp_take(number, fd, TT_ARG2(regs));
	}
	if ((ret < 0 && !tt_error_matters(-ret)) || !w)
		return;
	struct tt_move *m = &w->move;
	m->result = ret;
	m->moved = ret > 0 ? ret : 0;
	m->direction = direction;
	w->fd = fd + 1;
	m->count = 0;
	m->entry_ns = 0;
	m->before.known = stamp;
	m->before.shared = false;
	if (stamp ? !tt_found_at_entry(w, stamp) : !tt_found_at_exit(fd))
		return;

	m->given = tt_given(w, regs, call, direction);
	if (m->given & MSG_ERRQUEUE)
		return;
	if (direction == TT_RX && (m->given & (MSG_PEEK | MSG_OOB)))
		return;
	if ((m->given & TT_GIVEN_MESSAGES) && ret > 0) {
		m->messages = TT_ARG2(regs);
		m->count = ret;
		m->moved = tt_messages_length(m->messages, m->count);
		if (!m->moved && !tt_is_datagram(m->transport)) /* the end of a stream comes as an empty message */
			m->result = 0;
	}
	if (tt_says_nothing(w, m))
		return;
	if (stamp && !stamp->has_sequence && !tt_used_as_stamped(stamp, fd)) {
		tt_lost(TT_LOSS_FD_RACE, m->moved);
		return;
	}
	tt_call_moved();
}

TT_INLINE void tt_accept_exit(long ret)
{
	struct tt_found found = {};

	if (ret >= 0 && tt_find_here(ret, &found, false))
		tt_accepted(&found);
}

TT_INLINE void tt_connect_exit(struct pt_regs *regs, __u32 number, long ret)
{
	struct tt_found found = {};
	struct tt_stamp *stamp = tt_stamp_take(number, TT_ARG1(regs), TT_ARG2(regs));

	if (stamp && tt_found_by_stamp(stamp, &found))
		tt_connect_ends(&found, stamp->transport, ret);
}

/* A 32-bit caller: its number means another call, its structs are laid out otherwise. Counted if it moved bytes on a socket. */
TT_INLINE void tt_compat_exit(struct pt_regs *regs, long ret)
{
	struct tt_found found = {};

	if (ret > 0 && tt_find_here(TT_COMPAT_ARG1(regs), &found, false) && tt_transport_of(found.sk) != TT_TRANSPORT_UNKNOWN)
		tt_lost(TT_LOSS_COMPAT_CALL, ret);
}

TT_INLINE int tt_call_exit(struct pt_regs *regs, long ret)
{
	__u64 number = TT_ARG_NUMBER(regs);

	if (number >= TT_CALL_NUMBERS)
		return 0;
	__u8 call = tt_config.call[number & (TT_CALL_NUMBERS - 1)];
	if (!call || call == TT_CALL_CLOSE)
		return 0;
	if (!tt_in_scope())
		return 0;
	if ((call & TT_CALL_COMPAT) && tt_is_compat(tt_task_here())) {
		tt_compat_exit(regs, ret);
		return 0;
	}
	call &= TT_CALL_MASK;
	if (call == TT_CALL_ACCEPT)
		tt_accept_exit(ret);
	else if (call == TT_CALL_CONNECT)
		tt_connect_exit(regs, number, ret);
	else if (call && call != TT_CALL_CLOSE)
		tt_data_exit(regs, call, number, ret);
	return 0;
}

SEC("tp_btf/sys_enter")
int TT_PROG(tt_sys_enter, struct pt_regs *regs, long id)
{
	return tt_call_enter(regs, id);
}

SEC("tp_btf/sys_exit")
int TT_PROG(tt_sys_exit, struct pt_regs *regs, long ret)
{
	return tt_call_exit(regs, ret);
}

/*
 * The same by way of perf, dearer, for kernels that let the programs above be preempted (since 7.0): perf holds preemption off
 * before it asks whether the program is running already, so no call is missed.
 */
SEC("tp/raw_syscalls/sys_enter")
int tt_perf_sys_enter(struct tt_perf_sys_enter *event)
{
	return tt_call_enter((struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf()), event->id);
}

SEC("tp/raw_syscalls/sys_exit")
int tt_perf_sys_exit(struct tt_perf_sys_exit *event)
{
	return tt_call_exit((struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf()), event->ret);
}
