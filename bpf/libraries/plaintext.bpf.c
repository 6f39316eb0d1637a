// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Functions of TLS libraries, by uprobe and uretprobe. One set of programs a library, so that a chunk can say where it comes from
 * also before programs had cookies (5.15); src/kernel/library.c says which function each is attached to.
 */
#include "lib/prog.h"
#include "libraries/closing.h"
#include "libraries/goroutine.h"
#include "libraries/handshake.h"
#include "libraries/middle.h"
#include "libraries/uprobe.h"

/* The same, or (session, buffer, size, &moved), which returns 1. */
#define TT_PLAIN_ENTER_EX(regs) \
	tt_plain_enter(TT_FUNCTION_ARG1(regs), TT_FUNCTION_ARG2(regs), TT_FUNCTION_ARG4(regs), TT_STACK(regs), 0)

#define TT_PLAIN_LIBRARY(library, origin)                                                          \
	TT_UPROBE(tt_##library##_move, "uprobe", TT_PLAIN_ENTER(regs, 0))                          \
	TT_UPROBE(tt_##library##_move_ex, "uprobe", TT_PLAIN_ENTER_EX(regs))                       \
	TT_UPROBE(tt_##library##_handshake, "uprobe", TT_PLAIN_ENTER(regs, 1))                     \
	TT_UPROBE(tt_##library##_sent, "uretprobe",                                                \
		  tt_plain_exit(TT_STACK_RETURNED(regs), TT_TX, origin, (__s32)TT_RETURNED(regs))) \
	TT_UPROBE(tt_##library##_returned, "uretprobe",                                            \
		  tt_##library##_shaken(TT_STACK_RETURNED(regs), (__s32)TT_RETURNED(regs)))        \
	TT_UPROBE(tt_##library##_end, "uprobe", tt_plain_end(TT_FUNCTION_ARG1(regs)))

/* (session): it is told which side it is to take. */
TT_UPROBE(tt_openssl_connects, "uprobe", tt_plain_side(TT_FUNCTION_ARG1(regs), TT_HELLO_SERVER))
TT_UPROBE(tt_openssl_accepts, "uprobe", tt_plain_side(TT_FUNCTION_ARG1(regs), TT_HELLO_CLIENT))
TT_UPROBE(tt_openssl_again, "uprobe", tt_plain_again(TT_FUNCTION_ARG1(regs)))

TT_UPROBE(tt_openssl_raises, "uprobe", tt_openssl_raised(TT_FUNCTION_ARG1(regs), TT_FUNCTION_ARG2(regs)))
TT_UPROBE(tt_openssl_puts, "uprobe", tt_openssl_put(TT_FUNCTION_ARG1(regs), TT_FUNCTION_ARG2(regs), TT_FUNCTION_ARG3(regs)))

TT_UPROBE(tt_openssl_received, "uretprobe",
	  tt_plain_exit(TT_STACK_RETURNED(regs), TT_RX, TT_ORIGIN_OPENSSL, (__s32)TT_RETURNED(regs)))
TT_UPROBE(tt_gnutls_received, "uretprobe", tt_gnutls_read_ends(TT_STACK_RETURNED(regs), (__s32)TT_RETURNED(regs)))

/* (bio, buffer, size), returns how many bytes. */
TT_UPROBE(tt_openssl_bio, "uprobe", tt_plain_read_begins(TT_FUNCTION_ARG2(regs), TT_STACK(regs)))
TT_UPROBE(tt_openssl_bio_read, "uretprobe", tt_plain_read_ends(TT_STACK_RETURNED(regs), (__s32)TT_RETURNED(regs)))

TT_PLAIN_LIBRARY(openssl, TT_ORIGIN_OPENSSL)
TT_PLAIN_LIBRARY(gnutls, TT_ORIGIN_GNUTLS)

/*
 * While a session of GnuTLS is corked the library keeps what is sent; uncorked, it sends that itself, by the same function, and
 * then it is told. If that fails the session is corked as before.
 */
TT_INLINE struct tt_conn_id *tt_gnutls_bound(__u64 session)
{
	struct tt_plain_key key = {.session = session, .tgid = bpf_get_current_pid_tgid() >> 32};

	return bpf_map_lookup_elem(&tt_plain_sessions, &key);
}

TT_INLINE void tt_gnutls_cork(__u64 session)
{
	struct tt_conn_id *bound = tt_gnutls_bound(session);

	if (bound)
		bound->ino |= TT_PLAIN_CORKED;
}

__noinline int tt_gnutls_uncork_begins(__u64 session, __u64 stack)
{
	struct tt_conn_id *bound = tt_gnutls_bound(session);

	if (!bound || !(bound->ino & TT_PLAIN_CORKED))
		return 0;
	bound->ino &= ~TT_PLAIN_CORKED;
	return tt_plain_enter(session, 0, 0, stack, 0);
}

__noinline int tt_gnutls_uncork_ends(__u64 stack, __s64 result)
{
	struct tt_plain_calls *calls = tt_plain_find();
	struct tt_plain_call *call = calls ? tt_plain_returned(calls, stack) : NULL;

	if (!call)
		return 0;
	if (result < 0)
		tt_gnutls_cork(call->session);
	call->session = 0;
	return 0;
}

/* One of the two functions that send calls the other one, with the same bytes. */
__noinline int tt_gnutls_send_begins(__u64 session, __u64 buffer, __u64 stack)
{
	const struct tt_plain_calls *calls = tt_plain_find();
	const struct tt_conn_id *bound = tt_gnutls_bound(session);
	bool already =
		calls && calls->call[0].session == session && calls->call[0].buffer == buffer && stack < calls->call[0].stack;

	return already || (bound && (bound->ino & TT_PLAIN_CORKED)) ? 0 : tt_plain_enter(session, buffer, 0, stack, 0);
}

TT_UPROBE(tt_gnutls_send, "uprobe", tt_gnutls_send_begins(TT_FUNCTION_ARG1(regs), TT_FUNCTION_ARG2(regs), TT_STACK(regs)))
TT_UPROBE(tt_gnutls_corks, "uprobe", tt_gnutls_cork(TT_FUNCTION_ARG1(regs)))
TT_UPROBE(tt_gnutls_uncorks, "uprobe", tt_gnutls_uncork_begins(TT_FUNCTION_ARG1(regs), TT_STACK(regs)))
TT_UPROBE(tt_gnutls_uncorked, "uretprobe", tt_gnutls_uncork_ends(TT_STACK_RETURNED(regs), (__s32)TT_RETURNED(regs)))

/*
 * Go's crypto/tls. Return probes would end the program, which moves its stacks and looks at the addresses on them: the
 * instructions that return are probed instead, where the results are, in registers, and the stack is as at the entry.
 */

/* (conn, buffer, …), returns how many bytes and an error. */
#define TT_GO_ENTER(regs, buffer, handshake) tt_plain_enter_go(TT_GO_ARG1(regs), buffer, TT_STACK(regs), TT_GO_G(regs), handshake)
#define TT_GO_EXIT(regs, direction, result) tt_plain_exit_go(TT_STACK(regs), TT_GO_G(regs), direction, result)

/* A new connection may lie where one was that is gone. */
TT_INLINE void tt_go_handshake_begins(struct pt_regs *regs)
{
	tt_plain_end(TT_GO_ARG1(regs));
	TT_GO_ENTER(regs, 0, 1);
}

TT_INLINE __s64 tt_go_received_result(struct pt_regs *regs)
{
	__s64 n = TT_GO_ARG1(regs);

	return n || tt_go_is_eof(TT_GO_ARG2(regs), TT_GO_ARG3(regs)) ? n : -1;
}

TT_INLINE void tt_go_read_ends(struct pt_regs *regs)
{
	__s64 result = tt_go_received_result(regs);

	if (result < 0)
		tt_go_read_fails(TT_STACK(regs), TT_GO_G(regs), TT_GO_ARG2(regs), TT_GO_ARG3(regs));
	if (!TT_GO_EXIT(regs, TT_RX, result) && !tt_go_read_begun_before(TT_STACK(regs), TT_GO_G(regs), result) && result > 0)
		tt_lost(TT_LOSS_SESSION, result);
}

TT_INLINE void tt_go_sends(struct pt_regs *regs)
{
	TT_GO_ENTER(regs, TT_GO_ARG2(regs), 0);
	tt_go_write_begins(TT_GO_ARG1(regs), TT_GO_G(regs), TT_GO_ARG3(regs));
}

TT_INLINE void tt_go_sent_ends(struct pt_regs *regs)
{
	__s64 n = tt_go_write_ends(TT_STACK(regs), TT_GO_G(regs)) ? 0 : (__s64)TT_GO_ARG1(regs);

	if (!TT_GO_EXIT(regs, TT_TX, n) && n > 0)
		tt_lost(TT_LOSS_SESSION, n);
}

TT_INLINE void tt_go_closes(struct pt_regs *regs)
{
	tt_go_write_closed(TT_GO_ARG1(regs));
	tt_plain_end(TT_GO_ARG1(regs));
}

TT_UPROBE(tt_go_move, "uprobe", TT_GO_ENTER(regs, TT_GO_ARG2(regs), 0))
TT_UPROBE(tt_go_send, "uprobe", tt_go_sends(regs))
TT_UPROBE(tt_go_handshake, "uprobe", tt_go_handshake_begins(regs))
TT_UPROBE(tt_go_sent, "uprobe", tt_go_sent_ends(regs))
TT_UPROBE(tt_go_received, "uprobe", tt_go_read_ends(regs))
TT_UPROBE(tt_go_returned, "uprobe", tt_go_shaken(TT_STACK(regs), TT_GO_G(regs), TT_GO_ARG1(regs), TT_GO_ARG2(regs)))
TT_UPROBE(tt_go_alert, "uprobe", tt_go_alert_sent(TT_GO_G(regs), TT_GO_ARG2(regs)))
TT_UPROBE(tt_go_end, "uprobe", tt_go_closes(regs))
