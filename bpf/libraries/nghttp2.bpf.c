// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * HTTP/2 in programs with nghttp2, over TLS and in the clear, of connections that were open before anybody looked: what an index
 * of HPACK means is then only known to the library. Its table is copied as it is at a header block; these programs are attached
 * for a while only (src/kernel/plaintext_middle.c).
 *
 * Where a session has its tables the library's own functions say (src/kernel/library_nghttp2.c). Which connection it has is told
 * by the bytes it is given: those its thread has just read of a TLS session or of a socket; or by what is written to a TLS
 * session while it sends. What is written after that is sure only of a client's newest request: no block was made since that has
 * changed the table. In the clear only that is looked for, and its table is copied at the session's next call: within a system
 * call there is no room for that. The user side believes a table only if it has the size it says it has, and its entries those
 * that passed on the wire.
 */
#include "lib/prog.h"
#include "libraries/header_table.h"
#include "libraries/uprobe.h"

/* Written by the user side before it attaches these. The cookie of a probe says which one its file has. */
struct tt_nghttp2_layout tt_nghttp2_layouts[TT_NGHTTP2_LAYOUTS] = {};

TT_INLINE __u32 tt_nghttp2_layout_of(void *regs)
{
	return tt_config.has_attach_cookie ? bpf_get_attach_cookie(regs) : 0;
}

TT_INLINE const struct tt_nghttp2_layout *tt_nghttp2_layout(__u32 number)
{
	TT_BOUND(number, TT_NGHTTP2_LAYOUTS - 1);
	return &tt_nghttp2_layouts[number];
}

/* struct nghttp2_hd_context: a ring of entries, the newest first, whose places are counted from `first` on. */
struct tt_nghttp2_table {
	__u64 ring;
	__u64 mask;
	__u64 first;
	__u64 count;
	__u64 memory;
	__u64 size;
	__u64 most;
};

/* struct nghttp2_rcbuf, a text, from here on. */
#define TT_NGHTTP2_TEXT_AT 16

struct tt_nghttp2_text {
	__u64 data;
	__u64 len;
};

/* --- a table ---------------------------------------------------------------------------------------------------------------- */

TT_INLINE bool tt_nghttp2_text(__u64 at, struct tt_nghttp2_text *ret)
{
	return !bpf_probe_read_user(ret, sizeof(*ret), (const void *)(at + TT_NGHTTP2_TEXT_AT));
}

/* Copies the entry the ring has there as the record's i-th. An entry begins with the texts of its name and its value. */
__noinline int tt_nghttp2_entry(__u64 at, __u32 i)
{
	struct tt_work *w = tt_work_here();
	struct tt_nghttp2_text name = {}, value = {};
	__u64 entry = 0, texts[2] = {};

	if (!w || bpf_probe_read_user(&entry, sizeof(entry), (const void *)at) ||
	    bpf_probe_read_user(texts, sizeof(texts), (const void *)entry) || !tt_nghttp2_text(texts[0], &name) ||
	    !tt_nghttp2_text(texts[1], &value)) {
		tt_failed(TT_PLACE_USER_DATA);
		return 0;
	}
	struct tt_table_field *f = (struct tt_table_field *)(w->data + TT_TABLE_FIELDS_AT);
	f->name = name.data;
	f->name_len = name.len;
	f->value = value.data;
	f->value_len = value.len;
	return tt_table_entry_take(0, i);
}

/* The newest entries, as many as there is room for. Returns how many. */
__noinline int tt_nghttp2_entries(__u64 ring, __u64 mask, __u64 first, __u64 count)
{
	struct tt_work *w = tt_work_here();
	__u32 entries = 0;

	if (!w)
		return 0;
	tt_table_begin(w);
	for (__u32 i = 0; i < TT_TABLE_ENTRIES_MOST; i++) {
		if (i >= count || !tt_nghttp2_entry(ring + ((first + i) & mask) * sizeof(__u64), i))
			break;
		entries = i + 1;
	}
	return entries;
}

#define TT_NGHTTP2_RING_MOST (1u << 20)

TT_INLINE bool tt_nghttp2_sane(const struct tt_nghttp2_table *t)
{
	return t->mask < TT_NGHTTP2_RING_MOST && !(t->mask & (t->mask + 1)) && t->count <= t->mask + 1 && t->size <= t->most &&
	       t->most == (__u32)t->most;
}

/* --- frames (RFC 9113, 4.1 and 6.2) ----------------------------------------------------------------------------------------- */

#define TT_FRAME_BYTES 9
#define TT_FRAME_HEADERS 1
#define TT_FRAME_PUSH_PROMISE 5
#define TT_FRAME_CONTINUATION 9
#define TT_FRAME_END_STREAM 0x01
#define TT_FRAME_PADDED 0x08
#define TT_FRAME_PRIORITY 0x20
#define TT_FRAMES_MOST 8 /* that are looked at of what is read at a time */

struct tt_frame {
	__u8 length[3];
	__u8 type;
	__u8 flags;
	__u8 stream[4];
};

TT_INLINE __u32 tt_frame_length(const struct tt_frame *f)
{
	return (__u32)f->length[0] << 16 | (__u32)f->length[1] << 8 | f->length[2];
}

TT_INLINE __u32 tt_frame_stream(const struct tt_frame *f)
{
	return ((__u32)f->stream[0] & 0x7f) << 24 | (__u32)f->stream[1] << 16 | (__u32)f->stream[2] << 8 | f->stream[3];
}

/* The block of a frame of headers; of what follows its head there are `len` bytes. */
TT_INLINE bool tt_frame_block(const struct tt_frame *f, __u64 data, __u64 len, struct tt_table_record *ret)
{
	__u32 skip = f->flags & TT_FRAME_PRIORITY ? 5 : 0, whole = tt_frame_length(f);
	__u8 padding = 0;

	if (f->flags & TT_FRAME_PADDED) {
		if (!len || bpf_probe_read_user(&padding, sizeof(padding), (const void *)data))
			return false;
		skip++;
	}
	if (whole <= skip + padding)
		return false;
	ret->fragment = whole - skip - padding;
	ret->stream = tt_frame_stream(f);
	__u32 n = ret->fragment < sizeof(ret->block) ? ret->fragment : sizeof(ret->block);
	if (!ret->stream || skip + n > len)
		return false;
	__builtin_memset(ret->block, 0, sizeof(ret->block));
	TT_BOUND(n, 31);
	return n <= sizeof(ret->block) && !bpf_probe_read_user(ret->block, n, (const void *)(data + skip));
}

#define TT_FRAME_IS_IT (-1)

/* It is a request without anything behind it, and of this stream. (0: any headers are meant.) */
TT_INLINE bool tt_frame_meant(const struct tt_frame *f, __u32 stream)
{
	return !stream || (f->flags & TT_FRAME_END_STREAM && tt_frame_stream(f) == stream);
}

/* A frame: how many bytes it has, if another one may be looked at; TT_FRAME_IS_IT: its block stands in the work area; 0: no. */
__noinline int tt_nghttp2_frame(__u64 data, __u64 len, __u32 stream)
{
	struct tt_work *w = tt_work_here();
	struct tt_frame f = {};

	if (!w || len < TT_FRAME_BYTES || bpf_probe_read_user(&f, TT_FRAME_BYTES, (const void *)data))
		return 0;
	if (f.type == TT_FRAME_HEADERS && tt_frame_meant(&f, stream))
		return tt_frame_block(&f, data + TT_FRAME_BYTES, len - TT_FRAME_BYTES, tt_table_here(w)) ? TT_FRAME_IS_IT : 0;
	if (!stream && (f.type == TT_FRAME_PUSH_PROMISE || f.type == TT_FRAME_CONTINUATION))
		return 0;
	return TT_FRAME_BYTES + tt_frame_length(&f);
}

/* The first header block in bytes that begin with a frame, into the work area; of this stream, or 0. */
TT_INLINE bool tt_frames_block(__u64 data, __u64 len, __u32 frames, __u32 stream)
{
	for (__u32 i = 0; i < TT_FRAMES_MOST; i++) {
		int n = i < frames ? tt_nghttp2_frame(data, len, stream) : 0;

		if (n == TT_FRAME_IS_IT)
			return true;
		if (n <= 0 || (__u64)n >= len)
			return false;
		data += (__u64)n;
		len -= (__u64)n;
	}
	return false;
}

/* --- the functions ---------------------------------------------------------------------------------------------------------- */

/* The session's table, of the block in the work area. (Inlined, as the next one: calls may not be nested deeper.) */
TT_INLINE void tt_nghttp2_copy(struct tt_work *w, const struct tt_framer *framer, __u64 session, __u32 at, __u32 direction)
{
	struct tt_nghttp2_table t = {};

	if (bpf_probe_read_user(&t, sizeof(t), (const void *)(session + at))) {
		tt_failed(TT_PLACE_USER_DATA);
		return;
	}
	if (!tt_nghttp2_sane(&t))
		return;
	const struct tt_table_sizes sizes = {t.size, t.most, t.count, tt_nghttp2_entries(t.ring, t.mask, t.first, t.count)};
	tt_table_report(w, &framer->conn, direction, &sizes);
}

/* The session is about to read these bytes, or has just made them of a header block. */
TT_INLINE int tt_nghttp2_tell(const struct tt_nghttp2_layout *layout, __u64 session, __u64 data, __u64 len, __u32 direction,
			      __u32 stream)
{
	struct tt_work *w = tt_work_here();
	struct tt_plain_key key = tt_object_key(session);
	struct tt_framer *framer = bpf_map_lookup_elem(&tt_framers, &key);
	__u32 at = layout->table[direction & 1];
	/* Of what is sent a frame at a time, that one. */
	__u32 frames = direction == TT_TX && !stream ? 1 : TT_FRAMES_MOST;

	if (!w || !at || !framer || !tt_framer_lives(framer) || !tt_frames_block(data, len, frames, stream) ||
	    !tt_framer_due(framer, direction))
		return 0;
	tt_nghttp2_copy(w, framer, session, at, direction);
	return 0;
}

/* The newest stream of this side, if the session is this connection's; 0: none, or it is not known. */
TT_INLINE __u32 tt_nghttp2_newest(const struct tt_nghttp2_layout *layout, __u64 session, const struct tt_conn_id *conn)
{
	struct tt_plain_key key = tt_object_key(session);
	const struct tt_framer *framer = bpf_map_lookup_elem(&tt_framers, &key);
	__u32 next = 0;

	if (!framer || framer->conn.sock != conn->sock || framer->conn.ino != conn->ino || !layout->next_stream ||
	    bpf_probe_read_user(&next, sizeof(next), (const void *)(session + layout->next_stream)))
		return 0;
	return next & 1 && next > 2 ? next - 2 : 0;
}

/* What the session has written in the clear, if it is still its newest request: so the table is as that has left it. */
__noinline int tt_nghttp2_told(__u64 session, __u32 number)
{
	const struct tt_nghttp2_layout *layout = tt_nghttp2_layout(number);
	struct tt_work *w = tt_work_here();
	struct tt_plain_key key = tt_object_key(session);
	struct tt_framer *framer = bpf_map_lookup_elem(&tt_framers, &key);

	if (!w || !framer || !framer->wrote.stream)
		return 0;
	__u32 stream = framer->wrote.stream, at = layout->table[TT_TX];
	tt_table_of(w, &framer->wrote);
	framer->wrote.stream = 0;
	if (at && tt_framer_lives(framer) && tt_nghttp2_newest(layout, session, &framer->conn) == stream)
		tt_nghttp2_copy(w, framer, session, at, TT_TX);
	return 0;
}

#define TT_NGHTTP2_COMPARED 64

/* What was read has been copied (Node.js): is it this? */
TT_INLINE bool tt_nghttp2_copied(__u64 from, __u64 to, __u64 len)
{
	__u64 a[TT_NGHTTP2_COMPARED / 8] = {}, b[TT_NGHTTP2_COMPARED / 8] = {};
	__u32 n = len < sizeof(a) ? len : sizeof(a);

	TT_BOUND(n, 2 * TT_NGHTTP2_COMPARED - 1);
	if (n > sizeof(a) || bpf_probe_read_user(a, n, (const void *)from) || bpf_probe_read_user(b, n, (const void *)to))
		return false;
	for (int i = 0; i < TT_NGHTTP2_COMPARED / 8; i++) {
		if (a[i] != b[i])
			return false;
	}
	return true;
}

/* nghttp2_session_mem_recv(session, bytes, length): they are what the thread has read last, or nobody can tell whose. */
__noinline int tt_nghttp2_receives(__u64 session, __u64 data, __u64 len, __u32 layout)
{
	struct tt_plain_calls *calls = tt_plain_find();

	if (!calls || !calls->received.length)
		return 0;
	struct tt_conn_id conn = {.sock = calls->received.sock, .ino = calls->received.ino};
	__u64 buffer = calls->received.buffer, length = calls->received.length;
	calls->received.length = 0;
	if (length != len || (buffer != data && !tt_nghttp2_copied(buffer, data, len)) || !tt_framer_bind(session, &conn))
		return 0;
	return tt_nghttp2_tell(tt_nghttp2_layout(layout), session, data, len, TT_RX, 0);
}

/* nghttp2_session_mem_send(session, &data) returns how many bytes, nghttp2_session_send(session) sends them. */
__noinline int tt_nghttp2_sends(__u64 session, __u64 data_at, __u64 stack, __u32 layout)
{
	struct tt_plain_calls *calls = tt_plain_place();

	if (!calls)
		return 0;
	calls->frames.session = session;
	calls->frames.before = data_at ? 0 : session;
	calls->frames.data_at = data_at;
	calls->frames.stack = stack;
	calls->frames.layout = layout;
	return 0;
}

__noinline int tt_nghttp2_sent(__u64 stack, __s64 result)
{
	struct tt_plain_calls *calls = tt_plain_find();
	__u64 data = 0;

	if (!calls || calls->frames.stack != stack)
		return 0;
	__u64 session = calls->frames.session, data_at = calls->frames.data_at;
	calls->frames.session = 0;
	if (session && !data_at)
		tt_nghttp2_told(session, calls->frames.layout);
	if (!session || !data_at || result <= 0 || bpf_probe_read_user(&data, sizeof(data), (const void *)data_at))
		return 0;
	return tt_nghttp2_tell(tt_nghttp2_layout(calls->frames.layout), session, data, result, TT_TX, 0);
}

/* In nghttp2's callback, which sends a frame at a time, the table is as that frame left it. */
TT_INLINE bool tt_nghttp2_within(const struct tt_plain_frames *frames)
{
	return frames->session && !frames->data_at;
}

__noinline int tt_nghttp2_wrote(__u64 sock, __u64 ino, __u64 data, __u64 length)
{
	struct tt_plain_calls *calls = tt_plain_find();
	struct tt_conn_id conn = {.sock = sock, .ino = ino};
	__u32 newest = 0;

	if (!calls)
		return 0;
	const struct tt_nghttp2_layout *layout = tt_nghttp2_layout(calls->frames.layout);
	__u64 session = calls->frames.before;
	bool within = tt_nghttp2_within(&calls->frames);
	if (within)
		tt_framer_bind(session, &conn);
	else if (!(newest = tt_nghttp2_newest(layout, session, &conn)))
		return 0;
	return tt_nghttp2_tell(layout, session, data, length, TT_TX, newest);
}

/* In the clear: a request may be among them. */
__noinline int tt_nghttp2_written(__u64 sock, __u64 ino)
{
	struct tt_plain_calls *calls = tt_plain_find();
	struct tt_work *w = tt_work_here();
	struct tt_conn_id conn = {.sock = sock, .ino = ino};
	__u64 data, length;

	if (!calls || !w || !tt_plain_front(w, &data, &length))
		return 0;
	struct tt_plain_key key = tt_object_key(calls->frames.before);
	struct tt_framer *framer = bpf_map_lookup_elem(&tt_framers, &key);
	if (!framer || framer->blocks[TT_TX] >= TT_FRAMER_BLOCKS_MOST)
		return 0;
	__u32 newest = tt_nghttp2_newest(tt_nghttp2_layout(calls->frames.layout), key.session, &conn);
	if (!newest || !tt_frames_block(data, length, TT_FRAMES_MOST, newest) || !tt_framer_due(framer, TT_TX))
		return 0;
	const struct tt_table_record *r = tt_table_here(w);
	framer->wrote.stream = r->stream;
	framer->wrote.fragment = r->fragment;
	__builtin_memcpy(framer->wrote.begin, r->block, sizeof(r->block));
	return 0;
}

__noinline int tt_nghttp2_ends(__u64 session)
{
	struct tt_plain_key key = tt_object_key(session);

	bpf_map_delete_elem(&tt_framers, &key);
	return 0;
}

/* From here on the thread's reads are kept. (By itself: it takes more of the stack than what is called next leaves.) */
__noinline int tt_nghttp2_reads(void)
{
	return tt_plain_place() != NULL;
}

TT_INLINE void tt_nghttp2_recv_begins(struct pt_regs *regs)
{
	__u32 layout = tt_nghttp2_layout_of(regs);

	tt_nghttp2_reads();
	tt_nghttp2_told(TT_FUNCTION_ARG1(regs), layout);
	tt_nghttp2_receives(TT_FUNCTION_ARG1(regs), TT_FUNCTION_ARG2(regs), TT_FUNCTION_ARG3(regs), layout);
}

TT_INLINE void tt_nghttp2_send_begins(struct pt_regs *regs, __u64 data_at)
{
	__u32 layout = tt_nghttp2_layout_of(regs);

	tt_nghttp2_told(TT_FUNCTION_ARG1(regs), layout);
	tt_nghttp2_sends(TT_FUNCTION_ARG1(regs), data_at, TT_STACK(regs), layout);
}

TT_UPROBE(tt_nghttp2_mem_recv, "uprobe", tt_nghttp2_recv_begins(regs))
TT_UPROBE(tt_nghttp2_mem_send, "uprobe", tt_nghttp2_send_begins(regs, TT_FUNCTION_ARG2(regs)))
TT_UPROBE(tt_nghttp2_send, "uprobe", tt_nghttp2_send_begins(regs, 0))
TT_UPROBE(tt_nghttp2_returned, "uretprobe", tt_nghttp2_sent(TT_STACK_RETURNED(regs), (__s64)TT_RETURNED(regs)))
TT_UPROBE(tt_nghttp2_del, "uprobe", tt_nghttp2_ends(TT_FUNCTION_ARG1(regs)))
