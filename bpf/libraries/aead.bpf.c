// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * rustls, whose records are sealed and opened by functions of C (aws-lc's EVP_AEAD_CTX_*), in memory, before and after a socket
 * has them. A context is a session of one direction: whose it is, is told by the first record it opens that a socket of the
 * process received, or that it seals and a socket sends. What is sealed before that is kept.
 */
#include "lib/prog.h"
#include "libraries/header_table.h"
#include "libraries/sealing.h"

#define TT_AEAD_FRESH TT_PLAIN_CORKED /* of these sessions: it was seen from its beginning, and has had no plaintext yet */

/*
 * Of records whose context's socket is not known: the socket that received it (TT_HELLO_DOUBTFUL: several did), or the context
 * that sealed it and, instead of an inode, the context's number. Sized at load (by limit kernel_sessions); those not asked for
 * give way.
 */
struct {
	__uint(type, TT_MAP_OF_USED);
	__uint(max_entries, 1);
	__type(key, struct tt_record_key);
	__type(value, struct tt_conn_id);
} tt_records SEC(".maps");

/* It is asked for once. */
TT_INLINE bool tt_record_take(const struct tt_record_key *record, struct tt_conn_id *ret)
{
	const struct tt_conn_id *known = bpf_map_lookup_elem(&tt_records, record);

	if (!known || known->sock == TT_HELLO_DOUBTFUL)
		return false;
	*ret = *known;
	bpf_map_delete_elem(&tt_records, record);
	return true;
}

/* Plaintext sealed by a context whose socket is not known yet. */
#define TT_HELD_BYTES 8192

struct tt_held {
	__u64 entry_ns;
	__u32 length;
	__u32 held; /* the first of them */
	__u8 data[2 * TT_HELD_BYTES];
};

/* By context. Sized at load; where there is no room it is lost. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct tt_plain_key);
	__type(value, struct tt_held);
} tt_held SEC(".maps");

TT_INLINE struct tt_plain_key tt_aead_key(__u64 context)
{
	return (struct tt_plain_key){.session = context, .tgid = bpf_get_current_pid_tgid() >> 32};
}

/* The connection of a context; NULL: it is not known, or gone. */
TT_INLINE struct tt_conn *tt_aead_conn(const struct tt_conn_id *bound, struct tt_conn_id *ret)
{
	if (!bound || bound->sock == TT_PLAIN_WAITS)
		return NULL;
	ret->sock = bound->sock;
	ret->ino = bound->ino & TT_PLAIN_INO;
	struct tt_conn *conn = tt_conn_find(ret->sock);
	return conn && conn->ino == ret->ino ? conn : NULL;
}

/* --- sessions --------------------------------------------------------------------------------------------------------------- */

/* The process is one whose sockets are looked at: it is kept as if it were a session. */
TT_INLINE bool tt_aead_process_known(void)
{
	struct tt_plain_key key = tt_aead_key(0);

	return bpf_map_lookup_elem(&tt_plain_sessions, &key);
}

TT_INLINE void tt_aead_process(void)
{
	struct tt_plain_key key = tt_aead_key(0);
	struct tt_conn_id none = {.sock = TT_PLAIN_WAITS};

	if (!bpf_map_lookup_elem(&tt_plain_sessions, &key))
		tt_plain_bound(&key, &none);
}

/* A number that no other context had at this address. */
TT_INLINE void tt_aead_wait(const struct tt_plain_key *key, __u64 beside)
{
	struct tt_conn_id waits = {.sock = TT_PLAIN_WAITS, .ino = (bpf_ktime_get_ns() & (TT_AEAD_FRESH - 1)) | beside};

	tt_plain_bound(key, &waits);
}

TT_INLINE struct tt_conn *tt_aead_bind(const struct tt_plain_key *key, const struct tt_conn_id *id, __u32 direction, __u64 fresh)
{
	struct tt_conn_id now = {.sock = id->sock, .ino = id->ino | fresh | (__u64)(direction + 1) << TT_PLAIN_SIDE};
	struct tt_conn *conn = tt_conn_find(id->sock);

	if (!conn || conn->ino != id->ino)
		return NULL;
	conn->plain_keyed[direction & 1] = 1;
	tt_plain_bound(key, &now);
	return conn;
}

/* The context is gone, or another begins in its place. */
__noinline int tt_aead_end(__u64 context)
{
	struct tt_plain_key key = tt_aead_key(context);
	const struct tt_conn_id *bound = bpf_map_lookup_elem(&tt_plain_sessions, &key);
	__u64 side = tt_plain_side_of(bound);
	struct tt_conn_id id;

	if (!bound)
		return 0;
	struct tt_conn *conn = tt_aead_conn(bound, &id);
	if (conn && side)
		conn->plain_keyed[(side - 1) & 1] = 0;
	const struct tt_held *held = bpf_map_lookup_elem(&tt_held, &key);
	if (held) {
		tt_lost(TT_LOSS_SESSION, held->length);
		bpf_map_delete_elem(&tt_held, &key);
	}
	bpf_map_delete_elem(&tt_plain_sessions, &key);
	return 0;
}

__noinline int tt_aead_begin(__u64 context)
{
	struct tt_plain_key key = tt_aead_key(context);

	tt_aead_end(context);
	tt_aead_wait(&key, TT_AEAD_FRESH);
	return 0;
}

/* --- plaintext -------------------------------------------------------------------------------------------------------------- */

/* Before the first plaintext of a connection. */
TT_INLINE void tt_aead_fresh(struct tt_conn_id *bound, struct tt_conn *conn)
{
	if ((bound->ino & TT_AEAD_FRESH) && conn->seen_open && !conn->plain_next[TT_TX] && !conn->plain_next[TT_RX])
		conn->plain_begins = 1;
	bound->ino &= ~TT_AEAD_FRESH;
}

#define TT_INNER_STEP 64

/* Of the last 64 of these bytes: which one is the last that is not 0, counted from 1, and that byte above it. 0: all are. */
__noinline int tt_inner_find(__u64 from, __u32 length)
{
	__u8 byte[2 * TT_INNER_STEP] = {};
	__u32 step = length < TT_INNER_STEP ? length : TT_INNER_STEP;

	TT_BOUND(step, 2 * TT_INNER_STEP - 1);
	if (!step || bpf_probe_read_user(byte, step, (const void *)(from + length - step)))
		return 0;
	for (__u32 i = TT_INNER_STEP; i; i--) {
		if (byte[i - 1])
			return (length - step + i) | (__u32)byte[i - 1] << 16;
	}
	return 0;
}

/* How long the content is of a plaintext of TLS 1.3 (RFC 8446, 5.2), and its type above that (16 bits). 0: it has none. */
__noinline int tt_inner(__u64 from, __u32 length)
{
	for (__u32 i = 0; i <= TT_RECORD_MOST / TT_INNER_STEP; i++) {
		TT_BOUND(length, 0x7fff);
		int found = tt_inner_find(from, length);

		if (found)
			return found - 1;
		if (length <= TT_INNER_STEP)
			break;
		length -= TT_INNER_STEP;
	}
	return 0;
}

/* The peer says that nothing follows: a warning, close_notify. */
TT_INLINE bool tt_aead_closes(__u64 at)
{
	__u8 alert[2] = {};

	return !bpf_probe_read_user(alert, sizeof(alert), (const void *)at) && alert[0] == 1 && !alert[1];
}

/* Plaintext that was sealed or opened; `moved`: how long its content is, and its type above that. */
__noinline int tt_aead_told(__u64 context, __u64 buffer, __u32 moved, __u32 direction, __u64 entry_ns)
{
	struct tt_plain_key key = tt_aead_key(context);
	struct tt_conn_id *bound = bpf_map_lookup_elem(&tt_plain_sessions, &key);
	struct tt_conn_id id;
	struct tt_conn *conn = tt_aead_conn(bound, &id);
	struct tt_work *w = tt_work_here();
	__u32 length = moved & 0xffff, type = moved >> 16;

	if (type == TT_RECORD_ALERT && direction == TT_RX && conn && length == 2 && tt_aead_closes(buffer))
		length = 0;
	else if (type != TT_RECORD_DATA || !length)
		return 0;
	if (!w || !bound || !conn) {
		if (length)
			tt_lost(TT_LOSS_SESSION, length);
		return 0;
	}
	tt_aead_fresh(bound, conn);
	tt_iov_one(w, buffer, length);
	tt_plain_report_here(w, conn, &id, entry_ns, direction & 1, TT_ORIGIN_RUSTLS, length);
	return 0;
}

/* One of the functions that seal, and that open, calls the other one in some versions, with the same bytes. */
#define TT_AEAD_FRAMES 512 /* bytes of stack between them at most */

TT_INLINE bool tt_aead_within(const struct tt_plain_calls *calls, __u64 context, __u64 stack, __u64 buffer)
{
	const struct tt_plain_call *call = &calls->call[0];

	return call->session == context && call->buffer == buffer && stack < call->stack && call->stack - stack < TT_AEAD_FRAMES;
}

/* A call begins. Returns whether it does: it may be part of one. `tells`: what its end is to know; `tag`: where that will lie. */
__noinline int tt_aead_enter(__u64 context, __u64 stack, __u64 buffer, __u64 tells, __u64 tag)
{
	struct tt_plain_calls *calls = tt_plain_place();

	if (!calls) {
		tt_failed(TT_PLACE_STAMP_CREATE);
		return 0;
	}
	if (tt_aead_within(calls, context, stack, buffer))
		return 0;
	struct tt_plain_call *call = tt_plain_begin(calls, context, stack, 0);
	call->buffer = buffer;
	call->size_at = tells;
	call->tag = tag;
	return 1;
}

/* --- what is opened --------------------------------------------------------------------------------------------------------- */

/* Whose record it is that the context is about to open, which the work area has. */
__noinline int tt_aead_heard(void)
{
	const struct tt_aead_area *area = tt_aead_here();

	if (!area)
		return 0;
	struct tt_plain_key key = tt_aead_key(area->aead.context);
	const struct tt_conn_id *known = bpf_map_lookup_elem(&tt_plain_sessions, &key);
	__u64 fresh = known && known->sock == TT_PLAIN_WAITS ? known->ino & TT_AEAD_FRESH : 0;
	struct tt_record_key record = {.tgid = key.tgid};
	struct tt_conn_id id;

	tt_aead_process();
	if (tt_aead_begin_of(&area->record, area->aead.tag, &record) && tt_record_take(&record, &id))
		tt_aead_bind(&key, &id, TT_RX, fresh);
	return 0;
}

TT_INLINE void tt_aead_opens(struct pt_regs *regs, struct tt_aead_area *area)
{
	struct tt_conn_id id;

	if (!area || !tt_aead_record(area, area->aead.in))
		return;
	struct tt_plain_key key = tt_aead_key(area->aead.context);
	if (tt_aead_enter(key.session, TT_STACK(regs), area->aead.out, (__u64)area->record.type << 32 | area->aead.length, 0) &&
	    !tt_aead_conn(bpf_map_lookup_elem(&tt_plain_sessions, &key), &id))
		tt_aead_heard();
}

__noinline int tt_aead_opened(__u64 stack, __s32 result)
{
	struct tt_plain_calls *calls = tt_plain_find();
	struct tt_plain_call *call = calls ? tt_plain_returned(calls, stack) : NULL;

	if (!call)
		return 0;
	__u32 length = call->size_at, type = call->size_at >> 32;
	if (result == 1)
		tt_aead_told(call->session, call->buffer,
			     type == TT_RECORD_INNER ? tt_inner(call->buffer, length) : type << 16 | length, TT_RX,
			     call->entry_ns);
	call->session = 0;
	return 0;
}

/* --- what is sealed --------------------------------------------------------------------------------------------------------- */

TT_INLINE struct tt_held *tt_held_place(const struct tt_plain_key *key, __u64 entry_ns)
{
	struct tt_held *held = bpf_map_lookup_elem(&tt_held, key);
	struct tt_work *w = tt_work_here();

	if (held || !w)
		return held;
	struct tt_held *begun = (struct tt_held *)w->data;
	begun->entry_ns = entry_ns;
	begun->length = 0;
	begun->held = 0;
	bpf_map_update_elem(&tt_held, key, begun, BPF_NOEXIST);
	return bpf_map_lookup_elem(&tt_held, key);
}

/* Keeps what is about to be sealed until a socket sends it. */
__noinline int tt_aead_hold(__u64 context, __u64 from, __u32 length, __u64 entry_ns)
{
	struct tt_plain_key key = tt_aead_key(context);
	bool known = bpf_map_lookup_elem(&tt_plain_sessions, &key); /* else nobody would let go of it */
	struct tt_held *held = known ? tt_held_place(&key, entry_ns) : NULL;

	if (!held) {
		tt_lost(TT_LOSS_SESSION, length);
		return 0;
	}
	__u32 at = held->held;
	__u32 n = at < held->length || at > TT_HELD_BYTES ? 0 : TT_HELD_BYTES - at;
	if (n > length)
		n = length;
	TT_BOUND(at, TT_HELD_BYTES - 1);
	TT_BOUND(n, 2 * TT_HELD_BYTES - 1);
	if (n > TT_HELD_BYTES || bpf_probe_read_user(held->data + at, n, (const void *)from))
		n = 0;
	held->held += n;
	held->length += length;
	return 0;
}

/* What the work area has, of a context whose socket is not known. */
__noinline int tt_aead_seals_early(__u32 moved)
{
	const struct tt_aead_area *area = tt_aead_here();

	if (!area)
		return 0;
	struct tt_plain_key key = tt_aead_key(area->aead.context);
	const struct tt_conn_id *known = bpf_map_lookup_elem(&tt_plain_sessions, &key);
	tt_aead_process();
	if (!known || known->sock != TT_PLAIN_WAITS)
		tt_aead_wait(&key, 0);
	if (moved >> 16 == TT_RECORD_DATA && (moved & 0xffff))
		tt_aead_hold(key.session, area->aead.in, moved & 0xffff, bpf_ktime_get_ns());
	return 0;
}

/* The content and the type of what is about to be sealed; nobody pads it. */
TT_INLINE __u32 tt_aead_content(const struct tt_aead *a, const struct tt_aead_record *r)
{
	__u8 type = 0;

	if (r->type != TT_RECORD_INNER)
		return r->type << 16 | a->length;
	if (!a->extra)
		return tt_inner(a->in, a->length);
	bpf_probe_read_user(&type, sizeof(type), (const void *)a->extra);
	return type << 16 | a->length;
}

TT_INLINE void tt_aead_seals(struct pt_regs *regs, struct tt_aead_area *area)
{
	struct tt_conn_id id;

	if (!area || !tt_aead_record(area, area->aead.out))
		return;
	const struct tt_aead *a = &area->aead;
	const struct tt_aead_record *r = &area->record;
	if (!tt_aead_enter(a->context, TT_STACK(regs), r->from, (__u64)r->have << 32 | r->bytes, a->tag))
		return;
	struct tt_plain_key key = tt_aead_key(a->context);
	__u32 moved = tt_aead_content(a, r);
	if (tt_aead_conn(bpf_map_lookup_elem(&tt_plain_sessions, &key), &id))
		tt_aead_told(key.session, a->in, moved, TT_TX, bpf_ktime_get_ns());
	else
		tt_aead_seals_early(moved);
}

/* The record is there: a socket that sends what begins so has this context. */
__noinline int tt_aead_sealed(__u64 stack, __s32 result)
{
	struct tt_plain_calls *calls = tt_plain_find();
	struct tt_plain_call *call = calls ? tt_plain_returned(calls, stack) : NULL;

	if (!call)
		return 0;
	struct tt_plain_key key = tt_aead_key(call->session);
	const struct tt_conn_id *known = bpf_map_lookup_elem(&tt_plain_sessions, &key);
	struct tt_aead_record r = {.from = call->buffer, .have = call->size_at >> 32, .bytes = call->size_at};
	struct tt_record_key sealed = {.tgid = key.tgid, .sealed = 1};
	if (result == 1 && known && known->sock == TT_PLAIN_WAITS && tt_aead_begin_of(&r, call->tag, &sealed)) {
		struct tt_conn_id by = {.sock = key.session, .ino = known->ino & (TT_AEAD_FRESH - 1)};

		bpf_map_update_elem(&tt_records, &sealed, &by, BPF_ANY);
	}
	call->session = 0;
	return 0;
}

/* --- on the socket ---------------------------------------------------------------------------------------------------------- */

/* The context that sealed this record, which a socket has sent. Returns whether it is known now. */
TT_INLINE bool tt_record_sent(struct tt_work *w, const struct tt_record_key *record, const struct tt_conn_id *id)
{
	struct tt_conn_id by;

	if (!tt_record_take(record, &by))
		return false;
	struct tt_plain_key key = tt_aead_key(by.sock);
	const struct tt_conn_id *known = bpf_map_lookup_elem(&tt_plain_sessions, &key);
	if (!known || known->sock != TT_PLAIN_WAITS || (known->ino & (TT_AEAD_FRESH - 1)) != by.ino ||
	    !tt_aead_bind(&key, id, TT_TX, known->ino & TT_AEAD_FRESH))
		return false;
	w->sealed = key.session;
	return true;
}

TT_INLINE void tt_record_received(const struct tt_record_key *record, const struct tt_conn_id *id)
{
	const struct tt_conn_id *known = bpf_map_lookup_elem(&tt_records, record);
	struct tt_conn_id now = *id;

	if (known && (known->sock != id->sock || known->ino != id->ino))
		now.sock = TT_HELLO_DOUBTFUL;
	bpf_map_update_elem(&tt_records, record, &now, BPF_ANY);
}

struct tt_record_head {
	__u8 type;
	__u8 version[2];
	__u8 length[2];
};

/* The record at the work area's cursor, of which `bytes` were moved. Returns how long it is; 0: none is there, or no more are to
 * be looked at. */
__noinline int tt_record_pass(__u64 sock, __u64 ino, __u64 bytes)
{
	struct tt_work *w = tt_work_here();
	struct tt_conn_id id = {.sock = sock, .ino = ino};
	struct tt_record_key record = {.tgid = bpf_get_current_pid_tgid() >> 32, .sealed = w && w->move.direction == TT_TX};
	struct tt_record_head head = {};
	__u64 word[TT_HELLO_WORDS + 1] = {};

	if (!w)
		return 0;
	__u32 at = w->at;
	if (at >= w->segments)
		return 0;
	TT_BOUND(at, TT_SEGMENTS_MOST - 1);
	__u64 left = w->segment[at].iov_len - w->at_offset;
	__u64 base = w->segment[at].iov_base + w->at_offset;
	if (left > bytes)
		left = bytes;
	if (left < sizeof(head) || tt_segment_copy(w, &head, sizeof(head), base) || head.version[0] != 3)
		return 0;
	__u32 length = head.length[0] << 8 | head.length[1];
	__u64 n = length < sizeof(record.begin) ? length : sizeof(record.begin);
	if (length > TT_RECORD_MOST || left - sizeof(head) < n)
		return 0;
	TT_BOUND(n, 31);
	if ((head.type == TT_RECORD_DATA || head.type == TT_RECORD_HANDSHAKE) && n >= TT_TAG_BYTES &&
	    !tt_segment_copy(w, word, n, base + sizeof(head))) {
		__builtin_memcpy(record.begin, word, sizeof(record.begin));
		if (!record.sealed)
			tt_record_received(&record, &id);
		else if (tt_record_sent(w, &record, &id))
			return 0;
	}
	return sizeof(head) + length;
}

#define TT_RECORDS_A_MOVE 8

TT_INLINE void tt_records_walk(struct tt_work *w, __u64 sock, __u64 ino)
{
	__u64 moved = w->move.moved;

	for (int i = 0; i < TT_RECORDS_A_MOVE; i++) {
		__u64 length = tt_record_pass(sock, ino, moved);

		if (!length || length >= moved)
			break;
		moved -= length;
		tt_skip(length);
	}
}

int tt_records_pass(__u64 sock, __u64 ino)
{
	struct tt_work *w = tt_work_here();
	const struct tt_conn *conn = tt_conn_find(sock);

	if (!w || !conn || conn->plain_keyed[w->move.direction & 1] || !tt_aead_process_known())
		return 0;
	__u32 at = w->at;
	__u64 at_offset = w->at_offset;
	tt_records_walk(w, sock, ino);
	w->at = at;
	w->at_offset = at_offset;
	return 0;
}

/* What was kept until this context's socket was known. */
int tt_records_sent(__u64 context)
{
	struct tt_work *w = tt_work_here();
	struct tt_plain_key key = tt_aead_key(context);
	struct tt_held *held = bpf_map_lookup_elem(&tt_held, &key);
	struct tt_conn_id *bound = bpf_map_lookup_elem(&tt_plain_sessions, &key);
	struct tt_conn_id id;
	struct tt_conn *conn = tt_aead_conn(bound, &id);

	if (!w || !held)
		return 0;
	if (!bound || !conn) {
		tt_lost(TT_LOSS_SESSION, held->length);
	} else {
		tt_iov_one(w, (__u64)held->data, held->held);
		w->in_kernel = 1;
		w->cut = held->held < held->length ? TT_CUT_HELD : 0;
		tt_aead_fresh(bound, conn);
		tt_plain_report_here(w, conn, &id, held->entry_ns, TT_TX, TT_ORIGIN_RUSTLS, held->length);
	}
	bpf_map_delete_elem(&tt_held, &key);
	return 0;
}

/* --- the functions ---------------------------------------------------------------------------------------------------------- */

TT_UPROBE(tt_rustls_begin, "uprobe", tt_aead_begin(TT_FUNCTION_ARG1(regs)))
TT_UPROBE(tt_rustls_end, "uprobe", tt_aead_end(TT_FUNCTION_ARG1(regs)))
TT_UPROBE(tt_rustls_seal, "uprobe", tt_aead_seals(regs, tt_aead_whole(regs, true)))
TT_UPROBE(tt_rustls_seal_scatter, "uprobe", tt_aead_seals(regs, tt_aead_scatter(regs)))
TT_UPROBE(tt_rustls_sealed, "uretprobe", tt_aead_sealed(TT_STACK_RETURNED(regs), (__s32)TT_RETURNED(regs)))
TT_UPROBE(tt_rustls_open, "uprobe", tt_aead_opens(regs, tt_aead_whole(regs, false)))
TT_UPROBE(tt_rustls_open_gather, "uprobe", tt_aead_opens(regs, tt_aead_gather(regs)))
TT_UPROBE(tt_rustls_opened, "uretprobe", tt_aead_opened(TT_STACK_RETURNED(regs), (__s32)TT_RETURNED(regs)))
