/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sessions that were open before anybody looked and get their bytes by way of memory: what the library reads of its BIO within a
 * call is what a socket received. Only looked at for a while after such a session was met (src/kernel/plaintext_middle.c).
 */
#ifndef TT_BPF_MIDDLE_H
#define TT_BPF_MIDDLE_H

#include "session.h"

/* The session of the innermost call this thread is in, if its socket is not known; 0: none. */
TT_INLINE __u64 tt_plain_seeking(const struct tt_plain_calls *calls)
{
	__u64 session = calls->call[1].session;
	if (!session)
		session = calls->call[0].session;
	struct tt_plain_key key = {.session = session, .tgid = bpf_get_current_pid_tgid() >> 32};
	const struct tt_conn_id *bound = session ? bpf_map_lookup_elem(&tt_plain_sessions, &key) : NULL;
	return bound && bound->sock != TT_PLAIN_WAITS ? 0 : session;
}

__noinline int tt_plain_read_begins(__u64 buffer, __u64 stack)
{
	struct tt_plain_calls *calls = tt_plain_find();
	__u64 session = calls ? tt_plain_seeking(calls) : 0;

	if (!session)
		return 0;
	calls->read.session = session;
	calls->read.buffer = buffer;
	calls->read.stack = stack;
	return 0;
}

/* The `length` bytes in the buffer are a record's, or what it carries, its beginning having been read before. */
TT_INLINE void tt_plain_read_bind(const struct tt_plain_read *read, __u64 length)
{
	struct tt_plain_key key = {.session = read->session, .tgid = bpf_get_current_pid_tgid() >> 32};
	struct tt_hello wanted = {.tgid = bpf_get_current_pid_tgid() >> 32, .kind = TT_HELLO_NONE};
	struct tt_conn_id id;
	__u8 head[2] = {};
	__u64 from = read->buffer;

	if (length < sizeof(wanted.random) || bpf_probe_read_user(head, sizeof(head), (const void *)from))
		return;
	if (head[0] == TT_RECORD_DATA && head[1] == 3 && length >= TT_RECORD_BYTES + sizeof(wanted.random))
		from += TT_RECORD_BYTES;
	if (bpf_probe_read_user(wanted.random, sizeof(wanted.random), (const void *)from) || !tt_hello_take(&wanted, &id))
		return;
	id.ino |= TT_PLAIN_SURE;
	tt_plain_bound(&key, &id);
}

__noinline int tt_plain_read_ends(__u64 stack, __s64 result)
{
	struct tt_plain_calls *calls = tt_plain_find();

	if (!calls || !calls->read.session || calls->read.stack != stack)
		return 0;
	if (result > 0)
		tt_plain_read_bind(&calls->read, result);
	calls->read.session = 0;
	return 0;
}

#endif
