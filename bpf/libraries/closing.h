/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Connections of Go's crypto/tls that one goroutine closes while another has not returned from its last write: what is written is
 * told when the call returns, and on a busy machine the answer may have come, and the socket be gone, before that.
 */
#ifndef TT_BPF_CLOSING_H
#define TT_BPF_CLOSING_H

#include "session.h"

struct tt_go_write {
	__u64 g;
	__u64 length;
	__u64 sent; /* on the socket, before it */
};

/* Writes under way on sessions whose socket is known. Sized at load (by limit kernel_sessions). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct tt_plain_key);
	__type(value, struct tt_go_write);
} tt_go_sending SEC(".maps");

/* In a call's size_at, which Go's have no use for: it was told when the connection was closed. */
#define TT_GO_TOLD 1

/* What a record has beside its plaintext at least (TLS 1.2 with ChaCha20-Poly1305): five bytes before it, sixteen behind it. */
#define TT_RECORD_MORE 21

TT_INLINE struct tt_conn *tt_go_conn(const struct tt_plain_key *key, struct tt_conn_id *ret)
{
	const struct tt_conn_id *bound = bpf_map_lookup_elem(&tt_plain_sessions, key);

	if (!bound)
		return NULL;
	ret->sock = bound->sock;
	ret->ino = bound->ino & TT_PLAIN_INO;
	struct tt_conn *conn = tt_conn_find(ret->sock);
	return conn && conn->ino == ret->ino ? conn : NULL;
}

/* Conn.Write of `length` bytes begins. Where there is no room it is told at its return, as long as the socket is there. */
__noinline int tt_go_write_begins(__u64 session, __u64 g, __u64 length)
{
	struct tt_plain_key key = {.session = session, .tgid = bpf_get_current_pid_tgid() >> 32};
	struct tt_conn_id id = {};
	const struct tt_conn *conn = tt_go_conn(&key, &id);

	if (!conn)
		return 0;
	struct tt_go_write write = {.g = g, .length = length, .sent = conn->bytes[TT_TX]};
	if (bpf_map_update_elem(&tt_go_sending, &key, &write, BPF_ANY))
		tt_failed(TT_PLACE_STAMP_CREATE);
	return 0;
}

/* Conn.Write returns. Whether it was told already: of it and the end of the connection, whoever takes the entry out tells it. */
__noinline int tt_go_write_ends(__u64 stack, __u64 g)
{
	__u64 top = tt_plain_top(g);
	struct tt_plain_calls *calls = top ? tt_plain_goroutine_find(g) : NULL;
	struct tt_plain_call *call = calls ? tt_plain_returned(calls, TT_PLAIN_TOP - (top - stack)) : NULL;

	if (!call)
		return 0;
	struct tt_plain_key key = {.session = call->session, .tgid = bpf_get_current_pid_tgid() >> 32};
	return bpf_map_delete_elem(&tt_go_sending, &key) && call->size_at == TT_GO_TOLD;
}

TT_INLINE struct tt_plain_call *tt_go_call_of(struct tt_plain_calls *calls, __u64 session)
{
	for (int i = 0; i < TT_PLAIN_DEPTH; i++) {
		if (calls->call[i].session == session)
			return &calls->call[i];
	}
	return NULL;
}

/* Tells the write, if the socket has taken all of it. */
__noinline int tt_go_write_closed(__u64 session)
{
	struct tt_plain_key key = {.session = session, .tgid = bpf_get_current_pid_tgid() >> 32};
	const struct tt_go_write *kept = bpf_map_lookup_elem(&tt_go_sending, &key);
	struct tt_conn_id id = {};

	if (!kept)
		return 0;
	struct tt_go_write write = *kept;
	struct tt_conn *conn = tt_go_conn(&key, &id);
	struct tt_plain_calls *calls = tt_plain_goroutine_find(write.g);
	struct tt_plain_call *call = calls ? tt_go_call_of(calls, session) : NULL;
	if (!conn || !call || !write.length || conn->bytes[TT_TX] - write.sent < write.length + TT_RECORD_MORE)
		return 0;
	struct tt_plain_call told = *call;
	if (told.top)
		told.buffer += tt_plain_top(write.g) - told.top;
	call->size_at = TT_GO_TOLD;
	if (!bpf_map_delete_elem(&tt_go_sending, &key))
		tt_plain_report(conn, &id, &told, TT_TX, TT_ORIGIN_GO_TLS, write.length);
	return 0;
}

#endif
