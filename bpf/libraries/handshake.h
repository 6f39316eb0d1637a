/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a library says of a handshake: whether its function has returned before that was through, and why it failed. Told of the
 * connection its session is bound to; where none is known, nothing is. (All of it within the programs themselves: below a further
 * function calls would be nine deep.)
 */
#ifndef TT_BPF_HANDSHAKE_H
#define TT_BPF_HANDSHAKE_H

#include "session.h"

/* --- OpenSSL and BoringSSL ---------------------------------------------------------------------------------------------------
 */

/* ERR_LIB_SSL (openssl/err.h), and BoringSSL's; each is another part in the other one. */
#define TT_ERR_LIB_SSL 20
#define TT_ERR_LIB_SSL_BORING 16
/* Above it a reason is none of that part's own (ERR_RFLAG_COMMON). */
#define TT_ERR_REASON_MOST ((1u << TT_HANDSHAKE_PART_SHIFT) - 1)

/* Libssl raises an error, perhaps within a call: the first is what others follow from. */
__noinline int tt_openssl_error(__u32 part, __u32 reason)
{
	struct tt_plain_calls *calls = tt_plain_find();

	if (!calls)
		return 0;
	struct tt_plain_call *call = &calls->call[calls->call[1].session != 0];
	if (call->session && !call->error)
		call->error = part << TT_HANDSHAKE_PART_SHIFT | (reason > TT_ERR_REASON_MOST ? 0 : reason);
	return 0;
}

/* ERR_vset_error(part, reason, …). */
TT_INLINE int tt_openssl_raised(__u32 part, __u32 reason)
{
	return part == TT_ERR_LIB_SSL ? tt_openssl_error(part, reason) : 0;
}

/* ERR_put_error(part, function, reason, …), of which BoringSSL names no function. */
TT_INLINE int tt_openssl_put(__u32 part, __u32 function, __u32 reason)
{
	return part == (function ? TT_ERR_LIB_SSL : TT_ERR_LIB_SSL_BORING) ? tt_openssl_error(part, reason) : 0;
}

/* SSL_do_handshake returns: 1; 0: it failed; below, it failed with an error, which tells, or waits. */
TT_INLINE int tt_openssl_shaken(__u64 stack, __s32 result)
{
	struct tt_plain_calls *calls = tt_plain_find();
	struct tt_plain_call *call = calls ? tt_plain_returned(calls, stack) : NULL;

	if (!call)
		return 0;
	if (result > 0)
		call->error = 0;
	__u64 session = call->session;
	bool told = call->error;
	tt_plain_exit(stack, TT_TX, TT_ORIGIN_OPENSSL, 0);
	if (told)
		return 0;
	return tt_handshake_tell(session, TT_ORIGIN_OPENSSL,
				 result > 0 ? TT_HANDSHAKE_DONE
				 : result   ? TT_HANDSHAKE_UNDERWAY
					    : TT_HANDSHAKE_FAILED,
				 0);
}

/* --- GnuTLS (gnutls/gnutls.h) ------------------------------------------------------------------------------------------------
 */

#define TT_GNUTLS_FATAL_ALERT_RECEIVED (-12)

/* Returned where the handshake is to be gone on with: warning alerts, GNUTLS_E_AGAIN, data and a rehandshake between. */
TT_INLINE bool tt_gnutls_goes_on(__s32 result)
{
	return result == -28 || result == -52 || result == -16 || result == -38 || result == -37;
}

TT_INLINE __u64 tt_plain_session_of(__u64 stack)
{
	struct tt_plain_calls *calls = tt_plain_find();
	const struct tt_plain_call *call = calls ? tt_plain_returned(calls, stack) : NULL;

	return call ? call->session : 0;
}

TT_INLINE int tt_gnutls_shaken(__u64 stack, __s32 result)
{
	__u64 session = tt_plain_session_of(stack);
	__u32 state = !result ? TT_HANDSHAKE_DONE : tt_gnutls_goes_on(result) ? TT_HANDSHAKE_UNDERWAY : TT_HANDSHAKE_FAILED;

	if (!session)
		return 0;
	tt_plain_exit(stack, TT_TX, TT_ORIGIN_GNUTLS, 0);
	return tt_handshake_tell(session, TT_ORIGIN_GNUTLS, state, state == TT_HANDSHAKE_FAILED ? result : 0);
}

/* What a client of TLS 1.3 hears of its handshake after it, it is told where it reads. */
TT_INLINE int tt_gnutls_read_ends(__u64 stack, __s32 result)
{
	__u64 session = result == TT_GNUTLS_FATAL_ALERT_RECEIVED ? tt_plain_session_of(stack) : 0;

	tt_plain_exit(stack, TT_RX, TT_ORIGIN_GNUTLS, result);
	return session ? tt_handshake_tell(session, TT_ORIGIN_GNUTLS, TT_HANDSHAKE_FAILED, result) : 0;
}

/* --- Go's crypto/tls ---------------------------------------------------------------------------------------------------------
 */

/* "remote error", in two words. */
#define TT_GO_REMOTE_E 0x652065746f6d6572ull
#define TT_GO_RROR 0x726f7272ull

/* Alerts that refuse nothing (RFC 8446, 6): close_notify, no_renegotiation. */
#define TT_ALERT_CLOSE_NOTIFY 0
#define TT_ALERT_NO_RENEGOTIATION 100

/* net.OpError, from its beginning. */
struct tt_go_op_error {
	struct tt_go_string op;
	struct tt_go_string net;
	__u64 source[2];
	__u64 addr[2];
	__u64 error[2]; /* an interface: its type, and where the value lies */
};

/* The alert that a net.OpError of "remote error" says the peer sent; 0: it is none. */
__noinline int tt_go_alert_of(__u64 op_error)
{
	struct tt_go_op_error e = {};
	__u64 text[2] = {};
	__u8 alert = 0;

	if (bpf_probe_read_user(&e, sizeof(e), (const void *)op_error) || e.op.len != 12 ||
	    bpf_probe_read_user(text, 12, (const void *)e.op.data) || text[0] != TT_GO_REMOTE_E || text[1] != TT_GO_RROR ||
	    bpf_probe_read_user(&alert, sizeof(alert), (const void *)e.error[1]))
		return 0;
	return TT_HANDSHAKE_ALERT | alert;
}

/* The same of an error of this type, which may be one that has another one in itself (tls.permanentError). */
TT_INLINE __s32 tt_go_alert_received(__u64 type, __u64 data)
{
	__u64 inner[2] = {};
	__s32 alert = type ? tt_go_alert_of(data) : 0;

	if (alert || !type || bpf_probe_read_user(inner, sizeof(inner), (const void *)data))
		return alert;
	return tt_go_alert_of(inner[1]);
}

TT_INLINE struct tt_plain_call *tt_go_call_at(__u64 stack, __u64 g)
{
	__u64 top = tt_plain_top(g);
	struct tt_plain_calls *calls = top ? tt_plain_goroutine_find(g) : NULL;

	return calls ? tt_plain_returned(calls, TT_PLAIN_TOP - (top - stack)) : NULL;
}

/* Conn.sendAlertLocked: why the handshake that this goroutine is in will fail. */
__noinline int tt_go_alert_sent(__u64 g, __u32 alert)
{
	struct tt_plain_calls *calls = tt_plain_goroutine_find(g);

	if (!calls || alert == TT_ALERT_CLOSE_NOTIFY || alert == TT_ALERT_NO_RENEGOTIATION)
		return 0;
	struct tt_plain_call *call = &calls->call[calls->call[1].session != 0];
	if (call->session && !call->error)
		call->error = TT_HANDSHAKE_ALERT | (alert & 0xff);
	return 0;
}

/* clientHandshake or serverHandshake returns an error: an interface of this type, at `data`; type 0: none. */
TT_INLINE int tt_go_shaken(__u64 stack, __u64 g, __u64 type, __u64 data)
{
	const struct tt_plain_call *call = tt_go_call_at(stack, g);

	if (!call)
		return 0;
	__u64 session = call->session;
	__s32 error = !type ? 0 : call->error;
	if (type && !error)
		error = tt_go_alert_received(type, data);
	tt_plain_exit_go(stack, g, TT_TX, -1);
	return tt_handshake_tell(session, TT_ORIGIN_GO_TLS, type ? TT_HANDSHAKE_FAILED : TT_HANDSHAKE_DONE, error);
}

/* Conn.Read returns an error: as tt_gnutls_read_ends. */
TT_INLINE int tt_go_read_fails(__u64 stack, __u64 g, __u64 type, __u64 data)
{
	const struct tt_plain_call *call = tt_go_call_at(stack, g);
	__s32 alert = call ? tt_go_alert_received(type, data) : 0;

	return alert ? tt_handshake_tell(call->session, TT_ORIGIN_GO_TLS, TT_HANDSHAKE_FAILED, alert) : 0;
}

#endif
